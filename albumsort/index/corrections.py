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
from albumsort.index import marked
from albumsort.index.marked import MarkedPhotos
from albumsort.index.rows import faces_of, from_column, insert_faces, now, photo_of, to_column
from albumsort.index.same_photo import FoundAt, Turn, shifts_between, turns_between
from albumsort.records import Box, Detection, Face, Landmarks, Photo, PhotoResult
from albumsort.text import printable

#: Two boxes show the same face if their intersection is at least this share of their union.
SAME_FACE = 0.5
#: The same for two readings of the same pixels, and the share by which their sharpness differs at most. They are the
#: same but for rounding, while frames of a burst differ in both.
SAME_PIXELS, SAME_SHARPNESS = 0.98, 0.002


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
        landmarks: of the face, in the same pixels; they tell whether it is turned. Empty if they are unknown.
    """

    path: str
    box: Box | None
    digest: str | None
    emotion: str | None = None
    probabilities: tuple[float, ...] = ()
    landmarks: Landmarks = ()


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
            certain = tuple(float(name == emotion) for name in EMOTIONS)
            kept.append(replace(face, probabilities=certain, corrected=True))
    return tuple(kept)


def uncorrected(faces: Iterable[Face], corrections: Sequence[Correction]) -> tuple[Face, ...]:
    """The opposite of ``corrected``: faces as the model predicted them, the largest first."""
    faces = tuple(faces)
    matched = visible(faces, corrections)
    untouched = [face for place, face in enumerate(faces) if place not in matched]
    restored = [correction.predicted for correction in corrections if correction.is_there]
    return tuple(sorted([*untouched, *restored], key=lambda face: -face.box.area))


def after_reading(
    connection: sqlite3.Connection,
    result: PhotoResult,
    marked_photos: MarkedPhotos,
    earlier: Photo | None,
    is_new: bool,
) -> tuple[Face, ...]:
    """The faces of a photo that has just been read, with their corrections.

    The corrections of the photo record what the model now predicts, and whether it finds the faces.

    Args:
        connection: in a transaction.
        result: what was read.
        marked_photos: the photos with corrections.
        earlier: what the index had at this path before; None if it had nothing.
        is_new: whether the index had no photo with these bytes. Only such a photo takes the corrections of a photo with
            other bytes that it is likely to be.
    """
    digest, faces = result.photo.digest, result.faces
    known = of_photo(connection, digest)
    if is_new and not known:
        known = _of_other_bytes(connection, result, marked_photos, earlier)
    if digest is None or not known:
        return faces
    matched = {correction: face for face, correction in matches(faces, known).items()}
    keep(
        connection,
        result.photo,
        [
            replace(correction, predicted=faces[matched[place]], is_there=True)
            if place in matched
            else replace(correction, is_there=False)
            for place, correction in enumerate(known)
        ],
    )
    return corrected(faces, known)


def _of_other_bytes(
    connection: sqlite3.Connection, result: PhotoResult, marked_photos: MarkedPhotos, earlier: Photo | None
) -> list[Correction]:
    """The corrections of the photo that this one was before its file was changed, with their boxes where they are now.

    There are none if no face overlaps that of a correction: then it is not certain that it is the same photo. A photo
    that lies on its side, so that its faces are not found for now, keeps them.
    """
    photo = result.photo
    needs_same_pixels = (FoundAt.BESIDE, FoundAt.RETIMED)
    for before, place in marked_photos.like(photo, earlier):
        known = of_photo(connection, before.digest)
        turns = list(turns_between(before, photo, place))
        for turn in turns:
            turned = [_turned(correction, turn, before, photo) for correction in known]
            matched = matches(result.faces, turned)
            if place in needs_same_pixels and turn == Turn():
                matched = {
                    face: k for face, k in matched.items() if _has_same_pixels(result.faces[face], turned[k].predicted)
                }
            if matched:
                if place is not FoundAt.SAME_PATH and not marked_photos.is_there(before):
                    marked.moved(connection, before.digest, photo.path)
                return turned
        if place is FoundAt.SAME_PATH:
            if turns and (turns[0] != Turn() or not result.faces):
                return [_turned(correction, turns[0], before, photo) for correction in known]
            for shift in shifts_between(before, photo):
                shifted = [_shifted(correction, *shift) for correction in known]
                if matches(result.faces, shifted):
                    return shifted
    return []


def _shifted(correction: Correction, right: float, down: float) -> Correction:
    """A correction with its box and landmarks in pixels of a photo that was cropped or framed."""
    face = correction.predicted
    box = face.box._replace(x=face.box.x + right, y=face.box.y + down)
    landmarks = tuple((x + right, y + down) for x, y in face.landmarks)
    return replace(correction, predicted=replace(face, box=box, landmarks=landmarks))


def _turned(correction: Correction, turn: Turn, before: Photo, after: Photo) -> Correction:
    """A correction with its box and landmarks in pixels of a photo that was turned, and perhaps scaled."""
    width, height = before.width or 1, before.height or 1
    face = correction.predicted
    points = tuple(turn.box(Box(x, y, 0.0, 0.0), (width, height))[:2] for x, y in face.landmarks)
    turned = Detection(turn.box(face.box, (width, height)), face.detection, points)
    if turn.is_transposed:
        width, height = height, width
    turned = turned.scaled((after.width or width) / width, (after.height or height) / height)
    return replace(correction, predicted=replace(face, box=turned.box, landmarks=turned.landmarks))


def _has_same_pixels(face: Face, other: Face) -> bool:
    """Whether two readings are so alike that the pixels must be the same: the next frame of a burst is not."""
    is_as_sharp = abs(face.sharpness - other.sharpness) <= SAME_SHARPNESS * max(face.sharpness, other.sharpness)
    return overlap(face.box, other.box) >= SAME_PIXELS and is_as_sharp


def correct(connection: sqlite3.Connection, path: str, number: int | None, emotion: str | None) -> tuple[int, Face]:
    """Store a person's correction of a face for each copy of the photo, as described for ``IndexWriter.correct``."""
    photo, faces = _faces_at(connection, path)
    if number is None and len(faces) > 1:
        shown = ", ".join(f"--face {k} ({face.emotion} {face.confidence:.0%})" for k, face in enumerate(faces, 1))
        raise AlbumsortError(f"{printable(path)}: which face? Add one of {shown}. albumsort show draws them")
    number = 1 if number is None else number
    if not 1 <= number <= len(faces):
        raise AlbumsortError(f"{printable(path)}: no face {number}; the index has {len(faces)} for this photo")
    known = of_photo(connection, photo.digest)
    earlier = visible(faces, known).get(number - 1)
    predicted = faces[number - 1] if earlier is None else known[earlier].predicted
    kept = [correction for place, correction in enumerate(known) if place != earlier]
    made = Correction(emotion, predicted, now())
    _drop_earlier_versions(connection, photo)
    keep(connection, photo, [*kept, made])
    _change_faces(connection, photo.digest, lambda faces: corrected(faces, [made]))
    return number, predicted


