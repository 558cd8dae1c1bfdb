"""The manifest of an export: lists the files that it placed, so that ``--undo`` can remove exactly these."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from albumsort.album.placed import (
    JOURNAL,
    NAME,
    PARTIAL,
    SIDECAR,
    SIDECAR_OF_ORIGINAL,
    VERSION,
    PlacedFile,
    placed_in,
)
from albumsort.errors import AlbumsortError
from albumsort.export import xmp
from albumsort.export.names import same_name
from albumsort.files import is_partial, make_folder, new_file, sha256
from albumsort.text import printable

#: Modes of files that hold no photo: they can be removed even if the photo itself is gone.
_NO_PHOTO = ("symlink", SIDECAR, SIDECAR_OF_ORIGINAL, PARTIAL)
#: What ``undo`` says of files that it keeps, and why.
KEPT = {
    "changed": "another program has changed it since the export",
    "only copy": "the photo itself is gone, has changed, or is a link to it",
}


class Manifest:
    """The files that exports have placed in a folder.

    Each file is written into a journal before it gets its name, so that a program that is killed leaves no file that
    nobody knows. ``save`` puts what the journal has into the manifest and removes the journal.
    """

    def __init__(self, folder: Path) -> None:
        """Read the manifest of a folder; without one, nothing is known to be placed there.

        Raises:
            AlbumsortError: the file is not a manifest, or a newer albumsort wrote it.
        """
        self.folder = folder
        self._file, self._journal = folder / NAME, folder / JOURNAL
        self._writing: BinaryIO | None = None
        placed = placed_in(folder)
        self._files, self._made = placed.files, placed.made

    def __len__(self) -> int:
        return len(self._files)

    @property
    def files(self) -> list[PlacedFile]:
        """The files, in the order in which they were placed."""
        return list(self._files.values())

    def by_folder(self) -> dict[Path, list[PlacedFile]]:
        """The files inside the export's folder, by the folder that they are in."""
        found: dict[Path, list[PlacedFile]] = defaultdict(list)
        for item in self.files:
            if not os.path.isabs(item.path):
                found[(self.folder / item.path).parent].append(item)
        return found

    @property
    def is_there(self) -> bool:
        """Whether the folder has a manifest, or the journal of an export that was killed."""
        return self._file.exists() or self._journal.exists()

    def make_folder(self, folder: Path) -> None:
        """Make a folder of the export, and record how many had to be made to have the export's own.

        Raises:
            AlbumsortError: the journal cannot be written.
            OSError: the folder cannot be made.
        """
        missing = [path for path in (self.folder, *self.folder.absolute().parents) if not os.path.lexists(path)]
        make_folder(folder)
        if missing:
            self._made = len(missing)
            self._append({"made": self._made})

    def add(self, target: Path, source: str, mode: str, digest: str) -> None:
        """Record a file that is about to get its name, instead of what was recorded for its path before.

        Args:
            target: the file.
            source: absolute path of the photo.
            mode: as in ``PlacedFile``.
            digest: likewise.

        Raises:
            AlbumsortError: the journal cannot be written, for example because the disk is full.
        """
        item = PlacedFile(self._name(target, mode), source, mode, digest)
        self._append(asdict(item))
        self._files[item.path] = item

    def begin(self, partial: Path, source: str) -> None:
        """Record a partial file that is about to be made. It counts only if the program is killed before ``save``.

        Args:
            partial: its path, in the folder of the export or beside the photo.
            source: absolute path of the photo.

        Raises:
            AlbumsortError: as ``add`` does.
        """
        path = self._name(partial, "" if partial.is_relative_to(self.folder) else SIDECAR_OF_ORIGINAL)
        self._append(asdict(PlacedFile(path, source, PARTIAL, "")))

    def drop(self, target: Path, mode: str = "") -> None:
        """Forget a file that did not get its name after all. The arguments are those of ``add``."""
        path = self._name(target, mode)
        self._append({"path": path})
        self._files.pop(path, None)

    def _name(self, target: Path, mode: str) -> str:
        is_inside = mode != SIDECAR_OF_ORIGINAL
        return str(PurePosixPath(*target.relative_to(self.folder).parts) if is_inside else target)

    def _append(self, line: Mapping[str, str | int]) -> None:
        try:
            if self._writing is None:
                flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
                self._writing = os.fdopen(os.open(self._journal, flags, 0o666), "wb", buffering=0)
            # A line that was cut off by a kill before must not spoil this one, so a line end comes first.
            self._writing.write(b"\n" + json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise AlbumsortError(f"{printable(str(self._journal))}: {error.strerror}") from error

    def close(self) -> None:
        """``save``, if anything was recorded since the last time, or if an export before was killed."""
        if self._writing is not None or (self._files and self._journal.exists()):
            self.save()

    def save(self) -> None:
        """Replace the manifest on the disk; remove it if no file is left in it. The journal is removed, too.

        Raises:
            AlbumsortError: it cannot be written, for example because the disk is full. The journal stays.
        """
        for item in self.files:
            if item.mode == PARTIAL and not os.path.lexists(self.folder / item.path):
                del self._files[item.path]
        try:
            if self._files:
                files = [asdict(item) for item in self.files]
                content: dict[str, Any] = {"version": VERSION, "made": self._made, "files": files}
                with new_file(self._file, replace=True, announce=lambda path: self.begin(path, "")) as file:
                    file.write(json.dumps(content, indent=1).encode())
            else:
                self._file.unlink(missing_ok=True)
            if self._writing is not None:
                self._writing.close()
                self._writing = None
            self._journal.unlink(missing_ok=True)
        except OSError as error:
            raise AlbumsortError(f"{printable(str(self._file))}: {error.strerror}") from error

    def undo(self, dry_run: bool = False) -> Iterator[tuple[Path, str]]:
        """Remove the listed files that have not changed since, and the folders that are empty afterwards.

        The folder of the export goes, too, with those above it, if exports made them and they are empty.

        Args:
            dry_run: only report ``would be removed``; remove nothing.

        Yields:
            each listed file and what was done with it: ``removed``; ``gone`` (it was no longer there); or the reason
            why it was kept: ``changed``, or ``only copy`` (the photo itself is gone or has other bytes now, or its name
            leads to this very file).

        Raises:
            AlbumsortError: a listed file is outside of the folder and is not the sidecar of its photo.
        """
        for item in self.files:
            if not self._is_inside(item) and not _is_beside(item):
                words = "it lists a file outside of this folder; nothing was removed"
                raise AlbumsortError(f"{printable(str(self._file))}: {words}")
        kept = []
        for item in self.files:
            path = self.folder / item.path
            if not os.path.lexists(path):
                action = "gone"
            elif not _is_unchanged(path, item):
                action = "changed"
            elif item.mode not in _NO_PHOTO and not _is_second_copy(path, item):
                action = "only copy"
            else:
                action = "would be removed" if dry_run else "removed"
                if not dry_run:
                    path.unlink()
            if action in KEPT:
                kept.append(item)
            elif not dry_run and not os.path.isabs(item.path):
                self._remove_empty(path.parent)
            yield path, action
        if not dry_run:
            self._files = {item.path: item for item in kept}
            self.save()
            self._remove_made()

    def _is_inside(self, item: PlacedFile) -> bool:
        """Whether a listed file is inside the folder. Links on the way to it are followed."""
        path = PurePosixPath(item.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            return False
        try:
            return (self.folder / path).parent.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError):  # links in a circle; which of the two depends on the version of Python
            return False

    def _remove_empty(self, folder: Path) -> None:
        """Remove a folder if it is empty, then its parents likewise, up to the folder of the export, which stays."""
        while folder != self.folder and not folder.is_symlink():
            if folder.is_dir():
                if any(folder.iterdir()):
                    break
                folder.rmdir()
            folder = folder.parent

    def _remove_made(self) -> None:
        """Remove the export's own folder, and those above it, as far as exports made them and nothing is in them."""
        folder = self.folder.absolute()
        for made in (folder, *folder.parents)[: self._made]:
            try:
                if not made.samefile(os.curdir):
                    made.rmdir()
            except OSError:  # something is in it, or it is a link
                return


def _is_unchanged(path: Path, item: PlacedFile) -> bool:
    """Whether a file is still the one that the export placed."""
    if item.mode in (SIDECAR, SIDECAR_OF_ORIGINAL):
        # A sidecar has its digest in itself. The listed one says nothing: the manifest may come from a stranger, who
        # could declare any file to be a sidecar, and a killed export lists what it was about to write.
        return xmp.is_own(path)
    if item.mode == PARTIAL:
        return is_partial(path.name) and path.is_file() and not path.is_symlink()
    return fingerprint(path) == item.digest and path.is_symlink() == (item.mode == "symlink")


def _is_beside(item: PlacedFile) -> bool:
    """Whether a listed file is one that an export may write beside a photo: its sidecar, or a partial one."""
    if not os.path.isabs(item.path):
        return False
    if item.mode == PARTIAL:
        return os.path.dirname(item.path) == os.path.dirname(item.source)
    return item.mode == SIDECAR_OF_ORIGINAL and item.path == xmp.sidecar_path(item.source)


def _is_second_copy(path: Path, item: PlacedFile) -> bool:
    """Whether the photo would still exist under its own name, with the same bytes, if an exported file were removed.

    A duplicate finder may have replaced the photo by a link to the exported file, and a manifest may name the same file
    twice. So the photo must be another file, or another name of the same file.
    """
    photo = Path(os.path.realpath(item.source))
    if fingerprint(photo) != item.digest:
        return False
    return not _is_same_file(photo, path) or (os.stat(path).st_nlink > 1 and not _is_same_name(photo, path))


def _is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file.

    A disk that is mounted twice, such as a network share, may show it under two device numbers. No copy has the inode
    number and the time of change of its original, to the nanosecond.
    """
    a, b = os.stat(one), os.stat(other)
    return a.st_ino == b.st_ino and (a.st_dev == b.st_dev or a.st_ctime_ns == b.st_ctime_ns)


def _is_same_name(one: Path, other: Path) -> bool:
    """Whether two paths name the same entry of the same folder. Some file systems ignore case and Unicode forms."""
    return same_name(one.name) == same_name(other.name) and _is_same_file(one.parent, other.parent)


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file's bytes, of a symbolic link's target path, or an empty string if there is no file."""
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
    if not path.is_file():
        return ""
    return sha256(path)
