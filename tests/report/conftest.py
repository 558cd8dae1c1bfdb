"""Photos of top lists and their thumbnails, made without an index."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from albumsort.album.thumbnails import Thumbnail
from albumsort.records import Photo, RankedPhoto, mtime_ns

Ranker = Callable[..., RankedPhoto]


@pytest.fixture(scope="session")
def ranked(face_of) -> Ranker:
    """Makes a photo of a top list, with or without a file: ``ranked(path, ("happy", 0.9))``."""

    def make(path: str | Path, *faces: tuple, score: float = 0.9, size=(400, 300), others: int = 0) -> RankedPhoto:
        status = os.stat(path) if os.path.isfile(path) else None
        facts = (status.st_size, mtime_ns(status)) if status else (0, 0)
        photo = Photo(os.fspath(path), *facts, "00", *size, "2024-05-17T12:00:00", "Example")
        return RankedPhoto(photo, tuple(face_of(*face) for face in faces), score, others)

    return make


@pytest.fixture(scope="session")
def grey() -> Callable[..., Thumbnail]:
    """Makes a plain grey thumbnail of a photo of 400 x 300 pixels."""

    def make(row: RankedPhoto, height: int = 300, width: int = 400) -> Thumbnail:
        return Thumbnail(row.photo.path, np.full((height, width, 3), 100, np.uint8), width / 400)

    return make
