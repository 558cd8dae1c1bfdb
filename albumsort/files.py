"""New files: under their name only when they are whole, and never in place of another."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

#: Of Linux's renameat2(2), which Python has no function for: paths are relative to the working directory; the name must
#: be free.
_HERE, _NOT_REPLACING = -100, 1


@contextmanager
def new_file(target: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Write a file beside its place, and give it its name when the block has ended and all is on the disk.

    Args:
        target: must not be there; its folder must.
        mode: who may read it, before the umask.

    Raises:
        FileExistsError: the name is taken.
        OSError: the disk is full, the folder may not be written.
    """
    temporary = target.with_name(f".albumsort-{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), mode)
        os.close(descriptor)
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _name(temporary: Path, target: Path) -> None:
    """Give a finished file its name; fails when the name is taken."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without hard links, as FAT on a memory card.
        if _rename_to_free(temporary, target):
            return
        # It cannot do that either: claim the name, then move over what we claimed.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(temporary, target)
        except OSError:
            target.unlink()  # the empty file that claimed the name
            raise


def _rename_to_free(source: Path, target: Path) -> bool:
    """Rename in one step where the name is free; False where the system or the disk cannot.

    Raises:
        FileExistsError: the name is taken.
        OSError: it cannot be renamed.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(source), _HERE, os.fsencode(target), _NOT_REPLACING) == 0:
        return True
    error = ctypes.get_errno()
    if error in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(error, os.strerror(error), str(target))
