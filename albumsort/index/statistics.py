"""Counts for people and plots: photos, faces of each emotion and problems, in total and over time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.index.face_table import FaceTable
from albumsort.index.packed import numbers
from albumsort.index.rows import settings_of

#: The number of bins of the histogram of confidences, from 0 to 1.
BINS = 50
#: Stands for the month of a photo without a date.
_UNDATED = -1


@dataclass(frozen=True, slots=True)
class Timeline:
    """Counts of faces.

    Attributes:
        months: the certain faces of each emotion of the label scheme by month, as ``{"2024-05": {"happy": 12, ...}}``,
            in the order of time; months without such faces are left out.
        undated: certain faces on photos without a date.
        confidences: the number of faces by confidence, in ``BINS`` bins from 0 to 1, whether certain or not, dated or
            not.
        threshold: probability from which a face is certain, 0..1.
    """

    months: dict[str, dict[str, int]]
    undated: int
    confidences: tuple[int, ...]
    threshold: float


def counts(connection: sqlite3.Connection, table: FaceTable) -> dict[str, Any]:
    """Count the photos that pass, with RAW and JPEG as one photo, and their faces that count.

    Args:
        connection: a connection to the index, in the transaction in which the faces were read.
        table: the faces that count.
    """
    photos, errors = (
        int(table.passing[numbers(connection, "id", source, {})].sum())
        for source in ("photos NOT INDEXED WHERE raw_of IS NULL", "photos WHERE status = 'error' AND raw_of IS NULL")
    )
    # The index of dates is enough: a RAW file that is one photo with a JPEG has no date.
    dated = numbers(connection, "id", "(SELECT id FROM photos WHERE taken_at NOT NULL ORDER BY taken_at)", {})
    dated = dated[table.passing[dated]]
    when = "SELECT taken_at FROM photos WHERE id = ?"
    ends = dated[[0, -1]].tolist() if len(dated) else []
    first, last = (connection.execute(when, (photo,)).fetchone()[0] for photo in ends) if ends else (None, None)
    emotions = table.counts()
    return {
        "photos": photos,
        "copies": _copies(connection, table),
        "photos_with_faces": len(table.first),
        "errors": errors,
        "faces": len(table),
        "emotions": emotions,
        "uncertain": len(table) - sum(emotions.values()),
        "first_taken_at": first,
        "last_taken_at": last,
    }


def _copies(connection: sqlite3.Connection, table: FaceTable) -> int:
    """How many of the photos that pass have the same bytes as another one of them, not counting one of each."""
    same = "SELECT digest FROM photos WHERE digest NOT NULL GROUP BY digest HAVING count(*) > 1"
    rows = connection.execute(f"SELECT id, digest FROM photos WHERE raw_of IS NULL AND digest IN ({same})")
    passing = [digest for photo, digest in rows if table.passing[photo]]
    return len(passing) - len(set(passing))


def last_scan(connection: sqlite3.Connection) -> dict[str, Any] | None:
    """The time of the last scan, its settings and its model; None if there was no scan."""
    row = connection.execute(
        "SELECT started_at, finished_at, settings, model FROM scans ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row and {"started_at": row[0], "finished_at": row[1], "settings": settings_of(row[2]), "model": row[3]}


def timeline(connection: sqlite3.Connection, table: FaceTable, threshold: float) -> Timeline:
    """Count faces by month and emotion, and by confidence.

    Args:
        connection: a connection to the index, in the transaction in which the faces were read.
        table: the faces that count.
        threshold: probability from which a face is certain, 0..1.
    """
    names, month_of = _months(connection, len(table.passing))
    month = month_of[table.photos]
    bins = np.minimum((table.confidence * BINS).astype(np.int64), BINS - 1)
    dated = table.certain & (month != _UNDATED)
    size = len(names), len(table.labels)
    faces = np.bincount(month[dated] * size[1] + table.predicted[dated], minlength=size[0] * size[1]).reshape(size)
    months = {
        name: dict(zip(table.labels, of_month.tolist(), strict=True))
        for name, of_month in zip(names, faces, strict=True)
        if of_month.any()
    }
    undated = int((table.certain & (month == _UNDATED)).sum())
    return Timeline(months, undated, tuple(np.bincount(bins, minlength=BINS).tolist()), threshold)


def _months(connection: sqlite3.Connection, ids: int) -> tuple[list[str], NDArray[np.int64]]:
    """The months in which photos were taken, in order, and the index of each photo's month, by id below ``ids``."""
    month_of = np.full(ids, _UNDATED)
    names: list[str] = []
    end = ""
    # From month to month in the index of dates: extracting the month from each photo's date takes twice as long.
    following = "SELECT substr(taken_at, 1, 7) FROM photos WHERE taken_at > ? ORDER BY taken_at LIMIT 1"
    while row := connection.execute(following, (end,)).fetchone():
        start, end = row[0], f"{row[0]}~"  # sorts after all days of the month
        of_month = "photos WHERE taken_at BETWEEN :start AND :end"
        month_of[numbers(connection, "id", of_month, {"start": start, "end": end})] = len(names)
        names.append(start)
    return names, month_of
