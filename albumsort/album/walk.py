"""The walk: finds the files that are photos, in a stable order, and opens none that it has seen before."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import PurePath

from albumsort.album.formats import SNIFF_BYTES, SUFFIXES, sniff
from albumsort.records import PhotoFile, mtime_ns

#: Folders that systems keep for themselves: bins, thumbnails, recovered pieces.
SYSTEM_FOLDERS = frozenset(
    {"$recycle.bin", "recycler", "system volume information", "lost+found", "__macosx", "@eadir", "#recycle"}
)


def walk(
    roots: Iterable[str],
    exclude: Iterable[str] = (),
    follow_links: bool = False,
    is_known: Callable[[PhotoFile], bool] = lambda file: False,
    is_photo: Callable[[PhotoFile], bool] = lambda file: False,
    note_other: Callable[[PhotoFile], None] = lambda file: None,
    note_problem: Callable[[str, str], None] = lambda path, reason: None,
) -> Iterator[PhotoFile]:
    """Every candidate below the roots: a regular file with a picture's suffix or a picture's first bytes.

    Hidden folders (a leading dot), the system's own and AppleDouble files (``._name``) are passed over. The order is
    that of the names' bytes, folder by folder. A root may be a file. No path comes twice.

    Args:
        roots: folders and files, which must be there.
        exclude: globs; a file or folder is left out when one matches its name, or its path, whole or below the root.
        follow_links: symbolic links below a root are followed, each folder once; else they are passed over.
        is_known: asked about files without a picture's suffix, before they are opened; True passes them over.
        is_photo: likewise; True takes them for photos without a look.
        note_other: told of each such file that turned out to be no picture.
        note_problem: told of each folder or file that could not be read.
    """
    globs = tuple(os.path.normpath(glob) for glob in exclude)
    seen: set[str] = set()
    visited: set[tuple[int, int]] = set()
    for root in roots:
        top = os.path.abspath(root)
        for entry_path, status in _files(top, top, globs, follow_links, visited, note_problem):
            if entry_path in seen:
                continue
            seen.add(entry_path)
            file = PhotoFile(entry_path, status.st_size, mtime_ns(status))
            if PurePath(entry_path).suffix.lower() in SUFFIXES or is_photo(file):
                yield file
            elif not is_known(file):
                try:
                    with open(entry_path, "rb") as content:
                        is_picture = sniff(content.read(SNIFF_BYTES)) is not None
                except OSError as error:
                    note_problem(entry_path, (error.strerror or str(error)).lower())
                    continue
                if is_picture:
                    yield file
                else:
                    note_other(file)


def _files(
    top: str,
    root: str,
    exclude: tuple[str, ...],
    follow_links: bool,
    visited: set[tuple[int, int]],
    note_problem: Callable[[str, str], None],
) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files at or below ``top``, depth first without recursion: a deep tree is no reason to fail."""
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                yield path, status
                continue
            if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                names = sorted((os.fsencode(entry.name), entry) for entry in entries)
        except OSError as error:
            note_problem(path, (error.strerror or str(error)).lower())
            continue
        # The stack gives the last first, so that names come out in order and a folder's content stays together.
        waiting.extend(entry.path for _, entry in reversed(names) if _is_wanted(entry, root, exclude, follow_links))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be read: looking at it will tell
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
