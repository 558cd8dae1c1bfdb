"""Faces that are not upright: photos whose camera was held sideways or upside down, and whose EXIF does not tell.

A turn is a number of quarter turns against the clock, 0 to 3, that puts a face upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.records import Box, Detection, Landmarks

#: Two faces are rivals if they overlap by more than this share of the smaller one.
_RIVALS = 0.5
#: The number of landmarks of a face: two eyes, the nose, two corners of the mouth.
_LANDMARKS = 5


def turned(pixels: NDArray[Any], turn: int) -> NDArray[Any]:
    """A view of a picture ``(height, width, ...)`` after a turn."""
    return np.rot90(pixels, turn)


def turn_of(landmarks: Landmarks) -> int:
    """The turn that puts a face upright, by the direction from its eyes to its mouth.

    A face that is tilted by less than 45 degrees is upright: 0. So is a face without landmarks.
    """
    if len(landmarks) != _LANDMARKS:
        return 0
    points = np.asarray(landmarks, float)
    x, y = points[3:].mean(0) - points[:2].mean(0)
    if abs(x) > abs(y):
        return 1 if x < 0 else 3
    return 2 if y < 0 else 0


def turned_point(x: float, y: float, turn: int, width: float, height: float) -> tuple[float, float]:
    """Where a point of a picture of ``width`` and ``height`` is after a turn."""
    return ((x, y), (y, width - x), (width - x, height - y), (height - y, x))[turn]


def turned_box(box: Box, turn: int, width: float, height: float) -> Box:
    """Where a box of a picture of ``width`` and ``height`` is after a turn."""
    if not turn:
        return box
    x0, y0 = turned_point(box[0], box[1], turn, width, height)
    x1, y1 = turned_point(box[0] + box[2], box[1] + box[3], turn, width, height)
    return Box(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))


def turned_back(face: Detection, turn: int, width: float, height: float) -> Detection:
    """Undo a turn.

    Args:
        face: in pixels of the turned picture.
        turn: the turn of that picture.
        width: of the turned picture, in pixels.
        height: likewise.

    Returns:
        the face in pixels of the picture before the turn. Its landmarks keep their order, so that they tell the turn.
    """
    back = -turn % 4
    points = tuple(turned_point(x, y, back, width, height) for x, y in face.landmarks)
    return Detection(turned_box(face.box, back, width, height), face.score, points)


def without_rivals(faces: Sequence[Detection]) -> list[Detection]:
    """The faces of several looks at one picture. Of faces at one place, the one with the highest score is kept.

    Returns:
        the faces, the largest first.
    """
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(_common(face.box, other.box) > _RIVALS for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.box.area)


def _common(one: Box, other: Box) -> float:
    """The area that two boxes share, as a share of the smaller one."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return max(0.0, width) * max(0.0, height) / max(min(one.area, other.area), 1e-9)
