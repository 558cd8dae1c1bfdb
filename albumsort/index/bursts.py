"""Bursts: photos of one moment, taken seconds apart by one camera and looking alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime

#: Photos of a burst follow each other within so many seconds; people who ask for one more smile take their time.
SECONDS = 5.0
#: Perceptual hashes of 64 bits that differ in at most so many are of one scene; a camera that has moved by a
#: twentieth changes 12, and the nearest unrelated ones of 37 public photos differ in 18.
BITS = 16

#: Each photo of a burst of two or more with the number of the burst, which is the least id in it.
TABLE = """
CREATE TABLE bursts (
    photo_id INTEGER PRIMARY KEY REFERENCES photos(id) ON DELETE CASCADE,
    burst INTEGER NOT NULL
);
CREATE INDEX bursts_by_number ON bursts(burst);
"""

#: A photo: its id, when it was taken in seconds, and its perceptual hash.
Shot = tuple[int, float, int]


def find(shots: Iterable[Shot]) -> Iterator[tuple[int, int]]:
    """The bursts among photos of one camera.

    Each photo is compared with those of the last seconds, so that a burst goes on when one frame is quite unlike.

    Args:
        shots: in the order of time.

    Yields:
        photo id and burst of each photo that is in one.
    """
    recent: list[Shot] = []
    leader: dict[int, int] = {}

    def first(photo: int) -> int:
        while leader[photo] != photo:
            photo = leader[photo]
        return photo

    for photo, when, look in shots:
        recent = [shot for shot in recent if when - shot[1] <= SECONDS]
        leader[photo] = photo
        for other, _, other_look in recent:
            if (look ^ other_look).bit_count() <= BITS:
                one, two = sorted((first(photo), first(other)))
                leader[two] = one
        recent.append((photo, when, look))
    members: dict[int, list[int]] = {}
    for photo in leader:
        members.setdefault(first(photo), []).append(photo)
    for photos in members.values():
        if len(photos) > 1:
            yield from ((photo, min(photos)) for photo in photos)


def work_out(connection: sqlite3.Connection) -> None:
    """Bring the table up to date with the photos."""
    rows = connection.execute(
        "SELECT camera, id, taken_at, phash FROM photos"
        # A day alone, from a file's name, says nothing about seconds.
        " WHERE length(taken_at) >= 19 AND phash NOT NULL ORDER BY camera, id"
    )
    by_camera: dict[str | None, list[Shot]] = {}
    for camera, photo, taken_at, phash in rows:
        # Wall-clock time: frames of one burst agree on the offset, or on having none.
        when = (datetime.fromisoformat(taken_at[:19]) - datetime.min).total_seconds()
        by_camera.setdefault(camera, []).append((photo, when, int(phash, 16)))
    connection.execute("DELETE FROM bursts")
    for shots in by_camera.values():
        shots.sort(key=lambda shot: (shot[1], shot[0]))
        connection.executemany("INSERT INTO bursts VALUES (?, ?)", find(shots))
