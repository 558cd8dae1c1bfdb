"""Prediction: reads photos and pictures without an index."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoders import DecodedPhoto, Decoders, KnownPhoto
from albumsort.album.walk import photo_file
from albumsort.arguments import checked_flag, checked_record, shown
from albumsort.records import Photo, ReadPhoto
from albumsort.scanning.batches import (
    BATCH,
    decoder_settings,
    face_reader,
    picture_of,
    read_in_batches,
    read_photo,
)
from albumsort.settings import ScanSettings
from albumsort.vision.reader import FaceReader, Picture

Image = str | os.PathLike[str] | NDArray[np.uint8]


def predict(
    images: Image | Sequence[Image],
    settings: ScanSettings | None = None,
    *,
    cropped: bool = False,
    reader: FaceReader | None = None,
) -> Iterator[ReadPhoto]:
    """Find and read the faces of photos, without an index.

    Args:
        images: the path of a photo, or an upright picture as uint8 RGB ``(height, width, 3)``; or several, also mixed.
        settings: None for the defaults.
        cropped: whether each image is one face, from edge to edge. Then no faces are searched for.
        reader: reads the faces; None for one with these settings.

    Yields:
        a photo with its faces for each image, in the order given. Paths are made absolute. A file that does not exist
        or cannot be read has an error and no faces. The photo of an array has an empty path.

    Raises:
        ValueError: an array has another shape or dtype, or an argument has the wrong type.
        AlbumsortError: a model cannot be loaded, a GPU was requested and there is none, or the networks fail.
    """
    settings = ScanSettings() if settings is None else checked_record("settings", settings, ScanSettings)
    checked_flag("cropped", cropped)
    reader = reader or face_reader(settings)
    is_single = isinstance(images, (str, bytes, os.PathLike, np.ndarray)) or not isinstance(images, Iterable)
    several: list[Any] = [images] if is_single else list(images)  # type: ignore[arg-type]
    for image in several:
        is_path = isinstance(image, (str, bytes, os.PathLike)) and os.fspath(image)
        if not is_path and not isinstance(image, np.ndarray):
            raise ValueError(f"an image is {shown(image)}; it must be a path, or a uint8 array (height, width, 3)")
    paths = [os.path.abspath(os.fsdecode(image)) for image in several if not isinstance(image, np.ndarray)]
    with closing(_read_files(paths, settings, cropped, reader)) as from_files:
        for is_array, group in groupby(several, lambda image: isinstance(image, np.ndarray)):
            if is_array:
                yield from _read_arrays(group, cropped, reader)
            else:
                yield from islice(from_files, sum(1 for _ in group))


def _read_arrays(arrays: Iterator[NDArray[np.uint8]], cropped: bool, reader: FaceReader) -> Iterator[ReadPhoto]:
    while pictures := [Picture(array) for array in islice(arrays, BATCH)]:
        found = [[face] for face in reader.read_cropped(pictures)] if cropped else reader.read(pictures)
        for picture, faces in zip(pictures, found, strict=True):
            height, width = picture.pixels.shape[:2]
            yield read_photo(Photo("", 0, 0, width=width, height=height), faces)


def _read_files(
    paths: Sequence[str], settings: ScanSettings, cropped: bool, reader: FaceReader
) -> Generator[ReadPhoto, None, None]:
    """Read files in the order given."""
    read = _read_cropped if cropped else read_in_batches
    done: dict[str, deque[ReadPhoto]] = defaultdict(deque)
    there = {path for path in set(paths) if os.path.exists(path) and not os.path.isdir(path)}
    for path in paths:
        if path not in there:
            reason = "a folder, not a photo" if os.path.isdir(path) else "no such file"
            done[path].append(read_photo(Photo(path, 0, 0, error=reason), []))
    files = [photo_file(path) for path in paths if path in there]
    turn = 0
    with (
        Decoders(iter(files), decoder_settings(settings, len(files))) as decoders,
        closing(read(decoders, reader)) as items,
    ):
        for item in chain([None], items):
            if item is not None:
                assert isinstance(item, ReadPhoto)  # noqa: S101 - without an index, no file is known
                done[item.photo.path].append(item)
            while turn < len(paths) and done[paths[turn]]:
                yield done[paths[turn]].popleft()
                turn += 1


def _read_cropped(decoders: Decoders, reader: FaceReader) -> Generator[ReadPhoto | KnownPhoto, None, None]:
    """The same as ``read_in_batches``, for pictures that are one face each."""
    for item in decoders:
        if isinstance(item, DecodedPhoto):
            faces = reader.read_cropped([picture_of(item)])
            decoders.release(item)
            yield read_photo(item.photo, faces)
        else:
            yield read_photo(item, []) if isinstance(item, Photo) else item
