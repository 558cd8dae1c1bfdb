"""All faces of an index as columns, so that queries about every face need not read a million rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.culling.subjects import is_cut_off, subject_masks
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.schema import CHUNK

#: A packed face. ``photo`` is the id of its photo, ``emotion`` an index of ``EMOTIONS``. The probabilities of the
#: emotions and the ``confidence`` are in units of 1 / ``UNIT``, and 0 for emotions that the model does not know.
#: ``height`` is that of its box in hundredths of a pixel; ``sharpness`` is as in ``Face``, in hundredths. ``size`` is
#: the longer side of the box in percent of the photo's long side; ``detection`` is as in ``Face``. ``subject`` says
#: whether it is a subject among all faces of the photo; ``cut`` whether the edge of the photo cuts it. ``padding`` is
#: 0; it aligns the columns of a face.
FACE = np.dtype(
    [
        ("photo", "<u4"),
        *((emotion, "<u4") for emotion in EMOTIONS),
        ("confidence", "<u4"),
        ("height", "<u4"),
        ("sharpness", "<u4"),
        ("size", "<f4"),
        ("detection", "<f4"),
        ("emotion", "u1"),
        ("subject", "?"),
        ("cut", "?"),
        ("padding", "u1"),
    ]
)
#: Probabilities have six decimals; as whole numbers, their sums are exact.
UNIT = 1_000_000
#: As hundredths, heights and sharpness are whole numbers that a division makes exactly what the rows hold.
_HUNDREDTHS = 100.0
#: No picture has so many pixels on a side.
_LARGEST = 1e9

_EMOTION = f"CASE f.emotion {' '.join(f'WHEN {emotion!r} THEN {place}' for place, emotion in enumerate(EMOTIONS))} END"
_OF_CHUNK = (  # only photos that exist: another tool may have left faces of others
    f"SELECT f.photo_id, {_EMOTION}, f.x, f.y, f.w, f.h, p.width, p.height, f.confidence, f.detection, f.sharpness,"
    f" {', '.join(f'ifnull(f.{emotion}, 0)' for emotion in EMOTIONS)}"
    " FROM faces f CROSS JOIN photos p ON p.id = f.photo_id"
    " WHERE f.photo_id BETWEEN ? AND ? ORDER BY f.photo_id, f.id"
)
_CHANGED = "SELECT chunk FROM packed WHERE faces IS NULL"


class Faces:
    """Faces by column, those of a photo behind each other. A column is put together when it is first needed.

    ``faces["happy"]`` is the column ``(n,)`` of ``FACE`` with that name.
    """

    def __init__(self, column: Callable[[str], NDArray[Any]]) -> None:
        self._column = column
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            self._columns[name] = self._column(name)
        return self._columns[name]

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self["photo"])

    def where(self, which: NDArray[np.bool_]) -> Faces:
        """The faces of a mask ``(n,)``."""
        return self if which.all() else Faces(lambda name: self[name][which])


def read(connection: sqlite3.Connection) -> Faces:
    """The faces of an index, by photo id. Call this in a transaction: a scan may be writing.

    Raises:
        AlbumsortError: the index is damaged.
    """
    blobs = connection.execute("SELECT chunk, faces FROM packed WHERE faces NOT NULL").fetchall()
    is_whole = not any(len(blob) % FACE.itemsize for _, blob in blobs)
    chunks = {chunk: np.frombuffer(blob, FACE) for chunk, blob in blobs if is_whole}
    faces = _by_column(chunks)
    if not is_whole or (faces["emotion"] >= len(EMOTIONS)).any():
        raise AlbumsortError("the index is damaged: its packed faces cannot be read; the next scan packs them again")
    changed = connection.execute(_CHANGED).fetchall()
    return _by_column(chunks | {chunk: _of_chunk(connection, chunk) for (chunk,) in changed}) if changed else faces


def _by_column(chunks: Mapping[int, NDArray[np.void]]) -> Faces:
    in_order = [np.empty(0, FACE), *(chunks[chunk] for chunk in sorted(chunks))]
    return Faces(lambda name: np.concatenate([faces[name] for faces in in_order]))


def pack(connection: sqlite3.Connection) -> None:
    """Pack the faces that have changed since they were packed. Call this in a transaction."""
    for (chunk,) in connection.execute(_CHANGED).fetchall():
        try:
            faces = _of_chunk(connection, chunk)
        except AlbumsortError:  # reading these faces raises the error again; other faces can still be packed
            continue
        _keep(connection, chunk, faces.tobytes())


def discard_damaged(connection: sqlite3.Connection) -> None:
    """Mark packed faces that cannot be read as changed. Call this in a transaction."""
    rows = connection.execute("SELECT chunk, faces FROM packed WHERE faces NOT NULL")
    damaged = [(chunk,) for chunk, blob in rows if not _is_whole(blob)]
    connection.executemany("UPDATE packed SET faces = NULL WHERE chunk = ?", damaged)


class NewFaces:
    """Packs the faces of new photos from memory, so that they need not be read back from their rows.

    Create this before the first of these photos is inserted, and use it in the same transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (self._first,) = connection.execute("SELECT ifnull(max(id), 0) + 1 FROM photos").fetchone()
        self._rows: list[tuple[Any, ...]] = []
        self._last = self._first - 1
        # The chunk of the first photo may already contain others. None means that their packed faces are not valid.
        start = connection.execute("SELECT faces FROM packed WHERE chunk = ?", (self._first // CHUNK,)).fetchone()
        self._start: bytes | None = start[0] if start else b""
        # Another tool may have left faces whose photo does not exist yet; reading the rows finds them.
        left = connection.execute("SELECT 1 FROM faces WHERE photo_id >= ? LIMIT 1", (self._first,)).fetchone()
        self._is_possible = not left

    def add(self, photo_id: int, size: tuple[int | None, int | None], faces: Iterable[Mapping[str, Any]]) -> None:
        """Add the faces of the photo that was inserted last.

        Args:
            photo_id: the id of the photo, larger than those before.
            size: width and height of the photo in pixels.
            faces: rows of the table ``faces`` by column.
        """
        self._last = photo_id
        for face in faces:
            place = EMOTIONS.index(face["emotion"])
            box = face["x"], face["y"], face["w"], face["h"]
            measures = face["confidence"], face["detection"], face["sharpness"]
            probabilities = (face[emotion] or 0.0 for emotion in EMOTIONS)
            self._rows.append((photo_id, place, *box, *size, *measures, *probabilities))

    def pack(self) -> None:
        """Pack what was added. Faces that cannot be packed now are later read from their rows."""
        if not self._is_possible or self._last > np.iinfo(FACE["photo"]).max:
            return
        faces = _faces(self._rows)
        of_chunk = faces["photo"] // CHUNK
        for chunk in range(self._first // CHUNK, self._last // CHUNK + 1):
            blob = faces[of_chunk == chunk].tobytes()
            if chunk > self._first // CHUNK:
                _keep(self._connection, chunk, blob)
            elif self._start is not None:
                _keep(self._connection, chunk, self._start + blob)


def subjects(faces: Faces | NDArray[np.void]) -> NDArray[np.bool_]:
    """Which faces are subjects, judged among these faces of each photo ``(n,)``.

    Args:
        faces: at least one, by the columns of ``FACE``, those of a photo behind each other.
    """
    heights, sharpness = faces["height"] / _HUNDREDTHS, faces["sharpness"] / _HUNDREDTHS
    return subject_masks(heights, sharpness, faces["cut"], first_of_each(faces["photo"]))


def first_of_each(photos: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The index of the first face of each photo ``(photos,)``, given the photo id of each face ``(n,)``."""
    return np.flatnonzero(np.r_[True, photos[1:] != photos[:-1]][: len(photos)])


def numbers(connection: sqlite3.Connection, number: str, source: str, values: Mapping[str, Any]) -> NDArray[np.int64]:
    """Read a whole number from each row, all as one long text: fetching a million rows takes Python half a second."""
    (text,) = connection.execute(f"SELECT group_concat({number}) FROM {source}", values).fetchone()
    return np.fromstring(str(text or ""), np.int64, sep=",")


def _keep(connection: sqlite3.Connection, chunk: int, blob: bytes) -> None:
    connection.execute("UPDATE packed SET faces = ? WHERE chunk = ?", (blob, chunk))


def _is_whole(blob: bytes) -> bool:
    """Whether packed faces have a valid length, and only emotions that exist."""
    return len(blob) % FACE.itemsize == 0 and not (np.frombuffer(blob, FACE)["emotion"] >= len(EMOTIONS)).any()


def _of_chunk(connection: sqlite3.Connection, chunk: int) -> NDArray[np.void]:
    """Read the faces of a chunk from their rows.

    Raises:
        AlbumsortError: another program has written values that no face can have.
    """
    first, last = chunk * CHUNK, chunk * CHUNK + CHUNK - 1
    try:
        if first < 0 or last > np.iinfo(FACE["photo"]).max:
            raise ValueError("an impossible id")
        return _faces(connection.execute(_OF_CHUNK, (first, last)).fetchall())
    except (TypeError, ValueError) as error:
        raise AlbumsortError(
            f"the index is damaged: a face of photos {first} to {last} has impossible values ({error});"
            " mend them with the program that wrote them, or forget these photos and scan them again"
        ) from error


def _faces(rows: Sequence[tuple[float | None, ...]]) -> NDArray[np.void]:
    """Convert rows of ``_OF_CHUNK`` to packed faces.

    Raises:
        ValueError, TypeError: a value is not a number or out of range, or an emotion is not one of ``EMOTIONS``.
    """
    faces = np.zeros(len(rows), FACE)
    if not rows:
        return faces
    photo, emotion, x, y, w, h, width, height, confidence, detection, sharpness, *probabilities = np.array(
        rows, np.float64
    ).T
    if np.isnan(emotion).any():
        raise ValueError("an unknown emotion")
    if not (np.abs([x, y, w, h, sharpness]) < _LARGEST).all():
        raise ValueError("a box or a sharpness that is not a number, or too large")
    shares = np.array([confidence, detection, *probabilities])
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError("a probability outside 0..1")
    faces["photo"], faces["emotion"], faces["detection"] = photo, emotion, detection
    faces["confidence"] = np.round(confidence * UNIT)
    for name, probability in zip(EMOTIONS, probabilities, strict=True):
        faces[name] = np.round(probability * UNIT)
    faces["height"], faces["sharpness"] = _hundredths(h), _hundredths(sharpness)
    faces["cut"] = is_cut_off((x, y, w, h), width, height)
    # A face on a photo of unknown size is large enough for any query.
    faces["size"] = np.where(np.maximum(width, height) > 0, np.maximum(w, h) / np.maximum(width, height) * 100, np.inf)
    faces["subject"] = subjects(faces)
    return faces


def _hundredths(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(np.round(values * _HUNDREDTHS), 0, np.iinfo(np.uint32).max)
