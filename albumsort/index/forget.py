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
    """Delete what is known of a file, or of a folder and all below it; returns how many files these were.

    To be called in a transaction. What people said of faces goes with the last photo of those bytes; also that of
    photos that were edited or pruned before, which nobody can tell the folder of any more.
    """
    condition, values = below("path", path)
    photos = connection.execute(f"DELETE FROM photos WHERE {condition}", values).rowcount
    # RAW files elsewhere would still name their JPEG.
    of_raws, values_of_raws = below("raw_of", path)
    photos += connection.execute(f"DELETE FROM photos WHERE {of_raws}", values_of_raws).rowcount
    others = connection.execute(f"DELETE FROM others WHERE {condition}", values).rowcount
    unread = connection.execute(f"DELETE FROM unread WHERE {condition}", values).rowcount
    if not photos + others + unread:
        return 0
    connection.execute("DELETE FROM corrections WHERE digest NOT IN (SELECT digest FROM photos WHERE digest NOT NULL)")
    for scan, settings in connection.execute("SELECT id, settings FROM scans").fetchall():
        kept = _without(json.loads(settings), path)
        if kept is not None:
            connection.execute("UPDATE scans SET settings = ? WHERE id = ?", (json.dumps(kept), scan))
    return photos + others + unread


def scrub(connection: sqlite3.Connection) -> bool:
    """Rewrite the file without what was deleted; False when another program that has it open is in the way.

    SQLite only marks deleted rows as free, and keeps what was written last in a file of its own beside the index.
    """
    connection.execute("VACUUM")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _without(settings: dict[str, object], path: str) -> dict[str, object] | None:
    """The settings of a scan without the names of what is forgotten; None when it has none of them."""

    def is_below(name: object) -> bool:
        return isinstance(name, str) and (name == path or name.startswith(path.rstrip(os.sep) + os.sep))

    paths, model = settings.get("paths"), settings.get("model")
    kept = dict(settings)
    if isinstance(paths, list):
        kept["paths"] = [name for name in paths if not is_below(name)]
    if settings.get("exclude"):
        kept["exclude"] = []  # a pattern may name anything, and no later scan reads it
    if is_below(model):
        kept["model"] = None
    return kept if kept != settings else None
