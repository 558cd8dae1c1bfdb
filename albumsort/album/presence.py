"""Checks whether files and folders that the index knows are still on the disk."""

from __future__ import annotations

import os

from albumsort.records import Photo, mtime_ns
from albumsort.text import spellings


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
    """Whether a folder is missing or empty: a disk that used to be mounted there leaves an empty folder."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is None
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def is_as_scanned(photo: Photo) -> bool:
    """Whether a photo's file has the size and the modification time that the index knows.

    Raises:
        OSError: the file is not there, or cannot be reached.
    """
    status = os.stat(photo.path)
    return (status.st_size, mtime_ns(status)) == (photo.size, photo.mtime_ns)
