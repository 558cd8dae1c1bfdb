"""What faces showed over time, and how sure the model was: counts for plots."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from albumsort.index.face_table import Crowd
from albumsort.index.packed import numbers

#: Bins of the histogram, from 0 to 1.
BINS = 50
#: In place of the month: the photo has no date.
_UNDATED = -1


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


def timeline(connection: sqlite3.Connection, crowd: Crowd, threshold: float) -> Timeline:
    """Count the faces of an index. To be called in the transaction in which the crowd was read.

    Args:
        connection: to the index.
        crowd: the faces that are asked for.
        threshold: probability from which a face is certain, 0..1.
    """
    names, month_of = _months(connection, len(crowd.passing))
    month = month_of[crowd.photos]
    bins = np.minimum((crowd.confidence * BINS).astype(np.int64), BINS - 1)
    dated = crowd.certain & (month != _UNDATED)
    size = len(names), len(crowd.labels)
    counts = np.bincount(month[dated] * size[1] + crowd.reads[dated], minlength=size[0] * size[1]).reshape(size)
    months = {
        name: dict(zip(crowd.labels, of_month.tolist(), strict=True))
        for name, of_month in zip(names, counts, strict=True)
        if of_month.any()
    }
    undated = int((crowd.certain & (month == _UNDATED)).sum())
    return Timeline(months, undated, tuple(np.bincount(bins, minlength=BINS).tolist()), threshold)


def _months(connection: sqlite3.Connection, ids: int) -> tuple[list[str], NDArray[np.int64]]:
    """The months in which photos were taken, in order, and the place among them of each photo's, by its id below
    ``ids``.
    """
    month_of = np.full(ids, _UNDATED)
    names: list[str] = []
    end = ""
    # From month to month in the index of dates: to cut the month out of each photo's date takes twice as long.
    following = "SELECT substr(taken_at, 1, 7) FROM photos WHERE taken_at > ? ORDER BY taken_at LIMIT 1"
    while row := connection.execute(following, (end,)).fetchone():
        start, end = row[0], f"{row[0]}~"  # which sorts behind all days of the month
        of_month = "photos WHERE taken_at BETWEEN :start AND :end"
        month_of[numbers(connection, "id", of_month, {"start": start, "end": end})] = len(names)
        names.append(start)
    return names, month_of
