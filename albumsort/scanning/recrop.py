"""Cropping again: known faces are cut out of their photos once more, and read by another model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoders import DecodedPhoto, Decoders
from albumsort.album.walk import photo_file
from albumsort.records import Box, Detection, Photo, PhotoResult
from albumsort.scanning.batches import decoder_settings
from albumsort.settings import ScanSettings
from albumsort.vision.crop import crop_face, whole_picture
from albumsort.vision.reader import FaceReader


def cut_faces(
    paths: Iterable[str],
    boxes_of: Callable[[str], Sequence[Box | Detection | None]],
    settings: ScanSettings | None = None,
) -> Iterator[tuple[Photo, list[NDArray[np.uint8] | None]]]:
    """Cut known faces out of photos, as a scan cuts out the faces that it finds.

    Args:
        paths: absolute.
        boxes_of: called for the boxes of a path when its photo is decoded. They are in pixels of the upright full-size
            photo; None stands for the whole picture. A ``Detection`` is a box with landmarks; a face that they show
            sideways or upside down is turned upright.
        settings: None for the defaults.

    Yields:
        the photo and its crops, each uint8 ``(48, 48)``, in the order of its boxes. A crop is None if its box is not on
        the photo. A photo that could not be read has an error and no crops. Photos come in the order of decoding.

    Raises:
        AlbumsortError: the decoders do not start.
    """
    with Decoders(map(photo_file, paths), decoder_settings(settings or ScanSettings())) as decoders:
        for item in decoders:
            if isinstance(item, Photo):
                yield item, []
            elif isinstance(item, DecodedPhoto):
                photo, pixels = item.photo, item.pixels
                scale = pixels.shape[1] / (photo.width or 1), pixels.shape[0] / (photo.height or 1)
                crops = [_cut(pixels, box and box.scaled(*scale)) for box in boxes_of(photo.path)]
                decoders.release(item)
                yield photo, crops


def read_again(
    paths: Iterable[str], result_of: Callable[[str], PhotoResult | None], reader: FaceReader, settings: ScanSettings
) -> Iterator[PhotoResult]:
    """Read faces again where they were found before, without a new search.

    A photo is left out if it has changed, can no longer be read, or is no longer known.

    Args:
        paths: absolute.
        result_of: called for a photo and its faces when the photo is decoded, so that few results are in memory at a
            time.
        reader: whose model reads the faces.
        settings: the settings of the scan.

    Raises:
        AlbumsortError: the decoders do not start; the model cannot be loaded, or fails.
    """
    asked: PhotoResult | None = None

    def boxes_of(path: str) -> list[Detection]:
        nonlocal asked
        asked = result_of(path)
        return [Detection(face.box, face.detection, face.landmarks) for face in asked.faces] if asked else []

    for photo, crops in cut_faces(paths, boxes_of, settings):
        known, asked = asked, None
        there = [crop for crop in crops if crop is not None]
        if known and there and photo.digest == known.photo.digest and len(there) == len(known.faces):
            rows = reader.probabilities(np.stack(there))
            faces = (replace(face, probabilities=row) for face, row in zip(known.faces, rows, strict=True))
            yield PhotoResult(known.photo, tuple(faces))


def _cut(pixels: NDArray[np.uint8], place: Box | Detection | None) -> NDArray[np.uint8] | None:
    if place is None:
        return whole_picture(pixels)[0]
    box, landmarks = (place.box, place.landmarks) if isinstance(place, Detection) else (place, ())
    height, width = pixels.shape[:2]
    is_centre_inside = 0 <= box.x + box.w / 2 <= width and 0 <= box.y + box.h / 2 <= height
    is_possible = 0 < box.w <= 2 * width and 0 < box.h <= 2 * height
    return crop_face(pixels, box, landmarks)[0] if is_centre_inside and is_possible else None
