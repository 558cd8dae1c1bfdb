"""How records become rows and rows become records."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.records import Box, Face, Photo, PhotoResult

PHOTO_COLUMNS = "path, size, mtime_ns, digest, width, height, taken_at, camera, phash, error, exposure, orientation"
_FACE_COLUMNS = "photo_id, sharpness, landmarks, x, y, w, h, detection, " + ", ".join(EMOTIONS)
#: Photos that are read at once.
_BATCH = 100


def to_column(path: str) -> str | bytes:
    """A path as its column holds it: text where the name is valid UTF-8, else the raw bytes."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def from_column(value: str | bytes) -> str:
    """The path that ``to_column`` made a column's value of."""
    return os.fsdecode(value)


def settings_of(text: str) -> dict[str, Any]:
    """The settings that a scan was written down with.

    Raises:
        AlbumsortError: they cannot be read.
    """
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise AlbumsortError(f"the index is damaged: the settings of a scan cannot be read ({error})") from error


def photo_row(photo: Photo, scan: int) -> dict[str, Any]:
    """The columns of ``photos`` but ``id``."""
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
    }


def face_row(face: Face, photo_id: int) -> dict[str, Any]:
    """The columns of ``faces`` but ``id``; geometry to a hundredth of a pixel is more than a detector knows."""
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
    """The photo with an id, which must be there."""
    row = connection.execute(f"SELECT {PHOTO_COLUMNS} FROM photos WHERE id = ?", (photo_id,)).fetchone()
    return Photo(from_column(row[0]), *row[1:])


def faces_of(connection: sqlite3.Connection, photo_id: int) -> tuple[Face, ...]:
    """The faces of a photo, the largest first."""
    rows = connection.execute(f"SELECT {_FACE_COLUMNS} FROM faces WHERE photo_id = ? ORDER BY id", (photo_id,))
    return tuple(map(_face, rows))


def results_of(
    connection: sqlite3.Connection, ids: Iterable[int], *, landmarks: bool = True
) -> Iterator[dict[int, PhotoResult]]:
    """Photos and their faces by id, in the order of the ids, a hundred at once; without those that are gone by now.

    Without ``landmarks`` the faces have none, and it takes half of the time.
    """
    columns = _FACE_COLUMNS if landmarks else _FACE_COLUMNS.replace("landmarks", "NULL")
    remaining = iter(ids)
    while batch := list(islice(remaining, _BATCH)):
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
    return Face(Box._make(row[3:7]), row[7], tuple(map(tuple, json.loads(row[2]))) if row[2] else (), row[1], row[8:])
