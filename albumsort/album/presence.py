"""Checks whether files and folders that the index knows are still on the disk."""

from __future__ import annotations

import os

from albumsort.album.passed_over import Place
from albumsort.records import Photo, mtime_ns
from albumsort.text import spellings

#: What Windows and macOS write by themselves into folders that somebody looks at, in lower case.
_LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"})


def is_gone(path: str) -> bool:
    """Whether a file is no longer there. A file that cannot be reached (permissions, a failing disk) is not gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def existing(path: str) -> str:
    """The path of a file with its accents composed or apart, as the disk has it; ``path`` if there is none."""
    return next(filter(os.path.exists, spellings(path)), path)


def is_unplugged(root: str) -> bool:
    """Whether a folder is missing or empty: a disk that used to be mounted there leaves an empty folder.

    What systems write there by themselves does not count, nor does anything else that a scan passes over.
    """
    place = Place.at(os.path.basename(root))
    try:
        with os.scandir(root) as entries:
            return all(_is_passed_over(entry, place) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _is_passed_over(entry: os.DirEntry[str], place: Place) -> bool:
    if entry.name.lower() in _LEFT_BY_SYSTEMS:
        return True
    is_folder = entry.is_dir(follow_symlinks=False)
    return (place.kind_of_folder(entry.name) if is_folder else place.kind_of_file(entry.name)) is not None


def is_as_scanned(photo: Photo) -> bool:
    """Whether a photo's file has the size and the modification time that the index knows.

    Raises:
        OSError: the file is not there, or cannot be reached.
    """
    status = os.stat(photo.path)
    return (status.st_size, mtime_ns(status)) == (photo.size, photo.mtime_ns)
