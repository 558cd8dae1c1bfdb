"""Corrections: what faces show that the model misread. They belong to the photo's bytes, so they survive scans."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.rows import faces_of, from_column, insert_faces, now, to_column
from albumsort.records import Box, Face, PhotoResult
from albumsort.text import printable

#: Two boxes show the same face if their intersection is at least this share of their union.
SAME_FACE = 0.5


@dataclass(frozen=True, slots=True)
class Correction:
    """The correction of a face by a person.

    Attributes:
        emotion: one of ``EMOTIONS``; None if it is not a face.
        predicted: the face with the model's last prediction for it.
        at: when the person corrected it, in ISO 8601.
        is_there: whether the last reading of the photo found the face.
    """

    emotion: str | None
    predicted: Face
    at: str
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """A face in a photo with the ``emotion`` that a person named, or with the model's ``probabilities``.

    Attributes:
        box: in pixels of the upright photo; None if the whole picture is the face.
        digest: the digest of the photo that was labelled; None if it is unknown.
    """

    path: str
    box: Box | None
    digest: str | None
    emotion: str | None = None
    probabilities: tuple[float, ...] = ()


def overlap(a: Box, b: Box) -> float:
    """The intersection of two boxes as a share of their union, 0..1."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(width, 0.0) * max(height, 0.0)
    together = a.area + b.area - shared
    return shared / together if together else 0.0


def matches(faces: Sequence[Face], corrections: Sequence[Correction]) -> dict[int, int]:
    """The correction of each face, as another scan may have found it: the index of the correction by that of the face.

    Each face has at most one correction and each correction one face; those that overlap most are matched first.
    """
    shares = sorted(
        (
            (overlap(correction.predicted.box, face.box), face_place, place)
            for face_place, face in enumerate(faces)
            for place, correction in enumerate(corrections)
        ),
        reverse=True,
    )
    matched: dict[int, int] = {}
    for share, face_place, place in shares:
        if share >= SAME_FACE and face_place not in matched and place not in matched.values():
            matched[face_place] = place
    return matched


def visible(faces: Sequence[Face], corrections: Sequence[Correction]) -> dict[int, int]:
    """``matches`` for faces that are already corrected, so that those that are not faces are no longer among them."""
    places = [place for place, correction in enumerate(corrections) if correction.emotion is not None]
    return {face: places[k] for face, k in matches(faces, [corrections[place] for place in places]).items()}


def corrected(faces: Iterable[Face], corrections: Sequence[Correction]) -> tuple[Face, ...]:
    """Faces with their corrections: they show the named emotion for certain, or are left out if they are not faces."""
    faces = tuple(faces)
    matched = matches(faces, corrections)
    kept = []
    for place, face in enumerate(faces):
        if place not in matched:
            kept.append(face)
        elif (emotion := corrections[matched[place]].emotion) is not None:
            kept.append(replace(face, probabilities=tuple(float(name == emotion) for name in EMOTIONS)))
    return tuple(kept)


def uncorrected(faces: Iterable[Face], corrections: Sequence[Correction]) -> tuple[Face, ...]:
    """The opposite of ``corrected``: faces as the model predicted them, the largest first."""
    faces = tuple(faces)
    matched = visible(faces, corrections)
    untouched = [face for place, face in enumerate(faces) if place not in matched]
    restored = [correction.predicted for correction in corrections if correction.is_there]
    return tuple(sorted([*untouched, *restored], key=lambda face: -face.box.area))


def after_reading(connection: sqlite3.Connection, result: PhotoResult) -> tuple[Face, ...]:
    """The faces of a photo that has just been read, with their corrections.

    The corrections of the photo record what the model now predicts, and whether it finds the faces.
    """
    digest, faces = result.photo.digest, result.faces
    known = of_photo(connection, digest)
    if digest is None or not known:
        return faces
    matched = {correction: face for face, correction in matches(faces, known).items()}
    keep(
        connection,
        digest,
        [
            replace(correction, predicted=faces[matched[place]], is_there=True)
            if place in matched
            else replace(correction, is_there=False)
            for place, correction in enumerate(known)
        ],
    )
    return corrected(faces, known)


