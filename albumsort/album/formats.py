"""Picture formats, recognised by a file's first bytes, because its suffix may be wrong."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from typing import IO, Literal

#: How many bytes of a file ``sniff`` needs: a page of the disk, for the brands and items of an ISO container.
SNIFF_BYTES = 4096

#: Suffixes of RAW files.
RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "gpr", "kdc", "mef", "mrw", "nef", "nrw", "orf", "pef"),
        *("raf", "rw2", "rwl", "sr2", "srw", "x3f"),
    )
)

#: Suffixes of the formats that are read, and of JPEG XL, which is not read: ``problems`` says so.
SUFFIXES = RAW_SUFFIXES | frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "heic", "heif", "hif", "heics", "heifs"),
        *("avif", "avifs", "tif", "tiff", "bmp", "dib", "gif", "jxl"),
    )
)

#: The error of a RAW file when the extra is not installed.
NEEDS_RAWPY = "unsupported: RAW; run pip install '.[raw]' in the folder of albumsort's source, and scan again"
#: The same error in an index that an earlier version has written.
NEEDED_RAWPY = "unsupported: RAW; install albumsort[raw]"

_STARTS = (
    (b"II*\x00\x10\x00\x00\x00CR\x02", "RAW"),  # CR2; most other RAW files begin like any TIFF
    (b"IIU\x00", "RAW"),  # RW2
    (b"IIRO", "RAW"),  # ORF, like the two below
    (b"IIRS", "RAW"),
    (b"MMOR", "RAW"),
    (b"FUJIFILMCCD-RAW", "RAW"),
    (b"II\x1a\x00\x00\x00HEAPCCDR", "RAW"),  # CRW
    (b"\x00MRM", "RAW"),
    (b"FOVb", "RAW"),  # X3F
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
)

#: Brands of the ISO media container that mean still pictures in one codec (ISO/IEC 23008-12 annex B; AV1 Image File
#: Format; MIAF, ISO/IEC 23000-22). The first brand of a file that is here decides, be it the major one or a compatible.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis", b"avio", b"MA1A", b"MA1B"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIF"),
    **dict.fromkeys((b"MiHA", b"MiHB", b"MiHE"), "HEIF"),
    b"crx ": "RAW",  # CR3
}
#: Brands of still pictures in any codec.
_PLAIN_BRANDS = frozenset({b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"heif", b"MiPr", b"MiAn", b"1pic"})
#: Major brands that Pillow's plugins accept, and brands of which libheif and libavif want one beside.
_USUAL_BRANDS = {
    "HEIF": (
        frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}),
        frozenset({b"heic", b"heix", b"mif1"}),
    ),
    "AVIF": (frozenset({b"avif", b"avis", b"mif1", b"msf1"}), frozenset({b"avif", b"avis"})),
}
#: The type of an item that is a picture in AV1 or HEVC (ISO/IEC 14496-12, ItemInfoEntry).
_ITEM = re.compile(rb"infe[\x02\x03].{3}(?:.{4}|.{6})(av01|hvc1|hev1)", re.DOTALL)


class UnreadablePhotoError(Exception):
    """A file is not a photo, or cannot be read. The message is the line that ``problems`` shows."""


def reads_raw() -> bool:
    """Whether the extra that reads RAW files is installed."""
    return find_spec("rawpy") is not None


def sniff(start: bytes) -> str | None:
    """The format of a file, or None if it is not a picture that albumsort knows.

    Args:
        start: its first ``SNIFF_BYTES`` bytes.

    Returns:
        ``JPEG``, ``PNG``, ``GIF``, ``TIFF``, ``WebP``, ``BMP``, ``HEIF``, ``AVIF``, ``JPEG XL`` or ``RAW``. Many RAW
        files begin like a TIFF; ``raw.is_raw`` tells them apart.
    """
    for magic, name in _STARTS:
        if start.startswith(magic):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:8] == b"ftyp":
        return _sniff_iso(start)
    # The magic of a BMP is two letters, which a text may begin with. The size of its header must be one that exists.
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124):
        return "BMP"
    return None


def _sniff_iso(start: bytes) -> str | None:
    """The format of an ISO container by its brands and, where they name no codec, by its items."""
    brands = _brands(start)[0]
    codec = next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
    if codec is not None or brands[0] not in _PLAIN_BRANDS:
        return codec
    item = _ITEM.search(start)
    return "AVIF" if item and item[1] == b"av01" else "HEIF"


def _brands(start: bytes) -> tuple[list[bytes], int]:
    """The brands of an ISO container, the major one first, and the length of the box that has them."""
    length, at = int.from_bytes(start[:4], "big"), 8
    if length == 1:  # the length has 64 bits
        length, at = int.from_bytes(start[8:16], "big"), 16
    end = min(length, len(start)) if length else len(start)
    # The four bytes behind the major brand are its version.
    return [start[at : at + 4], *(start[place : place + 4] for place in range(at + 8, end - 3, 4))], length


def has_usual_brands(start: bytes, kind: str) -> bool:
    """Whether Pillow, libheif and libavif accept an ISO container by its brands.

    Args:
        start: its first ``SNIFF_BYTES`` bytes.
        kind: ``HEIF`` or ``AVIF``.
    """
    major, compatible = _USUAL_BRANDS[kind]
    brands = _brands(start)[0]
    return start[:4] != b"\0\0\0\1" and brands[0] in major and not compatible.isdisjoint(brands[1:])


def with_usual_brands(data: bytes, kind: str) -> bytes:
    """An ISO container with brands that are usual for its format, in as many bytes; unchanged where they have no room.

    Args:
        data: bytes of a file.
        kind: ``HEIF`` or ``AVIF``.
    """
    brands, length = _brands(data[:SNIFF_BYTES])
    new = b"heicmif1" if kind == "HEIF" else b"avifavif"
    if not 16 <= length <= len(data):
        return data
    box = length.to_bytes(4, "big") + b"ftyp" + new[:4] + bytes(4) + new[4:] + b"".join(brands[2:])
    return box[:length].ljust(length, b"\0") + data[length:]


def ends_early(file: IO[bytes], kind: str) -> bool:
    """Whether a broken file ends too early, by its own header or because it lacks an end mark.

    Args:
        file: a file that could not be read.
        kind: its format, as ``sniff`` named it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(SNIFF_BYTES)
    if kind in ("HEIF", "AVIF", "PNG"):
        return _has_open_part(file, size, kind)
    if kind in ("WebP", "BMP", "TIFF"):
        order: Literal["little", "big"] = "big" if start[:2] == b"MM" else "little"
        # Where the file's length is written; in a TIFF, where its directory is, which writers put behind the pixels.
        is_big = kind == "TIFF" and b"+" in start[2:4]
        field = slice(8, 16) if is_big else {"WebP": slice(4, 8), "BMP": slice(2, 6), "TIFF": slice(4, 8)}[kind]
        return int.from_bytes(start[field], order) + 8 * (kind == "WebP") > size
    file.seek(max(0, size - 64))
    return (b"\xff\xd9" if kind == "JPEG" else b"\x3b") not in file.read()


def _has_open_part(file: IO[bytes], size: int, kind: str) -> bool:
    """Whether the last chunk of a PNG, or the last box of an ISO container, is incomplete, or a PNG has no end mark."""
    at = 8 if kind == "PNG" else 0
    while at < size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        if kind == "PNG" and head[4:] == b"IEND":
            return False
        if kind != "PNG" and length < 8:  # 0: to the end of the file; 1: a length of 64 bits. No camera writes either
            return False
        at += length + 12 if kind == "PNG" else length
    return kind == "PNG" or at > size
