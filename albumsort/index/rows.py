"""Converts records to rows and rows to records."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.records import Box, Face, Photo, PhotoResult

PHOTO_COLUMNS = (
    "path, size, mtime_ns, digest, width, height, taken_at, camera, phash, error, exposure, orientation, brightness,"
    " utc_offset"
)
_FACE_COLUMNS = "photo_id, sharpness, landmarks, x, y, w, h, detection, " + ", ".join(EMOTIONS)
#: The number of photos that are read at once.
BATCH = 100


def to_column(path: str) -> str | bytes:
    """The column value of a path: text if the path is valid UTF-8, else its bytes."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def from_column(value: str | bytes) -> str:
    """The path for a column value; the inverse of ``to_column``."""
    return os.fsdecode(value)


def settings_of(text: str) -> dict[str, Any]:
    """The settings of a scan from its row.

    Raises:
        AlbumsortError: they cannot be read.
    """
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise AlbumsortError(
            f"the index is damaged: the settings of a scan cannot be read ({error}); scan again"
        ) from error


def now() -> str:
    """The current time as the index stores it: ISO 8601 in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def insert_photo(connection: sqlite3.Connection, row: dict[str, Any]) -> int:
    """Insert a row of ``photos``; returns its id."""
    return int(connection.execute(_insert_into("photos", row), row).lastrowid or 0)


def insert_faces(connection: sqlite3.Connection, photo_id: int, faces: Iterable[Face]) -> list[dict[str, Any]]:
    """Insert the faces of a photo; returns their rows."""
    rows = [face_row(face, photo_id) for face in faces]
    if rows:
        connection.executemany(_insert_into("faces", rows[0]), rows)
    return rows


def _insert_into(table: str, row: dict[str, Any]) -> str:
    return f"INSERT INTO {table}({', '.join(row)}) VALUES ({', '.join(f':{column}' for column in row)})"


def photo_row(photo: Photo, scan: int) -> dict[str, Any]:
    """The columns of ``photos`` except ``id``."""
    return {
        "path": to_column(photo.path),
        "size": photo.size,
        "mtime_ns": photo.mtime_ns,
        "digest": photo.digest,
        "width": photo.width,
        "height": photo.height,
        "taken_at": photo.taken_at,
        "camera": photo.camera,
        "phash": photo.phash,
        "status": "error" if photo.error else "ok",
        "error": photo.error,
        "scan_id": scan,
        "exposure": photo.exposure,
        "orientation": photo.orientation,
        "brightness": photo.brightness,
        "utc_offset": photo.utc_offset,
    }


def face_row(face: Face, photo_id: int) -> dict[str, Any]:
    """The columns of ``faces`` except ``id``. A hundredth of a pixel is more precise than any detector."""
    x, y, w, h = (round(value, 2) for value in face.box)
    return {
        "photo_id": photo_id,
        "x": x,
        "y": y,
        "w": w,
        "h": h,
        "detection": round(face.detection, 4),
        "landmarks": json.dumps([[round(px, 1), round(py, 1)] for px, py in face.landmarks]),
        "sharpness": round(face.sharpness, 2),
        "emotion": face.emotion,
        "confidence": face.confidence,
        **dict(zip(EMOTIONS, face.probabilities, strict=True)),
    }


def photo_of(connection: sqlite3.Connection, photo_id: int) -> Photo:
    """The photo with an id, which must exist."""
    row = connection.execute(f"SELECT {PHOTO_COLUMNS} FROM photos WHERE id = ?", (photo_id,)).fetchone()
    return Photo(from_column(row[0]), *row[1:])


def faces_of(connection: sqlite3.Connection, photo_id: int) -> tuple[Face, ...]:
    """The faces of a photo, the largest first."""
    rows = connection.execute(f"SELECT {_FACE_COLUMNS} FROM faces WHERE photo_id = ? ORDER BY id", (photo_id,))
    return tuple(map(_face, rows))


def results_of(
    connection: sqlite3.Connection, ids: Iterable[int], *, landmarks: bool = True
) -> Iterator[dict[int, PhotoResult]]:
    """Photos with their faces, in the order of their ids, a hundred at once; photos that are gone by now are left out.

    Without ``landmarks``, the faces have none, and this takes half of the time.
    """
    columns = _FACE_COLUMNS if landmarks else _FACE_COLUMNS.replace("landmarks", "NULL")
    remaining = iter(ids)
    while batch := list(islice(remaining, BATCH)):
        wanted, chosen = (json.dumps(batch),), "IN (SELECT value FROM json_each(?))"
        rows = connection.execute(f"SELECT id, {PHOTO_COLUMNS} FROM photos WHERE id {chosen}", wanted)
        photos = {photo_id: Photo(from_column(path), *facts) for photo_id, path, *facts in rows}
        faces: dict[int, list[Face]] = {photo_id: [] for photo_id in photos}
        question = f"SELECT {columns} FROM faces WHERE photo_id {chosen} ORDER BY id"
        for row in connection.execute(question, (json.dumps(list(photos)),)):
            faces[row[0]].append(_face(row))
        yield {one: PhotoResult(photos[one], tuple(faces[one])) for one in batch if one in photos}


def _face(row: tuple[Any, ...]) -> Face:
    # Slices, because a million of these are made.
    points = tuple(map(tuple, json.loads(row[2]))) if row[2] else ()
    return Face(Box._make(row[3:7]), row[7], points, row[1], row[8:])
