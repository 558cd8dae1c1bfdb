"""The export: puts the photos of lists into folders, best first by name. It never overwrites a file."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from albumsort.errors import AlbumsortError
from albumsort.export.manifest import Manifest, fingerprint
from albumsort.files import new_file
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
#: The manifest is saved after this many new files, so that it lacks only a few after a power cut.
FILES_PER_SAVE = 100
#: The longest file name in bytes that all common file systems accept, minus the room for a sidecar's ``.xmp``.
_NAME_BYTES = 255 - len(".xmp")
#: If more bytes than this follow the last dot of a name, they are part of the name, not a suffix.
_SUFFIX_BYTES = 16


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
        AlbumsortError: the disk is full, or the folder cannot be written or cannot hold such links.
    """
    options = options or ExportOptions()
    manifest = Manifest(destination)
    done: list[Exported] = []
    try:
        for emotion in query.emotions:
            ranking = index.search(replace(query, emotions=(emotion,)))
            for exported, digest in _export_emotion(ranking, destination, emotion, options):
                done.append(exported)
                if digest is not None:
                    manifest.add(Path(exported.target), exported.source, options.mode, digest)
                    if len(manifest) % FILES_PER_SAVE == 0:
                        manifest.save()
    finally:
        if any(item.action == "written" for item in done):
            manifest.save()  # also if the export was interrupted
    return done


def place(ranking: Sequence[RankedPhoto], folder: Path, options: ExportOptions | None = None) -> list[Exported]:
    """Put the photos of a list into one folder, without a manifest. File names begin with the rank.

    Args:
        ranking: the photos, best first.
        folder: created if it does not exist.
        options: the layout is ignored.

    Raises:
        AlbumsortError: as ``export`` does.
    """
    return [exported for exported, _ in _place_all(ranking, folder, options or ExportOptions())]


def _export_emotion(
    ranking: Sequence[RankedPhoto], destination: Path, emotion: str, options: ExportOptions
) -> Iterator[tuple[Exported, str | None]]:
    """Put the photos of one emotion into their folders; yields the same as ``_place_all``."""
    folders: dict[Path, list[RankedPhoto]] = defaultdict(list)
    for row in ranking:
        year = row.photo.taken_at[:4] if row.photo.taken_at is not None else "undated"
        folders[destination / LAYOUTS[options.layout].format(emotion=emotion, year=year)].append(row)
    for folder, rows in folders.items():
        yield from _place_all(rows, folder, options, emotion, f"{emotion}_" if options.layout == "flat" else "")


def _place_all(
    ranking: Sequence[RankedPhoto], folder: Path, options: ExportOptions, emotion: str | None = None, label: str = ""
) -> Iterator[tuple[Exported, str | None]]:
    """Put a list into a folder. Names begin with ``label`` and the rank; a RAW file has the rank of its photo.

    Yields:
        each file as soon as it is placed, with the digest for the manifest; None if nothing was written.
    """
    content = _FolderContent(folder)
    digits = max(3, len(str(len(ranking))))
    try:
        content.read()
        if not options.dry_run:
            folder.mkdir(parents=True, exist_ok=True)
        for rank, row in enumerate(ranking, 1):
            for photo in (row.photo, *row.raws) if options.with_raws else (row.photo,):
                prefix = f"{label}{rank:0{digits}d}_{(row.score or 0.0) * 100:03.0f}_"
                target, action, digest = _place(photo, content, prefix, options)
                yield Exported(emotion, photo.path, str(target), action, row), digest
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP) and options.mode != "copy":
            reason += f"; this folder cannot hold a {options.mode} of that photo, use --mode copy"
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {reason}") from error


