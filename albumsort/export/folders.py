"""The export: a folder an emotion, best first in the order of names. Nothing is ever overwritten."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.export.manifest import Manifest, fingerprint
from albumsort.files import new_file
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import Photo, RankedPhoto
from albumsort.text import printable

#: Files after which the manifest is written, that a power cut leaves few unknown.
NOTED_AT_ONCE = 100
#: Where a photo goes.
LAYOUTS = {
    "emotion": "{emotion}",
    "emotion/year": "{emotion}/{year}",
    "year/emotion": "{year}/{emotion}",
    "flat": "",
}
#: Bytes of a file name that all common file systems take, with room for a sidecar's ``.xmp``.
_NAME_BYTES = 255 - len(".xmp")
#: A suffix longer than this is no suffix but part of a name with a dot in it.
_SUFFIX_BYTES = 16


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one photo.

    ``action`` is ``written``, ``present`` (the folder holds it already), ``missing`` (the photo is no longer where it
    was scanned), ``changed`` (what is there now is not what was scanned), ``unreadable`` (it may not be read) or, in a
    dry run, ``would be written``.
    """

    emotion: str | None
    source: str
    target: str
    action: str


@dataclass
class _Folder:
    """A target folder and what is in it: never the same photo twice, never a file replaced."""

    path: Path
    names: set[str] = field(default_factory=set)
    by_size: dict[int, list[Path]] = field(default_factory=lambda: defaultdict(list))
    linked: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            return
        for item in self.path.iterdir():
            self.names.add(item.name)
            if item.is_symlink():
                self.linked[os.readlink(item)] = item
            elif item.is_file():
                self.by_size[item.stat().st_size].append(item)

    def holding(self, source: str) -> Path | None:
        """The file in this folder that is the photo already, as the photo is now."""
        if source in self.linked:
            return self.linked[source]
        if not os.path.isfile(source):
            return None
        same_size = self.by_size.get(os.path.getsize(source), [])
        return next(
            (path for path in same_size if fingerprint(path) == fingerprint(Path(os.path.realpath(source)))), None
        )

    def add(self, source: str, name: str) -> None:
        """Remember what was laid, or would have been: in a dry run the source stands for its copy."""
        self.names.add(name)
        self.linked[source] = self.path / name
        self.by_size[os.path.getsize(source)].append(Path(source))

    def free_name(self, rank: str, row: RankedPhoto) -> str:
        """Rank, score and the photo's own name, and a number more where that is taken."""
        prefix = f"{rank}_{(row.score or 0.0) * 100:03.0f}_"
        own = os.path.basename(row.photo.path)
        for copy in range(1, len(self.names) + 2):
            name = fitting_name(prefix, own, f" ({copy})" if copy > 1 else "")
            if name not in self.names:
                break
        return name


def export(  # noqa: PLR0913 - each is an option of the command
    index: Index,
    destination: Path,
    *,
    emotions: Sequence[str] = EMOTIONS,
    n: int | None = None,
    threshold: float | None = None,
    mode: str = "copy",
    layout: str = "emotion",
    everyone: bool = False,
    filters: Filters | None = None,
    scheme: str = "seven",
    with_raws: bool = False,
    dry_run: bool = False,
) -> list[Exported]:
    """Lay the best photos of each emotion into folders, and note them in the manifest.

    Args:
        index: that says which photos.
        emotions: which folders to make; of the scheme's.
        destination: made when it is not there; may hold an earlier export, to which only what is new is added.
        n: photos an emotion, at most; None for all that show it.
        threshold: as in ``Index.top``.
        mode: ``copy``, ``hardlink`` or ``symlink``.
        layout: one of ``LAYOUTS``; years are those in which photos were taken, else ``undated``.
        everyone: as in ``Index.top``.
        filters: likewise.
        scheme: likewise.
        with_raws: lay the RAW files of a photo beside it, too.
        dry_run: say what would be done, and write nothing.

    Raises:
        AlbumsortError: the disk is full, the folder cannot be written, or cannot hold such links.
    """
    manifest = Manifest(destination)
    done: list[Exported] = []

    def note(item: Exported) -> None:
        done.append(item)
        if item.action == "written":
            manifest.add(Path(item.target), item.source, mode)
            if len(manifest) % NOTED_AT_ONCE == 0:
                manifest.save()

    try:
        for emotion in emotions:
            folders: dict[Path, list[RankedPhoto]] = defaultdict(list)
            chosen = index.search(Query((emotion,), n, threshold, everyone, scheme, filters or Filters()))
            for row in chosen:
                year = (row.photo.taken_at or "undated")[: 7 if row.photo.taken_at is None else 4]
                folders[destination / LAYOUTS[layout].format(emotion=emotion, year=year)].append(row)
            for folder, ranking in folders.items():
                label = f"{emotion}_" if layout == "flat" else ""
                lay(
                    ranking,
                    folder,
                    mode=mode,
                    with_raws=with_raws,
                    dry_run=dry_run,
                    emotion=emotion,
                    label=label,
                    note=note,
                )
    finally:
        if any(item.action == "written" for item in done):
            manifest.save()  # also of an export that broke off
    return done


