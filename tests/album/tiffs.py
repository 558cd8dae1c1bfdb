"""Writes TIFFs as scanners and editors do, of kinds that Pillow does not write (TIFF revision 6.0; BigTIFF)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

GREY_WHITE_IS_ZERO, GREY, RGB, CMYK, YCBCR = 0, 1, 2, 5, 6


@dataclass
class Page:
    """One directory. ``pixels``: ``(height, width)`` or ``(height, width, samples)``; their type gives the bits.

    Attributes:
        pixels: samples as they are stored.
        photometric: what they mean.
        planar: whether each sample has a plane of its own.
        tile: pixels on the side of a tile; 0 for strips.
        tags: more tags of type LONG, or of these instead of the usual.
        data: the bytes of the only strip, where they are packed or compressed.
    """

    pixels: NDArray[np.generic]
    photometric: int = GREY
    planar: bool = False
    tile: int = 0
    tags: dict[int, tuple[int, ...]] = field(default_factory=dict)
    data: bytes | None = None


def tiff(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    """The bytes of a file with these pages."""
    word = order + ("Q" if big else "I")
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    start += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    body = bytearray(start)
    for number, page in enumerate(pages):
        tags, blocks = _tags(page, order)
        count = len(tags)
        entry, head, tail = (20, 8, 8) if big else (12, 2, 4)
        place = len(body) + head + count * entry + tail
        later = bytearray()
        offsets = []
        for block in blocks:
            offsets.append(place + len(later))
            later += block + bytes(-len(block) % 8)
        tags[324 if page.tile else 273] = tuple(offsets)
        directory = struct.pack(order + ("Q" if big else "H"), count)
        for tag, values in sorted(tags.items()):
            data = b"".join(struct.pack(word, value) for value in values)
            if len(values) > 1:
                offset = struct.pack(word, place + len(later))
                later += data + bytes(-len(data) % 8)
                data = offset
            directory += struct.pack(order + "HH", tag, 16 if big else 4) + struct.pack(word, len(values)) + data
        last = number == len(pages) - 1
        directory += struct.pack(word, 0 if last else place + len(later))
        body += directory + later
    return bytes(body)


def _tags(page: Page, order: str) -> tuple[dict[int, tuple[int, ...]], list[bytes]]:
    """Tags of a page, and its strips or tiles."""
    pixels = page.pixels if page.pixels.ndim == 3 else page.pixels[..., None]
    height, width, samples = pixels.shape
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    planes = [stored[..., k : k + 1] for k in range(samples)] if page.planar else [stored]
    if page.data is not None:
        blocks = [page.data]
    elif page.tile:
        blocks = [block for plane in planes for block in _tiles(plane, page.tile)]
    else:
        blocks = [plane.tobytes() for plane in planes]
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (pixels.dtype.itemsize * 8,) * samples,
        259: (1,),
        262: (page.photometric,),
        277: (samples,),
        284: (2 if page.planar else 1,),
        339: (kind,) * samples,
    }
    sizes = tuple(len(block) for block in blocks)
    tags |= {322: (page.tile,), 323: (page.tile,), 324: sizes, 325: sizes} if page.tile else {273: sizes, 279: sizes}
    if not page.tile:
        tags[278] = (height,)
    return tags | page.tags, blocks


def _tiles(plane: NDArray[np.generic], side: int) -> list[bytes]:
    height, width = plane.shape[:2]
    padded = np.pad(plane, ((0, -height % side), (0, -width % side), (0, 0)))
    return [padded[y : y + side, x : x + side].tobytes() for y in range(0, height, side) for x in range(0, width, side)]
