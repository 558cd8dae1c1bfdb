"""Picture formats, recognised by a file's first bytes, because its suffix may be wrong."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import IO, Literal

#: How many bytes of a file ``sniff`` needs.
SNIFF_BYTES = 32

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
NEEDS_RAWPY = "unsupported: RAW; install albumsort[raw]"

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

#: Brands of the ISO media container that mean a still picture (ISO/IEC 23008-12 annex B; AV1 Image File Format).
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIF"),
    b"crx ": "RAW",  # CR3
}
#: Brands of a still picture in any codec; the compatible brands that follow say which.
_PLAIN_BRANDS = (b"mif1", b"msf1", b"mif2")


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
        brand = start[8:12]
        if brand in _PLAIN_BRANDS:
            compatible = [start[at : at + 4] for at in range(16, len(start), 4)]
            return next((_BRANDS[name] for name in compatible if name in _BRANDS), "HEIF")
        return _BRANDS.get(brand)
    # A BMP begins with two letters, but so may a text. So the size of the header must also be one that exists.
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124):
        return "BMP"
    return None


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
        # The field with the file's length or, in a TIFF, with the place of its directory, which usually follows the
        # pixels.
        field = {"WebP": slice(4, 8), "BMP": slice(2, 6), "TIFF": slice(4, 8)}[kind]
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
