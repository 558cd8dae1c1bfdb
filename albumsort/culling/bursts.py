"""Bursts: photos of one moment, taken seconds apart by one camera and looking alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: Photos of a burst follow each other within so many seconds; people who ask for one more smile take their time.
SECONDS = 5.0
#: Perceptual hashes of 64 bits that differ in at most so many are of one scene; a camera that has moved by a
#: twentieth changes 12, and the nearest unrelated ones of 37 public photos differ in 18.
BITS = 16


class Shot(NamedTuple):
    """A photo as bursts are found by: when it was taken in seconds, and its perceptual hash of 64 bits."""

    photo_id: int
    seconds: float
    phash: int


def find_bursts(shots: Iterable[Shot]) -> Iterator[tuple[int, int]]:
    """The bursts among photos of one camera.

    Each photo is compared with those of the last ``SECONDS``, so that one unlike frame does not end a burst.

    Args:
        shots: in the order of time.

    Yields:
        photo id and burst of each photo that is in one; the number of a burst is the smallest photo id in it.
    """
    recent: list[Shot] = []
    leader: dict[int, int] = {}

    def leader_of(photo_id: int) -> int:
        while leader[photo_id] != photo_id:
            photo_id = leader[photo_id]
        return photo_id

    for shot in shots:
        recent = [earlier for earlier in recent if shot.seconds - earlier.seconds <= SECONDS]
        leader[shot.photo_id] = shot.photo_id
        for earlier in recent:
            if (shot.phash ^ earlier.phash).bit_count() <= BITS:
                first, second = sorted((leader_of(shot.photo_id), leader_of(earlier.photo_id)))
                leader[second] = first
        recent.append(shot)
    members: dict[int, list[int]] = {}
    for photo_id in leader:
        members.setdefault(leader_of(photo_id), []).append(photo_id)
    for photo_ids in members.values():
        if len(photo_ids) > 1:
            yield from ((photo_id, min(photo_ids)) for photo_id in photo_ids)
