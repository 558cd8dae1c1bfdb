"""Small pictures of many photos, decoded where a bad file does no harm."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoders import Decoders, DecoderSettings, Frame
from albumsort.records import Photo, PhotoFile
from albumsort.settings import ScanSettings

#: That a photo may have in a scan, unless told.
_MEGAPIXELS = ScanSettings().max_megapixels


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of a photo, or why there is none.

    Attributes:
        path: of the photo.
        pixels: uint8 RGB ``(height, width, 3)``, upright; as far as they go in a file that ends too early. None when
            the photo could not be read.
        scale: its pixels a pixel of the upright full-size photo.
        error: one line; None when all is well.
    """

    path: str
    pixels: NDArray[np.uint8] | None
    scale: float = 1.0
    error: str | None = None


def megapixels(photos: Iterable[Photo]) -> float:
    """As many as a photo may have, where these were read before: what a scan takes unless told, or what they have."""
    return max([_MEGAPIXELS, *((p.width or 0) * (p.height or 0) / 1e6 for p in photos)])


def thumbnails(paths: Sequence[str], side: int, max_megapixels: float = _MEGAPIXELS) -> Iterator[Thumbnail]:
    """One of each photo, in the order in which they are ready; few are held at a time.

    Args:
        paths: absolute, each once.
        side: pixels on the long side, at most; a photo that is smaller keeps its size.
        max_megapixels: a photo with more is refused by its header.

    Raises:
        AlbumsortError: the decoders do not start.
    """
    if not paths:
        return
    workers = min(len(paths), os.cpu_count() or 1)
    settings = DecoderSettings(workers, 1, side, max_megapixels, frames=2 * workers)
    with Decoders((PhotoFile(path, 0, 0) for path in paths), settings) as decoders:
        for item in decoders:
            if isinstance(item, Frame):
                pixels = item.pixels.copy()
                decoders.release(item)
                photo = item.photo
                yield Thumbnail(photo.path, pixels, pixels.shape[1] / (photo.width or 1), photo.error)
            elif isinstance(item, Photo):
                yield Thumbnail(item.path, None, error=item.error)