def uncorrect(connection: sqlite3.Connection, path: str, number: int | None = None) -> int:
    """Take back corrections, as described for ``IndexWriter.uncorrect``; returns how many there were."""
    photo, faces = _faces_at(connection, path)
    known = of_photo(connection, photo.digest)
    chosen = known if number is None else [_of_face(path, number, faces, known)]
    if not chosen:
        return 0
    _drop_earlier_versions(connection, photo)
    keep(connection, photo, [correction for correction in known if correction not in chosen])
    _change_faces(connection, photo.digest, lambda faces: uncorrected(faces, chosen))
    marked.drop_unused(connection)
    return len(chosen)


def _of_face(path: str, number: int, faces: Sequence[Face], known: Sequence[Correction]) -> Correction:
    """The correction of a face by its number, as ``numbered`` gives it.

    Raises:
        AlbumsortError: it has none.
    """
    of_numbers = {shown: correction for shown, correction in numbered(faces, known) if shown is not None}
    if number not in of_numbers:
        shown = f"it has corrections of face {', '.join(map(str, of_numbers))}" if of_numbers else "it has none"
        raise AlbumsortError(f"{printable(path)}: no correction of a face {number}; {shown}")
    return of_numbers[number]


def numbered(faces: Sequence[Face], known: Sequence[Correction]) -> list[tuple[int | None, Correction]]:
    """The corrections of a photo, each with the number of its face, from 1.

    What is not a face has a number after those of the faces. What the last reading did not find has none.

    Args:
        faces: those of the photo, with its corrections.
        known: the corrections.
    """
    of_corrections = {place: face + 1 for face, place in visible(faces, known).items()}
    hidden = [place for place, one in enumerate(known) if one.emotion is None and one.is_there]
    of_corrections |= {place: len(faces) + number for number, place in enumerate(hidden, 1)}
    rows = [(of_corrections.get(place), correction) for place, correction in enumerate(known)]
    return sorted(rows, key=lambda row: row[0] or len(faces) + len(known) + 1)


