"""The best frame of a burst: what speaks for each, and how much it weighs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from albumsort.records import Face, Photo

#: What a frame is judged by, and how much each weighs unless told otherwise.
WEIGHTS: Mapping[str, float] = {
    "emotion": 3.0,
    "people": 6.0,
    "sharpness": 1.0,
    "facing": 1.0,
    "whole": 1.0,
    "exposure": 0.5,
}
#: How far the nose may lie from the middle between the eyes, in distances of the eyes, before a face counts as turned
#: away entirely; in profile it lies at about a half.
_PROFILE = 0.5


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


def judged(
    burst: Sequence[tuple[Photo, tuple[Face, ...]]], emotion: str, weights: Mapping[str, float] = WEIGHTS
) -> list[Frame]:
    """The frames of a burst, best first.

    - ``emotion``: of the face in front that shows it least;
    - ``people``: faces in front, of the most that any frame of the burst has: who turned away is not found, and whom
      the edge cuts or who is blurred is not in front;
    - ``sharpness``: of the least sharp face in front, of the sharpest in the burst;
    - ``facing``: how far the face that is turned most still looks at the camera;
    - ``whole``: share of the frame's faces in front that the edge does not cut: 1, unless nobody is whole and sharp;
    - ``exposure``: share of the pixels that are neither black nor white.

    Args:
        burst: photos with their faces.
        emotion: one of ``EMOTIONS``.
        weights: at least one above 0; a part that is not named weighs nothing.
    """
    crowds = [_crowd(photo, faces) for photo, faces in burst]
    most = max(map(len, crowds), default=0)
    sharpest = max((min(face.sharpness for face in crowd) for crowd in crowds if crowd), default=0.0)
    frames = []
    for (photo, faces), crowd in zip(burst, crowds, strict=True):
        parts = _parts(photo, crowd, emotion, most, sharpest)
        total = sum(weights.get(name, 0.0) for name in parts)
        score = sum(weights.get(name, 0.0) * value for name, value in parts.items()) / total if total else 0.0
        frames.append(Frame(photo, faces, round(score, 6), {name: round(value, 4) for name, value in parts.items()}))
    return sorted(frames, key=lambda frame: (-frame.score, frame.photo.path))


def _crowd(photo: Photo, faces: Sequence[Face]) -> list[Face]:
    from albumsort.front import in_front  # with numpy, which most commands that know of frames do not need

    return [face for face, counts in zip(faces, in_front(photo, faces), strict=True) if counts]


def _parts(photo: Photo, crowd: Sequence[Face], emotion: str, most: int, sharpest: float) -> dict[str, float]:
    from albumsort.front import is_cut  # likewise

    parts: dict[str, float] = {}
    if most:
        parts["emotion"] = min((face.probability(emotion) for face in crowd), default=0.0)
        parts["people"] = len(crowd) / most
        least = min((face.sharpness for face in crowd), default=0.0)
        # Of a variance, so that half as sharp in grey levels is half.
        parts["sharpness"] = math.sqrt(least / sharpest) if sharpest else 0.0
        parts["facing"] = min((facing(face) for face in crowd), default=0.0)
        parts["whole"] = sum(not is_cut(face, photo) for face in crowd) / len(crowd) if crowd else 0.0
    if photo.exposure is not None:
        parts["exposure"] = photo.exposure
    return parts


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
