"""Names of files that a command writes: the next free one, and which files ``--force`` may replace."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from albumsort.errors import AlbumsortError
from albumsort.text import printable, spellings

#: The tags of EXIF for the maker and the model of a camera.
_MAKER, _MODEL = 271, 272


def free_name(target: Path, force: bool = False) -> Path:
    """A path, with ``-2``, ``-3`` and so on before its suffix if it is taken and need not be replaced."""
    from albumsort.export.names import fitting_name

    names = (target.with_name(fitting_name("", target.name, f"-{number}")) for number in count(2))
    return target if force or not os.path.lexists(target) else next(name for name in names if not os.path.lexists(name))


@contextmanager
def replacement(target: Path, index: Path, inputs: Iterable[Path]) -> Iterator[Path]:
    """A new path beside a file, with its suffix. What is there at the end of the block replaces the file in one step.

    Args:
        target: the file, which ``check_replaceable`` lets pass before the block and after it.
        index: the index, which need not exist; neither it nor a photo in it is replaced.
        inputs: what the command reads; none of it is replaced.

    Raises:
        AlbumsortError: the file must not be replaced.
        OSError: the folder cannot be written.
    """
    path = target.with_name(f".albumsort-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield path
        check_replaceable(target, index, inputs)
        os.replace(path, target)
    finally:
        path.unlink(missing_ok=True)


def check_replaceable(target: Path, index: Path, inputs: Iterable[Path]) -> None:
    """Make sure that a file is none that albumsort must keep. The arguments are those of ``replacement``.

    Raises:
        AlbumsortError: it is a folder, something that the command reads, the index, or a photo.
    """
    if not os.path.lexists(target):
        return
    what = ""
    if target.is_dir():
        what = "a folder"
    elif target.exists():
        if not stat.S_ISREG(target.stat().st_mode):
            what = "not a file"
        elif any(file.exists() and target.samefile(file) for file in (*inputs, *_files_of(index))):
            what = "a file that this command reads"
        elif _is_in_index(target, index) or _is_from_camera(target):
            what = "a photo, and photos are never replaced"
    if what:
        raise AlbumsortError(f"{printable(str(target))}: {what}; choose another name")


def _files_of(index: Path) -> list[Path]:
    return [index.with_name(index.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _is_in_index(file: Path, index: Path) -> bool:
    """Whether the index knows a photo of this path or with these bytes."""
    from albumsort.files import sha256
    from albumsort.index.reader import Index

    if not index.exists():
        return False
    with Index(index) as known:
        names = {name for path in (os.path.abspath(file), os.path.realpath(file)) for name in spellings(path)}
        question = "SELECT EXISTS (SELECT 1 FROM photos WHERE digest = ?)"
        return any(map(known.photo, names)) or bool(known.connection.execute(question, (sha256(file),)).fetchone()[0])


def _is_from_camera(file: Path) -> bool:
    """Whether a picture names the camera that took it. No picture that albumsort makes does."""
    from PIL import Image

    try:
        with Image.open(file) as picture:
            return bool({_MAKER, _MODEL} & picture.getexif().keys())
    except Exception:  # whatever a damaged or hostile file does to the library; it is no photo that can be recognised
        return False
