"""Removes from the index photos that are gone from the disk, and every trace of a forgotten folder or photo."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from albumsort.album.presence import is_gone, is_unplugged
from albumsort.errors import AlbumsortError
from albumsort.index import marked
from albumsort.index.rows import from_column, settings_of, to_column
from albumsort.text import composed

#: The key, in the settings of a scan, of the digests of paths that were forgotten while it ran.
_NOTE = "forgotten"


def below(column: str, path: str) -> tuple[str, list[object]]:
    """An SQL condition that a path column is ``path`` or below it, with the values to bind.

    Bytes are compared, so that names that are not UTF-8 are also found.
    """
    folder = os.fsencode(path.rstrip(os.sep) + os.sep)
    return f"({column} = ? OR substr(CAST({column} AS BLOB), 1, ?) = ?)", [to_column(path), len(folder), folder]


def gone_photos(connection: sqlite3.Connection, whole_folders: bool = True) -> tuple[list[int], int]:
    """The ids of the photos that are no longer on the disk, and the number of the other photos.

    Args:
        connection: to the index.
        whole_folders: whether photos of folders that are missing or empty are among them.

    Raises:
        AlbumsortError: a scanned folder does not exist, perhaps because a disk is not plugged in.
    """
    paths = [(photo_id, from_column(path)) for photo_id, path in connection.execute("SELECT id, path FROM photos")]
    settings = connection.execute("SELECT settings FROM scans")
    roots = {root.rstrip(os.sep) or os.sep for (text,) in settings for root in settings_of(text).get("paths", ())}
    for root in roots:
        if any(path.startswith(root.rstrip(os.sep) + os.sep) for _, path in paths) and is_unplugged(root):
            raise AlbumsortError(
                f"{root} was scanned and is not there now; nothing was dropped. Plug the disk in and try"
                f" again; if it is gone for good: albumsort forget {root}"
            )
    gone = {photo_id: os.path.dirname(path) for photo_id, path in paths if is_gone(path)}
    if not whole_folders:
        emptied = {folder for folder in set(gone.values()) if is_unplugged(folder)}
        gone = {photo_id: folder for photo_id, folder in gone.items() if folder not in emptied}
    return list(gone), len(paths) - len(gone)


def emptied_folders(connection: sqlite3.Connection, photo_ids: Iterable[int]) -> dict[str, int]:
    """The folders of gone photos that are missing or empty, each with the number of its photos that are gone."""
    found: dict[str, int] = {}
    for photo_id in photo_ids:
        row = connection.execute("SELECT path FROM photos WHERE id = ?", (photo_id,)).fetchone()
        folder = os.path.dirname(from_column(row[0])) if row else os.sep
        if folder in found or is_unplugged(folder):
            found[folder] = found.get(folder, 0) + 1
    return found


def drop_gone(connection: sqlite3.Connection, photo_ids: Iterable[int]) -> None:
    """Drop photos by id, and the notes about other files that are gone. Call this in a transaction."""
    connection.executemany("DELETE FROM photos WHERE id = ?", [(photo_id,) for photo_id in photo_ids])
    connection.execute("DELETE FROM others")  # the next scan notes them again
    unread = connection.execute("SELECT path FROM unread").fetchall()
    gone = [row for row in unread if is_gone(from_column(row[0]))]
    connection.executemany("DELETE FROM unread WHERE path = ?", gone)


def forget(connection: sqlite3.Connection, path: str, scan: int | None = None) -> int:
    """Delete what is known about a file, or about a folder and everything below it; returns the number of files.

    Other scans than ``scan`` that are not finished will write nothing about it. Corrections are deleted with the last
    photo that has their bytes, and so are those of photos that were there before they were edited or pruned. Call this
    in a transaction.
    """
    _tell_scans(connection, path, scan)
    condition, values = below("path", path)
    digests = {row[0] for row in connection.execute(f"SELECT digest FROM photos WHERE {condition}", values)}
    files = connection.execute(f"DELETE FROM photos WHERE {condition}", values).rowcount
    # RAW files in other folders would still name their JPEG.
    of_raws, values_of_raws = below("raw_of", path)
    files += connection.execute(f"DELETE FROM photos WHERE {of_raws}", values_of_raws).rowcount
    for table in ("others", "unread"):
        files += connection.execute(f"DELETE FROM {table} WHERE {condition}", values).rowcount
    scans = connection.execute("SELECT id, settings FROM scans").fetchall()
    is_marked = connection.execute(f"SELECT 1 FROM marked WHERE {condition} LIMIT 1", values).fetchone()
    if not files and not is_marked and not any(_names(settings_of(settings), path) for _, settings in scans):
        return 0
    marked.forget(connection, condition, values, digests)
    kept = [(json.dumps(_without(settings_of(settings), path)), scan) for scan, settings in scans]
    connection.executemany("UPDATE scans SET settings = ? WHERE id = ?", kept)
    return files


def would_forget(connection: sqlite3.Connection, paths: Iterable[str]) -> tuple[int, int]:
    """The numbers of files and of corrections that ``forget`` would delete. Call this outside of a transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        corrections = "SELECT count(*) FROM corrections"
        (before,) = connection.execute(corrections).fetchone()
        files = sum(forget(connection, path) for path in paths)
        (after,) = connection.execute(corrections).fetchone()
    finally:
        connection.execute("ROLLBACK")
    return files, before - after


