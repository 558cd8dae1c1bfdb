"""The manifest of an export: lists the files that it placed, so that ``--undo`` can remove exactly these."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from albumsort.errors import AlbumsortError
from albumsort.export import xmp
from albumsort.files import sha256
from albumsort.text import printable

NAME = "albumsort-export.json"
#: ``PlacedFile.mode`` of a sidecar beside an exported file, and of one beside the photo itself.
SIDECAR, SIDECAR_OF_ORIGINAL = "sidecar", "sidecar of the original"
#: Modes of files that hold no photo: they can be removed even if the photo itself is gone.
_NO_PHOTO = ("symlink", SIDECAR, SIDECAR_OF_ORIGINAL)
#: Version 2 added sidecars.
_VERSION = 2


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that an export placed.

    Attributes:
        path: relative to the export's folder, with slashes; absolute if the mode is ``SIDECAR_OF_ORIGINAL``.
        source: absolute path of the photo.
        mode: ``copy``, ``hardlink``, ``symlink``, ``SIDECAR`` or ``SIDECAR_OF_ORIGINAL``.
        digest: the ``fingerprint`` of the file.
    """

    path: str
    source: str
    mode: str
    digest: str


class Manifest:
    """The files that exports have placed in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest of a folder; without one, nothing is known to be placed there.

        Raises:
            AlbumsortError: the file is not a manifest, or a newer albumsort wrote it.
        """
        self.folder = folder
        self._file = folder / NAME
        self._files: dict[str, PlacedFile] = {}
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            if content["version"] > _VERSION:
                raise AlbumsortError(f"{self._file}: written by a newer albumsort; update albumsort")
            files = [PlacedFile(**item) for item in content["files"]]
            values = [value for item in files for value in asdict(item).values()]
            if not all(isinstance(value, str) and "\0" not in value for value in values):
                raise TypeError
            self._files = {item.path: item for item in files}
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AlbumsortError(f"{self._file}: not the manifest of an export") from error

    def __len__(self) -> int:
        return len(self._files)

    @property
    def files(self) -> list[PlacedFile]:
        """The files, in the order in which they were placed."""
        return list(self._files.values())

    @property
    def is_there(self) -> bool:
        """Whether the folder has a manifest."""
        return self._file.exists()

    def add(self, target: Path, source: str, mode: str, digest: str) -> None:
        """Record a file that was just placed, instead of what was recorded for its path before.

        Args:
            target: the file.
            source: absolute path of the photo.
            mode: as in ``PlacedFile``.
            digest: likewise.
        """
        is_inside = mode != SIDECAR_OF_ORIGINAL
        path = str(PurePosixPath(*target.relative_to(self.folder).parts) if is_inside else target)
        self._files[path] = PlacedFile(path, source, mode, digest)

    def save(self) -> None:
        """Replace the manifest on the disk; remove it if no file is left in it.

        Raises:
            AlbumsortError: it cannot be written, for example because the disk is full.
        """
        if not self._files:
            self._file.unlink(missing_ok=True)
            return
        partial = self._file.with_name(f".albumsort-{secrets.token_hex(8)}.part")
        content: dict[str, Any] = {"version": _VERSION, "files": [asdict(item) for item in self.files]}
        try:
            with open(partial, "x", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._file)
        except OSError as error:
            words = f"{error.strerror}; --undo will not know the files that were placed just now"
            raise AlbumsortError(f"{printable(str(self._file))}: {words}") from error
        finally:
            partial.unlink(missing_ok=True)

    def undo(self, dry_run: bool = False) -> Iterator[tuple[Path, str]]:
        """Remove the listed files that have not changed since, and the folders that are empty afterwards.

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
                yield path, "gone"
            elif not _is_unchanged(path, item):
                kept.append(item)
                yield path, "changed"
            elif item.mode not in _NO_PHOTO and not _is_second_copy(path, item):
                kept.append(item)
                yield path, "only copy"
            elif dry_run:
                yield path, "would be removed"
            else:
                path.unlink()
                if item.mode != SIDECAR_OF_ORIGINAL:
                    self._remove_empty(path.parent)
                yield path, "removed"
        if not dry_run:
            self._files = {item.path: item for item in kept}
            self.save()

    def _is_inside(self, item: PlacedFile) -> bool:
        """Whether a listed file is inside the folder. Links on the way to it are followed."""
        if item.mode == SIDECAR_OF_ORIGINAL:
            return False
        path = PurePosixPath(item.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            return False
        try:
            return (self.folder / path).parent.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError):  # links in a circle; which of the two depends on the version of Python
            return False

    def _remove_empty(self, folder: Path) -> None:
        """Remove a folder if it is empty, then its parents likewise, up to the folder of the export."""
        while folder != self.folder and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def _is_unchanged(path: Path, item: PlacedFile) -> bool:
    """Whether a file is still the one that the export placed."""
    if fingerprint(path) != item.digest or path.is_symlink() != (item.mode == "symlink"):
        return False
    # The manifest may come from a stranger, who could declare any file to be a sidecar.
    return item.mode not in (SIDECAR, SIDECAR_OF_ORIGINAL) or xmp.is_own(path)


def _is_beside(item: PlacedFile) -> bool:
    """Whether a listed file is a sidecar beside its photo, the only file an export may write outside of its folder."""
    return item.mode == SIDECAR_OF_ORIGINAL and os.path.isabs(item.path) and item.path == xmp.sidecar_path(item.source)


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
    names = {unicodedata.normalize("NFC", path.name).casefold() for path in (one, other)}
    return len(names) == 1 and _is_same_file(one.parent, other.parent)


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file's bytes, of a symbolic link's target path, or an empty string if there is no file."""
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
    if not path.is_file():
        return ""
    return sha256(path)
