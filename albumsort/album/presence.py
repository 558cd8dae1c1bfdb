"""Whether what the index knows of is still on the disk."""

from __future__ import annotations

import os

from albumsort.records import Photo, mtime_ns


def is_gone(path: str) -> bool:
    """Whether there is no such file; one that cannot be reached just now (permissions, a sick disk) is not gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def is_unplugged(root: str) -> bool:
    """Whether a folder is not there, or is an empty place where a disk used to be mounted."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is None
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def is_as_scanned(photo: Photo) -> bool:
    """Whether the file of a photo has the size and the time that the index knows.

    Raises:
        OSError: it is not there, or out of reach.
    """
    status = os.stat(photo.path)
    return (status.st_size, mtime_ns(status)) == (photo.size, photo.mtime_ns)