@dataclass
class _FolderContent:
    """What a target folder contains, so that no photo is put into it twice and no file is replaced.

    Attributes:
        names: the names in the folder that are taken.
        by_size: its files, by their size in bytes.
        by_source: for each source, its file in the export, or the symbolic links to it.
    """

    path: Path
    names: set[str] = field(default_factory=set)
    by_size: dict[int, list[Path]] = field(default_factory=lambda: defaultdict(list))
    by_source: dict[str, Path] = field(default_factory=dict)

    def read(self) -> None:
        """Look up what the folder holds, if it exists."""
        if not self.path.is_dir():
            return
        for item in self.path.iterdir():
            self.names.add(item.name)
            if item.is_symlink():
                self.by_source[os.readlink(item)] = item
            elif item.is_file():
                self.by_size[item.stat().st_size].append(item)

    def find(self, source: str) -> Path | None:
        """The file in this folder that is already the photo, with the bytes that the photo has now."""
        if source in self.by_source:
            return self.by_source[source]
        if not os.path.isfile(source):
            return None
        original = Path(os.path.realpath(source))
        for path in self.by_size.get(os.path.getsize(source), []):
            if fingerprint(path) == fingerprint(original):
                return path
        return None

    def add(self, source: str, name: str) -> None:
        """Remember a file that was placed. In a dry run there is no copy, so the source takes its place."""
        self.names.add(name)
        self.by_source[source] = self.path / name
        self.by_size[os.path.getsize(source)].append(Path(source))

    def free_name(self, prefix: str, source: str) -> str:
        """The prefix and the photo's own name, with a number if that name is taken."""
        own = os.path.basename(source)
        for number in range(1, len(self.names) + 2):
            name = fitting_name(prefix, own, f" ({number})" if number > 1 else "")
            if name not in self.names:
                break
        return name


def fitting_name(before: str, name: str, after: str = "", suffix: str | None = None) -> str:
    """A file name that common file systems accept, made of ``before``, a photo's name, ``after`` and a suffix.

    Control characters become underscores. A name that is too long loses its end, but never half a character.

    Args:
        before: what comes before the name.
        name: the photo's name, without its folder.
        after: what comes between the name and its suffix.
        suffix: replaces the name's own suffix; None keeps that.
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
    """A file is no longer the photo that was scanned: it was edited, or was replaced by another file or a link."""


def _place(photo: Photo, content: _FolderContent, prefix: str, options: ExportOptions) -> tuple[Path, str, str | None]:
    """Put one file into a folder, unless it is there already.

    Returns:
        the target and the action, as in ``Exported``, and the digest for the manifest; None if nothing was written.
    """
    if os.path.isfile(photo.path) and not os.access(photo.path, os.R_OK):
        return content.path, "unreadable", None
    present = content.find(photo.path)
    if present is not None:
        return present, "present", None
    name = content.free_name(prefix, photo.path)
    target = content.path / name
    if not os.path.isfile(photo.path):
        return target, "missing", None
    try:
        if os.path.getsize(photo.path) != photo.size:
            raise _ChangedError
        digest = None if options.dry_run else _copy_or_link(photo, target, options.mode)
    except _ChangedError:
        return target, "changed", None
    content.add(photo.path, name)
    return target, "would be written" if options.dry_run else "written", digest


def _copy_or_link(photo: Photo, target: Path, mode: Mode) -> str:
    """Copy a photo or make a link to it; returns the ``fingerprint`` of the new file.

    Raises:
        _ChangedError: the file is no longer the photo that was scanned.
        OSError: it cannot be copied or linked.
    """
    if mode == "copy":
        return _copy(photo, target)
    original = Path(os.path.realpath(photo.path))
    digest = fingerprint(original)
    if photo.digest and digest != photo.digest:
        raise _ChangedError
    if mode == "hardlink":
        os.link(original, target)
        return digest
    os.symlink(photo.path, target)
    return fingerprint(target)


def _copy(photo: Photo, target: Path) -> str:
    """Copy a photo, compare the bytes on the disk with the photo, and only then give the copy its name."""
    with new_file(target, 0o600) as writing:
        with open(photo.path, "rb") as reading:
            shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())  # so that the bytes on the disk are compared
        shutil.copystat(photo.path, writing.name)
        # The copy belongs to the user who exports. It must not get a set-user-ID bit from a stranger's folder.
        os.chmod(writing.name, stat.S_IMODE(os.stat(writing.name).st_mode) & 0o777)
        original = Path(os.path.realpath(photo.path))
        expected = photo.digest or fingerprint(original)
        digest = fingerprint(Path(writing.name))
        if digest != expected:
            if fingerprint(original) != expected:
                raise _ChangedError
            raise OSError(errno.EIO, "the copy differs from the photo", str(target))
    return digest
