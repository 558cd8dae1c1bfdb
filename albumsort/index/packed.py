"""All faces of an index as columns: what questions that look at each face read in place of a million rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.culling.subjects import is_cut_off, subject_masks
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.schema import CHUNK

#: What a face reads as: ``photo`` is the photo's id, ``emotion`` the place in ``EMOTIONS``; ``probabilities`` and
#: ``confidence``, as in ``Face``, are in parts of ``UNIT``, 0 where the model does not know the emotion; ``front`` says
#: whether it stands in front.
READING = np.dtype(
    [
        ("photo", "<u4"),
        ("emotion", "u1"),
        ("front", "?"),
        ("probabilities", "<u4", len(EMOTIONS)),
        ("confidence", "<u4"),
    ]
)
#: Probabilities are kept to six decimals; as whole numbers their sums are exact.
UNIT = 1_000_000
#: Where a face is: whether the edge of the photo ``cut``s it, the ``height`` of its box in pixels, its longer side, the
#: ``size``, in percent of the photo's long side; ``sharpness`` and ``detection`` are as in ``Face``.
PLACE = np.dtype([("cut", "?"), ("height", "<f8"), ("size", "<f4"), ("sharpness", "<f8"), ("detection", "<f4")])
_KINDS = {"readings": READING, "places": PLACE}
#: The version of the index from which on it packs faces.
PACKED_SINCE = 6

_EMOTION = f"CASE f.emotion {' '.join(f'WHEN {emotion!r} THEN {place}' for place, emotion in enumerate(EMOTIONS))} END"
_FACES = (  # of photos that are there: another tool may have left faces of others
    f"SELECT f.photo_id, {_EMOTION}, f.x, f.y, f.w, f.h, p.width, p.height, f.confidence, f.detection, f.sharpness,"
    f" {', '.join(f'ifnull(f.{emotion}, 0)' for emotion in EMOTIONS)}"
    " FROM faces f CROSS JOIN photos p ON p.id = f.photo_id"
)
_UNPACKED = "SELECT chunk FROM unpacked"
_OF_CHUNK = f"{_FACES} WHERE f.photo_id BETWEEN ? AND ? ORDER BY f.photo_id, f.id"


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
        """The columns of the faces of a mask ``(n,)``."""
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
    names = list(_KINDS)[: 1 + with_places]
    if version < PACKED_SINCE:
        packed, chunks = dict.fromkeys(names, b""), f"SELECT DISTINCT photo_id / {CHUNK} FROM faces"
    else:
        rows = {name: connection.execute(f"SELECT {name} FROM packed ORDER BY chunk") for name in names}
        packed, chunks = {name: b"".join(blob for (blob,) in rows[name]) for name in names}, _UNPACKED
    if not _is_whole(packed):
        raise AlbumsortError("the index is damaged: its packed faces cannot be read; the next scan packs them anew")
    columns = {name: np.frombuffer(packed[name], _KINDS[name]) for name in names}
    if changed := [_of_chunk(connection, chunk) for (chunk,) in connection.execute(chunks).fetchall()]:
        columns = {name: np.concatenate([columns[name], *(getattr(one, name) for one in changed)]) for name in names}
        order = np.argsort(columns["readings"]["photo"], kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
    return Columns(columns["readings"], columns.get("places"))


def pack(connection: sqlite3.Connection) -> None:
    """Pack the faces that have changed since they were packed. To be called in a transaction."""
    rows = connection.execute("SELECT chunk, readings, places FROM packed")
    broken = [(row[0],) for row in rows if not _is_whole(dict(zip(_KINDS, row[1:], strict=True)))]
    connection.executemany("INSERT OR IGNORE INTO unpacked VALUES (?)", broken)
    connection.executemany("DELETE FROM packed WHERE chunk = ?", broken)
    for (chunk,) in connection.execute(_UNPACKED).fetchall():
        try:
            faces = _of_chunk(connection, chunk)
        except AlbumsortError:  # said to who asks for these faces; it must keep nobody from writing others
            continue
        if faces.places is not None and len(faces.places):
            packed = chunk, faces.readings.tobytes(), faces.places.tobytes()
            connection.execute("INSERT INTO packed VALUES (?, ?, ?)", packed)
        connection.execute("DELETE FROM unpacked WHERE chunk = ?", (chunk,))


def first_of_each(photos: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Where the faces of each photo begin ``(photos,)``, by the ids of all faces' photos ``(n,)``."""
    return np.flatnonzero(np.r_[True, photos[1:] != photos[:-1]][: len(photos)])


def numbers(connection: sqlite3.Connection, number: str, source: str, values: Mapping[str, Any]) -> NDArray[np.int64]:
    """A whole number of each row, as one long text: to fetch a million rows one by one takes Python half a second."""
    (text,) = connection.execute(f"SELECT group_concat({number}) FROM {source}", values).fetchone()
    return np.fromstring(str(text or ""), np.int64, sep=",")


def _is_whole(packed: Mapping[str, bytes]) -> bool:
    """Whether columns as they are packed are of the same number of faces, and of emotions that there are."""
    faces = {divmod(len(blob), _KINDS[name].itemsize) for name, blob in packed.items()}
    if len(faces) > 1 or any(rest for _, rest in faces):
        return False
    return not (np.frombuffer(packed["readings"], READING)["emotion"] >= len(EMOTIONS)).any()


def _of_chunk(connection: sqlite3.Connection, chunk: int) -> Columns:
    """The faces of a chunk from their rows.

    Raises:
        AlbumsortError: another program wrote values there that no face has.
    """
    first, last = chunk * CHUNK, chunk * CHUNK + CHUNK - 1
    rows = connection.execute(_OF_CHUNK, (first, last)).fetchall()
    try:
        if last > np.iinfo(READING["photo"]).max:
            raise ValueError(f"photo {first}")
        return _faces(rows)
    except (TypeError, ValueError) as error:
        raise AlbumsortError(
            f"the index is damaged: values of a face of photos {first} to {last} are none that it can have ({error});"
            " mend them with the program that wrote them, or forget these photos and scan them again"
        ) from error


def _faces(rows: Sequence[tuple[float | None, ...]]) -> Columns:
    """Rows of ``_FACES`` as columns.

    Raises:
        ValueError, TypeError: a value is no number, or an emotion not one of ``EMOTIONS``.
    """
    readings, places = np.empty(len(rows), READING), np.empty(len(rows), PLACE)
    if not rows:
        return Columns(readings, places)
    photo, emotion, x, y, w, h, width, height, *measures = np.array(rows, np.float64).T
    if np.isnan(emotion).any():
        raise ValueError("an unknown emotion")
    readings["photo"], readings["emotion"] = photo, emotion
    places["detection"], places["sharpness"] = measures[1:3]
    readings["confidence"] = np.round(measures[0] * UNIT)
    readings["probabilities"] = np.round(np.stack(measures[3:], 1) * UNIT)
    places["cut"], places["height"] = is_cut_off((x, y, w, h), width, height), h
    # A face on a photo of unknown size is large enough for any question.
    places["size"] = np.where(np.maximum(width, height) > 0, np.maximum(w, h) / np.maximum(width, height) * 100, np.inf)
    readings["front"] = subject_masks(h, places["sharpness"], places["cut"], first_of_each(readings["photo"]))
    return Columns(readings, places)
