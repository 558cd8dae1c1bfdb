"""New files: under their name only when they are whole, and never in place of another."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


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
        # A file system without hard links (FAT on a memory card): claim the name, then move over what we claimed.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(temporary, target)
        except OSError:
            target.unlink()  # the empty file that claimed the name
            raise
