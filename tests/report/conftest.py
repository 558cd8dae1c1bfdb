"""Top lists as an index gives them, without an index."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from albumsort.album.thumbnails import Thumbnail
from albumsort.index.reader import RankedPhoto
from albumsort.records import Photo, mtime_ns

Ranker = Callable[..., RankedPhoto]


@pytest.fixture(scope="session")
def ranked(face_of) -> Ranker:
    """A photo of a top list, 400 x 300 pixels unless told, with a file or without: ``ranked(path, ("happy", 0.9))``."""

    def make(path: str | Path, *faces: tuple, score: float = 0.9, size=(400, 300), others: int = 0) -> RankedPhoto:
        there = os.path.isfile(path)
        status = os.stat(path) if there else None
        facts = (status.st_size, mtime_ns(status)) if status else (0, 0)
        photo = Photo(os.fspath(path), *facts, "00", *size, "2024-05-17T12:00:00", "Example")
        return RankedPhoto(photo, tuple(face_of(*face) for face in faces), score, others)

    return make


@pytest.fixture(scope="session")
def grey() -> Callable[..., Thumbnail]:
    """A thumbnail of one grey, as if it were of a photo of 400 x 300 pixels."""

    def make(row: RankedPhoto, height: int = 300, width: int = 400) -> Thumbnail:
        return Thumbnail(row.photo.path, np.full((height, width, 3), 100, np.uint8), width / 400)

    return make
