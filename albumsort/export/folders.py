"""The export: puts the photos of lists into folders, best first by name. It never overwrites a file."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import shutil
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from albumsort.album.placed import PlacedFile
from albumsort.arguments import checked_flag, checked_one_of, checked_path, checked_record, checked_several
from albumsort.errors import AlbumsortError
from albumsort.export.manifest import Manifest, fingerprint
from albumsort.export.target_folder import TargetFolder
from albumsort.files import check_folder, give_name, partial_file
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import Photo, PhotoResult, RankedPhoto
from albumsort.text import printable

Mode = Literal["copy", "hardlink", "symlink"]
Layout = Literal["emotion", "emotion/year", "year/emotion", "flat"]
#: For each layout, the folder of a photo inside the export's folder.
LAYOUTS: dict[Layout, str] = {
    "emotion": "{emotion}",
    "emotion/year": "{emotion}/{year}",
    "year/emotion": "{year}/{emotion}",
    "flat": "",
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How an export puts photos into folders.

    Attributes:
        mode: whether to copy a photo, or to make a hard or symbolic link to it.
        layout: a key of ``LAYOUTS``. A photo's year is the year in which it was taken, or ``undated``.
        with_raws: whether the RAW files of a photo are exported, too.
        dry_run: only report what would be done; write nothing.
    """

    mode: Mode = "copy"
    layout: Layout = "emotion"
    with_raws: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: there is no such mode or layout, or a value has the wrong type.
        """
        checked_one_of("mode", self.mode, get_args(Mode))
        checked_one_of("layout", self.layout, LAYOUTS)
        for name in ("with_raws", "dry_run"):
            checked_flag(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did with one file.

    Attributes:
        emotion: the emotion for whose folder the photo was chosen; None if the export is not by emotion.
        source: absolute path of the photo, or of a RAW file that belongs to it.
        target: path of the file in the export.
        action: ``written``; ``present`` (the folder holds the photo already); ``missing`` (the photo is no longer where
            it was scanned); ``changed`` (the file there is no longer the photo that was scanned); ``unreadable`` (there
            is no permission to read it); or, in a dry run, ``would be written``.
        result: the photo with its faces from the index, in the label scheme of the export. For a RAW file, this is the
            photo that it belongs to.
    """

    emotion: str | None
    source: str
    target: str
    action: str
    result: PhotoResult

    def as_dict(self) -> dict[str, Any]:
        """The file for JSON."""
        return {"emotion": self.emotion, "source": self.source, "target": self.target, "action": self.action}