def _tell_scans(connection: sqlite3.Connection, path: str, scan: int | None) -> None:
    """Note a forgotten path for each scan that is not finished and looks there, as a digest that names nothing."""
    rows = connection.execute("SELECT id, settings FROM scans WHERE finished_at IS NULL AND id IS NOT ?", (scan,))
    for number, text in rows.fetchall():
        settings = settings_of(text)
        if any(_is_below(path, root) or _is_below(root, path) for root in settings.get("paths", ())):
            settings[_NOTE] = sorted({*settings.get(_NOTE, ()), _digest(path)})
            connection.execute("UPDATE scans SET settings = ? WHERE id = ?", (json.dumps(settings), number))


def forgotten_meanwhile(connection: sqlite3.Connection, scan: int | None) -> Callable[[str], bool]:
    """Whether a path was forgotten after a scan began, as a function; call this in the transaction that writes."""
    row = connection.execute(f"SELECT json_extract(settings, '$.{_NOTE}') FROM scans WHERE id = ?", (scan,)).fetchone()
    notes = set(json.loads(row[0])) if row and row[0] else set()
    if not notes:
        return lambda path: False

    def is_forgotten(path: str) -> bool:
        folders = path.split(os.sep)
        return any(_digest(os.sep.join(folders[:depth])) in notes for depth in range(1, len(folders) + 1))

    return is_forgotten


def drop_notes(connection: sqlite3.Connection, scan: int) -> None:
    """Drop what a scan was told of forgotten paths, because it has ended."""
    connection.execute(f"UPDATE scans SET settings = json_remove(settings, '$.{_NOTE}') WHERE id = ?", (scan,))


def _digest(path: str) -> str:
    """A digest of a path, with its accents composed or apart."""
    return hashlib.sha256(os.fsencode(composed(path).rstrip(os.sep))).hexdigest()


def is_known_to(copy: Path, path: str) -> bool:
    """Whether a copy of an index, of any version, knows a file or anything below a folder.

    Raises:
        AlbumsortError: it cannot be read.
    """
    condition, values = below("path", path)
    wal = copy.with_name(f"{copy.name}-wal")
    # Opening a database in WAL mode creates files beside it, and only a connection that may write removes them again.
    mode = "mode=rw" if wal.exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(copy.absolute()))}?{mode}", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return any(
                connection.execute(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1", values).fetchone()
                for table in ("photos", "others", "unread", "marked")
                if table in tables
            ) or any(_names(settings_of(text), path) for (text,) in connection.execute("SELECT settings FROM scans"))
    except sqlite3.Error as error:
        words = f"cannot be read ({error}); it may still know what you want to forget: delete it"
        raise AlbumsortError(f"{copy}: {words}") from error


def scrub(connection: sqlite3.Connection) -> bool:
    """Rewrite the file without what was deleted; returns False if another program that has it open prevents this.

    SQLite only marks deleted rows as free, and keeps the last changes in a separate file beside the index.
    """
    connection.execute("VACUUM")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _names(settings: dict[str, Any], path: str) -> bool:
    """Whether the settings of a scan contain a path, or one below it."""
    return any(_is_below(name, path) for name in (*settings.get("paths", ()), settings.get("model")))


def _without(settings: dict[str, Any], path: str) -> dict[str, Any]:
    """The settings of a scan without the names of forgotten files."""
    kept = dict(settings)
    if "paths" in settings:
        kept["paths"] = [name for name in settings["paths"] if not _is_below(name, path)]
    if settings.get("exclude"):
        kept["exclude"] = []  # a pattern may contain any name, and no later scan reads it
    if _is_below(settings.get("model"), path):
        kept["model"] = None
    return kept


def _is_below(name: object, path: str) -> bool:
    return isinstance(name, str) and (name == path or name.startswith(path.rstrip(os.sep) + os.sep))
