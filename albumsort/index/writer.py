"""Writes the index: one writer, and one transaction per batch."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import bursts, compat, corrections, damage, journal, marked, packed, schema
from albumsort.index import forget as forgetting
from albumsort.index.known_files import TWICE, KnownFiles, KnownResult
from albumsort.index.marked import MarkedPhotos
from albumsort.index.packed import NewFaces
from albumsort.index.rows import faces_of, from_column, insert_faces, insert_photo, now, photo_of, photo_row, to_column
from albumsort.records import Face, Photo, PhotoFile, PhotoResult, split_offset

#: Seconds to wait for another writer, for example a second scan on the same index.
_PATIENCE = 30.0
#: If an index cannot be written and fewer bytes than this are free on the disk, the full disk is to blame.
_LEAST_ROOM = 1 << 18
#: The number of chunks that may stay unpacked until a scan ends; a query reads them in some hundredths of a second.
_UNPACKED = 64


class IndexWriter:
    """The index, opened for writing; created if it does not exist.

    Use as a context manager. Each method is one transaction, so nothing is half written.

    Attributes:
        path: the path of the file.
        known_files: what earlier scans know of the disk.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the index.

        Raises:
            AlbumsortError: the file is not an index, is of a newer albumsort, or cannot be written.
        """
        self.path = path
        self._scan: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not path.is_file():
                raise AlbumsortError(f"{path}: not a file, so not an index")
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # other users must not see the faces
            self._connection = journal.open_for_writing(path, _PATIENCE)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise cannot_write(path, error) from error
        self.known_files = KnownFiles(self._connection)

    def _open(self) -> None:
        try:
            version = schema.version(self._connection)
            if version is None:
                raise AlbumsortError(f"{self.path}: a database, but not an index of albumsort")
            if version > schema.VERSION:
                raise AlbumsortError(f"{self.path}: written by a newer albumsort (version {version}); update albumsort")
            if version < schema.VERSION:
                compat.bring_forward(self._connection, self.path)
            journal.choose(self._connection, self.path)
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:  # also for Ctrl-C: nothing else would close the connection
            self._connection.close()
            raise

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            damage.explain(self._connection, self.path, error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def locked_files(self) -> set[tuple[int, int]]:
        """(device, inode) of the index and of what SQLite keeps beside it, which this process must not open itself."""
        files = [self.path.with_name(self.path.name + end) for end in ("", *compat.LOGS)]
        return {(status.st_dev, status.st_ino) for file in files if file.exists() and (status := file.stat())}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with schema.transaction(self._connection):
                yield
                unpacked = "SELECT count(*) FROM packed WHERE faces IS NULL"
                if self._connection.execute(unpacked).fetchone()[0] > _UNPACKED:
                    packed.pack(self._connection)
        except sqlite3.OperationalError as error:
            raise cannot_write(self.path, error) from error

    def start_scan(self, settings: dict[str, Any]) -> int:
        """Record the start of a scan; returns its id."""
        with self._transaction():
            damage.mend_settings(self._connection)
            row = {"started_at": now(), "finished_at": None, "settings": json.dumps(settings), "model": None}
            self._scan = int(Database(self._connection)["scans"].insert(row).last_pk)
            return self._scan

    def name_model(self, scan: int, model: str, labels: Sequence[str] = EMOTIONS, engine: str | None = None) -> None:
        """Record which model read the faces of a scan, which emotions it tells apart, and what ran its network."""
        with self._transaction():
            self._connection.execute(
                "UPDATE scans SET model=?, settings=json_set(settings, '$.labels', json(?), '$.engine', ?) WHERE id=?",
                (model, json.dumps(labels), engine, scan),
            )

    def finish_scan(self, scan: int) -> None:
        """Record the end of a scan, group bursts, and pack the faces that are not packed yet."""
        with self._transaction():
            bursts.group(self._connection)
            packed.discard_damaged(self._connection)
            packed.pack(self._connection)
            forgetting.drop_notes(self._connection, scan)
            self._connection.execute("UPDATE scans SET finished_at = ? WHERE id = ?", (now(), scan))

    def note_not_photos(self, files: Iterable[PhotoFile]) -> None:
        """Remember files that are not pictures."""
        with self._transaction():
            is_forgotten = self._forgotten()
            rows = [(to_column(file.path), file.size, file.mtime_ns) for file in files if not is_forgotten(file.path)]
            self._connection.executemany("INSERT OR REPLACE INTO others VALUES (?, ?, ?)", rows)

    def note_unread(self, roots: Iterable[str], problems: Iterable[tuple[str, str]]) -> None:
        """Replace the (path, reason) of what a walk below ``roots`` could not read."""
        with self._transaction():
            for root in roots:
                condition, values = forgetting.below("path", root)
                self._connection.execute(f"DELETE FROM unread WHERE {condition}", values)
            is_forgotten = self._forgotten()
            rows = [(to_column(path), reason) for path, reason in problems if not is_forgotten(path)]
            self._connection.executemany("INSERT OR REPLACE INTO unread VALUES (?, ?)", rows)

    def write(self, scan: int, results: Iterable[PhotoResult]) -> None:
        """Write photos with their faces; what was known about the same paths is replaced.

        What another program has forgotten since this scan began is left out, here and in all that a scan writes.
        """
        with self._transaction():
            is_forgotten = self._forgotten()
            last_of_each = {
                one.photo.path: self._seen_twice(scan, one) for one in results if not is_forgotten(one.photo.path)
            }
            known = {result.photo.digest for result in last_of_each.values() if self._has(result.photo.digest)}
            earlier = {path: self._photo_at(path) for path in last_of_each}
            paths = [(to_column(path),) for path in last_of_each]
            self._connection.executemany("DELETE FROM photos WHERE path = ?", paths)
            new, marked_photos = NewFaces(self._connection), MarkedPhotos(self._connection)
            for path, result in last_of_each.items():
                photo_id = insert_photo(self._connection, photo_row(result.photo, scan))
                is_new = result.photo.digest not in known
                read = corrections.after_reading(self._connection, result, marked_photos, earlier[path], is_new)
                faces = insert_faces(self._connection, photo_id, read)
                new.add(photo_id, (result.photo.width, result.photo.height), faces)
            new.pack()

    def _seen_twice(self, scan: int, result: PhotoResult) -> PhotoResult:
        """The result, with a lasting error if an earlier scan had the same error with the same file."""
        photo = result.photo
        if photo.error is None or not photo.error.startswith("decoder "):
            return result
        row = self._connection.execute(
            "SELECT 1 FROM photos WHERE path = ? AND size = ? AND mtime_ns = ? AND scan_id < ?"
            " AND error LIKE 'decoder %'",
            (to_column(photo.path), photo.size, photo.mtime_ns, scan),
        ).fetchone()
        return replace(result, photo=replace(photo, error=photo.error + TWICE)) if row else result

    def drop(self, paths: Iterable[str]) -> int:
        """Drop photos by path; returns their number. What a person said of them is kept."""
        with self._transaction():
            rows = [(to_column(path),) for path in paths]
            return self._connection.executemany("DELETE FROM photos WHERE path = ?", rows).rowcount if rows else 0

    def pair(self, scan: int, raws: Iterable[tuple[PhotoFile, str]]) -> None:
        """Record that RAW files are one photo with the JPEG at a path. This replaces what was known about them."""
        with self._transaction():
            is_forgotten = self._forgotten()
            for file, jpeg in raws:
                if is_forgotten(file.path) or is_forgotten(jpeg):
                    continue
                row = photo_row(Photo(file.path, file.size, file.mtime_ns), scan)
                self._delete(file.path)
                insert_photo(self._connection, {**row, "raw_of": to_column(jpeg)})

    def reuse(self, found: Iterable[tuple[PhotoFile, str | None, KnownResult]]) -> None:
        """Give moved and copied files what is known about their bytes, in one transaction.

        Each comes with its time, which may end in an offset from UTC. If the known photo is no longer where it was, its
        row moves; else the file gets its own rows. Either way, it remains a photo of the scan that read it.
        """
        with self._transaction():
            is_forgotten = self._forgotten()
            for file, taken_at, known in found:
                if is_forgotten(file.path):
                    continue
                faces = self._faces_now(known)
                self._delete(file.path)
                if known.is_gone and self._move(file, taken_at, known):
                    continue
                photo = replace(known.result.photo, path=file.path, size=file.size, mtime_ns=file.mtime_ns)
                local, offset = split_offset(taken_at)
                photo = replace(photo, taken_at=local, utc_offset=offset)
                photo_id = insert_photo(self._connection, photo_row(photo, known.scan))
                insert_faces(self._connection, photo_id, faces)

    def _move(self, file: PhotoFile, taken_at: str | None, known: KnownResult) -> bool:
        """Change the row of a known photo to the file that it is now; returns False if it is no longer in the index."""
        before = to_column(known.result.photo.path)
        changed = self._connection.execute(
            "UPDATE photos SET path = ?, size = ?, mtime_ns = ?, taken_at = ?, utc_offset = ?"
            " WHERE id = ? AND path = ?",
            (to_column(file.path), file.size, file.mtime_ns, *split_offset(taken_at), known.id, before),
        )
        if changed.rowcount:
            marked.moved(self._connection, known.result.photo.digest, file.path)
        return bool(changed.rowcount)

    def models(self) -> set[str]:
        """The models that have read faces of this index."""
        return {row[0] for row in self._connection.execute("SELECT DISTINCT model FROM scans WHERE model NOT NULL")}

    def count_of_other_models(self, model: str, roots: Iterable[str]) -> int:
        """The number of photos at or below some paths whose faces another model than this one has read."""
        conditions = [forgetting.below("p.path", root) for root in roots]
        where = " OR ".join(condition for condition, _ in conditions)
        question = (
            "SELECT count(*) FROM photos p JOIN scans s ON s.id = p.scan_id WHERE s.model != ?"
            f" AND EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id) AND ({where})"
        )
        values = [value for _, bound in conditions for value in bound]
        return int(self._connection.execute(question, (model, *values)).fetchone()[0])

    def paths_of_other_models(self, model: str) -> list[str]:
        """The paths of the photos whose faces another model than this one has read, in the order of their rows."""
        rows = self._connection.execute(
            "SELECT p.path FROM photos p JOIN scans s ON s.id = p.scan_id"
            " WHERE s.model != ? AND EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id) ORDER BY p.id",
            (model,),
        )
        return [from_column(path) for (path,) in rows]

    def as_predicted(self, path: str) -> PhotoResult | None:
        """A photo with its faces as a model predicted them, without corrections; None if there is no such photo."""
        row = self._connection.execute("SELECT id FROM photos WHERE path = ?", (to_column(path),)).fetchone()
        if row is None:
            return None
        photo = photo_of(self._connection, row[0])
        known = corrections.of_photo(self._connection, photo.digest)
        return PhotoResult(photo, corrections.uncorrected(faces_of(self._connection, row[0]), known))

    def correct(self, path: str, number: int | None, emotion: str | None) -> tuple[int, Face]:
        """Store a person's correction of a face, for each copy of the photo.

        Args:
            path: absolute.
            number: the number of the face; the largest is 1. None if there is only one face.
            emotion: one of ``EMOTIONS``; None if it is not a face.

        Returns:
            the number of the face, and the face as the model predicted it.

        Raises:
            AlbumsortError: the photo is not in the index, has no such face, or has several faces and no number was
                given.
        """
        with self._transaction():
            return corrections.correct(self._connection, path, number, emotion)

    def uncorrect(self, path: str, number: int | None = None) -> int:
        """Take back corrections of a photo, and restore the model's predictions; returns the number of corrections.

        Args:
            path: absolute.
            number: the number of the face, as for ``Index.corrections_of``; None for all corrections of the photo.

        Raises:
            AlbumsortError: the photo is not in the index, or this face has no correction.
        """
        with self._transaction():
            return corrections.uncorrect(self._connection, path, number)

    def gone(self) -> tuple[int, dict[str, int]]:
        """The number of photos that are no longer on the disk, and of those of each folder that is missing or empty.

        Raises:
            AlbumsortError: a scanned folder does not exist, perhaps because a disk is not plugged in.
        """
        photo_ids, _ = forgetting.gone_photos(self._connection)
        return len(photo_ids), forgetting.emptied_folders(self._connection, photo_ids)

    def prune(self, whole_folders: bool = False) -> tuple[int, int]:
        """Drop photos that are no longer on the disk; with ``whole_folders`` also those of the folders in ``gone``.

        Returns:
            the numbers of photos dropped and of photos kept.

        Raises:
            AlbumsortError: a scanned folder does not exist, perhaps because a disk is not plugged in.
        """
        gone, kept = forgetting.gone_photos(self._connection, whole_folders)
        with self._transaction():
            forgetting.drop_gone(self._connection, gone)
            bursts.group(self._connection)
        return len(gone), kept

    def would_forget(self, *paths: str) -> tuple[int, int]:
        """The numbers of files and of corrections that ``forget`` would delete."""
        return forgetting.would_forget(self._connection, paths)

    def forget(self, *paths: str) -> int:
        """Delete every trace of photos, or of folders and everything below them.

        A scan that another program runs meanwhile will not write them again.

        Returns:
            the number of forgotten files. Traces of files that are no longer known are deleted, too, but not counted.

        Raises:
            AlbumsortError: another program that reads the index keeps traces alive, or a copy of an older version
                cannot be read. All else is forgotten.
        """
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            files = sum(forgetting.forget(self._connection, path, self._scan) for path in paths)
            bursts.group(self._connection)
        problems = []
        for copy in compat.backups(self.path):
            try:
                if any(forgetting.is_known_to(copy, path) for path in paths):
                    compat.remove_backup(copy)
            except AlbumsortError as error:
                problems.append(str(error))
        for remnant in compat.remnants(self.path):
            remnant.unlink(missing_ok=True)
        try:
            is_scrubbed = forgetting.scrub(self._connection)
        except sqlite3.OperationalError as error:
            raise cannot_write(self.path, error) from error
        if not is_scrubbed:
            problems.append(
                f"{self.path}: forgotten, but traces remain in {self.path.name}-wal while another program reads the"
                " index; end that and call forget again"
            )
        if problems:
            raise AlbumsortError("; ".join(problems))
        return files

    def _forgotten(self) -> Callable[[str], bool]:
        """Whether another program has forgotten a path since the scan of this writer began, as a function."""
        return forgetting.forgotten_meanwhile(self._connection, self._scan)

    def _delete(self, path: str) -> None:
        self._connection.execute("DELETE FROM photos WHERE path = ?", (to_column(path),))

    def _photo_at(self, path: str) -> Photo | None:
        row = self._connection.execute("SELECT id FROM photos WHERE path = ?", (to_column(path),)).fetchone()
        return photo_of(self._connection, row[0]) if row else None

    def _has(self, digest: str | None) -> bool:
        """Whether there is a photo with these bytes."""
        return bool(self._connection.execute("SELECT 1 FROM photos WHERE digest = ?", (digest,)).fetchone())

    def _faces_now(self, known: KnownResult) -> tuple[Face, ...]:
        """The faces of a known photo, read in this transaction, because corrections may have changed since."""
        row = self._connection.execute("SELECT digest FROM photos WHERE id = ?", (known.id,)).fetchone()
        is_same = row is not None and row[0] == known.result.photo.digest
        return faces_of(self._connection, known.id) if is_same else known.result.faces


def cannot_write(index: Path, error: sqlite3.Error | OSError) -> AlbumsortError:
    """The error for an index that cannot be written; it says what to do about it."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    words = f"{index}: the index cannot be written ({reason.lower()})"
    if "locked" in reason:
        return AlbumsortError(f"{words}; another program has held it for {_PATIENCE:.0f} s. Try again when it ends")
    # SQLite reports "disk I/O error" if there is no room for the files beside the index.
    with suppress(OSError):
        if shutil.disk_usage(index.parent).free < _LEAST_ROOM:
            return AlbumsortError(f"{words}: the disk is full. Make room, or put the index elsewhere with --db")
    return AlbumsortError(words)
