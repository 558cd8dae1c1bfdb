"""Writing the index: one writer, one transaction a batch."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from albumsort.errors import AlbumsortError
from albumsort.index import schema
from albumsort.index.rows import face_row, faces_of, from_column, photo_of, photo_row, to_column
from albumsort.records import Face, Photo, PhotoFile, PhotoResult

#: Seconds to wait for another writer, a second scan on the same index, say.
_PATIENCE = 30.0
#: Failures that may be over by the next scan; a decoder's verdict stands until the file changes.
PASSING_ERRORS = ("permission denied", "vanished during the scan")


class IndexWriter:
    """The index, opened for writing; made when it is not there.

    Use as a context manager. Nothing is half written: each method is one transaction.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the index.

        Raises:
            AlbumsortError: the file is no index, is of a newer albumsort, or cannot be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # faces are nobody else's business
            self._connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level="DEFERRED")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise AlbumsortError(f"{path}: a database, but no index of albumsort")
                schema.create(self._connection)
            elif version != schema.VERSION:
                raise AlbumsortError(f"{path}: made by a newer albumsort (index version {version}); update albumsort")
        except (sqlite3.Error, OSError) as error:
            raise AlbumsortError(f"{path}: the index cannot be written ({error})") from error
        self._db = Database(self._connection)

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def start_scan(self, settings: dict[str, Any]) -> int:
        """Record that a scan begins; returns its id."""
        with self._db.atomic():
            row = {"started_at": _now(), "finished_at": None, "settings": json.dumps(settings), "model": None}
            return int(self._db["scans"].insert(row).last_pk)

    def name_model(self, scan: int, model: str) -> None:
        """Record which model read the faces of a scan."""
        with self._db.atomic():
            self._db["scans"].update(scan, {"model": model})

    def finish_scan(self, scan: int) -> None:
        """Record that a scan came to its end."""
        with self._db.atomic():
            self._db["scans"].update(scan, {"finished_at": _now()})

    def unchanged(self) -> dict[str, tuple[int, int]]:
        """Path to (size, mtime_ns) of each photo that needs no new look while these are the same."""
        where = f"error IS NULL OR error NOT IN ({', '.join('?' * len(PASSING_ERRORS))})"
        rows = self._connection.execute(f"SELECT path, size, mtime_ns FROM photos WHERE {where}", PASSING_ERRORS)
        return {from_column(path): (size, mtime) for path, size, mtime in rows}

    def others(self) -> dict[str, tuple[int, int]]:
        """Path to (size, mtime_ns) of each file that was looked at and is no picture."""
        rows = self._connection.execute("SELECT path, size, mtime_ns FROM others")
        return {from_column(path): (size, mtime) for path, size, mtime in rows}

    def digests(self) -> set[str]:
        """Digests of all photos in the index."""
        return {row[0] for row in self._connection.execute("SELECT DISTINCT digest FROM photos WHERE digest NOT NULL")}

    def note_others(self, files: Iterable[PhotoFile]) -> None:
        """Remember files that are no pictures."""
        rows = [(to_column(file.path), file.size, file.mtime_ns) for file in files]
        with self._db.atomic():
            self._connection.executemany("INSERT OR REPLACE INTO others VALUES (?, ?, ?)", rows)

    def write(self, scan: int, results: Iterable[PhotoResult]) -> None:
        """Keep photos with their faces; what was known of the same paths is replaced."""
        with self._db.atomic():
            for result in results:
                self._insert(scan, result.photo, result.faces)

    def reuse(self, scan: int, file: PhotoFile, digest: str, *, of_this_scan: bool = False) -> PhotoResult | None:
        """Give a moved or copied file what is known of a photo with the same bytes.

        When that photo is no longer where it was, its row moves; else the file gets rows of its own.

        Args:
            scan: the scan that found the file.
            file: the moved or copied file.
            digest: of its bytes.
            of_this_scan: only what this scan wrote counts as known.

        Returns:
            the photo with its faces, or None when no such photo is in the index.
        """
        known = self._connection.execute(
            "SELECT id, path FROM photos WHERE digest = ? AND scan_id >= ? ORDER BY id",
            (digest, scan if of_this_scan else 0),
        ).fetchall()
        if not known:
            return None
        gone = next((row for row in known if not os.path.lexists(from_column(row[1]))), None)
        original = (gone or known[0])[0]
        facts = photo_of(self._connection, original)
        photo = replace(facts, path=file.path, size=file.size, mtime_ns=file.mtime_ns)
        faces = faces_of(self._connection, original)
        with self._db.atomic():
            if gone:
                self._connection.execute("DELETE FROM photos WHERE path = ?", (to_column(file.path),))
                self._connection.execute(
                    "UPDATE photos SET path = ?, size = ?, mtime_ns = ?, scan_id = ? WHERE id = ?",
                    (to_column(file.path), file.size, file.mtime_ns, scan, gone[0]),
                )
            else:
                self._insert(scan, photo, faces)
        return PhotoResult(photo, faces)

    def prune(self) -> tuple[int, int]:
        """Drop what is no longer on the disk.

        Returns:
            the numbers of photos dropped and of photos kept.

        Raises:
            AlbumsortError: a scanned folder is not there at all: a disk that is not plugged in, perhaps.
        """
        paths = [(row[0], from_column(row[1])) for row in self._connection.execute("SELECT id, path FROM photos")]
        for root in self._roots():
            is_file = any(path == root for _, path in paths)
            if not is_file and not Path(root).exists() and any(path.startswith(root + os.sep) for _, path in paths):
                raise AlbumsortError(
                    f"{root} was scanned and is not there now; nothing was dropped. Plug the disk in and try again"
                )
        gone = [(row,) for row, path in paths if not os.path.lexists(path)]
        with self._db.atomic():
            self._connection.executemany("DELETE FROM photos WHERE id = ?", gone)
            self._connection.execute("DELETE FROM others")
        return len(gone), len(paths) - len(gone)

    def _roots(self) -> set[str]:
        settings = self._connection.execute("SELECT settings FROM scans")
        return {root.rstrip(os.sep) for (text,) in settings for root in json.loads(text)["paths"]}

    def _insert(self, scan: int, photo: Photo, faces: Iterable[Face]) -> None:
        row = photo_row(photo, scan)
        self._connection.execute("DELETE FROM photos WHERE path = ?", (row["path"],))
        photo_id = self._db["photos"].insert(row).last_pk
        self._db["faces"].insert_all(face_row(face, photo_id) for face in faces)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
