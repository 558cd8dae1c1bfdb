"""Forgetting: every trace of a folder or a photo leaves the index, its free pages and the files beside it."""

from __future__ import annotations

import json
import os
import sqlite3

from albumsort.index.rows import to_column


def below(column: str, path: str) -> tuple[str, list[object]]:
    """A condition that a path column is ``path`` or lies below it, with the values to bind.

    Bytes are compared, so that names which are no UTF-8 are found below it, too.
    """
    folder = os.fsencode(path.rstrip(os.sep) + os.sep)
    return f"({column} = ? OR substr(CAST({column} AS BLOB), 1, ?) = ?)", [to_column(path), len(folder), folder]


def forget(connection: sqlite3.Connection, path: str) -> int:
    """Delete what is known of a photo, or of a folder and all below it; returns how many photos these were.

    To be called in a transaction. What people said of faces goes with the last photo of those bytes.
    """
    condition, values = below("path", path)
    # Corrections of bytes that no photo has belong to photos that were pruned; they would outlive their folder.
    connection.execute(
        f"DELETE FROM corrections WHERE digest IN (SELECT digest FROM photos WHERE {condition})"
        f" AND digest NOT IN (SELECT digest FROM photos WHERE digest NOT NULL AND NOT {condition})",
        [*values, *values],
    )
    photos = connection.execute(f"DELETE FROM photos WHERE {condition}", values).rowcount
    connection.execute(f"DELETE FROM others WHERE {condition}", values)
    for scan, settings in connection.execute("SELECT id, settings FROM scans").fetchall():
        kept = _without(json.loads(settings), path)
        if kept is not None:
            connection.execute("UPDATE scans SET settings = ? WHERE id = ?", (json.dumps(kept), scan))
    return photos


def scrub(connection: sqlite3.Connection) -> bool:
    """Rewrite the file without what was deleted; False when another program that has it open is in the way.

    SQLite only marks deleted rows as free, and keeps what was written last in a file of its own beside the index.
    """
    connection.execute("VACUUM")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _without(settings: dict[str, object], path: str) -> dict[str, object] | None:
    """The settings of a scan without the names of what is forgotten; None when it has none of them."""
    changed = {
        key: [name for name in names if not (name == path or name.startswith(path.rstrip(os.sep) + os.sep))]
        for key in ("paths", "exclude")
        if isinstance(names := settings.get(key), list)
    }
    return {**settings, **changed} if any(settings[key] != names for key, names in changed.items()) else None
