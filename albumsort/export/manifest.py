"""The manifest of an export: which files it laid, so that exactly these can be taken away again."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from albumsort.errors import AlbumsortError
from albumsort.export import xmp
from albumsort.files import sha256
from albumsort.text import printable

NAME = "albumsort-export.json"
#: How a sidecar beside an exported file was laid, and one beside the photo itself.
SIDECAR, SIDECAR_OF_ORIGINAL = "sidecar", "sidecar of the original"
#: What can be removed without a look at whether the photo is still there.
_NO_PHOTO = ("symlink", SIDECAR, SIDECAR_OF_ORIGINAL)
#: Since 2 with sidecars.
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Laid:
    """A file that an export laid.

    Attributes:
        path: below the export's folder, with slashes; of a ``SIDECAR_OF_ORIGINAL``, absolute.
        source: the photo.
        mode: ``copy``, ``hardlink``, ``symlink``, ``SIDECAR`` or ``SIDECAR_OF_ORIGINAL``.
        digest: SHA-256 of the bytes; of a symbolic link, of where it leads to.
    """

    path: str
    source: str
    mode: str
    digest: str


class Manifest:
    """What exports into a folder have laid there."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest of a folder, which may have none.

        Raises:
            AlbumsortError: the file of that name is no manifest.
        """
        self.folder = folder
        self._file = folder / NAME
        self._laid: dict[str, Laid] = {}
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            if content["version"] > _VERSION:
                raise AlbumsortError(f"{self._file}: written by a newer albumsort; update albumsort")
            laid = [Laid(**item) for item in content["files"]]
            if not all(
                isinstance(value, str) and "\0" not in value for item in laid for value in asdict(item).values()
            ):
                raise TypeError
            self._laid = {item.path: item for item in laid}
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AlbumsortError(f"{self._file}: not the manifest of an export") from error

    def __len__(self) -> int:
        return len(self._laid)

    @property
    def laid(self) -> list[Laid]:
        """The files, in the order in which they were laid."""
        return list(self._laid.values())

    @property
    def is_there(self) -> bool:
        """Whether the folder has a manifest."""
        return self._file.exists()

    def add(self, target: Path, source: str, mode: str) -> None:
        """Note a file that was laid just now, in place of what was noted of it before."""
        below = mode != SIDECAR_OF_ORIGINAL
        path = str(PurePosixPath(*target.relative_to(self.folder).parts) if below else target)
        self._laid[path] = Laid(path, source, mode, fingerprint(target))

    def save(self) -> None:
        """Write the manifest in place of the one before, or take it away when nothing is left in it.

        Raises:
            AlbumsortError: the disk is full, say.
        """
        if not self._laid:
            self._file.unlink(missing_ok=True)
            return
        partial = self._file.with_name(f".albumsort-{secrets.token_hex(8)}.part")
        content: dict[str, Any] = {"version": _VERSION, "files": [asdict(item) for item in self.laid]}
        try:
            with open(partial, "x", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._file)
        except OSError as error:
            words = f"{error.strerror}; what was laid just now is not noted, and --undo will not know of it"
            raise AlbumsortError(f"{printable(str(self._file))}: {words}") from error
        finally:
            partial.unlink(missing_ok=True)

    def undo(self, dry_run: bool = False) -> Iterator[tuple[Path, str]]:
        """Remove what is listed and has not changed since, and the folders that this empties.

        Args:
            dry_run: remove nothing, and say ``would be removed``.

        Yields:
            each listed file with what became of it: ``removed``, ``gone`` (before), or why it was kept: ``changed``, or
            ``only copy`` where the photo itself is no longer what it was.

        Raises:
            AlbumsortError: a listed file lies outside of the folder, and is not the sidecar of its photo.
        """
        for item in self.laid:
            if not self._is_inside(item) and not _is_beside(item):
                words = "a file outside of this folder is listed; nothing was removed"
                raise AlbumsortError(f"{printable(str(self._file))}: {words}")
        kept = []
        for item in self.laid:
            path = self.folder / item.path
            if not os.path.lexists(path):
                yield path, "gone"
            elif not _is_as_laid(path, item):
                kept.append(item)
                yield path, "changed"
            elif item.mode not in _NO_PHOTO and not _has_bytes(item.source, item.digest):
                kept.append(item)
                yield path, "only copy"
            elif dry_run:
                yield path, "would be removed"
            else:
                path.unlink()
                if item.mode != SIDECAR_OF_ORIGINAL:
                    self._sweep(path.parent)
                yield path, "removed"
        if not dry_run:
            self._laid = {item.path: item for item in kept}
            self.save()

    def _is_inside(self, item: Laid) -> bool:
        """Whether a listed file is below the folder, also when a folder on the way is a link."""
        if item.mode == SIDECAR_OF_ORIGINAL:
            return False
        path = PurePosixPath(item.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            return False
        try:
            return (self.folder / path).parent.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError):  # links in a circle, by the version of Python
            return False

    def _sweep(self, folder: Path) -> None:
        """Remove a folder and those above it, up to that of the export, as far as they are empty."""
        while folder != self.folder and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def _is_as_laid(path: Path, item: Laid) -> bool:
    if fingerprint(path) != item.digest or path.is_symlink() != (item.mode == "symlink"):
        return False
    # A manifest may come from a stranger, who could name any file a sidecar.
    return item.mode not in (SIDECAR, SIDECAR_OF_ORIGINAL) or xmp.is_own(path)


def _is_beside(item: Laid) -> bool:
    """Whether a listed file has the one name that an export may give outside of its folder: that of a sidecar."""
    return item.mode == SIDECAR_OF_ORIGINAL and os.path.isabs(item.path) and item.path == xmp.sidecar_path(item.source)


def _has_bytes(source: str, digest: str) -> bool:
    """Whether a photo is where it was, with the bytes that it had."""
    return fingerprint(Path(os.path.realpath(source))) == digest


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes; of a symbolic link, of where it leads to."""
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
    if not path.is_file():
        return ""
    return sha256(path)
