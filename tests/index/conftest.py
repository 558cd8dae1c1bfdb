"""Photos and faces as a scan would find them, and an index to write them to."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.index.reader import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Box, Face, Photo, PhotoResult

POINTS = ((10.0, 20.0), (30.0, 20.0), (20.0, 30.0), (12.5, 40.0), (27.5, 40.0))


def make_face(height: float = 100.0, **probabilities: float) -> Face:
    """A face; the other emotions share what the named ones leave of 1."""
    others = len(EMOTIONS) - len(probabilities)
    rest = (1 - sum(probabilities.values())) / others if others else 0.0
    values = tuple(round(probabilities.get(emotion, rest), 6) for emotion in EMOTIONS)
    return Face(Box(10.0, 20.0, height * 0.8, height), 0.99, POINTS, 123.45, values)


def make_photo(path: str, *faces: Face, **facts: object) -> PhotoResult:
    """A photo with faces. Its digest is that of its path by default."""
    facts = {
        "digest": sha256(os.fsencode(path)).hexdigest(),
        "width": 4000,
        "height": 3000,
        "phash": "00ff00ff00ff00ff",
        **facts,
    }
    if facts.get("error"):
        facts |= {"width": None, "height": None, "phash": None}
    return PhotoResult(Photo(path, 1000, 1_700_000_000_000_000_001, **facts), faces)


class Room:
    """An index that a test writes and reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = IndexWriter(path)
        self.scan = self.writer.start_scan({"paths": ["/photos"], "threshold": 0.5})

    def put(self, path: str, *faces: Face, **facts: object) -> PhotoResult:
        result = make_photo(path, *faces, **facts)
        self.writer.write(self.scan, [result])
        return result

    def sql(self, question: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(question, values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        """Change the file as another program does, which checks no foreign keys."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement, values)

    def top(self, emotion: str = "happy", n: int | None = 20, **options: object) -> list[tuple[str, float]]:
        """(path, score), best first."""
        with Index(self.path) as index:
            return [(row.photo.path, row.score) for row in index.top(emotion, n, **options)]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path / "index.db")
    yield made
    made.writer.close()


@pytest.fixture
def older(tmp_path: Path) -> Callable[[int], Path]:
    """Makes an index of an older version, as that version wrote it; ``older/album.py`` says what is in it."""

    def restore(version: int) -> Path:
        path = tmp_path / "older.db"
        script = (Path(__file__).parent / "older" / f"version-{version}.sql").read_text(encoding="utf-8")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        return path

    return restore


@pytest.fixture(scope="session")
def face() -> Callable[..., Face]:
    return make_face


@pytest.fixture(scope="session")
def photo() -> Callable[..., PhotoResult]:
    return make_photo
