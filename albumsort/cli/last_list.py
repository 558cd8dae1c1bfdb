"""The last list that was printed for a person: its ranks name photos in later commands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from albumsort.errors import AlbumsortError
from albumsort.files import new_file
from albumsort.text import printable

#: The largest number of photos of a list that are kept, and of indexes of which a list is kept.
KEPT_PHOTOS, _KEPT_INDEXES = 10_000, 8


def keep(index: Path, paths: Sequence[str]) -> None:
    """Keep a list that was printed from an index. What cannot be written is not kept: the list itself was printed.

    Args:
        index: the path of the index.
        paths: of the photos, in the order of their ranks; the first ``KEPT_PHOTOS`` are kept.
    """
    lists = {name: photos for name, photos in _lists().items() if name != _key(index) and os.path.exists(name)}
    lists[_key(index)] = list(paths[:KEPT_PHOTOS])
    with suppress(OSError):
        _write(dict(list(lists.items())[-_KEPT_INDEXES:]))


def photo_named(word: Path, index: Path) -> Path:
    """The photo that a word names: a file, a rank of the last list of an index, or the one photo of that name in it.

    A file of that name in the current folder comes first.

    Raises:
        AlbumsortError: the word is a folder, or a number, but no list has that rank, or several photos have that name.
    """
    name = str(word)
    if not re.fullmatch("[0-9]{1,9}", name):
        if word.is_dir():
            raise AlbumsortError(f"{printable(name)}: a folder; name a photo in it")
        return word if os.path.lexists(word) or word.name != name else _of_that_name(word, index)
    if os.path.lexists(name) and not word.is_dir():
        return word
    photos = _lists().get(_key(index))
    if photos == []:
        raise AlbumsortError(f"{name}: no such file, and the last list was empty; print one with: albumsort top happy")
    if photos is None:
        where = f"no list was printed from {printable(str(index))} yet"
        raise AlbumsortError(f"{name}: no such file, and {where}; print one with: albumsort top happy")
    if not 1 <= int(name) <= len(photos):
        raise AlbumsortError(f"{name}: no such file, and the last list has the ranks 1 to {len(photos)}")
    photo = photos[int(name) - 1]
    if photo is None:
        raise AlbumsortError(f"{name}: this photo of the last list was forgotten")
    return Path(photo)


def _of_that_name(word: Path, index: Path) -> Path:
    """The photo of an index with this name, in whatever folder; ``word`` if there is none, or one in this folder.

    Raises:
        AlbumsortError: several photos have the name.
    """
    if not index.exists():
        return word
    from albumsort.index.reader import Index

    with Index(index) as opened:
        found = [] if opened.photo(os.path.abspath(word)) else opened.paths_of_name(word.name)
    if len(found) > 1:
        shown = ", ".join(printable(path) for path in found[:3]) + (", ..." if len(found) > 3 else "")
        raise AlbumsortError(f"{printable(str(word))}: no such file here; name one of {shown}")
    return Path(found[0]) if found else word


def forget(index: Path, names: Iterable[str]) -> None:
    """Remove files, and what is below folders, from the last list of an index. The other photos keep their ranks.

    Raises:
        AlbumsortError: the file cannot be written.
    """
    lists = _lists()
    photos = lists.get(_key(index), [])
    starts = tuple(name.rstrip(os.sep) + os.sep for name in names)
    left = [None if photo is None or f"{photo}{os.sep}".startswith(starts) else photo for photo in photos]
    if left == photos:
        return
    try:
        _write({**lists, _key(index): left})
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error}), and still names what was forgotten; delete it"
        raise AlbumsortError(f"{printable(str(_file()))}: {reason}") from error


def _key(index: Path) -> str:
    return os.path.realpath(index)


def _file() -> Path:
    from platformdirs import user_data_path

    return user_data_path("albumsort", appauthor=False) / "last-lists.json"


def _lists() -> dict[str, list[str | None]]:
    """The last list of each index, by its path, the latest at the end. Nothing if the file is not there or damaged."""
    try:
        lists = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}
    is_sound = isinstance(lists, dict) and all(
        isinstance(photos, list) and all(photo is None or isinstance(photo, str) for photo in photos)
        for photos in lists.values()
    )
    return lists if is_sound else {}


def _write(lists: dict[str, list[str | None]]) -> None:
    file = _file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_file(file, 0o600, replace=True) as writing:  # other users must not see the names of photos
        writing.write(json.dumps(lists).encode())
