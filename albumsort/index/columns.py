"""All faces of an index as columns: what questions that look at each face read in place of a million rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.front import is_cut_off
from albumsort.index.schema import CHUNK

#: A face: ``photo`` is the photo's id; ``emotion`` the place in ``EMOTIONS`` of what it reads as; ``probabilities`` are
#: 0 where the model does not know the emotion; ``cut`` says whether the edge of the photo cuts it; ``size`` is the
#: longer side of the box in percent of the photo's long side; ``height`` is in pixels; the rest is as in ``Face``.
FACE = np.dtype(
    [
        ("photo", "<u4"),
        ("emotion", "u1"),
        ("cut", "?"),
        ("probabilities", "<f4", len(EMOTIONS)),
        ("confidence", "<f4"),
        ("detection", "<f4"),
        ("size", "<f4"),
        ("height", "<f8"),
        ("sharpness", "<f8"),
    ]
)
#: The version of the index from which on it packs faces.
PACKED_SINCE = 6

_PLACE = f"CASE f.emotion {' '.join(f'WHEN {emotion!r} THEN {place}' for place, emotion in enumerate(EMOTIONS))} END"
_FACES = (
    f"SELECT f.photo_id, {_PLACE}, f.x, f.y, f.w, f.h, p.width, p.height, f.confidence, f.detection, f.sharpness,"
    f" {', '.join(f'ifnull(f.{emotion}, 0)' for emotion in EMOTIONS)}"
    " FROM faces f CROSS JOIN photos p ON p.id = f.photo_id"
)
_OF_CHUNK = f"WHERE f.photo_id BETWEEN :chunk * {CHUNK} AND :chunk * {CHUNK} + {CHUNK - 1}"
_IN_ORDER = "ORDER BY f.photo_id, f.id"


def read(connection: sqlite3.Connection, version: int) -> NDArray[np.void]:
    """The faces of an index, those of a photo behind each other: an array ``(n,)`` of ``FACE``.

    To be called in a transaction, since a scan may be writing.

    Args:
        connection: to the index.
        version: of its tables.

    Raises:
        AlbumsortError: the index is damaged.
    """
    if version < PACKED_SINCE:
        return _faces(connection.execute(f"{_FACES} {_IN_ORDER}").fetchall())
    packed = b"".join(blob for (blob,) in connection.execute("SELECT faces FROM packed ORDER BY chunk"))
    faces = np.frombuffer(packed[: len(packed) // FACE.itemsize * FACE.itemsize], FACE)
    if faces.nbytes < len(packed) or (faces["emotion"] >= len(EMOTIONS)).any():
        raise AlbumsortError("the index is damaged: what is packed of its faces cannot be read")
    changed = [faces for _, faces in _unpacked(connection)]
    if not changed:
        return faces
    faces = np.concatenate([faces, *changed])
    return faces[np.argsort(faces["photo"], kind="stable")]


def pack(connection: sqlite3.Connection) -> None:
    """Pack the faces that have changed since they were packed. To be called in a transaction."""
    for chunk, faces in _unpacked(connection):
        if len(faces):
            connection.execute("INSERT INTO packed VALUES (?, ?)", (chunk, faces.tobytes()))
    connection.execute("DELETE FROM unpacked")


def numbers(connection: sqlite3.Connection, number: str, source: str, values: Mapping[str, Any]) -> NDArray[np.int64]:
    """A whole number of each row, as one long text: to fetch a million rows one by one takes Python half a second."""
    (text,) = connection.execute(f"SELECT group_concat({number}) FROM {source}", values).fetchone()
    return np.fromstring(str(text or ""), np.int64, sep=",")


def _unpacked(connection: sqlite3.Connection) -> Iterator[tuple[int, NDArray[np.void]]]:
    """The chunks that are not packed, each with its faces."""
    for (chunk,) in connection.execute("SELECT chunk FROM unpacked").fetchall():
        yield chunk, _faces(connection.execute(f"{_FACES} {_OF_CHUNK} {_IN_ORDER}", {"chunk": chunk}).fetchall())


def _faces(rows: Sequence[tuple[float | None, ...]]) -> NDArray[np.void]:
    """Rows of ``_FACES`` as ``FACE``."""
    faces = np.empty(len(rows), FACE)
    if not rows:
        return faces
    photo, emotion, x, y, w, h, width, height, *measures = np.array(rows, np.float64).T
    if np.isnan(emotion).any():
        raise AlbumsortError("the index is damaged: it has a face that reads as no emotion")
    faces["photo"], faces["emotion"], faces["height"] = photo, emotion, h
    faces["cut"] = is_cut_off((x, y, w, h), width, height)
    # A face on a photo of unknown size is large enough for any question.
    faces["size"] = np.where(np.maximum(width, height) > 0, np.maximum(w, h) / np.maximum(width, height) * 100, np.inf)
    faces["confidence"], faces["detection"], faces["sharpness"] = measures[:3]
    faces["probabilities"] = np.stack(measures[3:], 1)
    return faces
