"""Recognises a photo whose file has changed: other metadata, turned, cropped, encoded again, or under another name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from albumsort.records import Box, Photo

#: The number of bits, of 64, in which perceptual hashes differ at most. On 250 public photos, coding a photo again
#: changed at most 2, and other light, contrast or size at most 8; 5 of the 31,125 pairs of two photos differ in 10.
_EDITED, _SAME_PIXELS = 10, 2
#: The hash of a turned photo is only estimated: at most 14 bits of it were wrong, and at most 10 on nine of ten photos.
_TURNED = 14
#: A frame around a photo makes it larger by at most this share.
_FRAME = 0.25
#: The length of a time with its seconds in ISO 8601.
_SECONDS = 19
#: Widths over heights of one photo differ at most by this share, because a smaller copy has whole pixels.
_ASPECT = 0.02
#: A perceptual hash is a square of 8 by 8 bits.
_SIDE = 8


class FoundAt(Enum):
    """Where a file that may be a known photo was found."""

    SAME_PATH = "same path"
    #: Under another name, and the known file is gone.
    MOVED = "moved"
    #: Under another name, and the known file is still there.
    BESIDE = "beside"
    #: Under another name and with another time, as after a camera's clock was put right.
    RETIMED = "retimed"


@dataclass(frozen=True, slots=True)
class Turn:
    """How one upright picture becomes another: first the diagonal mirror, then the other two."""

    is_transposed: bool = False
    is_mirrored_across: bool = False
    is_mirrored_down: bool = False

    def box(self, box: Box, size: tuple[int, int]) -> Box:
        """A box in a picture that was turned, given its box and the width and height before the turn."""
        (width, height), (x, y, w, h) = size, box
        if self.is_transposed:
            (width, height), (x, y, w, h) = (height, width), (y, x, h, w)
        if self.is_mirrored_across:
            x = width - x - w
        if self.is_mirrored_down:
            y = height - y - h
        return Box(x, y, w, h)

    def hash(self, phash: str) -> str:
        """An estimate of the perceptual hash of a picture that was turned.

        Mirroring a picture changes the sign of every other frequency of its cosine transform. A bit says whether a
        frequency is above the median, which is close to zero.
        """
        bits = int(phash, 16)
        turned = 0
        for down in range(_SIDE):
            for across in range(_SIDE):
                u, v = (across, down) if self.is_transposed else (down, across)
                bit = bits >> (_SIDE * _SIDE - 1 - _SIDE * u - v) & 1
                bit ^= (self.is_mirrored_across and across % 2) ^ (self.is_mirrored_down and down % 2)
                turned = turned << 1 | bit
        return f"{turned:016x}"


#: How the pixels of a file become upright, by EXIF's orientation.
_UPRIGHT = {
    1: Turn(),
    2: Turn(False, True, False),
    3: Turn(False, True, True),
    4: Turn(False, False, True),
    5: Turn(True, False, False),
    6: Turn(True, True, False),
    7: Turn(True, True, True),
    8: Turn(True, False, True),
}


def turns_between(before: Photo, after: Photo, place: FoundAt) -> Iterator[Turn]:
    """The turns that make one photo the other, the likeliest first; none if these are two photos.

    Under another name, size and time must be the same, too. Frames of a burst look alike, so a photo beside the known
    one, or with another time, is the same only with the same pixels; the caller compares the faces.

    Args:
        before: a known photo.
        after: the photo that was found.
        place: where it was found.
    """
    if not (before.phash and after.phash and before.width and before.height and after.width and after.height):
        return
    if place is FoundAt.RETIMED:
        if before.phash == after.phash and (before.width, before.height) == (after.width, after.height):
            yield Turn()
        return
    if place is not FoundAt.SAME_PATH and not may_be_of_one_time(before.taken_at, after.taken_at):
        return
    by_flag = _turn_of_flags(before.orientation, after.orientation)
    likely = []
    for turn in _UPRIGHT.values():
        if not _fits(before, after, turn, is_scaled=place is FoundAt.SAME_PATH):
            continue
        bits = (int(turn.hash(before.phash), 16) ^ int(after.phash, 16)).bit_count()
        if turn == Turn():
            most, rank = _EDITED if place is FoundAt.SAME_PATH else _SAME_PIXELS, 0
        elif turn == by_flag:
            most, rank = _TURNED if place is FoundAt.SAME_PATH else _EDITED, 1
        else:
            most, rank = -1 if place is FoundAt.BESIDE else _EDITED, 2
        if bits <= most:
            likely.append((bits + 2 * rank, rank, turn))
    yield from (turn for _, _, turn in sorted(likely, key=lambda item: item[:2]))


def shifts_between(before: Photo, after: Photo) -> Iterator[tuple[float, float]]:
    """Where the pixels of a photo may be that was cropped or framed in its place, as right and down in pixels.

    Its edge at the left and top has stayed, or as much has changed at each edge. There are no shifts if these are two
    photos: a cropped photo has the time of the photo, to the second, or looks like it. The caller compares the faces.

    Args:
        before: a known photo.
        after: the photo that was found at its path.
    """
    if not (before.phash and after.phash and before.width and before.height and after.width and after.height):
        return
    right, down = after.width - before.width, after.height - before.height
    is_cropped = right <= 0 and down <= 0
    is_framed = 0 <= right <= before.width * _FRAME and 0 <= down <= before.height * _FRAME
    is_of_one_time = len(before.taken_at or "") >= _SECONDS and before.taken_at == after.taken_at
    is_alike = (int(before.phash, 16) ^ int(after.phash, 16)).bit_count() <= _EDITED
    if (right or down) and (is_cropped or is_framed) and (is_of_one_time or is_alike):
        yield 0.0, 0.0
        yield right / 2, down / 2


def may_be_of_one_time(before: str | None, after: str | None) -> bool:
    """Whether two times agree as far as both are known; the offset from UTC is not compared."""
    before, after = (before or "")[:_SECONDS], (after or "")[:_SECONDS]
    return before.startswith(after) or after.startswith(before)


def _fits(before: Photo, after: Photo, turn: Turn, is_scaled: bool) -> bool:
    width, height = before.width or 1, before.height or 1
    if turn.is_transposed:
        width, height = height, width
    if not is_scaled:
        return (width, height) == (after.width, after.height)
    return abs(width * (after.height or 1) / (height * (after.width or 1)) - 1) <= _ASPECT


def _turn_of_flags(before: int | None, after: int | None) -> Turn | None:
    """The turn if only EXIF's orientation has changed; None if it is unknown."""
    if before not in _UPRIGHT or after not in _UPRIGHT:
        return None
    point, unit = Box(0.1, 0.3, 0.0, 0.0), (1, 1)
    shown, wanted = _UPRIGHT[before].box(point, unit), _UPRIGHT[after].box(point, unit)
    for turn in _UPRIGHT.values():
        at = turn.box(shown, unit)
        if abs(at.x - wanted.x) < 0.01 and abs(at.y - wanted.y) < 0.01:
            return turn
    raise AssertionError("the eight turns are a group")
