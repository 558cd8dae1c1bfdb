"""Small pictures of many photos, decoded in processes where a bad file does no harm."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoders import DecodedPhoto, Decoders, DecoderSettings
from albumsort.records import MAX_MEGAPIXELS, Photo, PhotoFile


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of a photo, or why there is none.

    Attributes:
        path: path of the photo.
        pixels: uint8 RGB ``(height, width, 3)``, upright. For a file that ends too early, the pixels that are there.
            None if the photo could not be read.
        scale: pixels of the thumbnail per pixel of the upright full-size photo.
        error: one line that says what is wrong; None if nothing is wrong.
    """

    path: str
    pixels: NDArray[np.uint8] | None
    scale: float = 1.0
    error: str | None = None


def megapixels(photos: Iterable[Photo]) -> float:
    """A limit on megapixels, at least the default, that all these photos pass, because a scan has already read them."""
    return max([MAX_MEGAPIXELS, *((p.width or 0) * (p.height or 0) / 1e6 for p in photos)])


def thumbnails(paths: Sequence[str], side: int, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[Thumbnail]:
    """Yield a thumbnail of each photo, in the order in which they are ready; few are in memory at a time.

    Args:
        paths: absolute paths of the photos, each once.
        side: the largest number of pixels on the long side; a smaller photo keeps its size.
        max_megapixels: a photo with more is refused once its header is read.

    Raises:
        AlbumsortError: the decoders do not start.
    """
    if not paths:
        return
    workers = min(len(paths), os.cpu_count() or 1)
    settings = DecoderSettings(workers, 1, side, max_megapixels, slots=2 * workers)
    with Decoders((PhotoFile(path, 0, 0) for path in paths), settings) as decoders:
        for item in decoders:
            if isinstance(item, DecodedPhoto):
                pixels = item.pixels.copy()
                decoders.release(item)
                photo = item.photo
                yield Thumbnail(photo.path, pixels, pixels.shape[1] / (photo.width or 1), photo.error)
            elif isinstance(item, Photo):
                yield Thumbnail(item.path, None, error=item.error)
