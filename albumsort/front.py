"""Who stands in front: the faces that a photo is of, without passers-by, blurred heads and what the frame cuts off."""

from __future__ import annotations

from collections.abc import Sequence

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
    # Sharp or not, a face has the less variance in its Laplacian the larger it is, down to the square of its height for
    # one that the lens or an earlier scaling has softened.
    details = [face.sharpness * face.box[3] ** 2 for face in faces]
    clearest = max(details, default=0.0)
    meant = [
        detail >= clearest * BLURRED and not is_cut(face, photo) for face, detail in zip(faces, details, strict=True)
    ]
    if not any(meant):
        meant = [True] * len(faces)
    counted = [face.box[3] if is_meant else 0.0 for face, is_meant in zip(faces, meant, strict=True)]
    tallest = max(counted, default=0.0)
    return [height > 0 and height >= tallest * BACKGROUND_HEIGHT for height in counted]


def is_cut(face: Face, photo: Photo) -> bool:
    """Whether the edge of the photo cuts a face; False for a photo of unknown size."""
    if not photo.width or not photo.height:
        return False
    x, y, w, h = face.box
    inside = max(0.0, min(x + w, photo.width) - max(x, 0)) * max(0.0, min(y + h, photo.height) - max(y, 0))
    return inside < (1 - _OUTSIDE) * w * h
