"""Bursts: photos of one moment, taken seconds apart by one camera and looking alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: The largest number of seconds between photos of a burst; people who ask for one more smile take their time.
SECONDS = 5.0
#: The largest number of bits in which the perceptual hashes of one scene differ, out of 64. If a camera moves by a
#: twentieth, 12 bits change; the most similar unrelated photos of 37 public ones differ in 18.
BITS = 16


class Shot(NamedTuple):
    """The data of a photo by which bursts are found: its time in seconds, and its perceptual hash of 64 bits."""

    photo_id: int
    seconds: float
    phash: int


def find_bursts(shots: Iterable[Shot]) -> Iterator[tuple[int, int]]:
    """Find the bursts among photos of one camera.

    Each photo is compared with those of the last ``SECONDS``, so that one unlike frame does not end a burst.

    Args:
        shots: the photos, in the order of time.

    Yields:
        the photo id and the burst of each photo that is in a burst; the number of a burst is the smallest photo id in
        it.
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
