"""What changes in folders: the system tells it, or walks find it where the system cannot, as on a network share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from pathlib import PurePath
from types import ModuleType

from albumsort.album.formats import SNIFF_BYTES, SUFFIXES, sniff
from albumsort.album.passed_over import is_passed_over
from albumsort.album.walk import NotPhoto, is_excluded, walk
from albumsort.errors import AlbumsortError
from albumsort.records import PhotoFile
from albumsort.settings import ScanSettings
from albumsort.text import printable

#: Seconds between two items when nothing changes.
TICK_SECONDS = 1.0

#: The paths that have changed since the last item; none if only time has passed.
Changed = Generator[Collection[str], None, None]
_States = dict[str, tuple[int, int]]


def load_watchfiles() -> ModuleType:
    """The package that hears what the system tells.

    Raises:
        AlbumsortError: it is not installed.
    """
    try:
        import watchfiles
    except ImportError as error:
        raise AlbumsortError(
            "watch needs the package watchfiles; run pip install '.[watch]' in the folder of albumsort's source,"
            " or look every few minutes without it: --poll 300"
        ) from error
    return watchfiles


def notified(roots: Sequence[str], settings: ScanSettings) -> Changed:
    """Watch folders with what the system tells: inotify, FSEvents, ReadDirectoryChangesW.

    Args:
        roots: absolute paths that exist; there may be none, and then only time passes.
        settings: what is left out.

    Yields:
        the paths of new folders, and of new, changed and deleted files that may be photos.

    Raises:
        AlbumsortError: the package watchfiles is not installed, the system watches no more folders, or one of them
            cannot be read.
        KeyboardInterrupt: the program was told to stop.
    """
    library = load_watchfiles()
    if not roots:
        yield from _passing_time(time.sleep)
    try:
        with closing(
            library.watch(
                *roots,
                watch_filter=None,  # it would pass over what programmers have, not what photographers have
                step=500,
                rust_timeout=round(TICK_SECONDS * 1000),
                yield_on_timeout=True,
                force_polling=False,  # which fails at a link that leads to itself
                # Else it would end at the first folder that it cannot watch, also for want of watches, and say nothing.
                ignore_permission_denied=False,
            )
        ) as items:
            for changes in items:
                # A folder changes with each file in it, also with those of the index.
                found = {path for kind, path in changes if kind != library.Change.modified or not os.path.isdir(path)}
                yield [path for path in found if may_be_photo(path, roots, settings)]
    except (OSError, RuntimeError) as error:
        reason = printable(" ".join(str(error).split()))
        raise AlbumsortError(
            f"the folders cannot be watched ({reason}); look every few minutes instead: --poll 300"
        ) from error


def polled(
    roots: Sequence[str], settings: ScanSettings, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> Changed:
    """Watch folders by a walk every so many seconds.

    Args:
        roots: absolute paths.
        settings: what is left out.
        seconds: between two walks.
        sleep: passes the time.

    Yields:
        the paths of new, changed and deleted photos.
    """
    known, not_photos = _walked(roots, settings, {}, {})
    ticks = max(1, round(seconds / TICK_SECONDS))
    for number, _ in enumerate(_passing_time(sleep), 1):
        if number % ticks:
            yield ()
            continue
        before = known
        known, not_photos = _walked(roots, settings, before, not_photos)
        yield [path for path in {**before, **known} if before.get(path) != known.get(path)]


def may_be_photo(path: str, roots: Sequence[str], settings: ScanSettings) -> bool:
    """Whether a change of a path calls for a scan: a folder, or a file that may be a photo, and is not left out."""
    try:
        is_folder = os.path.isdir(path)
        # A folder is passed over if a photo in it would be.
        if not any(_is_walked(os.path.join(path, "a.jpg") if is_folder else path, root, settings) for root in roots):
            return False
        if is_folder or PurePath(path).suffix.lower() in SUFFIXES:  # also if it is gone: the RAW file beside it counts
            return True
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return sniff(file.read(SNIFF_BYTES)) is not None
    except OSError:  # which the scan will report
        return True


def _is_walked(path: str, root: str, settings: ScanSettings) -> bool:
    """Whether a path is a root, or below it and not left out."""
    if path == root:
        return True
    if not path.startswith(os.path.join(root, "")):
        return False
    if not settings.include_hidden and is_passed_over(path, root):
        return False
    while path != root:
        if is_excluded(path, root, settings.exclude):
            return False
        path = os.path.dirname(path)
    return True


def _walked(
    roots: Sequence[str], settings: ScanSettings, photos: _States, not_photos: _States
) -> tuple[_States, _States]:
    """Size and mtime_ns of all photos below roots, and of files that are none. Those of the walk before are known."""
    found, others = {}, dict(not_photos)
    options = settings.exclude, settings.follow_links, photos, not_photos, settings.include_hidden
    for item in walk(roots, *options):
        if isinstance(item, PhotoFile):
            found[item.path] = item.size, item.mtime_ns
        elif isinstance(item, NotPhoto):
            others[item.file.path] = item.file.size, item.file.mtime_ns
    return found, others


def _passing_time(sleep: Callable[[float], None]) -> Changed:
    """Yield nothing, every second."""
    while True:
        sleep(TICK_SECONDS)
        yield ()
