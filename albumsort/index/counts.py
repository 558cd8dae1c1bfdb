"""Counting: how many photos, faces of each emotion and problems there are, in an index or in a part of it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from albumsort.index.rows import settings_of

if TYPE_CHECKING:
    from albumsort.index.face_table import Crowd


def counted(connection: sqlite3.Connection, crowd: Crowd) -> dict[str, Any]:
    """Of the photos that pass, RAW and JPEG being one, and of their faces; in the transaction that read the crowd."""
    from albumsort.index.packed import numbers  # with numpy, as the crowd

    photos, errors = (
        int(crowd.passing[numbers(connection, "id", source, {})].sum())
        for source in ("photos NOT INDEXED WHERE raw_of IS NULL", "photos WHERE status = 'error' AND raw_of IS NULL")
    )
    # By the index of dates alone: a RAW file that is one photo with a JPEG has none.
    dated = numbers(connection, "id", "(SELECT id FROM photos WHERE taken_at NOT NULL ORDER BY taken_at)", {})
    ends = dated[crowd.passing[dated]][[0, -1]].tolist() if crowd.passing[dated].any() else []
    when = "SELECT taken_at FROM photos WHERE id = ?"
    first, last = (connection.execute(when, (photo,)).fetchone()[0] for photo in ends) if ends else (None, None)
    emotions = crowd.counts()
    return {
        "photos": photos,
        "photos_with_faces": len(crowd.first),
        "errors": errors,
        "faces": len(crowd),
        "emotions": emotions,
        "uncertain": len(crowd) - sum(emotions.values()),
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
