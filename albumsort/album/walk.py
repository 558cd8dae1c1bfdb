"""The walk: finds the files that are photos, in a stable order, and does not open files that are already known."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath

from albumsort.album.formats import SNIFF_BYTES, SUFFIXES, sniff
from albumsort.records import PhotoFile, mtime_ns

#: Folders that systems keep for themselves: bins, thumbnails, recovered pieces.
SYSTEM_FOLDERS = frozenset(
    {"$recycle.bin", "recycler", "system volume information", "lost+found", "__macosx", "@eadir", "#recycle"}
)


@dataclass(frozen=True, slots=True)
class NotPhoto:
    """A file without a picture's suffix that was opened and is not a picture."""

    file: PhotoFile


@dataclass(frozen=True, slots=True)
class WalkProblem:
    """A folder or file that could not be read, with the reason in lower case."""

    path: str
    reason: str


def walk(
    roots: Iterable[str],
    exclude: Iterable[str] = (),
    follow_links: bool = False,
    photos: Mapping[str, tuple[int, int]] | None = None,
    not_photos: Mapping[str, tuple[int, int]] | None = None,
) -> Iterator[PhotoFile | NotPhoto | WalkProblem]:
    """Find every candidate below the roots: every regular file with a picture's suffix or a picture's first bytes.

    Hidden folders (with a leading dot), folders of the system, and AppleDouble files (``._name``) are skipped. Files
    are ordered by the bytes of their names, folder by folder. No path comes twice.

    Args:
        roots: folders and files, which must exist.
        exclude: globs. A file or folder is left out if one of them matches its name, its whole path, or its path below
            the root.
        follow_links: whether symbolic links below a root are followed, each folder once; else they are skipped.
        photos: (size, mtime_ns) by path. If these still hold for a file without a picture's suffix, it is a candidate
            without being opened.
        not_photos: likewise; such a file is skipped without being opened.

    Yields:
        candidates, files that were opened and are not pictures, and files and folders that could not be read.
    """
    photos, not_photos = photos or {}, not_photos or {}
    globs = tuple(os.path.normpath(glob) for glob in exclude)
    seen: set[str] = set()
    visited: set[tuple[int, int]] = set()
    for root in roots:
        top = os.path.abspath(root)
        for item in _files(top, globs, follow_links, visited):
            if isinstance(item, WalkProblem):
                yield item
            elif item.path not in seen:
                seen.add(item.path)
                state = item.size, item.mtime_ns
                if PurePath(item.path).suffix.lower() in SUFFIXES or photos.get(item.path) == state:
                    yield item
                elif not_photos.get(item.path) != state:
                    yield _sniffed(item)


def photo_file(path: str) -> PhotoFile:
    """A single file as the walk would yield it. If it is missing, size and time are 0, and the decoder reports it."""
    try:
        status = os.stat(path)
    except OSError:
        return PhotoFile(path, 0, 0)
    return PhotoFile(path, status.st_size, mtime_ns(status))


def _sniffed(file: PhotoFile) -> PhotoFile | NotPhoto | WalkProblem:
    """What a file is, by its first bytes."""
    try:
        with open(file.path, "rb") as content:
            is_picture = sniff(content.read(SNIFF_BYTES)) is not None
    except OSError as error:
        return _problem(file.path, error)
    return file if is_picture else NotPhoto(file)


def _problem(path: str, error: OSError) -> WalkProblem:
    return WalkProblem(path, (error.strerror or str(error)).lower())


def _files(
    root: str, exclude: tuple[str, ...], follow_links: bool, visited: set[tuple[int, int]]
) -> Iterator[PhotoFile | WalkProblem]:
    """Yield the regular files at or below ``root``, depth first. It does not recurse, so that no tree is too deep."""
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                yield PhotoFile(path, status.st_size, mtime_ns(status))
                continue
            if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                names = sorted((os.fsencode(entry.name), entry) for entry in entries)
        except OSError as error:
            yield _problem(path, error)
            continue
        # The stack is taken from its end. So names come out in order, and the content of a folder stays together.
        waiting.extend(entry.path for _, entry in reversed(names) if _is_wanted(entry, root, exclude, follow_links))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be read: reading the file will report it
        return False


def _is_wanted(entry: os.DirEntry[str], root: str, exclude: tuple[str, ...], follow_links: bool) -> bool:
    name = entry.name
    if name.startswith("._") or (entry.is_symlink() and not follow_links):
        return False
    if _is_folder(entry) and (name.startswith(".") or name.lower() in SYSTEM_FOLDERS):
        return False
    if not exclude:
        return True
    below = os.path.relpath(entry.path, root)
    return not any(fnmatchcase(part, glob) for glob in exclude for part in (name, below, entry.path))
