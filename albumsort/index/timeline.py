"""What faces showed over time, and how sure the model was: counts for plots."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS

#: Bins of the histogram, from 0 to 1.
BINS = 50
#: In place of the month: the photo has no date, or is not asked for.
_UNDATED, _NOT_ASKED = -1, -2


@dataclass(frozen=True, slots=True)
class Timeline:
    """Counts of faces.

    Attributes:
        months: the certain faces of each emotion by month, as ``{"2024-05": {"happy": 12, ...}}``, in the order of
            time; months without any are left out.
        undated: certain faces on photos without a date.
        confidences: faces, certain or not, by their confidence in ``BINS`` bins from 0 to 1, dated or not.
        threshold: probability from which a face is certain, 0..1.
    """

    months: dict[str, dict[str, int]]
    undated: int
    confidences: tuple[int, ...]
    threshold: float


def timeline(connection: sqlite3.Connection, threshold: float, where: str, values: Sequence[Any]) -> Timeline:
    """Count the faces of an index.

    Args:
        connection: to the index.
        threshold: probability from which a face is certain, 0..1.
        where: what photos ``p`` are asked for, as SQL to follow a condition.
        values: to bind in it.
    """
    connection.execute("BEGIN")  # one look at both tables: a scan may be writing
    try:
        return _counted(connection, threshold, _months(connection, where, values))
    finally:
        connection.rollback()


def _counted(connection: sqlite3.Connection, threshold: float, month_of: NDArray[np.int64]) -> Timeline:
    """The faces of the photos that are asked for."""
    months: dict[int, dict[str, int]] = {}
    confidences, undated = np.zeros(BINS, np.int64), 0
    for emotion in EMOTIONS:
        faces = _numbers(
            connection,
            f"photo_id * 128 + CAST(min(confidence * {BINS}, {BINS - 1}) AS INTEGER) * 2 + (confidence >= ?)",
            f"faces WHERE emotion = '{emotion}'",
            (threshold,),
        )
        month, bins, certain = month_of[faces >> 7], faces >> 1 & 63, (faces & 1).astype(bool)
        confidences += np.bincount(bins[month != _NOT_ASKED], minlength=BINS)
        undated += int((certain & (month == _UNDATED)).sum())
        counts = np.bincount(month[certain & (month >= 0)])
        for place in np.flatnonzero(counts).tolist():
            months.setdefault(place, dict.fromkeys(EMOTIONS, 0))[emotion] = int(counts[place])
    named = {f"{place // 12:04d}-{place % 12 + 1:02d}": months[place] for place in sorted(months)}
    return Timeline(named, undated, tuple(confidences.tolist()), threshold)


def _months(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> NDArray[np.int64]:
    """The month of each photo by its id, counted from January of the year 0."""
    photos = _numbers(
        connection,
        "(p.id << 20) + ifnull(CAST(p.taken_at AS INTEGER) * 12 + substr(p.taken_at, 6, 2), 0)",
        f"photos p WHERE TRUE {where}",
        values,
    )
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM photos").fetchone()
    month_of = np.full(last + 1, _NOT_ASKED)
    month_of[photos >> 20] = (photos & (1 << 20) - 1) - 1
    return month_of


def _numbers(connection: sqlite3.Connection, number: str, source: str, values: Sequence[Any]) -> NDArray[np.int64]:
    """A whole number of each row, as one long text: to fetch a million rows one by one takes Python half a second."""
    (text,) = connection.execute(f"SELECT group_concat({number}) FROM {source}", values).fetchone()
    return np.fromstring(text or "", np.int64, sep=",")
