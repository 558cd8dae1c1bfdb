"""TIFFs of scanners and editors: which page is the photo, and the pixels of kinds that Pillow does not read."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from albumsort.album.colour import scaled_to_eight_bits
from albumsort.album.formats import UnreadablePhotoError, ends_early
from albumsort.album.raw import copy_camera_and_time

#: Numbers of the tags of a page (TIFF revision 6.0), by tag.
Page = dict[int, tuple[int, ...]]

_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _ORIENTATION = (
    254,
    256,
    257,
    258,
    259,
    262,
    273,
    274,
)
_SAMPLES, _ROWS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _FORMAT = 277, 278, 284, 322, 323, 324, 339
_TAGS = frozenset({_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _ORIENTATION, _SAMPLES, _ROWS})
_NEEDED = frozenset({_BITS, _STRIPS, _TILES, _FORMAT})
_WANTED = _TAGS | {_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _FORMAT}
#: ``struct`` letters of the types of whole numbers: BYTE, SHORT, LONG, IFD, LONG8, IFD8.
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
#: Pages that are looked at, tags of one, and numbers of a tag, at most.
_MOST_PAGES, _MOST_TAGS, _MOST_NUMBERS = 100, 4096, 1 << 20
#: Bits of NewSubfileType: a smaller copy of another page, and a mask.
_REDUCED, _MASK = 1, 4
#: PhotometricInterpretation.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
#: Bytes of a file, at most, that OpenCV gets in memory.
_LARGEST = 512 << 20
#: Bytes of the pixels of a page without compression, at most.
_LARGEST_PIXELS = 2 << 30
#: For each orientation, how pixels that OpenCV has turned upright are turned back.
_AS_STORED: dict[int, Callable[[NDArray[np.generic]], NDArray[np.generic]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: np.rot90,
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels, -1),
}
#: Compressions that OpenCV reads: none, CCITT, LZW, JPEG, Deflate, PackBits. Of others it returns pixels of no meaning.
_READ_BY_OPENCV = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946})
_COMPRESSIONS = {
    1: "no compression", 5: "LZW", 6: "JPEG of the old kind", 7: "JPEG", 8: "Deflate", 34712: "JPEG 2000",
    34887: "LERC", 34892: "lossy JPEG", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL",
}  # fmt: skip


def read_pages(file: BinaryIO) -> list[Page]:
    """The pages of a TIFF or BigTIFF of either byte order. One with a broken directory ends the list.

    Raises:
        UnreadablePhotoError: the file ends before the places of the pixels of a page.
    """
    file.seek(0)
    start = file.read(16)
    order, is_big = (">" if start[:2] == b"MM" else "<"), 43 in start[2:4]
    pages: list[Page] = []
    seen: set[int] = set()
    with contextlib.suppress(struct.error, OSError, OverflowError, ValueError):
        place = struct.unpack_from(order + ("Q" if is_big else "I"), start, 8 if is_big else 4)[0]
        while place and place not in seen and len(pages) < _MOST_PAGES:
            seen.add(place)
            page, place = _read_page(file, place, order, is_big)
            pages.append(page)
    return pages


def _read_page(file: BinaryIO, place: int, order: str, is_big: bool) -> tuple[Page, int]:
    """A page, and where the next begins; 0 when it is the last."""
    head, word, size = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    file.seek(place)
    (count,) = struct.unpack(order + head, file.read(struct.calcsize(order + head)))
    if count > _MOST_TAGS:
        raise ValueError("too many tags")
    entries = file.read(count * size)
    (following,) = struct.unpack(order + word, file.read(struct.calcsize(order + word)))
    page: Page = {}
    for at in range(0, count * size, size):
        tag, kind = struct.unpack_from(order + "HH", entries, at)
        (number,) = struct.unpack_from(order + word, entries, at + 4)
        if tag in _WANTED and kind in _LETTERS and 0 < number <= _MOST_NUMBERS:
            form = f"{order}{number}{_LETTERS[kind]}"
            field = entries[at + 4 + struct.calcsize(word) : at + size]
            if struct.calcsize(form) > len(field):
                file.seek(struct.unpack(order + word, field)[0])
                field = file.read(struct.calcsize(form))
                if len(field) < struct.calcsize(form) and tag in _NEEDED:
                    raise UnreadablePhotoError("truncated")
            if len(field) >= struct.calcsize(form):
                page[tag] = struct.unpack_from(form, field)
    return page, following


def main_page(pages: list[Page]) -> int:
    """The number of the page that is the photo: the largest that is no smaller copy and no mask; 0 without any."""

    def rank(number: int) -> tuple[bool, int, int]:
        page = pages[number]
        is_own = not _first(page, _KIND, 0) & (_REDUCED | _MASK)
        return is_own, _first(page, _WIDTH, 0) * _first(page, _HEIGHT, 0), -number

    return max(range(len(pages)), key=rank, default=0)


def _first(page: Page, tag: int, default: int) -> int:
    return page.get(tag, (default,))[0]


def pillow_misreads(page: Page, is_big_endian: bool = False) -> bool:
    """Whether Pillow opens a page but gives other values than are in it.

    It does so for 12 bits, which it leaves a sixteenth as bright, signed ones, 32 bits and planes of 16 bits. In a
    compressed big-endian page, it swaps the bytes of floating-point numbers twice.
    """
    bits, kind, samples = _first(page, _BITS, 1), _first(page, _FORMAT, 1), _first(page, _SAMPLES, 1)
    is_planar = _first(page, _PLANAR, 1) == 2 and samples > 1
    if is_big_endian and kind == 3 and _first(page, _COMPRESSION, 1) != 1:
        return True
    return bits == 12 or (kind == 2 and bits > 8) or (kind == 1 and bits == 32) or (is_planar and bits > 8)


def open_unusual(file: BinaryIO, page: Page, number: int) -> Image.Image | None:
    """A page of a kind that Pillow does not open, without decoding its pixels; None when it has no size or no data.

    Args:
        file: an open TIFF.
        page: its page.
        number: the number of that page.
    """
    if min(_first(page, _WIDTH, 0), _first(page, _HEIGHT, 0)) < 1 or not page.keys() & {_STRIPS, _TILES}:
        return None
    image = _Unusual(file, page, number)
    exif = image.getexif()
    copy_camera_and_time(file, exif)
    exif[ExifTags.Base.Orientation] = _first(page, _ORIENTATION, 1)
    return image


class _Unusual(Image.Image):
    """A page that is decoded, to eight bits, when it is loaded."""

    def __init__(self, file: BinaryIO, page: Page, number: int) -> None:
        super().__init__()
        self._size = (_first(page, _WIDTH, 0), _first(page, _HEIGHT, 0))
        samples = _first(page, _SAMPLES, 1)
        is_cmyk = _first(page, _PHOTOMETRIC, 1) == _CMYK
        self._mode = "CMYK" if is_cmyk else "L" if samples < 3 else "RGB"
        self._source: tuple[BinaryIO, Page, int] | None = (file, page, number)

    def load(self) -> Image.core.PixelAccess | None:
        if self._source is not None:
            decoded = Image.fromarray(_eight_bits(*self._source))
            if self._mode == "CMYK" and decoded.mode == "RGBA":
                decoded = Image.frombytes("CMYK", decoded.size, decoded.tobytes())
            self._source, self._mode, self.im = None, decoded.mode, decoded.im
        return super().load()


def _eight_bits(file: BinaryIO, page: Page, number: int) -> NDArray[np.uint8]:
    """The pixels of a page: grey ``(height, width)``, RGB ``(height, width, 3)`` or CMYK ``(height, width, 4)``.

    Raises:
        UnreadablePhotoError: the file ends too early, or the page is of a kind that is not read.
    """
    plain = _plain_pixels(file, page)
    pixels = _pixels_by_opencv(file, page, number) if plain is None else plain
    photometric = _first(page, _PHOTOMETRIC, _BLACK_IS_ZERO)
    samples = pixels.shape[-1]
    colours = 1 if samples < 3 else 4 if photometric == _CMYK and samples > 3 else 3
    if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        colours = 1  # what else there is means something of its own
    eight = scaled_to_eight_bits(pixels[..., :colours])
    if photometric == _WHITE_IS_ZERO and (plain is not None or pixels.dtype != np.uint8):
        eight = np.asarray(255 - eight, np.uint8)  # OpenCV turns eight bits round itself
    return np.ascontiguousarray(eight[..., 0] if colours == 1 else eight)


def _plain_pixels(file: BinaryIO, page: Page) -> NDArray[np.generic] | None:
    """The samples ``(height, width, samples)`` of a page without compression; None when it is of another kind.

    Raises:
        UnreadablePhotoError: the file ends too early.
    """
    bits, samples = set(page.get(_BITS, (1,))), _first(page, _SAMPLES, 1)
    kind = {1: "u", 2: "i", 3: "f"}.get(_first(page, _FORMAT, 1))
    known = _first(page, _PHOTOMETRIC, _BLACK_IS_ZERO) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK)
    if _first(page, _COMPRESSION, 1) != 1 or len(bits) != 1 or kind is None or not known or not 1 <= samples <= 64:
        return None
    (depth,) = bits
    if depth not in ((16, 32, 64) if kind == "f" else (8, 16, 32)):
        return None
    if _first(page, _WIDTH, 0) * _first(page, _HEIGHT, 0) * samples * depth // 8 > _LARGEST_PIXELS:
        raise UnreadablePhotoError(f"unsupported: {describe(page)}, of more than 2 GB")
    file.seek(0)
    order = ">" if file.read(2) == b"MM" else "<"
    dtype = np.dtype(f"{order}{kind}{depth // 8}")
    width, height = _first(page, _WIDTH, 0), _first(page, _HEIGHT, 0)
    is_tiled, is_planar = _TILES in page, _first(page, _PLANAR, 1) == 2
    across = _first(page, _TILE_WIDTH, width) if is_tiled else width
    down = max(1, min(_first(page, _TILE_HEIGHT, height) if is_tiled else _first(page, _ROWS, height), 1 << 20))
    down = down if is_tiled else min(down, height)
    places = [(y, x) for y in range(0, height, down) for x in range(0, width, max(across, 1))]
    in_block = 1 if is_planar else samples
    pixels = np.zeros((height, width, samples), dtype)
    for index, offset in enumerate(page[_TILES if is_tiled else _STRIPS]):
        plane, at = divmod(index, len(places))
        if plane >= (samples if is_planar else 1):
            break
        y, x = places[at]
        rows = down if is_tiled else min(down, height - y)
        file.seek(offset)
        block = file.read(rows * across * in_block * dtype.itemsize)
        if len(block) < rows * across * in_block * dtype.itemsize:
            raise UnreadablePhotoError("truncated")
        part = np.frombuffer(block, dtype).reshape(rows, across, in_block)[: height - y, : width - x]
        pixels[y : y + rows, x : x + across, plane if is_planar else slice(None)] = part[..., 0] if is_planar else part
    return pixels.astype(dtype.newbyteorder("="))


def _pixels_by_opencv(file: BinaryIO, page: Page, number: int) -> NDArray[np.generic]:
    """The samples ``(height, width, samples)`` of a page, in the order red, green, blue.

    Raises:
        UnreadablePhotoError: the file ends too early, or OpenCV does not read this kind either.
    """
    # OpenCV takes planes of more than eight bits for pixels, and of another page it knows only the first.
    is_mixed = _first(page, _PLANAR, 1) == 2 and _first(page, _SAMPLES, 1) > 1
    pixels: NDArray[np.generic] | None = None
    is_known = _first(page, _COMPRESSION, 1) in _READ_BY_OPENCV
    if is_known and not is_mixed and file.seek(0, os.SEEK_END) <= _LARGEST:
        file.seek(0)
        data = np.frombuffer(file.read(), np.uint8)
        try:
            done, read = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(number, number + 1))
            pixels = np.asarray(read[0]) if done and read else None
        except cv2.error:
            pixels = None
    if pixels is not None:
        pixels = _AS_STORED.get(_first(page, _ORIENTATION, 1), lambda upright: upright)(pixels)
    size = (_first(page, _HEIGHT, 0), _first(page, _WIDTH, 0))
    if pixels is None or pixels.shape[:2] != size:
        if ends_early(file, "TIFF"):
            raise UnreadablePhotoError("truncated")
        raise UnreadablePhotoError(f"unsupported: {describe(page)}")
    return pixels[..., None] if pixels.ndim == 2 else pixels[..., 2::-1]


def describe(page: Page) -> str:
    """What kind of TIFF a page is, in words."""
    number = _first(page, _COMPRESSION, 1)
    compression = _COMPRESSIONS.get(number, f"compression {number}")
    kind = {1: "", 2: "signed ", 3: "floating-point "}.get(_first(page, _FORMAT, 1), "complex ")
    samples = _first(page, _SAMPLES, 1)
    return f"a TIFF with {compression}, {samples} x {_first(page, _BITS, 1)} {kind}bits"
