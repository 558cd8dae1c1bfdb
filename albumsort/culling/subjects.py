"""The subjects of a photo: the people it is about. Passers-by are none, nor are faces that are blurred or cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from albumsort.records import Face, Photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A face whose height is below this share of the tallest subject's is background.
BACKGROUND_HEIGHT = 1 / 3
#: A face with less than this share of the clearest face's detail is blurred. In groups that are all in focus the share
#: is above 1/10. A Gaussian blur with a radius of a thirtieth of the face's height lowers it to 1/100.
BLURRED = 1 / 100
#: A face is cut off if this share of its box is outside of the photo. The detector estimates where the hidden rest of a
#: face must be, with an error of some hundredths; at this value, about a fifth of the face is hidden.
CUT_OFF = 0.07


def subject_mask(photo: Photo, faces: Sequence[Face]) -> list[bool]:
    """Whether each face of a photo is a subject.

    First, blurred faces and those that the edge cuts off are left out, then those lower than a third of the tallest
    that is left. If all faces are blurred or cut off, only their heights decide, so a photo with faces has at least one
    subject. Emotions and the direction of a face do not matter: a subject may well spoil a photo.
    """
    if not faces:
        return []
    # As ``subject_masks``, but NumPy takes a tenth of a second to load, and is slow with a handful of numbers.
    details = [face.sharpness * face.box.h**2 for face in faces]
    sharp = max(details) * BLURRED
    meant = [detail >= sharp and not is_cut(face, photo) for detail, face in zip(details, faces, strict=True)]
    counted = [face.box.h if is_meant or not any(meant) else 0.0 for is_meant, face in zip(meant, faces, strict=True)]
    tallest = max(counted)
    return [height > 0 and height >= tallest * BACKGROUND_HEIGHT for height in counted]


def subject_masks(
    heights: NDArray[np.float64], sharpness: NDArray[np.float64], cut: NDArray[np.bool_], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each face of many photos is a subject, by the rules of ``subject_mask``.

    The faces of one photo follow each other. There must be at least one face.

    Args:
        heights: heights of the faces' boxes in pixels, ``(n,)``.
        sharpness: as in ``Face``, ``(n,)``.
        cut: whether the edge of the photo cuts the face off, ``(n,)``.
        first: index of each photo's first face, ``(photos,)``.

    Returns:
        ``(n,)``.
    """
    import numpy as np

    photo = np.repeat(np.arange(len(first)), np.diff(first, append=len(heights)))
    # A larger face has a lower variance of its Laplacian; if the lens or an earlier scaling has softened the face, the
    # variance falls with the square of the height. The factor keeps large faces from counting as blurred.
    details = sharpness * heights**2
    meant = (details >= np.maximum.reduceat(details, first)[photo] * BLURRED) & ~cut
    meant |= ~np.logical_or.reduceat(meant, first)[photo]
    counted = np.where(meant, heights, 0.0)
    return np.asarray((counted > 0) & (counted >= np.maximum.reduceat(counted, first)[photo] * BACKGROUND_HEIGHT))


def is_cut(face: Face, photo: Photo) -> bool:
    """Whether the edge of the photo cuts a face off; False if the size of the photo is unknown."""
    if not photo.width or not photo.height:
        return False
    x, y, w, h = face.box
    across = max(min(x + w, photo.width) - max(x, 0), 0)
    down = max(min(y + h, photo.height) - max(y, 0), 0)
    return across * down < (1 - CUT_OFF) * w * h


def is_cut_off(box: Any, width: Any, height: Any) -> Any:
    """Whether boxes extend beyond their photos by more than ``CUT_OFF`` of their areas.

    Args:
        box: ``x, y, w, h`` in pixels, each ``(n,)``.
        width: the widths of the photos in pixels ``(n,)``.
        height: likewise.

    Returns:
        bool ``(n,)``.
    """
    import numpy as np

    x, y, w, h = box
    across = np.minimum(x + w, width) - np.maximum(x, 0)
    down = np.minimum(y + h, height) - np.maximum(y, 0)
    return np.maximum(across, 0) * np.maximum(down, 0) < (1 - CUT_OFF) * w * h
