"""Picture formats by their first bytes, which do not lie as suffixes do."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import IO, Literal

#: How many bytes ``sniff`` wants.
SNIFF_BYTES = 32

#: The suffixes that cameras give to what their sensors saw.
RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "gpr", "kdc", "mef", "mrw", "nef", "nrw", "orf", "pef"),
        *("raf", "rw2", "rwl", "sr2", "srw", "x3f"),
    )
)

#: The suffixes of the formats that are read, and of JPEG XL, whose users should hear why it is not.
SUFFIXES = RAW_SUFFIXES | frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "heic", "heif", "hif", "heics", "heifs"),
        *("avif", "avifs", "tif", "tiff", "bmp", "dib", "gif", "jxl"),
    )
)

#: What is said of a RAW file when the extra is missing.
NEEDS_RAWPY = "unsupported: RAW; install albumsort[raw]"

_STARTS = (
    (b"II*\x00\x10\x00\x00\x00CR\x02", "RAW"),  # CR2; most others say no more here than that they are a TIFF
    (b"IIU\x00", "RAW"),  # RW2
    (b"IIRO", "RAW"),  # ORF, as the two below
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

#: Brands of the ISO media container (ISO/IEC 23008-12 annex B, and the AV1 image format) that mean a still picture.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIF"),
    b"crx ": "RAW",  # CR3
}
#: A picture in some codec; the brands that follow say which.
_PLAIN_BRANDS = (b"mif1", b"msf1", b"mif2")


class UnreadablePhotoError(Exception):
    """A file that is no photo, or none that can be read; the message is the line that ``problems`` shows."""


def reads_raw() -> bool:
    """Whether the extra that reads RAW files is installed."""
    return find_spec("rawpy") is not None


def sniff(start: bytes) -> str | None:
    """The format of a file that begins with ``start``, or None when it is no picture that albumsort knows.

    Of a TIFF, ``raw.is_raw`` tells whether it is a RAW file.
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
    # A BMP's magic is two letters, so its header's size (Windows and OS/2 versions) is looked at too.
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124):
        return "BMP"
    return None


def ends_early(file: IO[bytes], kind: str) -> bool:
    """Whether a file of a format that ``sniff`` named is shorter than it says itself. To be asked of a broken file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(SNIFF_BYTES)
    if kind in ("HEIF", "AVIF", "PNG"):
        return _has_open_part(file, size, kind)
    if kind in ("WebP", "BMP", "TIFF"):
        order: Literal["little", "big"] = "big" if start[:2] == b"MM" else "little"
        # The length of all; of a TIFF, where its directory is, which writers put behind the pixels.
        names = {"WebP": slice(4, 8), "BMP": slice(2, 6), "TIFF": slice(4, 8)}[kind]
        return int.from_bytes(start[names], order) + 8 * (kind == "WebP") > size
    file.seek(max(0, size - 64))
    return (b"\xff\xd9" if kind == "JPEG" else b"\x3b") not in file.read()


def _has_open_part(file: IO[bytes], size: int, kind: str) -> bool:
    """Whether the last chunk of a PNG or box of an ISO container ends behind the file, or the end mark is missing."""
    at = 8 if kind == "PNG" else 0
    while at < size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        if kind == "PNG" and head[4:] == b"IEND":
            return False
        if kind != "PNG" and length < 8:  # to the end of the file, or in 64 bits: no camera writes such
            return False
        at += length + 12 if kind == "PNG" else length
    return kind == "PNG" or at > size
