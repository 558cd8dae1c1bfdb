"""All faces of an index as columns: what questions that look at each face read in place of a million rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.front import is_cut_off, standing_in_front
from albumsort.index.schema import CHUNK

#: What a face reads as: ``photo`` is the photo's id, ``emotion`` the place in ``EMOTIONS``; ``probabilities`` are 0
#: where the model does not know the emotion; ``confidence`` is as in ``Face``; ``front`` whether it stands in front.
READING = np.dtype(
    [
        ("photo", "<u4"),
        ("emotion", "u1"),
        ("front", "?"),
        ("probabilities", "<f4", len(EMOTIONS)),
        ("confidence", "<f4"),
    ]
)
#: Where a face is: whether the edge of the photo ``cut``s it, the ``height`` of its box in pixels, its longer side, the
#: ``size``, in percent of the photo's long side; ``sharpness`` and ``detection`` are as in ``Face``.
PLACE = np.dtype([("cut", "?"), ("height", "<f8"), ("size", "<f4"), ("sharpness", "<f8"), ("detection", "<f4")])
#: The version of the index from which on it packs faces.
PACKED_SINCE = 6

_EMOTION = f"CASE f.emotion {' '.join(f'WHEN {emotion!r} THEN {place}' for place, emotion in enumerate(EMOTIONS))} END"
_FACES = (
    f"SELECT f.photo_id, {_EMOTION}, f.x, f.y, f.w, f.h, p.width, p.height, f.confidence, f.detection, f.sharpness,"
    f" {', '.join(f'ifnull(f.{emotion}, 0)' for emotion in EMOTIONS)}"
    " FROM faces f CROSS JOIN photos p ON p.id = f.photo_id"
)
_OF_CHUNK = f"WHERE f.photo_id BETWEEN :chunk * {CHUNK} AND :chunk * {CHUNK} + {CHUNK - 1}"
_IN_ORDER = "ORDER BY f.photo_id, f.id"
_DAMAGED = "the index is damaged: what is packed of its faces cannot be read"


@dataclass(frozen=True, slots=True)
class Columns:
    """Faces, those of a photo behind each other.

    Attributes:
        readings: an array ``(n,)`` of ``READING``.
        places: an array ``(n,)`` of ``PLACE``; None where nobody asked.
    """

    readings: NDArray[np.void]
    places: NDArray[np.void] | None

    def where(self, which: NDArray[np.bool_]) -> Columns:
        """Those of some faces."""
        if which.all():
            return self
        return Columns(self.readings[which], None if self.places is None else self.places[which])


def read(connection: sqlite3.Connection, version: int, with_places: bool = True) -> Columns:
    """The faces of an index. To be called in a transaction, since a scan may be writing.

    Args:
        connection: to the index.
        version: of its tables.
        with_places: False leaves out where they are, which takes less time.

    Raises:
        AlbumsortError: the index is damaged.
    """
    if version < PACKED_SINCE:
        return _faces(connection.execute(f"{_FACES} {_IN_ORDER}").fetchall())
    changed = [faces for _, faces in _unpacked(connection)]
    readings = _joined(connection, "readings", READING, [faces.readings for faces in changed])
    places = _joined(connection, "places", PLACE, [faces.places for faces in changed]) if with_places else None
    if (readings["emotion"] >= len(EMOTIONS)).any() or (places is not None and len(places) != len(readings)):
        raise AlbumsortError(_DAMAGED)
    if not changed:
        return Columns(readings, places)
    order = np.argsort(readings["photo"], kind="stable")
    return Columns(readings[order], None if places is None else places[order])


def _joined(
    connection: sqlite3.Connection, column: str, kind: np.dtype[np.void], changed: Iterable[NDArray[np.void] | None]
) -> NDArray[np.void]:
    """A column of ``packed`` as one array, and what changed since behind it."""
    packed = b"".join(blob for (blob,) in connection.execute(f"SELECT {column} FROM packed ORDER BY chunk"))
    if len(packed) % kind.itemsize:
        raise AlbumsortError(_DAMAGED)
    later = [part for part in changed if part is not None]
    faces = np.frombuffer(packed, kind)
    return np.concatenate([faces, *later]) if later else faces


def pack(connection: sqlite3.Connection) -> None:
    """Pack the faces that have changed since they were packed. To be called in a transaction."""
    for chunk, faces in _unpacked(connection):
        if len(faces.readings) and faces.places is not None:
            row = chunk, faces.readings.tobytes(), faces.places.tobytes()
            connection.execute("INSERT INTO packed VALUES (?, ?, ?)", row)
    connection.execute("DELETE FROM unpacked")


def numbers(connection: sqlite3.Connection, number: str, source: str, values: Mapping[str, Any]) -> NDArray[np.int64]:
    """A whole number of each row, as one long text: to fetch a million rows one by one takes Python half a second."""
    (text,) = connection.execute(f"SELECT group_concat({number}) FROM {source}", values).fetchone()
    return np.fromstring(str(text or ""), np.int64, sep=",")


def _unpacked(connection: sqlite3.Connection) -> Iterator[tuple[int, Columns]]:
    """The chunks that are not packed, each with its faces."""
    for (chunk,) in connection.execute("SELECT chunk FROM unpacked").fetchall():
        yield chunk, _faces(connection.execute(f"{_FACES} {_OF_CHUNK} {_IN_ORDER}", {"chunk": chunk}).fetchall())


def _faces(rows: Sequence[tuple[float | None, ...]]) -> Columns:
    """Rows of ``_FACES`` as columns."""
    readings, places = np.empty(len(rows), READING), np.empty(len(rows), PLACE)
    if not rows:
        return Columns(readings, places)
    photo, emotion, x, y, w, h, width, height, *measures = np.array(rows, np.float64).T
    if np.isnan(emotion).any():
        raise AlbumsortError("the index is damaged: it has a face that reads as no emotion")
    readings["photo"], readings["emotion"] = photo, emotion
    readings["confidence"], places["detection"], places["sharpness"] = measures[:3]
    readings["probabilities"] = np.stack(measures[3:], 1)
    places["cut"], places["height"] = is_cut_off((x, y, w, h), width, height), h
    # A face on a photo of unknown size is large enough for any question.
    places["size"] = np.where(np.maximum(width, height) > 0, np.maximum(w, h) / np.maximum(width, height) * 100, np.inf)
    readings["front"] = standing_in_front(h, places["sharpness"], places["cut"], first_of_each(readings["photo"]))
    return Columns(readings, places)


def first_of_each(photos: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Where the faces of each photo begin, by their photos' ids ``(n,)``."""
    return np.flatnonzero(np.r_[True, photos[1:] != photos[:-1]][: len(photos)])