def _drop_earlier_versions(connection: sqlite3.Connection, photo: Photo) -> None:
    """Drop what was said of a photo before its file was changed: the newest word counts, if its old bytes come back."""
    for digest in marked.earlier_versions(connection, photo):
        connection.execute("DELETE FROM corrections WHERE digest = ?", (digest,))
    marked.drop_unused(connection)


def of_photo(connection: sqlite3.Connection, digest: str | None) -> list[Correction]:
    """The corrections of the faces of a photo."""
    rows = connection.execute(
        "SELECT emotion, said, corrected_at, is_there FROM corrections WHERE digest = ? ORDER BY id", (digest,)
    )
    return [Correction(emotion, _from_json(text), at, bool(is_there)) for emotion, text, at, is_there in rows]


def marked_in(connection: sqlite3.Connection, results: dict[int, PhotoResult]) -> dict[int, PhotoResult]:
    """The same photos by id, each face marked whose emotion a person named."""
    digests = "SELECT p.digest FROM json_each(?) j CROSS JOIN photos p ON p.id = j.value"
    question = f"SELECT DISTINCT digest FROM corrections WHERE digest IN ({digests})"
    rows = connection.execute(question, (json.dumps(list(results)),)).fetchall()
    known = {digest: of_photo(connection, digest) for (digest,) in rows}

    def marked_faces(result: PhotoResult) -> PhotoResult:
        places = visible(result.faces, known.get(result.photo.digest, ()))
        faces = (replace(face, corrected=True) if k in places else face for k, face in enumerate(result.faces))
        return replace(result, faces=tuple(faces)) if places else result

    return {photo_id: marked_faces(result) for photo_id, result in results.items()} if known else results


def keep(connection: sqlite3.Connection, photo: Photo, corrections: Iterable[Correction]) -> None:
    """Replace the corrections of a photo, which has a digest."""
    connection.execute("DELETE FROM corrections WHERE digest = ?", (photo.digest,))
    connection.executemany(
        "INSERT INTO corrections(digest, emotion, said, corrected_at, is_there) VALUES (?, ?, ?, ?, ?)",
        [(photo.digest, one.emotion, _to_json(one.predicted), one.at, one.is_there) for one in corrections],
    )
    marked.mark(connection, photo)


def _faces_at(connection: sqlite3.Connection, path: str) -> tuple[Photo, tuple[Face, ...]]:
    """A photo, and its faces; for a RAW file, those of the JPEG that is the same photo.

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
    return photo_of(connection, row[0]), faces_of(connection, row[0])


def _change_faces(
    connection: sqlite3.Connection, digest: str | None, change: Callable[[tuple[Face, ...]], Iterable[Face]]
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
        face = _from_json(said)
        path = next(filter(os.path.exists, paths), paths[0])
        yield LabelledFace(path, face.box, digest, emotion, landmarks=face.landmarks)


def remembered(connection: sqlite3.Connection, count: int) -> Iterator[LabelledFace]:
    """At most ``count`` faces of photos without corrections, with the model's probabilities.

    The same index always gives the same faces.
    """
    # Multiplication by 2^32 over the golden ratio (Knuth) spreads neighbouring numbers far apart, like a random draw.
    rows = connection.execute(
        f"SELECT p.path, p.digest, landmarks, x, y, w, h, {', '.join(EMOTIONS)}"
        " FROM faces f JOIN photos p ON p.id = f.photo_id"
        " WHERE p.digest NOT IN (SELECT digest FROM corrections) ORDER BY f.id * 2654435761 % 4294967296 LIMIT ?",
        (count,),
    )
    for path, digest, landmarks, x, y, w, h, *probabilities in rows:
        if None not in probabilities:
            points = tuple((px, py) for px, py in json.loads(landmarks))
            yield LabelledFace(from_column(path), Box(x, y, w, h), digest, None, tuple(probabilities), points)


def _to_json(face: Face) -> str:
    return json.dumps({name: getattr(face, name) for name in Face.__slots__ if name != "corrected"})


def _from_json(text: str) -> Face:
    parts = json.loads(text)
    points = tuple((x, y) for x, y in parts["landmarks"])
    return Face(
        Box(*parts["box"]), parts["detection"], points, parts["sharpness"], tuple(parts["probabilities"])
    )  # fmt: skip
