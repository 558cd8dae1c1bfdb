"""The walk: finds the files that are photos, in a stable order, and does not open files that are already known."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePath

from albumsort.album.formats import SNIFF_BYTES, SUFFIXES, sniff
from albumsort.album.passed_over import Place, is_note
from albumsort.album.placed import JOURNAL, NAME, PlacedFile, copies_in, is_copy_of_source
from albumsort.records import PhotoFile, mtime_ns
from albumsort.text import composed


@dataclass(frozen=True, slots=True)
class NotPhoto:
    """A file without a picture's suffix that was opened and is not a picture."""

    file: PhotoFile


@dataclass(frozen=True, slots=True)
class WalkProblem:
    """A folder or file that could not be read, with the reason in lower case."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file or folder that ``passed_over`` lists. ``kind`` says why it is passed over."""

    path: str
    kind: str


def walk(
    roots: Iterable[str],
    exclude: Iterable[str] = (),
    follow_links: bool = False,
    photos: Mapping[str, tuple[int, int]] | None = None,
    not_photos: Mapping[str, tuple[int, int]] | None = None,
    include_hidden: bool = False,
    locked: Collection[tuple[int, int]] = (),
    named: Iterable[str] = (),
) -> Iterator[PhotoFile | NotPhoto | WalkProblem | PassedOver]:
    """Find every candidate below the roots: every regular file with a picture's suffix or a picture's first bytes.

    What the table in ``passed_over`` lists is passed over, but the roots themselves never are. Files are ordered by the
    bytes of their names, folder by folder. No path comes twice.

    Args:
        roots: folders and files, which must exist.
        exclude: globs. A file or folder is left out if one of them matches its name, its whole path, or its path below
            the root, with accents composed or not.
        follow_links: whether symbolic links below a root are followed, each folder once; else they are skipped.
        photos: (size, mtime_ns) by path. If these still hold for a file without a picture's suffix, it is a candidate
            without being opened.
        not_photos: likewise; such a file is skipped without being opened.
        include_hidden: whether that, too, is walked which the table lists, apart from its ``NOTES``.
        locked: (device, inode) of files that this process has locked, and that are not pictures. They are not opened,
            because a process that closes a file loses all its locks on it (POSIX).
        named: absolute paths of folders that are, like the roots, no copies, though exports have placed files in them
            from elsewhere.

    Yields:
        candidates, files that were opened and are not pictures, files and folders that could not be read, and files and
        folders that were passed over. An excluded file or folder is none of these.
    """
    photos, not_photos = photos or {}, not_photos or {}
    tops = list(map(os.path.abspath, roots))
    choice = _Choice(tuple(exclude), follow_links, include_hidden, frozenset((*tops, *named)))
    seen: set[str] = set()
    visited: set[tuple[int, int]] = set()
    for top in tops:
        for item in _files(top, choice, visited):
            if not isinstance(item, PhotoFile):
                yield item
            elif item.path not in seen:
                seen.add(item.path)
                state = item.size, item.mtime_ns
                is_known = item.copy_of is not None or photos.get(item.path) == state
                if is_known or PurePath(item.path).suffix.lower() in SUFFIXES:
                    yield item
                elif not_photos.get(item.path) != state:
                    yield _sniffed(item, locked)


def photo_file(path: str) -> PhotoFile:
    """A single file as the walk would yield it. If it is missing, size and time are 0, and the decoder reports it."""
    try:
        status = os.stat(path)
    except OSError:
        return PhotoFile(path, 0, 0)
    return PhotoFile(path, status.st_size, mtime_ns(status))


def is_excluded(path: str, root: str, exclude: Iterable[str]) -> bool:
    """Whether one of the globs ``exclude`` of ``walk`` matches a file or folder below a root, whatever is above it."""
    names = list(map(composed, (os.path.basename(path), os.path.relpath(path, root), path)))
    return any(fnmatchcase(name, glob) for glob in map(_normal, exclude) for name in names)


@lru_cache(1000)
def _normal(glob: str) -> str:
    return composed(os.path.normpath(glob))


def _sniffed(file: PhotoFile, locked: Collection[tuple[int, int]]) -> PhotoFile | NotPhoto | WalkProblem:
    """What a file is, by its first bytes."""
    try:
        status = os.stat(file.path)
        if (status.st_dev, status.st_ino) in locked:
            return NotPhoto(file)
        with open(file.path, "rb") as content:
            is_picture = sniff(content.read(SNIFF_BYTES)) is not None
    except OSError as error:
        return _problem(file.path, error)
    return file if is_picture else NotPhoto(file)


def _problem(path: str, error: OSError) -> WalkProblem:
    return WalkProblem(path, (error.strerror or str(error)).lower())


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a walk leaves out; the attributes are as in ``walk``."""

    exclude: tuple[str, ...]
    follow_links: bool
    include_hidden: bool
    named: frozenset[str]


def _files(root: str, choice: _Choice, visited: set[tuple[int, int]]) -> Iterator[PhotoFile | WalkProblem | PassedOver]:
    """Yield the regular files at or below ``root``, depth first. It does not recurse, so that no tree is too deep."""
    copies: dict[str, PlacedFile] = {}
    waiting = [(root, Place.at(os.path.basename(root)), copies)]
    while waiting:
        path, place, copies = waiting.pop()
        try:
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                copy = copies.get(path)
                source = copy.source if copy and is_copy_of_source(path, copy) else None
                yield PhotoFile(path, status.st_size, mtime_ns(status), source)
                continue
            if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                names = sorted((os.fsencode(entry.name), entry) for entry in entries)
        except OSError as error:
            yield _problem(path, error)
            continue
        copies = _copies(path, {entry.name for _, entry in names}, copies, choice)
        wanted = []
        for _, entry in names:
            name = entry.name
            if is_note(name) or (entry.is_symlink() and not choice.follow_links):
                continue
            if choice.exclude and is_excluded(entry.path, root, choice.exclude):
                continue
            is_folder = _is_folder(entry)
            kind = place.kind_of_folder(name) if is_folder else place.kind_of_file(name)
            if kind and not choice.include_hidden:
                yield PassedOver(entry.path, kind)
                continue
            wanted.append((entry.path, place.below(name) if is_folder else place, copies))
        # The stack is taken from its end. So names come out in order, and the content of a folder stays together.
        waiting.extend(reversed(wanted))


def _copies(
    folder: str, names: Collection[str], above: dict[str, PlacedFile], choice: _Choice
) -> dict[str, PlacedFile]:
    """The files below a folder that exports have made of photos, by path.

    Args:
        folder: its path.
        names: what is in it.
        above: the files of exports into folders above it.
        choice: a folder that it names has only those that an export has made of photos below the same folder.
    """
    is_named = folder in choice.named
    if is_named:
        above = {}
    if choice.include_hidden or not {NAME, JOURNAL} & set(names):
        return above
    below = os.path.join(folder, "")
    own = {path: item for path, item in copies_in(folder).items() if not is_named or item.source.startswith(below)}
    return {**above, **own}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be read: reading the file will report it
        return False
