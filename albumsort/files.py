"""Writing new files, which appear complete or not at all and never replace another file; and the SHA-256 of a file."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
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
#: ``sha256`` gives a sign of life after this many bytes, which even a slow network disk reads within seconds.
SIGN_OF_LIFE_BYTES = 4 << 20


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


def make_folder(folder: Path) -> None:
    """Make a folder, with those that it is in, unless it is there.

    Raises:
        OSError: it cannot be made, for example because it, or one that it is in, is a file.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)


def check_folder(folder: Path) -> None:
    """Make sure that there is a folder at a path, or that one can be made as far as names go.

    Raises:
        NotADirectoryError: it, or one that it is in, is a file.
    """
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file, not a folder; choose another name", str(path))


@contextmanager
def partial_file(folder: Path, mode: int = 0o666, announce: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """An empty file under a temporary name, which ``is_partial`` knows. It is removed at the end.

    Args:
        folder: where it is made.
        mode: its permissions, before the umask.
        announce: called with its path before it is made. A program that is killed leaves the file behind.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    partial = folder / f".albumsort-{secrets.token_hex(8)}.part"
    if announce is not None:
        announce(partial)
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), mode))
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def is_partial(name: str) -> bool:
    """Whether a name is one that ``partial_file`` gives."""
    return re.fullmatch(r"\.albumsort-[0-9a-f]{16}\.part", name) is not None


@contextmanager
def new_file(
    target: Path, mode: int = 0o666, *, replace: bool = False, announce: Callable[[Path], None] | None = None
) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name beside ``target``; rename it once the block has ended and all is on the disk.

    Args:
        target: the file's name, in a folder that exists.
        mode: the permissions of the new file, before the umask.
        replace: whether it replaces a file of that name in one step. Default: the name must be free.
        announce: called with the temporary path before there is such a file.

    Raises:
        FileExistsError: the name is taken.
        OSError: the disk is full, or the folder cannot be written.
    """
    with partial_file(target.parent, mode, announce) as partial:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(partial, target)
        else:
            give_name(partial, target)


def give_name(partial: Path, target: Path) -> None:
    """Give a finished file its name.

    Raises:
        FileExistsError: the name is taken.
        OSError: the file system refuses the name, or the folder cannot be written.
    """
    try:
        os.link(partial, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise OSError(error.errno, error.strerror, str(target)) from error  # without the temporary name
        # The file system has no hard links, such as FAT on a memory card.
        if _rename_to_free(partial, target):
            return
        # That is not possible either: claim the name with an empty file, then replace that file.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(partial, target)
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
