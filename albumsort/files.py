"""Writing new files, which appear complete or not at all and never replace another file; and the SHA-256 of a file."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

#: Arguments of Linux's renameat2(2), for which Python has no function: paths are relative to the working directory, and
#: the new name must be free.
_AT_FDCWD, _RENAME_NOREPLACE = -100, 1
#: The number of bytes to read at once.
_CHUNK = 1 << 20
#: ``sha256`` gives a sign of life after this many bytes, which any disk reads within seconds.
SIGN_OF_LIFE_BYTES = 64 << 20


def sha256(file: str | os.PathLike[str] | BinaryIO, alive: Callable[[], None] | None = None) -> str:
    """The SHA-256 of all bytes of a file, in hexadecimal.

    Args:
        file: a path, or an open binary file, which is left at its start.
        alive: called after every ``SIGN_OF_LIFE_BYTES``.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(file, str | os.PathLike):
        with open(file, "rb") as opened:
            return sha256(opened, alive)
    digest, read = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        read += len(chunk)
        if alive is not None and read % SIGN_OF_LIFE_BYTES == 0:
            alive()
    file.seek(0)
    return digest.hexdigest()


@contextmanager
def new_file(target: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name beside ``target``; rename it when the block has ended and all is on the disk.

    Args:
        target: the file's name, which must be free, in a folder that exists.
        mode: the permissions of the new file, before the umask.

    Raises:
        FileExistsError: the name is taken.
        OSError: the disk is full, or the folder cannot be written.
    """
    temporary = target.with_name(f".albumsort-{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), mode)
        os.close(descriptor)
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _give_name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _give_name(temporary: Path, target: Path) -> None:
    """Give a finished file its name.

    Raises:
        FileExistsError: the name is taken.
    """
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # The file system, such as FAT on a memory card, has no hard links.
        if _rename_to_free(temporary, target):
            return
        # That is not possible either: claim the name with an empty file, then replace that file.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(temporary, target)
        except OSError:
            target.unlink()  # the empty file that claimed the name
            raise


def _rename_to_free(source: Path, target: Path) -> bool:
    """Rename a file in one step if the new name is free.

    Returns:
        False if the system or the file system cannot do this; then nothing was done.

    Raises:
        FileExistsError: the name is taken.
        OSError: the file cannot be renamed.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE) == 0:
        return True
    error = ctypes.get_errno()
    if error in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(error, os.strerror(error), str(target))
