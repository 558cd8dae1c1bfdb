"""The places of faces on a photo, by which the people of one photo are found on the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from albumsort.records import Face, Photo

#: Two faces are at the same place if they are at most this multiple of their mean height apart, across and down, and
#: neither is more than ``_MAX_GROWTH`` times as high as the other.
_MAX_SHIFT, _MAX_GROWTH = 0.5, 2.0
#: Two photos hold the same faces if at least this share of the faces of each are at the places of the other. The
#: detector may miss one face of a group, and one person may turn away.
_SAME_SHARE = 0.7


class Place(NamedTuple):
    """The centre and the height of a face, in long sides of the photo; in pixels if the photo's size is unknown."""

    x: float
    y: float
    height: float


def place_of(face: Face, photo: Photo) -> Place:
    """The place of a face on its photo."""
    x, y, w, h = face.box
    long_side = max(photo.width or 0, photo.height or 0) or 1
    return Place((x + w / 2) / long_side, (y + h / 2) / long_side, h / long_side)


def is_same(one: Place, other: Place) -> bool:
    """Whether two faces are at the same place, so that they may be one person who stayed there."""
    reach = _MAX_SHIFT * (one.height + other.height) / 2
    is_near = abs(one.x - other.x) < reach and abs(one.y - other.y) < reach
    return is_near and max(one.height, other.height) <= _MAX_GROWTH * min(one.height, other.height)


def hold_same_faces(one: Sequence[Place], other: Sequence[Place]) -> bool:
    """Whether two photos have faces, and most of them at the same places."""
    if not one or not other:
        return False
    shares = (
        sum(any(is_same(place, there) for there in those) for place in these) / len(these)
        for these, those in ((one, other), (other, one))
    )
    return min(shares) >= _SAME_SHARE
