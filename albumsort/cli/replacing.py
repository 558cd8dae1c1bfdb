"""Names of files that a command writes: the next free one, and which files ``--force`` may replace."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from albumsort.errors import AlbumsortError
from albumsort.text import printable, spellings

#: The tags of EXIF for the maker and the model of a camera.
_MAKER, _MODEL = 271, 272


def free_name(target: Path, force: bool = False) -> Path:
    """A path, with ``-2``, ``-3`` and so on before its suffix if it is taken and need not be replaced."""
    return free_names([target], force)[0]


def free_names(targets: Sequence[Path], force: bool = False) -> list[Path]:
    """Paths of files that belong together: if one is taken and need not be replaced, all get the same number."""
    from albumsort.export.names import fitting_name

    if force or not any(map(os.path.lexists, targets)):
        return list(targets)
    numbered = ([path.with_name(fitting_name("", path.name, f"-{number}")) for path in targets] for number in count(2))
    return next(paths for paths in numbered if not any(map(os.path.lexists, paths)))


@contextmanager
def files_into(
    folder: Path, names: Sequence[str], index: Path, inputs: Iterable[Path] = (), *, force: bool = False
) -> Iterator[tuple[Path, list[Path]]]:
    """Write several files into a folder, which is made if it does not exist: under free names, or in place of others.

    Args:
        folder: the folder.
        names: those of the files that may be written.
        index: the index, which need not exist. Neither it nor a photo in it is ever replaced.
        inputs: what the command reads, which is not replaced, either.
        force: whether files of these names are replaced.

    Yields:
        an empty folder to write the files into, and a list. At the end of the block, the list has the paths that the
        files then have.

    Raises:
        AlbumsortError: a file must not be replaced, or cannot be written.
    """
    from albumsort.files import give_name

    try:
        targets = dict(zip(names, free_names([folder / name for name in names], force), strict=True))
        for target in targets.values():
            check_replaceable(target, index, inputs)
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        with tempfile.TemporaryDirectory(prefix=".albumsort-", dir=folder) as temporary:
            yield Path(temporary), written
            for name, target in targets.items():
                if (path := Path(temporary, name)).exists():
                    if force:
                        check_replaceable(target, index, inputs)
                        os.replace(path, target)
                    else:
                        give_name(path, target)
                    written.append(target)
    except OSError as error:
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {error.strerror or error}") from error


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
