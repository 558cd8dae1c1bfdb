"""Corrections: what people say of faces that the model misread; kept by the photo's bytes, so they outlive scans."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from albumsort.emotions import EMOTIONS
from albumsort.index.rows import from_column
from albumsort.records import Box, Face

#: Two boxes are of one face when they share at least this much of what they cover together.
SAME_FACE = 0.5


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says of one face.

    Attributes:
        emotion: one of ``EMOTIONS``; None when it is no face.
        said: the face as the model read it.
    """

    emotion: str | None
    said: Face

    def concerns(self, face: Face) -> bool:
        """Whether it is about this face, as another scan may have found it."""
        return overlap(self.said.box, face.box) >= SAME_FACE


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """A face in a photo with what it shows: the ``emotion`` that a person named, or the model's ``probabilities``."""

    path: str
    box: Box | None
    digest: str
    emotion: str | None = None
    probabilities: tuple[float, ...] = ()


def overlap(a: Box, b: Box) -> float:
    """What two boxes share, as a part of what they cover together, 0..1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    together = a[2] * a[3] + b[2] * b[3] - shared
    return shared / together if together else 0.0


def corrected(faces: Iterable[Face], corrections: list[Correction]) -> tuple[Face, ...]:
    """Faces with what people say of them: certain of that emotion, or left out where they are none."""
    done = []
    for face in faces:
        found = next((one for one in corrections if one.concerns(face)), None)
        if found is None:
            done.append(face)
        elif found.emotion is not None:
            done.append(replace(face, probabilities=tuple(float(name == found.emotion) for name in EMOTIONS)))
    return tuple(done)


def of_photo(connection: sqlite3.Connection, digest: str | None) -> list[Correction]:
    """The corrections to the faces of a photo."""
    rows = connection.execute("SELECT emotion, said FROM corrections WHERE digest = ? ORDER BY id", (digest,))
    return [Correction(emotion, _from_json(said)) for emotion, said in rows]


def keep(connection: sqlite3.Connection, digest: str, corrections: Iterable[Correction], now: str) -> None:
    """Make these the corrections of a photo, in place of those there are."""
    connection.execute("DELETE FROM corrections WHERE digest = ?", (digest,))
    rows = [(digest, one.emotion, _to_json(one.said), now) for one in corrections]
    connection.executemany("INSERT INTO corrections(digest, emotion, said, corrected_at) VALUES (?, ?, ?, ?)", rows)


def labelled(connection: sqlite3.Connection) -> Iterator[LabelledFace]:
    """The corrected faces that are in the index, one of each photo's copies, without those that are no faces."""
    rows = connection.execute(
        "SELECT min(p.path), c.digest, c.emotion, c.said FROM corrections c JOIN photos p ON p.digest = c.digest"
        " WHERE c.emotion NOT NULL GROUP BY c.id ORDER BY c.id"
    )
    for path, digest, emotion, said in rows:
        yield LabelledFace(from_column(path), _from_json(said).box, digest, emotion)


def remembered(connection: sqlite3.Connection, count: int) -> Iterator[LabelledFace]:
    """Some faces of photos that nobody corrected, with the model's answers; the same ones for the same index."""
    # Multiplied by 2^32 over the golden ratio (Knuth), neighbouring numbers fall far apart: a draw without a dice.
    rows = connection.execute(
        f"SELECT p.path, p.digest, x, y, w, h, {', '.join(EMOTIONS)} FROM faces f JOIN photos p ON p.id = f.photo_id"
        " WHERE p.digest NOT IN (SELECT digest FROM corrections)"
        " ORDER BY f.id * 2654435761 % 4294967296 LIMIT ?",
        (count,),
    )
    for path, digest, x, y, w, h, *probabilities in rows:
        if None not in probabilities:
            yield LabelledFace(from_column(path), (x, y, w, h), digest, None, tuple(probabilities))


def _to_json(face: Face) -> str:
    parts: dict[str, Any] = {name: getattr(face, name) for name in _PARTS}
    return json.dumps(parts)


def _from_json(text: str) -> Face:
    parts = json.loads(text)
    points = tuple((x, y) for x, y in parts["landmarks"])
    return Face(
        tuple(parts["box"]), parts["detection"], points, parts["sharpness"], tuple(parts["probabilities"])
    )  # fmt: skip


_PARTS = ("box", "detection", "landmarks", "sharpness", "probabilities")
