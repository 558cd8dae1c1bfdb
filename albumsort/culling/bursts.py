"""Bursts: photos of one moment, taken seconds apart by one camera and looking alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import NamedTuple

from albumsort.culling.places import Place, hold_same_faces

#: The largest number of seconds between photos of a burst.
SECONDS = 5.0
#: The same if the photos hold the same faces: people who are asked for one more smile, or who count to three.
SECONDS_WITH_FACES = 14.0
#: The largest number of bits in which the perceptual hash of a photo differs from that of the first photo of its burst,
#: out of 64. If a camera moves by a twentieth, 12 bits change; the most similar unrelated photos of 37 public ones
#: differ in 18.
BITS = 16
#: The same for a photo that is like a frame of the last ``SECONDS``, because a camera moves while it takes a burst. On
#: 40 composed bursts, 96 % of the pairs of frames are found with it, 85 % without it, and no wrong ones.
_BITS_OF_DRIFT = 20
#: The same where the time says little: it has no seconds, many unlike photos have it, or the camera is unknown.
BITS_OF_VAGUE_TIME = 8
#: The same if more than ``_MANY`` photos have one time: among so many, some unrelated ones differ in few bits.
_BITS_OF_MANY, _MANY = 4, 1000
#: More photos than this in one second are not of one camera; the fastest ones take 40 (Sony Alpha 9 III: 120).
_FASTEST = 120
#: If the photos of one second show more scenes than this, it is the time of a batch, and not when they were taken.
_SCENES = 2
#: The steps of an exposure bracket, which are two thirds of a stop or more, change the mean of the pixels by more than
#: this factor: cameras make the middle tones steeper than sRGB does, where a stop is a factor of 1.4 (2 ** (1 / 2.2)).
BRIGHTER = 1.25
#: A bracket has at least so many steps. Of two, one may be a frame for which the flash did not fire.
_STEPS = 3


class Shot(NamedTuple):
    """The data of a photo by which bursts are found.

    Attributes:
        photo_id: the id of its row.
        seconds: its time.
        phash: its perceptual hash of 64 bits.
        brightness: the mean of its pixels, 0..1; None if it is unknown.
    """

    photo_id: int
    seconds: float
    phash: int
    brightness: float | None = None


@dataclass(slots=True)
class _Burst:
    """A burst that is not over, with its first photo, to which all others are alike."""

    leader: Shot
    last: float
    shots: list[Shot]


def find_bursts(
    shots: Iterable[Shot], places_of: Callable[[int], Sequence[Place]] = lambda _: (), bits: int = BITS
) -> Iterator[tuple[int, int]]:
    """Find the bursts among photos of one camera.

    A photo joins the burst whose first photo looks most like it, unless that burst ended seconds ago. As it must be
    like the first one, and not only like its neighbour, photos that change little by little (a panorama, a drive) are
    not one burst. One unlike photo in between does not end a burst.

    Args:
        shots: the photos, in the order of time.
        places_of: the places of the faces of a photo, as a function of its id.
        bits: the largest difference of hashes, out of 64.

    Yields:
        the photo id and the burst of each photo that is in a burst; the number of a burst is the smallest photo id in
        it.
    """
    recent: list[_Burst] = []
    for seconds, group in groupby(shots, key=lambda shot: shot.seconds):
        at_once = list(group)
        over = [burst for burst in recent if seconds - burst.last > SECONDS_WITH_FACES]
        yield from _numbered(over)
        recent = [burst for burst in recent if seconds - burst.last <= SECONDS_WITH_FACES]
        leaders = _Leaders(min(bits, _bits_at(at_once)), recent)
        for shot in at_once:
            joined = leaders.like(shot, places_of)
            if joined is None:
                joined = _Burst(shot, seconds, [])
                leaders.add(joined)
                recent.append(joined)
            joined.last = seconds
            joined.shots.append(shot)
    yield from _numbered(recent)


def _numbered(bursts: Iterable[_Burst]) -> Iterator[tuple[int, int]]:
    for burst in bursts:
        if len(burst.shots) > 1 and not _is_bracket(burst.shots):
            number = min(shot.photo_id for shot in burst.shots)
            yield from ((shot.photo_id, number) for shot in burst.shots)


def _is_bracket(shots: Sequence[Shot]) -> bool:
    """Whether photos of one scene have several exposures, each about as often: then none of them replaces another."""
    steps: list[list[float]] = []
    for value in sorted(shot.brightness for shot in shots if shot.brightness is not None):
        if steps and value <= BRIGHTER * steps[-1][0]:
            steps[-1].append(value)
        else:
            steps.append([value])
    numbers = [len(step) for step in steps]
    return len(steps) >= _STEPS and max(numbers) - min(numbers) <= 1


def _bits_at(shots: Sequence[Shot]) -> int:
    """In how many bits photos of one second may differ: the fewer, the less the time says."""
    if len(shots) > _MANY:
        return _BITS_OF_MANY
    # A time without seconds: of a scanned print (midnight or noon), or from a name.
    is_vague = len(shots) > 1 and shots[0].seconds % 60 == 0
    if is_vague or len(shots) > _FASTEST:
        return BITS_OF_VAGUE_TIME
    scenes: list[int] = []
    for shot in shots:
        if all((shot.phash ^ scene).bit_count() > BITS for scene in scenes):
            scenes.append(shot.phash)
    return BITS_OF_VAGUE_TIME if len(scenes) > _SCENES else BITS


class _Leaders:
    """The first photos of bursts, to find the one most like another photo.

    Hashes that differ in at most ``bits`` bits are equal in at least one of ``bits + 1`` parts, so that only those with
    an equal part are compared (Manku et al., "Detecting near-duplicates for web crawling", 2007). With parts of few
    bits this would save nothing.
    """

    def __init__(self, bits: int, bursts: Iterable[_Burst]) -> None:
        self._bits = bits
        self._parts = bits + 1 if bits <= BITS_OF_VAGUE_TIME else 0
        self._by_part: dict[tuple[int, int], list[_Burst]] = {}
        for burst in bursts:
            self.add(burst)

    def add(self, burst: _Burst) -> None:
        for part in self._parts_of(burst.leader.phash):
            self._by_part.setdefault(part, []).append(burst)

    def like(self, shot: Shot, places_of: Callable[[int], Sequence[Place]]) -> _Burst | None:
        """The burst that a photo belongs to; None if there is none."""
        found: _Burst | None = None
        least = (_BITS_OF_DRIFT if self._bits == BITS else self._bits) + 1
        for part in self._parts_of(shot.phash):
            for burst in self._by_part.get(part, ()):
                distance = (shot.phash ^ burst.leader.phash).bit_count()
                is_alike = distance <= self._bits or _is_like_neighbour(shot, burst)
                if distance < least and is_alike and _belongs(shot, burst, places_of):
                    found, least = burst, distance
        return found

    def _parts_of(self, phash: int) -> Iterator[tuple[int, int]]:
        if not self._parts:
            yield 0, 0
            return
        width = 64 // self._parts
        for part in range(self._parts):
            yield part, (phash >> part * width) & ((1 << width) - 1)


def _is_like_neighbour(shot: Shot, burst: _Burst) -> bool:
    recent = takewhile(lambda earlier: shot.seconds - earlier.seconds <= SECONDS, reversed(burst.shots))
    return any((shot.phash ^ earlier.phash).bit_count() <= BITS for earlier in recent)


def _belongs(shot: Shot, burst: _Burst, places_of: Callable[[int], Sequence[Place]]) -> bool:
    """Whether a photo that looks like a burst is of the same moment."""
    if shot.seconds - burst.last <= SECONDS:
        return True
    return hold_same_faces(places_of(shot.photo_id), places_of(burst.shots[-1].photo_id))
