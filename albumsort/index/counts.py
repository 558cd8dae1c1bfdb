"""Counting: how many photos, faces of each emotion and problems there are, in an index or in a part of it."""

from __future__ import annotations

import sqlite3
from typing import Any

from albumsort.emotions import EMOTIONS
from albumsort.index.answers import Answers
from albumsort.index.filters import Filters
from albumsort.index.rows import settings_of


def of_all(connection: sqlite3.Connection, certain: float) -> dict[str, Any]:
    """Of a whole index: each number from one small index of the tables, or a single row. RAW and JPEG are one photo."""
    one = connection.execute
    certain_faces = "SELECT count(*) FROM faces WHERE emotion = '{}' AND confidence >= ?"
    emotions = {emotion: one(certain_faces.format(emotion), (certain,)).fetchone()[0] for emotion in EMOTIONS}
    faces = one("SELECT count(*) FROM faces").fetchone()[0]
    raws = one("SELECT count(*) FROM photos WHERE raw_of NOT NULL").fetchone()[0]
    times = "SELECT {}(taken_at) FROM photos WHERE taken_at NOT NULL"
    first, last = (one(times.format(end)).fetchone()[0] for end in ("min", "max"))
    return {
        "photos": one("SELECT count(*) FROM photos").fetchone()[0] - raws,
        "photos_with_faces": one("SELECT count(DISTINCT photo_id) FROM faces").fetchone()[0],
        "errors": one("SELECT count(*) FROM photos WHERE status = 'error'").fetchone()[0],
        "faces": faces,
        "emotions": emotions,
        "uncertain": faces - sum(emotions.values()),
        "first_taken_at": first,
        "last_taken_at": last,
    }


def of_some(
    connection: sqlite3.Connection, answers: Answers, filters: Filters, where: str, values: dict[str, Any]
) -> dict[str, Any]:
    """The same of the photos ``p`` for which ``where`` holds, and of their faces that count, in a label scheme."""
    counting = filters.counting("f")
    photos, errors, first, last, with_faces = connection.execute(
        "SELECT count(*), total(p.status = 'error'), min(p.taken_at), max(p.taken_at),"
        f" total(EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id {counting}))"
        # In the order of the table: found by an index of dates, each photo would be fetched from another place.
        f" FROM photos p NOT INDEXED WHERE p.raw_of IS NULL {where}",
        values,
    ).fetchone()
    of_each = connection.execute(
        # Photo by photo, so that the faces' index by photo has all that is asked.
        f"SELECT {answers.label('f')}, count(*), total({answers.certain('f')})"
        f" FROM photos p NOT INDEXED CROSS JOIN faces f ON f.photo_id = p.id WHERE TRUE {where} {counting} GROUP BY 1",
        values,
    ).fetchall()
    faces = sum(number for _, number, _ in of_each)
    emotions = dict.fromkeys(answers.labels, 0) | {label: int(certain) for label, _, certain in of_each}
    return {
        "photos": photos,
        "photos_with_faces": int(with_faces),
        "errors": int(errors),
        "faces": faces,
        "emotions": emotions,
        "uncertain": faces - sum(emotions.values()),
        "first_taken_at": first,
        "last_taken_at": last,
    }


def labels(connection: sqlite3.Connection) -> list[str] | None:
    """The emotions that the model of the last scan which read any face tells apart, as far as that is kept."""
    question = "SELECT settings FROM scans WHERE model NOT NULL ORDER BY id DESC LIMIT 1"
    row = connection.execute(question).fetchone()
    return row and settings_of(row[0]).get("labels")


def last_scan(connection: sqlite3.Connection) -> dict[str, Any] | None:
    """When it was, its settings and the model that it used."""
    row = connection.execute(
        "SELECT started_at, finished_at, settings, model FROM scans ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row and {"started_at": row[0], "finished_at": row[1], "settings": settings_of(row[2]), "model": row[3]}
