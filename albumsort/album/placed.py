"""What exports have placed in a folder, as it is written there: the manifest and, while an export runs, its journal."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from albumsort.errors import AlbumsortError
from albumsort.files import sha256
from albumsort.text import printable

NAME = "albumsort-export.json"
#: One JSON object a line; only there while an export runs, and after one was killed.
JOURNAL = "albumsort-export.journal"
#: ``PlacedFile.mode`` of a sidecar beside an exported file, and of one beside the photo itself.
SIDECAR, SIDECAR_OF_ORIGINAL = "sidecar", "sidecar of the original"
#: ``PlacedFile.mode`` of a file that a killed export had not finished. It has no digest.
PARTIAL = "partial"
#: Version 2 added sidecars.
VERSION = 2
#: Bytes; a larger file is no manifest. A million files take some 300 MB.
_LARGEST = 1 << 30
#: What reading a file that is no manifest raises.
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
#: Seconds by which the times of a photo and its copy may differ: FAT keeps even seconds only.
_SAME_TIME = 2


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that an export placed.

    Attributes:
        path: relative to the export's folder, with slashes; absolute for a file beside the photo itself.
        source: absolute path of the photo.
        mode: ``copy``, ``hardlink``, ``symlink``, ``SIDECAR``, ``SIDECAR_OF_ORIGINAL`` or ``PARTIAL``.
        digest: the ``fingerprint`` of the file.
    """

    path: str
    source: str
    mode: str
    digest: str


@dataclass(slots=True)
class Placed:
    """What exports have placed in a folder.

    Attributes:
        files: the files by their ``path``, in the order in which they were placed.
        made: how many folders the exports have made to get there: the folder itself, and those that it is in.
    """

    files: dict[str, PlacedFile] = field(default_factory=dict)
    made: int = 0


def placed_in(folder: Path) -> Placed:
    """Read the manifest and the journal of a folder; without them, nothing was placed there.

    Raises:
        AlbumsortError: a file is neither, cannot be read, or a newer albumsort wrote it.
    """
    placed = _read_manifest(folder / NAME)
    _add_journal(folder / JOURNAL, placed)
    return placed


def copies_in(folder: str) -> dict[str, PlacedFile]:
    """The photos that exports have placed in a folder, by absolute path; none if the manifest is damaged."""
    try:
        files = placed_in(Path(folder)).files.values()
    except AlbumsortError:
        return {}
    no_photos = (SIDECAR, SIDECAR_OF_ORIGINAL, PARTIAL)
    return {os.path.join(folder, *PurePosixPath(item.path).parts): item for item in files if item.mode not in no_photos}


def is_copy_of_source(path: str, item: PlacedFile) -> bool:
    """Whether the photo is still there from which an export has made a file.

    Another program may have written keywords into the file. Then the photo must have the bytes that were exported.
    """
    try:
        file, source = os.stat(path), os.stat(item.source)
        if not stat.S_ISREG(source.st_mode):
            return False
        is_alike = file.st_size == source.st_size and abs(file.st_mtime - source.st_mtime) <= _SAME_TIME
        return is_alike or sha256(Path(item.source)) == item.digest
    except OSError:
        return False


def _read_manifest(file: Path) -> Placed:
    """What a manifest lists; nothing if there is no manifest.

    Raises:
        AlbumsortError: the file is not a manifest, or a newer albumsort wrote it.
    """
    try:
        text = _read_text(file)
        if text is None:
            return Placed()
        if not text.lstrip().startswith("{"):  # a large file of something else is not parsed at all
            raise ValueError("no object")
        content = json.loads(text)
        if content["version"] > VERSION:
            raise AlbumsortError(f"{printable(str(file))}: written by a newer albumsort; update albumsort")
        items = [_checked(item) for item in content["files"]]
        return Placed({item.path: item for item in items}, int(content.get("made", 0)))
    except _DAMAGED as error:
        raise AlbumsortError(f"{printable(str(file))}: not the manifest of an export; move it away") from error


def _add_journal(file: Path, placed: Placed) -> None:
    """Add what a journal records: files that were placed, or were not placed after all, and folders that were made.

    A line that was cut off by a kill is passed over.

    Raises:
        AlbumsortError: the file cannot be read.
    """
    try:
        text = _read_text(file)
    except _DAMAGED as error:
        raise AlbumsortError(f"{printable(str(file))}: not the journal of an export; move it away") from error
    for line in (text or "").split("\n"):
        with contextlib.suppress(*_DAMAGED):
            content = json.loads(line)
            if content.keys() == {"made"}:
                placed.made = int(content["made"])
            elif content.keys() == {"path"}:
                placed.files.pop(_checked({**content, "source": "", "mode": "", "digest": ""}).path, None)
            else:
                item = _checked(content)
                placed.files[item.path] = item


def _read_text(file: Path) -> str | None:
    """The text of a regular file; None if there is no file.

    Raises:
        AlbumsortError: it cannot be read.
        ValueError: it is a folder or a pipe, is too large, or is no UTF-8.
    """
    try:
        status = os.stat(file)  # opening a pipe would wait for a writer
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise ValueError("no text file")
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise AlbumsortError(f"{printable(str(file))}: {error.strerror}") from error


def _checked(values: dict[str, Any]) -> PlacedFile:
    """A record of the manifest.

    Raises:
        TypeError: it lacks a value or has another one, or a value is no text.
        ValueError: a value cannot be part of a path.
    """
    item = PlacedFile(**values)
    for value in (item.path, item.source, item.mode, item.digest):
        if not isinstance(value, str):
            raise TypeError("no text")
        if b"\0" in os.fsencode(value):  # raises a UnicodeEncodeError for surrogates that stand for no byte
            raise ValueError("a zero byte")
    return item
