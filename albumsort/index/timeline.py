"""What faces showed over time, and how sure the model was: counts for plots."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.index.answers import Answers

#: Bins of the histogram, from 0 to 1.
BINS = 50
#: In place of the month: the photo has no date, or is not asked for.
_UNDATED, _NOT_ASKED = -1, -2


@dataclass(frozen=True, slots=True)
class Timeline:
    """Counts of faces.

    Attributes:
        months: the certain faces of each emotion of the label scheme by month, as ``{"2024-05": {"happy": 12, ...}}``,
            in the order of time; months without any are left out.
        undated: certain faces on photos without a date.
        confidences: faces, certain or not, by their confidence in ``BINS`` bins from 0 to 1, dated or not.
        threshold: probability from which a face is certain, 0..1.
    """

    months: dict[str, dict[str, int]]
    undated: int
    confidences: tuple[int, ...]
    threshold: float


def timeline(
    connection: sqlite3.Connection, answers: Answers, where: str, counting: str, values: Mapping[str, Any]
) -> Timeline:
    """Count the faces of an index.

    Args:
        connection: to the index.
        answers: in whose label scheme faces are read.
        where: what photos ``p`` are asked for, as SQL to follow a condition.
        counting: which faces ``f`` of them count, likewise.
        values: to bind in both, and as ``certain`` the probability from which a face is certain, 0..1.
    """
    connection.execute("BEGIN")  # one look at both tables: a scan may be writing
    try:
        return _counted(connection, answers, counting, values, *_months(connection, where, values))
    finally:
        connection.rollback()


def _counted(
    connection: sqlite3.Connection,
    answers: Answers,
    counting: str,
    values: Mapping[str, Any],
    names: Sequence[str],
    month_of: NDArray[np.int64],
) -> Timeline:
    """The faces of the photos that are asked for."""
    months: list[dict[str, int]] = [dict.fromkeys(answers.labels, 0) for _ in names]
    confidences, undated = np.zeros(BINS, np.int64), 0
    photos = "JOIN photos p ON p.id = f.photo_id" if counting else ""
    confidence = f"ifnull({answers.confidence('f')}, 0)"
    for emotion in answers.labels:
        faces = _numbers(
            connection,
            f"f.photo_id * 128 + CAST({confidence} * {BINS} AS INTEGER) * 2 + ({confidence} >= :certain)",
            f"faces f {photos} WHERE {answers.reads('f', (emotion,))} {counting}",
            values,
        )
        month, bins, certain = month_of[faces >> 7], np.minimum(faces >> 1 & 63, BINS - 1), (faces & 1).astype(bool)
        confidences += np.bincount(bins[month != _NOT_ASKED], minlength=BINS)
        undated += int((certain & (month == _UNDATED)).sum())
        for place, count in enumerate(np.bincount(month[certain & (month >= 0)]).tolist()):
            months[place][emotion] = count
    found = {name: faces for name, faces in zip(names, months, strict=True) if any(faces.values())}
    return Timeline(found, undated, tuple(confidences.tolist()), values["certain"])


def _months(
    connection: sqlite3.Connection, where: str, values: Mapping[str, Any]
) -> tuple[list[str], NDArray[np.int64]]:
    """The months in which photos were taken, in order, and the place among them of each photo's, by its id."""
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM photos").fetchone()
    month_of = np.full(last + 1, _NOT_ASKED if where else _UNDATED)
    if where:
        month_of[_numbers(connection, "p.id", f"photos p WHERE p.taken_at IS NULL {where}", values)] = _UNDATED
    names: list[str] = []
    end = ""
    # From month to month in the index of dates: to cut the month out of each photo's date takes twice as long.
    following = "SELECT substr(taken_at, 1, 7) FROM photos WHERE taken_at > ? ORDER BY taken_at LIMIT 1"
    while row := connection.execute(following, (end,)).fetchone():
        start, end = row[0], f"{row[0]}~"  # which sorts behind all days of the month
        photos = f"photos p WHERE p.taken_at BETWEEN :start AND :end {where}"
        month_of[_numbers(connection, "p.id", photos, {**values, "start": start, "end": end})] = len(names)
        names.append(start)
    return names, month_of


def _numbers(connection: sqlite3.Connection, number: str, source: str, values: Mapping[str, Any]) -> NDArray[np.int64]:
    """A whole number of each row, as one long text: to fetch a million rows one by one takes Python half a second."""
    (text,) = connection.execute(f"SELECT group_concat({number}) FROM {source}", values).fetchone()
    return np.fromstring(str(text or ""), np.int64, sep=",")
