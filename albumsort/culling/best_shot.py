"""The best frame of a burst: what speaks for each, and how much it weighs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from statistics import median

from albumsort.records import Face, Photo, PhotoResult

#: What a frame is judged by, and how much each weighs unless told otherwise.
WEIGHTS: Mapping[str, float] = {
    "emotion": 3.0,
    "people": 6.0,
    "sharpness": 0.5,
    "facing": 0.5,
    "whole": 1.0,
    "exposure": 0.5,
}
#: How far the nose may lie from the middle between the eyes, in distances of the eyes, before a face counts as turned
#: away entirely; in profile it lies at about a half.
_PROFILE = 0.5
#: A face is of the group when at least this share of the burst's frames have a face at its place. Who is on fewer may
#: pass by, be a pattern that the detector takes for a face, or at last look into the camera.
_STAYS = 1 / 3
#: What somebody who is on few frames counts for: a stranger who smiles must not outweigh one of the group who does not,
#: but somebody who at last looks up and smiles should make the frame.
_GUEST = 0.5
#: How far a face may move from frame to frame, in heights, and how many times higher or lower it may become.
_NEAR, _GROWN = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A photo of a burst.

    Attributes:
        score: the weighted mean of the parts, 0 to 1.
        parts: by the names of ``WEIGHTS``, each 0 to 1; one that nothing is known of is left out.
    """

    photo: Photo
    faces: tuple[Face, ...]
    score: float
    parts: Mapping[str, float]


def judged(burst: Sequence[PhotoResult], emotion: str, weights: Mapping[str, float] = WEIGHTS) -> list[Frame]:
    """The frames of a burst, best first.

    Judged are the faces in front. Who is on few frames spoils none.

    - ``emotion``: of the face that shows it least;
    - ``people``: how many there are, of the most that any frame of the burst has: who turned away is not found, and
      whom the edge cuts or who is blurred is not in front; who is on few frames counts for half as much as he shows the
      emotion;
    - ``sharpness``: of the least sharp face in front, of the sharpest in the burst;
    - ``facing``: how far the face that is turned most still looks at the camera;
    - ``whole``: share of them that the edge does not cut: 1, unless nobody is whole and sharp;
    - ``exposure``: share of the pixels that are neither black nor white.

    Args:
        burst: photos with their faces.
        emotion: one of ``EMOTIONS``.
        weights: at least one above 0; a part that is not named weighs nothing.
    """
    groups = _groups(burst)
    people = [len(group) + _GUEST * sum(face.probability(emotion) for face in guests) for group, guests in groups]
    sharpest = max((min(face.sharpness for face in group) for group, _ in groups if group), default=0.0)
    frames = []
    for shot, (group, _), number in zip(burst, groups, people, strict=True):
        photo, faces = shot.photo, shot.faces
        parts = {**_parts(photo, group, emotion, sharpest), "people": number / max(people)} if max(people) else {}
        if photo.exposure is not None:
            parts["exposure"] = photo.exposure
        total = sum(weights.get(name, 0.0) for name in parts)
        score = sum(weights.get(name, 0.0) * value for name, value in parts.items()) / total if total else 0.0
        frames.append(Frame(photo, faces, round(score, 6), {name: round(value, 4) for name, value in parts.items()}))
    return sorted(frames, key=lambda frame: (-frame.score, frame.photo.path))


def _groups(burst: Sequence[PhotoResult]) -> list[tuple[list[Face], list[Face]]]:
    """Of each frame the faces in front: those of the group, and those that are on few frames."""
    from albumsort.culling.subjects import in_front  # with numpy, which most commands that know of frames do not need

    crowds = [
        [face for face, counts in zip(shot.faces, in_front(shot.photo, shot.faces), strict=True) if counts]
        for shot in burst
    ]
    placed = [[_place(face, shot.photo) for face in shot.faces] for shot in burst]

    def share(place: tuple[float, float, float]) -> float:
        """Of the frames, how many have a face there."""
        return sum(any(_is_near(place, other) for other in there) for there in placed) / len(burst)

    shares = [[share(_place(face, shot.photo)) for face in crowd] for shot, crowd in zip(burst, crowds, strict=True)]
    if median([one for some in shares for one in some] or [0.0]) < 0.5:
        return [(crowd, []) for crowd in crowds]  # the camera moves, and nobody has a place
    groups = []
    for crowd, some in zip(crowds, shares, strict=True):
        of_group, guests = ([one >= _STAYS for one in some], [one < _STAYS for one in some])
        if not any(of_group):  # all have moved together, as the camera has
            of_group, guests = guests, of_group
        groups.append((list(compress(crowd, of_group)), list(compress(crowd, guests))))
    return groups


def _place(face: Face, photo: Photo) -> tuple[float, float, float]:
    """Where the middle of a face is, across and down, and its height, in long sides of the photo if that is known."""
    x, y, w, h = face.box
    long_side = max(photo.width or 0, photo.height or 0) or 1
    return (x + w / 2) / long_side, (y + h / 2) / long_side, h / long_side


def _is_near(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Whether the places of two faces may be those of one person who stays."""
    (x, y, h), (u, v, t) = one, other
    reach = _NEAR * (h + t) / 2
    return abs(x - u) < reach and abs(y - v) < reach and max(h, t) <= _GROWN * min(h, t)


def _parts(photo: Photo, group: Sequence[Face], emotion: str, sharpest: float) -> dict[str, float]:
    """Of the faces by which a frame is judged; 0 where it has none."""
    from albumsort.culling.subjects import is_cut  # likewise

    if not group:
        return dict.fromkeys(("emotion", "sharpness", "facing", "whole"), 0.0)
    least = min(face.sharpness for face in group)
    return {
        "emotion": min(face.probability(emotion) for face in group),
        # Of a variance, so that half as sharp in grey levels is half.
        "sharpness": math.sqrt(least / sharpest) if sharpest else 0.0,
        "facing": min(facing(face) for face in group),
        "whole": sum(not is_cut(face, photo) for face in group) / len(group),
    }


def facing(face: Face) -> float:
    """How far a face looks at the camera, 1 straight and 0 in profile; from the places of eyes and nose."""
    if len(face.landmarks) < 3:
        return 1.0
    (ax, ay), (bx, by), (nx, ny) = face.landmarks[:3]
    dx, dy = bx - ax, by - ay
    eyes = dx * dx + dy * dy
    if not eyes:
        return 0.0
    # Along the line of the eyes, so that a tilted head is not taken for one that is turned.
    off = ((nx - (ax + bx) / 2) * dx + (ny - (ay + by) / 2) * dy) / eyes
    return max(0.0, 1 - abs(off) / _PROFILE)
