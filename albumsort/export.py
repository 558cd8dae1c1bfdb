"""The export: a folder an emotion, best first in the order of names. Nothing is ever overwritten."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from albumsort.album.walk import printable
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.query import Index, RankedPhoto

#: Bytes of a file name that all common file systems take.
_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one photo.

    ``action`` is ``written``, ``present`` (the folder holds it already), ``missing`` (the photo is no longer where it
    was scanned) or, in a dry run, ``would be written``.
    """

    emotion: str | None
    source: str
    target: str
    action: str


@dataclass
class _Folder:
    """A target folder and what is in it: never the same photo twice, never a file replaced."""

    path: Path
    dry_run: bool
    names: set[str] = field(default_factory=set)
    by_size: dict[int, list[Path]] = field(default_factory=lambda: defaultdict(list))
    linked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            return
        for item in self.path.iterdir():
            self.names.add(item.name)
            if item.is_symlink():
                self.linked.add(str(item.readlink()))
            elif item.is_file():
                self.by_size[item.stat().st_size].append(item)

    def holding(self, row: RankedPhoto) -> Path | None:
        """The file in this folder that is the photo already."""
        if row.photo.path in self.linked:
            return self.path
        same_size = self.by_size.get(row.photo.size, [])
        return next((path for path in same_size if _digest(path) == row.photo.digest), None)

    def free_name(self, rank: int, digits: int, row: RankedPhoto) -> str:
        """Rank, score and the photo's own name, and a number more where that is taken."""
        prefix = f"{rank:0{digits}d}_{row.score * 100:03.0f}_"
        stem, suffix = os.path.splitext(printable_name(os.path.basename(row.photo.path)))
        for copy in range(1, len(self.names) + 2):
            end = (f" ({copy})" if copy > 1 else "") + suffix
            room = _NAME_BYTES - len(os.fsencode(prefix + end))
            name = (
                prefix
                + os.fsencode(stem)[:room].decode("utf-8", "ignore" if room < len(stem) else "surrogateescape")
                + end
            )
            if name not in self.names:
                break
        return name


def export(
    index: Index,
    destination: Path,
    *,
    emotions: Sequence[str] = EMOTIONS,
    n: int | None = None,
    threshold: float | None = None,
    mode: str = "copy",
    dry_run: bool = False,
) -> list[Exported]:
    """Lay the best photos of each emotion into a folder of its name.

    Args:
        index: that says which photos.
        emotions: which folders to make.
        destination: made when it is not there; may hold an earlier export, to which only what is new is added.
        n: photos an emotion, at most; None for all that show it.
        threshold: as in ``Index.top``.
        mode: ``copy``, ``hardlink`` or ``symlink``.
        dry_run: say what would be done, and write nothing.

    Raises:
        AlbumsortError: the disk is full, the folder cannot be written, or cannot hold such links.
    """
    done: list[Exported] = []
    for emotion in emotions:
        ranking = index.top(emotion, n, threshold=threshold)
        if ranking:
            done += lay(ranking, destination / emotion, mode=mode, dry_run=dry_run, emotion=emotion)
    return done


def lay(
    ranking: Sequence[RankedPhoto],
    folder: Path,
    *,
    mode: str = "copy",
    dry_run: bool = False,
    emotion: str | None = None,
) -> list[Exported]:
    """Lay a ranking into one folder, names beginning with the rank. Raises as ``export`` does."""
    done: list[Exported] = []
    try:
        content = _Folder(folder, dry_run)
        digits = max(3, len(str(len(ranking))))
        if not dry_run:
            folder.mkdir(parents=True, exist_ok=True)
        for rank, row in enumerate(ranking, 1):
            present = content.holding(row)
            if present is not None:
                done.append(Exported(emotion, row.photo.path, str(present), "present"))
                continue
            name = content.free_name(rank, digits, row)
            target = folder / name
            if not os.path.isfile(row.photo.path):
                done.append(Exported(emotion, row.photo.path, str(target), "missing"))
                continue
            if not dry_run:
                _place(row.photo.path, target, mode)
            content.names.add(name)
            done.append(Exported(emotion, row.photo.path, str(target), "would be written" if dry_run else "written"))
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP) and mode != "copy":
            reason += f"; this folder cannot hold a {mode} of that photo, use --mode copy"
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {reason}") from error
    return done


def printable_name(name: str) -> str:
    """A file name without line breaks, terminal escapes and other control characters."""
    return "".join("_" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in name)


def _place(source: str, target: Path, mode: str) -> None:
    if mode == "hardlink":
        os.link(source, target)
    elif mode == "symlink":
        os.symlink(source, target)
    else:
        _copy(source, target)


def _copy(source: str, target: Path) -> None:
    """Copy to a temporary name, check what arrived, then give it its name without replacing anything."""
    descriptor, temporary = tempfile.mkstemp(prefix=".albumsort-", suffix=".part", dir=target.parent)
    try:
        with open(source, "rb") as reading, open(descriptor, "wb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
            writing.flush()
            os.fsync(writing.fileno())
        shutil.copystat(source, temporary)
        if _digest(Path(temporary)) != _digest(Path(source)):
            raise OSError(errno.EIO, "the copy differs from the photo", str(target))
        _name(temporary, target)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _name(temporary: str, target: Path) -> None:
    """Give a finished file its name; fails when the name is taken."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without hard links (FAT on a memory card): claim the name, then move over what we claimed.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, target)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