def correct(connection: sqlite3.Connection, path: str, number: int | None, emotion: str | None) -> tuple[int, Face]:
    """Store a person's correction of a face for each copy of the photo, as described for ``IndexWriter.correct``."""
    digest, faces = _faces_at(connection, path)
    if number is None and len(faces) > 1:
        shown = ", ".join(f"{k} {face.emotion} {face.confidence:.0%}" for k, face in enumerate(faces, 1))
        raise AlbumsortError(f"{printable(path)}: which face? --face N of {shown}; show draws them")
    number = 1 if number is None else number
    if not 1 <= number <= len(faces):
        raise AlbumsortError(f"{printable(path)}: no face {number}; the index has {len(faces)} for this photo")
    known = of_photo(connection, digest)
    earlier = visible(faces, known).get(number - 1)
    predicted = faces[number - 1] if earlier is None else known[earlier].predicted
    kept = [correction for place, correction in enumerate(known) if place != earlier]
    made = Correction(emotion, predicted, now())
    keep(connection, digest, [*kept, made])
    _change_faces(connection, digest, lambda faces: corrected(faces, [made]))
    return number, predicted


def uncorrect(connection: sqlite3.Connection, path: str) -> int:
    """Forget the corrections of the faces of a photo; returns how many there were."""
    digest, _ = _faces_at(connection, path)
    known = of_photo(connection, digest)
    keep(connection, digest, [])
    if known:
        _change_faces(connection, digest, lambda faces: uncorrected(faces, known))
    return len(known)


def of_photo(connection: sqlite3.Connection, digest: str | None) -> list[Correction]:
    """The corrections of the faces of a photo."""
    rows = connection.execute(
        "SELECT emotion, said, corrected_at, is_there FROM corrections WHERE digest = ? ORDER BY id", (digest,)
    )
    return [Correction(emotion, _from_json(text), at, bool(is_there)) for emotion, text, at, is_there in rows]


def keep(connection: sqlite3.Connection, digest: str, corrections: Iterable[Correction]) -> None:
    """Replace the corrections of a photo."""
    connection.execute("DELETE FROM corrections WHERE digest = ?", (digest,))
    connection.executemany(
        "INSERT INTO corrections(digest, emotion, said, corrected_at, is_there) VALUES (?, ?, ?, ?, ?)",
        [(digest, one.emotion, _to_json(one.predicted), one.at, one.is_there) for one in corrections],
    )


def _faces_at(connection: sqlite3.Connection, path: str) -> tuple[str, tuple[Face, ...]]:
    """The digest and the faces of a photo; for a RAW file, those of the JPEG that is the same photo.

    Raises:
        AlbumsortError: the photo is not in the index, or could not be read.
    """
    row = connection.execute(
        "SELECT id, digest FROM photos WHERE path = (SELECT ifnull(raw_of, path) FROM photos WHERE path = ?)",
        (to_column(path),),
    ).fetchone()
    if row is None:
        raise AlbumsortError(f"{printable(path)}: not in the index; scan it first")
    if row[1] is None:
        raise AlbumsortError(f"{printable(path)}: the scan could not read it, so it has no faces")
    return row[1], faces_of(connection, row[0])


def _change_faces(
    connection: sqlite3.Connection, digest: str, change: Callable[[tuple[Face, ...]], Iterable[Face]]
) -> None:
    """Change the faces of each photo with these bytes, and keep their order."""
    for (photo_id,) in connection.execute("SELECT id FROM photos WHERE digest = ?", (digest,)).fetchall():
        faces = change(faces_of(connection, photo_id))
        connection.execute("DELETE FROM faces WHERE photo_id = ?", (photo_id,))
        insert_faces(connection, photo_id, faces)


def labelled(connection: sqlite3.Connection) -> Iterator[LabelledFace]:
    """The corrected faces of the index that are faces; from several copies of a photo, one that is on the disk."""
    rows = connection.execute(
        "SELECT c.id, p.path, c.digest, c.emotion, c.said FROM corrections c JOIN photos p ON p.digest = c.digest"
        " WHERE c.emotion NOT NULL AND c.is_there ORDER BY c.id, p.id"
    )
    for _, copies in groupby(rows, key=lambda row: row[0]):
        there = list(copies)
        paths = [from_column(row[1]) for row in there]
        _, _, digest, emotion, said = there[0]
        yield LabelledFace(next(filter(os.path.exists, paths), paths[0]), _from_json(said).box, digest, emotion)


def remembered(connection: sqlite3.Connection, count: int) -> Iterator[LabelledFace]:
    """At most ``count`` faces of photos without corrections, with the model's probabilities.

    The same index always gives the same faces.
    """
    # Multiplication by 2^32 over the golden ratio (Knuth) spreads neighbouring numbers far apart, like a random draw.
    rows = connection.execute(
        f"SELECT p.path, p.digest, x, y, w, h, {', '.join(EMOTIONS)} FROM faces f JOIN photos p ON p.id = f.photo_id"
        " WHERE p.digest NOT IN (SELECT digest FROM corrections) ORDER BY f.id * 2654435761 % 4294967296 LIMIT ?",
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
