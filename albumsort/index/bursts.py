"""The table of bursts: updates it when photos have changed, and reads whole bursts from it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime

from albumsort.culling.bursts import BITS, BITS_OF_VAGUE_TIME, SECONDS_WITH_FACES, Shot, find_bursts
from albumsort.culling.places import Place, place_of
from albumsort.index.filters import Filters
from albumsort.index.rows import faces_of, photo_of

#: Photos whose time is known to the second; a date from a file's name may have no time.
_GROUPABLE = "length(taken_at) >= 19 AND phash NOT NULL"
#: The number of seconds in a day.
_DAY = 86_400.0


def group(connection: sqlite3.Connection) -> None:
    """Bring the bursts up to date with the photos. Call this in a transaction.

    This looks only at the cameras and days that have gained or lost photos since the last time, which are in
    ``ungrouped``.
    """
    days = connection.execute("SELECT camera, day FROM ungrouped ORDER BY camera, day").fetchall()
    by_camera: dict[str, set[int]] = {}
    for camera, day in days:
        by_camera.setdefault(camera, set()).add(_number(day))
    for camera, numbers in by_camera.items():
        # And both neighbours: a deleted photo may have connected frames on either side of midnight.
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
    """The photo ids of each burst with a photo that passes, by time; without copies, and without bursts of one photo.

    Args:
        connection: a connection to the index, in a transaction.
        filters: conditions on a photo apart from its faces; only ``under`` leaves frames out.
        passes: whether a photo passes by its faces, as a function of its id.
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
        # The last photo of each digest, which passes if any of them does.
        chosen = {digest: photo_id for photo_id, digest, _ in copies}
        if len(chosen) > 1:
            yield chosen.values()


def frames(connection: sqlite3.Connection, numbers: Collection[int], filters: Filters) -> dict[int, dict[int, str]]:
    """The photos of bursts, also copies: by the number of a burst, the digest by id. Only ``under`` leaves any out."""
    rows = connection.execute(
        "SELECT b.burst, p.id, p.digest FROM json_each(:numbers) j CROSS JOIN bursts b ON b.burst = j.value"
        " CROSS JOIN photos p ON p.id = b.photo_id"
        f" WHERE TRUE {Filters(under=filters.under).conditions()} ORDER BY p.id DESC",
        {**filters.values(), "numbers": json.dumps(list(numbers))},
    )
    found: dict[int, dict[int, str]] = {number: {} for number in numbers}
    for number, photo_id, digest in rows:
        found[number][photo_id] = digest
    return found


def _continued(shots: list[tuple[str | None, Shot]], number: int) -> set[int]:
    """The days next to a day, if its first or last photo is so near to midnight that a burst may continue there."""
    if not shots:
        return set()
    start = number * _DAY
    before = {number - 1} if shots[0][1].seconds - start <= SECONDS_WITH_FACES else set()
    after = {number + 1} if start + _DAY - shots[-1][1].seconds <= SECONDS_WITH_FACES else set()
    return before | after


def _replace(connection: sqlite3.Connection, shots: list[tuple[str | None, Shot]]) -> None:
    """Replace the known bursts of photos with those found among them; the photos are in the order of time."""
    connection.executemany("DELETE FROM bursts WHERE photo_id = ?", [(shot.photo_id,) for _, shot in shots])

    def places_of(photo_id: int) -> list[Place]:
        photo = photo_of(connection, photo_id)
        return [place_of(face, photo) for face in faces_of(connection, photo_id)]

    # An empty camera name and no camera name are different cameras, although ``ungrouped`` has them as one.
    for camera in {camera for camera, _ in shots}:
        bits = BITS if camera else BITS_OF_VAGUE_TIME  # photos without a camera may be of several
        pairs = list(find_bursts((shot for name, shot in shots if name == camera), places_of, bits))
        connection.executemany("INSERT INTO bursts VALUES (?, ?)", pairs)


def _shots_of(connection: sqlite3.Connection, camera: str, number: int) -> list[tuple[str | None, Shot]]:
    """The photos that a camera took on a day, in the order of time, each with the camera's name in the table."""
    if not 1 <= number <= date.max.toordinal():
        return []
    day = date.fromordinal(number).isoformat()
    rows = connection.execute(
        "SELECT id, taken_at, phash, camera, brightness FROM photos"
        f" WHERE taken_at BETWEEN ? AND ? AND ifnull(camera, '') = ? AND {_GROUPABLE}",
        (day, f"{day}~", camera),  # sorts after all times of the day
    )
    shots = [
        (name, Shot(photo_id, _seconds(taken_at), int(phash, 16), brightness))
        for photo_id, taken_at, phash, name, brightness in rows
    ]
    return sorted(shots, key=lambda pair: (pair[1].seconds, pair[1].photo_id))


def _number(day: str) -> int:
    """The number of a day, where the first of January of the year 1 is 1; 0 for a text that is not a day."""
    try:
        return date.fromisoformat(day).toordinal()
    except ValueError:
        return 0


def _seconds(taken_at: str) -> float:
    # Wall-clock time: frames of one burst have the same offset, or all have none.
    moment = datetime.fromisoformat(taken_at[:19])
    return moment.toordinal() * _DAY + moment.hour * 3600 + moment.minute * 60 + moment.second
