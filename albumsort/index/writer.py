"""Writing the index: one writer, one transaction a batch."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from albumsort.album.presence import is_gone, is_unplugged
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import bursts, corrections, everyone, schema
from albumsort.index import forget as forgetting
from albumsort.index import packed as columns
from albumsort.index.corrections import Correction, corrected
from albumsort.index.known_files import KNOWN, PASSING_ERRORS, Seen
from albumsort.index.rows import face_row, faces_of, from_column, photo_of, photo_row, settings_of, to_column
from albumsort.records import Face, Photo, PhotoFile, PhotoResult
from albumsort.text import printable

#: Seconds to wait for another writer, a second scan on the same index, say.
_PATIENCE = 30.0
#: Bytes that must be free on the disk before anything else than room is to blame when an index cannot be written.
_LEAST_ROOM = 1 << 18
#: Chunks of faces that may stay unpacked until a scan ends; a question reads them in some hundredths of a second.
_UNPACKED = 64


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A photo of the index with the same bytes as a file.

    Attributes:
        scan: that read it.
        is_gone: it is no longer where the index has it.
    """

    id: int
    scan: int
    is_gone: bool
    result: PhotoResult


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
            if path.exists() and not path.is_file():
                raise AlbumsortError(f"{path}: no file, and so no index")
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # faces are nobody else's business
            self._connection = sqlite3.connect(path, timeout=_PATIENCE)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise cannot_write(path, error) from error
        self._db = Database(self._connection)
        self.seen = Seen(self._connection)
        self._has_new_photos = False

    def _open(self) -> None:
        try:
            version = schema.version(self._connection)
            if version is None:
                raise AlbumsortError(f"{self.path}: a database, but no index of albumsort")
            if version > schema.VERSION:
                raise AlbumsortError(f"{self.path}: made by a newer albumsort (version {version}); update albumsort")
            if version < schema.VERSION:
                schema.migrate(self._connection, self.path)
            # Only one of two scans that open an index at the same moment can switch it; it stays switched.
            with suppress(sqlite3.OperationalError):
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:  # Ctrl-C among them: nobody else would close it
            self._connection.close()
            raise

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with schema.transaction(self._connection):
                yield
                if self._connection.execute("SELECT count(*) FROM unpacked").fetchone()[0] > _UNPACKED:
                    columns.pack(self._connection)
        except sqlite3.OperationalError as error:
            raise cannot_write(self.path, error) from error

    def start_scan(self, settings: dict[str, Any]) -> int:
        """Record that a scan begins; returns its id."""
        with self._transaction():
            row = {"started_at": _now(), "finished_at": None, "settings": json.dumps(settings), "model": None}
            return int(self._db["scans"].insert(row).last_pk)

    def name_model(self, scan: int, model: str, labels: Sequence[str] = EMOTIONS) -> None:
        """Record which model read the faces of a scan, and which emotions it tells apart."""
        with self._transaction():
            self._connection.execute(
                "UPDATE scans SET model = ?, settings = json_set(settings, '$.labels', json(?)) WHERE id = ?",
                (model, json.dumps(labels), scan),
            )

    def finish_scan(self, scan: int) -> None:
        """Record that a scan came to its end."""
        with self._transaction():
            # Also when the scan before this one was killed between its last photos and its end.
            before = "SELECT finished_at IS NULL FROM scans WHERE id < ? ORDER BY id DESC LIMIT 1"
            was_killed = self._connection.execute(before, (scan,)).fetchone()
            if self._has_new_photos or (was_killed and was_killed[0]):
                bursts.work_out(self._connection)
            self._has_new_photos = False
            columns.pack(self._connection)
            self._db["scans"].update(scan, {"finished_at": _now()})

    def note_others(self, files: Iterable[PhotoFile]) -> None:
        """Remember files that are no pictures."""
        rows = [(to_column(file.path), file.size, file.mtime_ns) for file in files]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO others VALUES (?, ?, ?)", rows)

    def note_unread(self, roots: Iterable[str], problems: Iterable[tuple[str, str]]) -> None:
        """Keep (path, reason) of what a walk below ``roots`` could not look into, in place of what was kept there."""
        with self._transaction():
            for root in roots:
                condition, values = forgetting.below("path", root)
                self._connection.execute(f"DELETE FROM unread WHERE {condition}", values)
            rows = [(to_column(path), reason) for path, reason in problems]
            self._connection.executemany("INSERT OR REPLACE INTO unread VALUES (?, ?)", rows)

    def write(self, scan: int, results: Iterable[PhotoResult]) -> None:
        """Keep photos with their faces; what was known of the same paths is replaced."""
        with self._transaction():
            for result in results:
                self._insert(scan, result.photo, self._heard(result))

    def pair(self, scan: int, raws: Iterable[tuple[PhotoFile, str]]) -> None:
        """Keep RAW files as one photo each with the JPEG at a path; what was known of the RAW files is replaced."""
        with self._transaction():
            for file, jpeg in raws:
                row = photo_row(Photo(file.path, file.size, file.mtime_ns), scan)
                self._replace({**row, "raw_of": to_column(jpeg)})

    def known(self, digest: str, scan: int = 0) -> KnownResult | None:
        """What is known of some bytes, from any scan or from ``scan`` on; of a file that is gone, if there is one."""
        rows = self._connection.execute(
            f"SELECT id, path, scan_id FROM photos WHERE {KNOWN} AND digest = ? AND scan_id >= ? ORDER BY id",
            (*PASSING_ERRORS, digest, scan),
        ).fetchall()
        if not rows:
            return None
        gone = [row for row in rows if is_gone(from_column(row[1]))]
        photo_id, _, reader = (gone or rows)[0]
        result = PhotoResult(photo_of(self._connection, photo_id), faces_of(self._connection, photo_id))
        return KnownResult(photo_id, reader, bool(gone), result)

    def reuse(self, found: Iterable[tuple[PhotoFile, str | None, KnownResult]]) -> None:
        """Give moved and copied files, each with when it was taken, what is known of their bytes, in one transaction.

        When the known photo is no longer where it was, its row moves; else the file gets rows of its own. Either way it
        stays a photo of the scan that read it.
        """
        with self._transaction():
            for file, taken_at, known in found:
                path = to_column(file.path)
                moved = 0
                if known.is_gone:
                    self._connection.execute("DELETE FROM photos WHERE path = ?", (path,))
                    moved = self._connection.execute(
                        "UPDATE photos SET path = ?, size = ?, mtime_ns = ?, taken_at = ? WHERE id = ? AND path = ?",
                        (path, file.size, file.mtime_ns, taken_at, known.id, to_column(known.result.photo.path)),
                    ).rowcount
                    self._has_new_photos |= taken_at != known.result.photo.taken_at  # it may be in another burst now
                if not moved:
                    photo = replace(known.result.photo, path=file.path, size=file.size, mtime_ns=file.mtime_ns)
                    self._insert(known.scan, replace(photo, taken_at=taken_at), self._faces_now(known))

    def models(self) -> set[str]:
        """The models that have read faces of this index."""
        return {row[0] for row in self._connection.execute("SELECT DISTINCT model FROM scans WHERE model NOT NULL")}

    def count_by_others(self, model: str, roots: Iterable[str]) -> int:
        """How many photos at or below some paths have faces that another model than this one has read."""
        conditions = [forgetting.below("p.path", root) for root in roots]
        where = " OR ".join(words for words, _ in conditions)
        question = (
            "SELECT count(*) FROM photos p JOIN scans s ON s.id = p.scan_id WHERE s.model != ?"
            f" AND EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id) AND ({where})"
        )
        values = [value for _, some in conditions for value in some]
        return int(self._connection.execute(question, (model, *values)).fetchone()[0])

    def paths_read_by_others(self, model: str) -> list[str]:
        """Paths of the photos with faces that another model than this one has read, in the order of their rows."""
        rows = self._connection.execute(
            "SELECT p.path FROM photos p JOIN scans s ON s.id = p.scan_id"
            " WHERE s.model != ? AND EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id) ORDER BY p.id",
            (model,),
        )
        return [from_column(path) for (path,) in rows]

    def as_read(self, path: str) -> PhotoResult | None:
        """A photo with its faces as a model read them, without corrections; None when there is no such photo."""
        row = self._connection.execute("SELECT id FROM photos WHERE path = ?", (to_column(path),)).fetchone()
        if row is None:
            return None
        photo = photo_of(self._connection, row[0])
        known = corrections.of_photo(self._connection, photo.digest)
        return PhotoResult(photo, corrections.as_read(faces_of(self._connection, row[0]), known))

    def correct(self, path: str, number: int | None, emotion: str | None) -> tuple[int, Face]:
        """Keep what a person says of a face, for each copy of the photo.

        Args:
            path: absolute.
            number: of the face, from 1, the largest first; None where there is only one.
            emotion: one of ``EMOTIONS``; None when it is no face.

        Returns:
            the number of the face, and the face as the model read it.

        Raises:
            AlbumsortError: the photo is not in the index, has no such face, or several and no number was given.
        """
        with self._transaction():
            digest, faces = self._faces_at(path)
            if number is None and len(faces) > 1:
                shown = ", ".join(f"{k} {face.emotion} {face.confidence:.0%}" for k, face in enumerate(faces, 1))
                raise AlbumsortError(f"{printable(path)}: which face? --face N of {shown}; show draws them")
            number = 1 if number is None else number
            if not 1 <= number <= len(faces):
                raise AlbumsortError(f"{printable(path)}: no face {number}; the index has {len(faces)} of it")
            known = corrections.of_photo(self._connection, digest)
            earlier = corrections.visible(faces, known).get(number - 1)
            said = faces[number - 1] if earlier is None else known[earlier].said
            others = [one for place, one in enumerate(known) if place != earlier]
            made = Correction(emotion, said, _now())
            corrections.keep(self._connection, digest, [*others, made])
            self._rewrite(digest, lambda there: corrected(there, [made]))
        return number, said

    def uncorrect(self, path: str) -> int:
        """Forget what people said of the faces of a photo; the model's readings are back. Returns how many there were.

        Raises:
            AlbumsortError: the photo is not in the index.
        """
        with self._transaction():
            digest, _ = self._faces_at(path)
            known = corrections.of_photo(self._connection, digest)
            corrections.keep(self._connection, digest, [])
            if known:
                self._rewrite(digest, lambda there: corrections.as_read(there, known))
        return len(known)

    def prune(self) -> tuple[int, int]:
        """Drop what is no longer on the disk.

        Returns:
            the numbers of photos dropped and of photos kept.

        Raises:
            AlbumsortError: a scanned folder is not there at all: a disk that is not plugged in, perhaps.
        """
        paths = [(row[0], from_column(row[1])) for row in self._connection.execute("SELECT id, path FROM photos")]
        for root in self._roots():
            if any(path.startswith(root.rstrip(os.sep) + os.sep) for _, path in paths) and is_unplugged(root):
                raise AlbumsortError(
                    f"{root} was scanned and is not there now; nothing was dropped. Plug the disk in and try"
                    f" again; if it is gone for good: albumsort forget {root}"
                )
        gone = [(row,) for row, path in paths if is_gone(path)]
        with self._transaction():
            self._connection.executemany("DELETE FROM photos WHERE id = ?", gone)
            self._connection.execute("DELETE FROM others")
            unread = [(path,) for (path,) in self._connection.execute("SELECT path FROM unread")]
            unread = [row for row in unread if is_gone(from_column(row[0]))]
            self._connection.executemany("DELETE FROM unread WHERE path = ?", unread)
        return len(gone), len(paths) - len(gone)

    def forget(self, path: str) -> int:
        """Delete every trace of a photo, or of a folder and all below it.

        Returns:
            how many files were forgotten. Of files that are not known any more, traces may be left, which go, too.

        Raises:
            AlbumsortError: another program that reads the index keeps traces alive.
        """
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            files = forgetting.forget(self._connection, path)
        for copy in schema.backups(self.path):
            if forgetting.is_known_to(copy, path):
                copy.unlink()
        if not forgetting.scrub(self._connection):
            raise AlbumsortError(
                f"{self.path}: forgotten, but traces stay in {self.path.name}-wal while another program reads the"
                " index; end that and call forget again"
            )
        return files

    def _roots(self) -> set[str]:
        settings = self._connection.execute("SELECT settings FROM scans")
        return {root.rstrip(os.sep) or os.sep for (text,) in settings for root in settings_of(text)["paths"]}

    def _insert(self, scan: int, photo: Photo, faces: Iterable[Face]) -> None:
        self._put_faces(self._replace(photo_row(photo, scan)), faces)

    def _replace(self, row: dict[str, Any]) -> int:
        """Put a row of ``photos`` in place of that of the same path; returns its id."""
        self._has_new_photos = True
        self._connection.execute("DELETE FROM photos WHERE path = ?", (row["path"],))
        return int(self._db["photos"].insert(row).last_pk)

    def _put_faces(self, photo_id: int, faces: Iterable[Face]) -> None:
        self._db["faces"].insert_all(face_row(face, photo_id) for face in faces)
        everyone.work_out(self._connection, photo_id)

    def _faces_now(self, known: KnownResult) -> tuple[Face, ...]:
        """The faces of a known photo, read in this transaction: a correction may have come or gone since."""
        row = self._connection.execute("SELECT digest FROM photos WHERE id = ?", (known.id,)).fetchone()
        is_same = row is not None and row[0] == known.result.photo.digest
        return faces_of(self._connection, known.id) if is_same else known.result.faces

    def _heard(self, result: PhotoResult) -> tuple[Face, ...]:
        """What a new reading found, with what people said of it; the corrections keep what the model says now."""
        known = corrections.of_photo(self._connection, result.photo.digest)
        if known and result.photo.digest:
            again = corrections.heard_again(result.faces, known)
            corrections.keep(self._connection, result.photo.digest, again)
        return corrected(result.faces, known)

    def _faces_at(self, path: str) -> tuple[str, tuple[Face, ...]]:
        row = self._connection.execute(
            "SELECT id, digest FROM photos WHERE path = (SELECT ifnull(raw_of, path) FROM photos WHERE path = ?)",
            (to_column(path),),
        ).fetchone()
        if row is None:
            raise AlbumsortError(f"{printable(path)}: not in the index; scan it first")
        if row[1] is None:
            raise AlbumsortError(f"{printable(path)}: could not be read by the scan, and so has no faces")
        return row[1], faces_of(self._connection, row[0])

    def _rewrite(self, digest: str, change: Callable[[tuple[Face, ...]], Iterable[Face]]) -> None:
        """Change the faces of each photo of these bytes, keeping their order."""
        ids = self._connection.execute("SELECT id FROM photos WHERE digest = ?", (digest,)).fetchall()
        for (photo_id,) in ids:
            faces = change(faces_of(self._connection, photo_id))
            self._connection.execute("DELETE FROM faces WHERE photo_id = ?", (photo_id,))
            self._put_faces(photo_id, faces)


def cannot_write(index: Path, error: sqlite3.Error | OSError) -> AlbumsortError:
    """What to tell of an index that cannot be written, and what to do about it."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    words = f"{index}: the index cannot be written ({reason.lower()})"
    if "locked" in reason:
        return AlbumsortError(
            f"{words}; another program has held it for {_PATIENCE:.0f} s. Try again when it has ended"
        )
    # SQLite says "disk I/O error" when the files beside the index find no room.
    with suppress(OSError):
        if shutil.disk_usage(index.parent).free < _LEAST_ROOM:
            return AlbumsortError(f"{words}: the disk is full. Make room, or put the index elsewhere with --db")
    return AlbumsortError(words)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
