"""Who stands in front: the faces that a photo is of, without passers-by, blurred heads and what the frame cuts off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.records import Face, Photo

#: The share of the tallest face's height under which a face is background.
BACKGROUND_HEIGHT = 1 / 3
#: The share of the clearest face's detail under which a face is blurred. In groups of one focus it is above 1/10; a
#: Gaussian blur of a thirtieth of the face's height takes it to 1/100.
BLURRED = 1 / 100
#: Share of a box that lies outside the photo when a fifth of the face is cut off: of what it sees of a face, the
#: detector tells where the rest must be, and errs by some hundredths.
_OUTSIDE = 0.07


def in_front(photo: Photo, faces: Sequence[Face]) -> list[bool]:
    """For each face of a photo whether it counts when everyone is asked for.

    Left out are the blurred and the cut, then those lower than a third of the tallest that is left. Where nobody is
    left, neither blur nor frame matter: a photo with faces has one in front. How faces look, or whether they are turned
    away, plays no part: they were meant to be on the photo, and they may spoil it.
    """
    if not faces:
        return []
    heights, sharpness = (np.array(values) for values in ([f.box[3] for f in faces], [f.sharpness for f in faces]))
    cut = np.array([is_cut(face, photo) for face in faces])
    return [bool(is_front) for is_front in standing_in_front(heights, sharpness, cut, np.zeros(1, np.int64))]


def standing_in_front(
    heights: NDArray[np.float64], sharpness: NDArray[np.float64], cut: NDArray[np.bool_], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """As ``in_front`` for the faces of many photos, those of one photo behind each other.

    Args:
        heights: of the faces' boxes in pixels ``(n,)``, at least one.
        sharpness: as in ``Face`` ``(n,)``.
        cut: whether the edge of the photo cuts them ``(n,)``.
        first: where the faces of each photo begin ``(photos,)``.
    """
    photo = np.repeat(np.arange(len(first)), np.diff(first, append=len(heights)))
    # Sharp or not, a face has the less variance in its Laplacian the larger it is, down to the square of its height for
    # one that the lens or an earlier scaling has softened.
    details = sharpness * heights**2
    meant = (details >= np.maximum.reduceat(details, first)[photo] * BLURRED) & ~cut
    meant |= ~np.logical_or.reduceat(meant, first)[photo]
    counted = np.where(meant, heights, 0.0)
    return np.asarray((counted > 0) & (counted >= np.maximum.reduceat(counted, first)[photo] * BACKGROUND_HEIGHT))


def is_cut(face: Face, photo: Photo) -> bool:
    """Whether the edge of the photo cuts a face; False for a photo of unknown size."""
    if not photo.width or not photo.height:
        return False
    return bool(is_cut_off(face.box, photo.width, photo.height))


def is_cut_off(box: Any, width: Any, height: Any) -> Any:
    """As ``is_cut``, of numbers or of arrays of them: ``x, y, w, h`` of boxes, and the photos' sizes, in pixels."""
    x, y, w, h = box
    across = np.minimum(x + w, width) - np.maximum(x, 0)
    down = np.minimum(y + h, height) - np.maximum(y, 0)
    return np.maximum(across, 0) * np.maximum(down, 0) < (1 - _OUTSIDE) * w * h
