"""A small album, put into an index through the writer of any version of albumsort.

The dumps beside this file, ``version-1.sql`` to ``version-7.sql``, are indexes that older versions made of this album:
the last commits at which ``albumsort/index/schema.py`` said so were checked out (0b4eddc, d83b185, d608c65, 9c866bb,
fa38df7, df88a71 and 9009225), and for each

    PYTHONPATH=CHECKOUT python tests/index/older/album.py tests/index/older
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from albumsort import records
from albumsort.records import Face, Photo, PhotoFile, PhotoResult

POINTS = ((10.0, 20.0), (30.0, 20.0), (20.0, 30.0), (12.5, 40.0), (27.5, 40.0))
#: Angry, disgust, fear, happy, sad, surprise, neutral.
HAPPY = (0.01, 0.01, 0.01, 0.9, 0.02, 0.02, 0.03)
MILD = (0.1, 0.05, 0.05, 0.41, 0.09, 0.1, 0.2)
SAD = (0.1, 0.02, 0.05, 0.13, 0.6, 0.03, 0.07)
CROSS = (0.3, 0.28, 0.1, 0.02, 0.1, 0.1, 0.1)


def face(probabilities: tuple[float, ...], x: float = 100, height: float = 200, sharpness: float = 120.5) -> Any:
    box = getattr(records, "Box", None)
    corners = (x, 150.0, height * 0.8, height)
    return Face(box(*corners) if isinstance(box, type) else corners, 0.99, POINTS, sharpness, probabilities)


def photo(path: str, *faces: Any, **facts: Any) -> PhotoResult:
    known = {field.name for field in fields(Photo)}
    if "utc_offset" in known and "+" in (facts.get("taken_at") or ""):  # from version 8 on
        facts["taken_at"], offset = facts["taken_at"].split("+")
        facts["utc_offset"] = f"+{offset}"
    facts = {"digest": os.fsencode(path).hex(), "width": 4000, "height": 3000, "phash": "00ff00ff00ff00ff", **facts}
    return PhotoResult(
        Photo(path, 1000, 1_700_000_000_000_000_001, **{k: facts[k] for k in facts if k in known}), faces
    )


def photos() -> Iterator[PhotoResult]:
    for second, faces in enumerate(((HAPPY, SAD), (HAPPY, HAPPY), (MILD, CROSS))):
        shown = [face(probabilities, 1000.0 * place) for place, probabilities in enumerate(faces)]
        taken_at = f"2024-05-17T12:00:0{second}+02:00"
        yield photo(f"/photos/burst{second}.jpg", *shown, taken_at=taken_at, camera="A", exposure=0.9, orientation=6)
    yield photo("/photos/copy.jpg", face(HAPPY), face(HAPPY, 1000), digest=b"/photos/burst1.jpg".hex())
    yield photo(os.fsdecode(b"/photos/caf\xe9.jpg"), face(HAPPY), face(SAD, 900, 30), face(MILD, 1200, 190, 0.0001))
    yield photo("/photos/mild.jpg", face(MILD), face(CROSS, 2000), taken_at="2023-12-31", camera="B")
    yield photo("/photos/edge.jpg", face(SAD, -90), face(HAPPY, 2000), taken_at="2022-01-01T00:00:00", camera="B")
    yield photo("/photos/empty.jpg", taken_at="2024-05-17T12:00:01", camera="B")
    yield photo("/photos/broken.jpg", error="not an image", width=None, height=None, phash=None)


def fill(writer: Any, version: int) -> None:
    """Scan the album, as far as an index of a version can hold it."""
    scan = writer.start_scan({"paths": ["/photos"], "threshold": 0.5})
    writer.name_model(scan, "emotion 0123456789ab")
    writer.write(scan, photos())
    (getattr(writer, "note_not_photos", None) or writer.note_others)([PhotoFile("/photos/notes.txt", 5, 1)])
    if version >= 2:
        writer.correct("/photos/edge.jpg", 1, "fear")
        writer.correct("/photos/mild.jpg", 2, None)
    if version >= 5:
        writer.note_unread(["/photos"], [("/photos/locked", "permission denied")])
        writer.pair(scan, [(PhotoFile("/photos/burst1.nef", 25_000_000, 7), "/photos/burst1.jpg")])
    writer.finish_scan(scan)


def dump(folder: Path) -> None:
    from albumsort.index import schema

    try:
        from albumsort.index.writer import IndexWriter
    except ImportError:  # its place before version 7
        from albumsort.index.store import IndexWriter  # type: ignore[import-not-found, no-redef]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "index.db"
        with IndexWriter(path) as writer:
            fill(writer, schema.VERSION)
        with closing(sqlite3.connect(path)) as connection:
            lines = [*connection.iterdump(), f"PRAGMA user_version = {schema.VERSION};"]
    (folder / f"version-{schema.VERSION}.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    dump(Path(sys.argv[1]))
