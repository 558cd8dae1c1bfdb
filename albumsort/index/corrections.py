"""Corrections: what people say of faces that the model misread; kept by the photo's bytes, so they outlive scans."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

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
        said: the face as the model read it when it last found it.
        at: when the person said so, ISO 8601.
        is_there: whether the last reading of the photo found the face.
    """

    emotion: str | None
    said: Face
    at: str
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """A face in a photo with what it shows: the ``emotion`` that a person named, or the model's ``probabilities``.

    Attributes:
        box: in pixels of the upright photo; None where the whole picture is the face.
        digest: of the photo that was labelled; None when that is not known.
    """

    path: str
    box: Box | None
    digest: str | None
    emotion: str | None = None
    probabilities: tuple[float, ...] = ()


def overlap(a: Box, b: Box) -> float:
    """What two boxes share, as a part of what they cover together, 0..1."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(width, 0.0) * max(height, 0.0)
    together = a.area + b.area - shared
    return shared / together if together else 0.0


def matches(faces: Sequence[Face], corrections: Sequence[Correction]) -> dict[int, int]:
    """Which face each correction is about, as another scan may have found it: place of the face to place of it.

    Each face has at most one correction and each correction one face; those that overlap most find each other first.
    """
    shares = sorted(
        ((overlap(one.said.box, face.box), f, c) for f, face in enumerate(faces) for c, one in enumerate(corrections)),
        reverse=True,
    )
    found: dict[int, int] = {}
    for share, face, correction in shares:
        if share >= SAME_FACE and face not in found and correction not in found.values():
            found[face] = correction
    return found


def corrected(faces: Iterable[Face], corrections: Sequence[Correction]) -> tuple[Face, ...]:
    """Faces with what people say of them: certain of that emotion, or left out where they are none."""
    faces = tuple(faces)
    found = matches(faces, corrections)
    done = []
    for place, face in enumerate(faces):
        if place not in found:
            done.append(face)
        elif (emotion := corrections[found[place]].emotion) is not None:
            done.append(replace(face, probabilities=tuple(float(name == emotion) for name in EMOTIONS)))
    return tuple(done)


def as_read(faces: Iterable[Face], corrections: Sequence[Correction]) -> tuple[Face, ...]:
    """The opposite of ``corrected``: faces as the model reads them, the largest first."""
    faces = tuple(faces)
    found = visible(faces, corrections)
    others = [face for place, face in enumerate(faces) if place not in found]
    back = [one.said for one in corrections if one.is_there]
    return tuple(sorted([*others, *back], key=lambda face: -face.box.area))


def visible(faces: Sequence[Face], corrections: Sequence[Correction]) -> dict[int, int]:
    """As ``matches``, for faces that have been corrected already: what is no face is no longer among them."""
    places = [place for place, one in enumerate(corrections) if one.emotion is not None]
    return {face: places[k] for face, k in matches(faces, [corrections[place] for place in places]).items()}


def heard_again(faces: Sequence[Face], corrections: Sequence[Correction]) -> list[Correction]:
    """The corrections after a new reading of their photo: what the model says of the faces now, if it finds them."""
    found = {correction: face for face, correction in matches(faces, corrections).items()}
    return [
        replace(one, said=faces[found[place]], is_there=True) if place in found else replace(one, is_there=False)
        for place, one in enumerate(corrections)
    ]


def of_photo(connection: sqlite3.Connection, digest: str | None) -> list[Correction]:
    """The corrections to the faces of a photo."""
    rows = connection.execute(
        "SELECT emotion, said, corrected_at, is_there FROM corrections WHERE digest = ? ORDER BY id", (digest,)
    )
    return [Correction(emotion, _from_json(said), at, bool(is_there)) for emotion, said, at, is_there in rows]


def keep(connection: sqlite3.Connection, digest: str, corrections: Iterable[Correction]) -> None:
    """Make these the corrections of a photo, in place of those there are."""
    connection.execute("DELETE FROM corrections WHERE digest = ?", (digest,))
    connection.executemany(
        "INSERT INTO corrections(digest, emotion, said, corrected_at, is_there) VALUES (?, ?, ?, ?, ?)",
        [(digest, one.emotion, _to_json(one.said), one.at, one.is_there) for one in corrections],
    )


def labelled(connection: sqlite3.Connection) -> Iterator[LabelledFace]:
    """The corrected faces of the index, without those that are no faces; of copies, one that is on the disk."""
    rows = connection.execute(
        "SELECT c.id, p.path, c.digest, c.emotion, c.said FROM corrections c JOIN photos p ON p.digest = c.digest"
        " WHERE c.emotion NOT NULL AND c.is_there ORDER BY c.id, p.id"
    )
    for _, copies in groupby(rows, key=lambda row: row[0]):
        there = list(copies)
        paths = [from_column(row[1]) for row in there]
        _, _, digest, emotion, said = there[0]
        yield LabelledFace(next(filter(os.path.exists, paths), paths[0]), _from_json(said).box, digest, emotion)


def remembered(connection: sqlite3.Connection, count: int, uncorrected: str) -> Iterator[LabelledFace]:
    """Some faces with the model's answers; the same ones for the same index.

    Args:
        connection: of the index.
        count: how many at most.
        uncorrected: a condition on ``p``, the photos, that leaves out those with corrections.
    """
    # Multiplied by 2^32 over the golden ratio (Knuth), neighbouring numbers fall far apart: a draw without a dice.
    rows = connection.execute(
        f"SELECT p.path, p.digest, x, y, w, h, {', '.join(EMOTIONS)} FROM faces f JOIN photos p ON p.id = f.photo_id"
        f" WHERE {uncorrected} ORDER BY f.id * 2654435761 % 4294967296 LIMIT ?",
        (count,),
    )
    for path, digest, x, y, w, h, *probabilities in rows:
        if None not in probabilities:
            yield LabelledFace(from_column(path), Box(x, y, w, h), digest, None, tuple(probabilities))


def _to_json(face: Face) -> str:
    return json.dumps({name: getattr(face, name) for name in Face.__slots__})


def _from_json(text: str) -> Face:
    parts = json.loads(text)
    points = tuple((x, y) for x, y in parts["landmarks"])
    return Face(
        Box(*parts["box"]), parts["detection"], points, parts["sharpness"], tuple(parts["probabilities"])
    )  # fmt: skip