def lay(
    ranking: Sequence[RankedPhoto],
    folder: Path,
    *,
    mode: str = "copy",
    with_raws: bool = False,
    dry_run: bool = False,
    emotion: str | None = None,
    label: str = "",
    note: Callable[[Exported], None] = lambda item: None,
) -> list[Exported]:
    """Lay a ranking into one folder, names beginning with ``label`` and the rank, which its RAW files share.

    ``note`` is told of each photo at once, also before an error. Raises as ``export`` does.
    """
    done: list[Exported] = []

    def add(source: str, target: Path, action: str) -> None:
        done.append(Exported(emotion, source, str(target), action))
        note(done[-1])

    try:
        content = _Folder(folder)
        digits = max(3, len(str(len(ranking))))
        if not dry_run:
            folder.mkdir(parents=True, exist_ok=True)
        for rank, row in _ranked(ranking, with_raws):
            if os.path.isfile(row.photo.path) and not os.access(row.photo.path, os.R_OK):
                add(row.photo.path, folder, "unreadable")
                continue
            present = content.holding(row.photo.path)
            if present is not None:
                add(row.photo.path, present, "present")
                continue
            name = content.free_name(f"{label}{rank:0{digits}d}", row)
            target = folder / name
            if not os.path.isfile(row.photo.path):
                add(row.photo.path, target, "missing")
                continue
            try:
                if os.path.getsize(row.photo.path) != row.photo.size:
                    raise _ChangedError
                if not dry_run:
                    _place(row.photo, target, mode)
            except _ChangedError:
                add(row.photo.path, target, "changed")
                continue
            content.add(row.photo.path, name)
            add(row.photo.path, target, "would be written" if dry_run else "written")
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP) and mode != "copy":
            reason += f"; this folder cannot hold a {mode} of that photo, use --mode copy"
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {reason}") from error
    return done


def _ranked(ranking: Sequence[RankedPhoto], with_raws: bool) -> Iterator[tuple[int, RankedPhoto]]:
    for rank, row in enumerate(ranking, 1):
        yield rank, row
        if with_raws:
            yield from ((rank, replace(row, photo=raw)) for raw in row.raws)


def fitting_name(before: str, name: str, after: str = "", suffix: str | None = None) -> str:
    """``before``, the name of a photo, ``after`` and its suffix, as a name that file systems take.

    Control characters become underscores, and the middle is shortened, never inside a character.

    Args:
        before: put before the name.
        name: of the photo, without its folder.
        after: put between name and suffix.
        suffix: None for the name's own.
    """
    clean = "".join("_" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in name)
    stem, own = os.path.splitext(clean)
    if len(os.fsencode(own)) > _SUFFIX_BYTES:
        stem, own = clean, ""
    end = after + (own if suffix is None else suffix)
    while len(os.fsencode(before + stem + end)) > _NAME_BYTES:
        stem = stem[:-1]
    return before + stem + end


class _ChangedError(Exception):
    """A file is not the photo that was scanned: it was edited, or somebody put another, or a link, in its place."""


def _place(photo: Photo, target: Path, mode: str) -> None:
    if mode == "copy":
        _copy(photo, target)
        return
    where = Path(os.path.realpath(photo.path))
    if photo.digest and fingerprint(where) != photo.digest:
        raise _ChangedError
    if mode == "hardlink":
        os.link(where, target)
    else:
        os.symlink(photo.path, target)


def _copy(photo: Photo, target: Path) -> None:
    """Copy, check what arrived, then give it its name without replacing anything."""
    with new_file(target, 0o600) as writing:
        with open(photo.path, "rb") as reading:
            shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())  # so that what is compared is what will be there
        shutil.copystat(photo.path, writing.name)
        # A copy belongs to whoever exports: what runs as its owner must not come with it out of a stranger's folder.
        os.chmod(writing.name, stat.S_IMODE(os.stat(writing.name).st_mode) & 0o777)
        there = Path(os.path.realpath(photo.path))
        wanted = photo.digest or fingerprint(there)
        if fingerprint(Path(writing.name)) != wanted:
            if fingerprint(there) != wanted:
                raise _ChangedError
            raise OSError(errno.EIO, "the copy differs from the photo", str(target))