@dataclass(frozen=True, slots=True)
class _Part:
    """The photos that go into one folder: ``label`` and the rank come before their names."""

    folder: Path
    emotion: str | None
    label: str
    ranking: Sequence[RankedPhoto]


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export is about to do; nothing is written yet.

    Attributes:
        destination: the folder of the export.
        options: how photos are put into folders.
        parts: the photos by folder.
    """

    destination: Path
    options: ExportOptions
    parts: tuple[_Part, ...]

    @property
    def files(self) -> list[Photo]:
        """The photos, and the RAW files that are exported with them."""
        return [file for part in self.parts for row in part.ranking for file in _files(row, self.options)]

    def new_files(self) -> list[Photo]:
        """Those that the manifest does not list as exported. No file is read for that."""
        manifest = Manifest(self.destination)
        placed = {
            (item.source, folder): item.digest if item.mode != "symlink" else None
            for folder, items in manifest.by_folder().items()
            for item in items
            if os.path.lexists(manifest.folder / item.path)
        }
        return [
            file
            for part in self.parts
            for row in part.ranking
            for file in _files(row, self.options)
            if (file.path, part.folder) not in placed or placed[file.path, part.folder] not in (None, file.digest)
        ]


def plan_export(index: Index, destination: Path, query: Query, options: ExportOptions | None = None) -> ExportPlan:
    """Choose the photos of an export. The arguments are those of ``export``.

    Raises:
        AlbumsortError: a folder of the export is a link that leads out of it.
    """
    options = options or ExportOptions()
    parts = []
    for emotion in query.emotions:
        folders: dict[Path, list[RankedPhoto]] = defaultdict(list)
        for row in index.search(replace(query, emotions=(emotion,))):
            place = LAYOUTS[options.layout].format(emotion=emotion, year=_year(row.photo.taken_at))
            folders[destination / place].append(row)
        label = f"{emotion}_" if options.layout == "flat" else ""
        parts += [_Part(folder, emotion, label, rows) for folder, rows in folders.items()]
    for part in parts:
        _check_inside(part.folder, destination)
    return ExportPlan(destination, options, tuple(parts))


def export(index: Index, destination: Path, query: Query, options: ExportOptions | None = None) -> list[Exported]:
    """Put the best photos of each emotion into folders, and record them in the manifest.

    Args:
        index: the index to search.
        destination: created if it does not exist. If it holds an earlier export, only new photos are added.
        query: each of its ``emotions`` is searched separately, for at most ``n`` photos.
        options: the default copies the photos into one folder per emotion.

    Returns:
        the files in the order in which they were placed, by emotion and then by rank.

    Raises:
        AlbumsortError: the disk is full, or the folder cannot be written, cannot hold such links or leads elsewhere.
    """
    return list(carry_out(plan_export(index, destination, query, options)))


def carry_out(plan: ExportPlan) -> Iterator[Exported]:
    """Do what a plan says.

    Yields:
        each file as soon as it is placed. Once the last has come, the manifest is complete.

    Raises:
        AlbumsortError: as ``export`` does.
    """
    manifest = Manifest(plan.destination)
    listed = manifest.by_folder()
    try:
        for part in plan.parts:
            yield from _place_all(part, plan.options, manifest, listed.get(part.folder, ()))
    finally:
        manifest.close()  # also if the export was interrupted


def place(
    ranking: Iterable[RankedPhoto], folder: str | os.PathLike[str], options: ExportOptions | None = None
) -> list[Exported]:
    """Put the photos of a list into one folder, and record them in the manifest. File names begin with the rank.

    Args:
        ranking: the photos, best first.
        folder: created if it does not exist.
        options: the layout is ignored.

    Raises:
        ValueError: an argument has the wrong type.
        AlbumsortError: as ``export`` does.
    """
    options = checked_record("options", options, ExportOptions) if options is not None else ExportOptions()
    rows, target = checked_several("ranking", ranking, RankedPhoto), Path(checked_path("folder", folder))
    return list(carry_out(ExportPlan(target, options, (_Part(target, None, "", rows),))))


def _year(taken_at: object) -> str:
    """The year of a time of the index. Another tool may have edited the index, so it may hold anything."""
    found = re.match(r"[0-9]{4}(?![0-9])", taken_at) if isinstance(taken_at, str) else None
    return found[0] if found else "undated"


def _check_inside(folder: Path, destination: Path) -> None:
    """Refuse a folder of an export that is a link to another place.

    Raises:
        AlbumsortError: it leads out of the export.
    """
    try:
        is_inside = folder.resolve().is_relative_to(destination.resolve())
    except (OSError, RuntimeError):  # links in a circle; which of the two depends on the version of Python
        is_inside = False
    if not is_inside:
        words = f"a link that leads out of {printable(str(destination))}; nothing was exported"
        raise AlbumsortError(f"{printable(str(folder))}: {words}")


def _files(row: RankedPhoto, options: ExportOptions) -> tuple[Photo, ...]:
    return (row.photo, *row.raws) if options.with_raws else (row.photo,)


def _place_all(
    part: _Part, options: ExportOptions, manifest: Manifest, listed: Iterable[PlacedFile]
) -> Iterator[Exported]:
    """Put a list into one folder, file by file. Names begin with the label and the rank, which RAW files share.

    Args:
        part: the list and its folder.
        options: how its photos are put there.
        manifest: records each file before it is there.
        listed: the files that earlier exports have placed in this folder.

    Yields:
        each file as soon as it is placed.
    """
    digits = max(3, len(str(len(part.ranking))))
    try:
        check_folder(part.folder)
        folder = TargetFolder(part.folder, listed)
        if not options.dry_run:
            manifest.make_folder(part.folder)
        placer = _Placer(folder, options, manifest)
        for rank, row in enumerate(part.ranking, 1):
            for photo in _files(row, options):
                target, action = placer.place(photo, f"{part.label}{rank:0{digits}d}_{_percent(row.score)}_")
                yield Exported(part.emotion, photo.path, str(target), action, row)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP) and options.mode != "copy":
            reason += f"; this folder cannot hold a {options.mode} of that photo, use --mode copy"
        raise AlbumsortError(f"{printable(str(error.filename or part.folder))}: {reason}") from error


def _percent(score: float | None) -> str:
    """A score of 0..1 in percent, with three digits. An index that another tool edited may hold any number."""
    is_number = score is not None and not math.isnan(score)
    return f"{max(0.0, min(1.0, score if score and is_number else 0.0)) * 100:03.0f}"


class _ChangedError(Exception):
    """A file is no longer the photo that was scanned: it was edited, or was replaced by another file or a link."""


@dataclass(frozen=True, slots=True)
class _Placer:
    """Puts photos into one folder, and records each in the manifest before it is there."""

    folder: TargetFolder
    options: ExportOptions
    manifest: Manifest

    def place(self, photo: Photo, prefix: str) -> tuple[Path, str]:
        """Put one file into the folder, unless it is there already; returns target and action, as in ``Exported``."""
        if os.path.isfile(photo.path) and not os.access(photo.path, os.R_OK):
            return self.folder.path, "unreadable"
        present = self.folder.find(photo)
        if present is not None:
            return present, "present"
        target = self.folder.free_name(prefix, photo.path)
        if not os.path.isfile(photo.path):
            return target, "missing"
        try:
            if os.path.getsize(photo.path) != photo.size:
                raise _ChangedError
            if self.options.dry_run:
                digest, action = photo.digest, "would be written"
            else:
                make = self._copy if self.options.mode == "copy" else self._link
                (target, digest), action = make(photo, prefix), "written"
        except _ChangedError:
            return target, "changed"
        self.folder.add(photo, target, digest)
        return target, action

    def _copy(self, photo: Photo, prefix: str) -> tuple[Path, str]:
        """Copy a photo, compare the bytes on the disk with it, and only then give the copy its name.

        Returns:
            the copy and the digest of its bytes.

        Raises:
            _ChangedError: the file is no longer the photo that was scanned.
            OSError: it cannot be copied.
        """
        with partial_file(self.folder.path, 0o600, lambda partial: self.manifest.begin(partial, photo.path)) as partial:
            with open(photo.path, "rb") as reading, open(partial, "wb") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)
                writing.flush()
                os.fsync(writing.fileno())  # so that the bytes that are compared are those that stay
            shutil.copystat(photo.path, partial)
            # The copy belongs to whoever exports. A set-user-ID bit from a stranger's folder must not come with it.
            os.chmod(partial, stat.S_IMODE(os.stat(partial).st_mode) & 0o777)
            original = Path(os.path.realpath(photo.path))
            expected = photo.digest or fingerprint(original)
            digest = fingerprint(partial)
            if digest != expected:
                if fingerprint(original) != expected:
                    raise _ChangedError
                raise OSError(errno.EIO, "the copy differs from the photo", str(partial))
            return self._name(photo, prefix, digest, lambda target: give_name(partial, target)), digest

    def _link(self, photo: Photo, prefix: str) -> tuple[Path, str]:
        """Make a link to a photo.

        Returns:
            the link and the digest of the photo's bytes.

        Raises:
            _ChangedError: the file is no longer the photo that was scanned.
            OSError: it cannot be linked.
        """
        original = Path(os.path.realpath(photo.path))
        digest = fingerprint(original)
        if photo.digest and digest != photo.digest:
            raise _ChangedError
        if self.options.mode == "hardlink":
            return self._name(photo, prefix, digest, lambda target: os.link(original, target)), digest
        listed = hashlib.sha256(os.fsencode(photo.path)).hexdigest()  # what ``fingerprint`` says of the link
        return self._name(photo, prefix, listed, lambda target: os.symlink(photo.path, target)), digest

    def _name(self, photo: Photo, prefix: str, digest: str, give: Callable[[Path], None]) -> Path:
        """Give a new file its name; ``digest`` is that of the manifest."""

        def recorded(target: Path) -> None:
            self.manifest.add(target, photo.path, self.options.mode, digest)
            try:
                give(target)
            except OSError:
                self.manifest.drop(target)
                raise

        return self.folder.place(prefix, photo.path, recorded)
