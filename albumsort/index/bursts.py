"""The table of bursts: kept up to date with the photos, and asked for bursts as a whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime

from albumsort.culling.bursts import SECONDS, Shot, find_bursts
from albumsort.index.filters import Filters

#: Photos of which the second is known; a day alone, from a file's name, says nothing about seconds.
_GROUPABLE = "length(taken_at) >= 19 AND phash NOT NULL"
#: Seconds of a day.
_DAY = 86_400.0


def group(connection: sqlite3.Connection) -> None:
    """Bring the bursts up to date with the photos. To be called in a transaction.

    Only the cameras and days that gained or lost photos since the last time are looked at, as ``ungrouped`` has them.
    """
    days = connection.execute("SELECT camera, day FROM ungrouped ORDER BY camera, day").fetchall()
    by_camera: dict[str, set[int]] = {}
    for camera, day in days:
        by_camera.setdefault(camera, set()).add(_number(day))
    for camera, numbers in by_camera.items():
        # Both neighbours, too: a photo that went may have held the frames on either side of midnight together.
        waiting = {number + step for number in numbers for step in (-1, 0, 1)}
        shots: dict[int, list[tuple[str | None, Shot]]] = {}
        while waiting:
            number = waiting.pop()
            shots[number] = _shots_of(connection, camera, number)
            waiting |= _continued(shots[number], number) - shots.keys()
        _replace(connection, [pair for number in sorted(shots) for pair in shots[number]])
    connection.execute("DELETE FROM ungrouped")


def members(
    connection: sqlite3.Connection, filters: Filters, passes: Callable[[int], bool]
) -> Iterator[Collection[int]]:
    """The photo ids of each burst of which a photo passes, by time; one of several copies, and no burst of one photo.

    Args:
        connection: to the index, in a transaction.
        filters: what is asked of a photo beside its faces; only ``under`` leaves frames out.
        passes: whether the faces of a photo, by its id, let it pass.
    """
    where, values = filters.conditions(), filters.values()
    frames = "FROM bursts b JOIN photos p ON p.id = b.photo_id"
    passed = connection.execute(
        f"SELECT b.burst, p.id {frames} WHERE TRUE {where} ORDER BY p.taken_at, b.burst", values
    ).fetchall()
    for burst in dict.fromkeys(burst for burst, photo_id in passed if passes(photo_id)):
        copies = connection.execute(
            f"SELECT p.id, p.digest, (TRUE {where}) {frames}"
            f" WHERE b.burst = :burst {Filters(under=filters.under).conditions()} ORDER BY p.id DESC",
            {**values, "burst": burst},
        ).fetchall()
        copies.sort(key=lambda row: bool(row[2]) and passes(row[0]))
        # The last of each digest, which passes if any does.
        chosen = {digest: photo_id for photo_id, digest, _ in copies}
        if len(chosen) > 1:
            yield chosen.values()


def _continued(shots: list[tuple[str | None, Shot]], number: int) -> set[int]:
    """The days next to one, where its first or last photo is so near to midnight that a burst may go on there."""
    if not shots:
        return set()
    start = number * _DAY
    before = {number - 1} if shots[0][1].seconds - start <= SECONDS else set()
    after = {number + 1} if start + _DAY - shots[-1][1].seconds <= SECONDS else set()
    return before | after


def _replace(connection: sqlite3.Connection, shots: list[tuple[str | None, Shot]]) -> None:
    """Put the bursts among photos, in the order of time, in place of those that are known of them."""
    connection.executemany("DELETE FROM bursts WHERE photo_id = ?", [(shot.photo_id,) for _, shot in shots])
    # An empty name of a camera and none are two cameras, although they are noted as one.
    for camera in {camera for camera, _ in shots}:
        pairs = find_bursts(shot for name, shot in shots if name == camera)
        connection.executemany("INSERT INTO bursts VALUES (?, ?)", pairs)


def _shots_of(connection: sqlite3.Connection, camera: str, number: int) -> list[tuple[str | None, Shot]]:
    """The photos that a camera took on a day, in the order of time, each with the camera's name as it is kept."""
    if not 1 <= number <= date.max.toordinal():
        return []
    day = date.fromordinal(number).isoformat()
    rows = connection.execute(
        "SELECT id, taken_at, phash, camera FROM photos"
        f" WHERE taken_at BETWEEN ? AND ? AND ifnull(camera, '') = ? AND {_GROUPABLE}",
        (day, f"{day}~", camera),  # which sorts behind all times of the day
    )
    shots = [(name, Shot(photo_id, _seconds(taken_at), int(phash, 16))) for photo_id, taken_at, phash, name in rows]
    return sorted(shots, key=lambda pair: (pair[1].seconds, pair[1].photo_id))


def _number(day: str) -> int:
    """The number of a day from 1 for the first of January of the year 1; 0 for what is no day."""
    try:
        return date.fromisoformat(day).toordinal()
    except ValueError:
        return 0


def _seconds(taken_at: str) -> float:
    # Wall-clock time: frames of one burst agree on the offset, or on having none.
    moment = datetime.fromisoformat(taken_at[:19])
    return moment.toordinal() * _DAY + moment.hour * 3600 + moment.minute * 60 + moment.second
