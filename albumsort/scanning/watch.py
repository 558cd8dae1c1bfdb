"""The watch: scans folders when photos arrive in them. It waits until a file is finished, and outlasts what passes.

Each scan is one of all the folders, because a file that arrives may be half of a pair, a copy or a moved photo. Files
that have not changed are not opened.
"""

from __future__ import annotations

import glob
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from albumsort.errors import AlbumsortError, explain_import
from albumsort.records import mtime_ns
from albumsort.scanning.batches import face_reader
from albumsort.scanning.changes import Changed
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import Progress, ScanSummary
from albumsort.settings import ScanSettings
from albumsort.text import printable
from albumsort.vision.reader import FaceReader

#: A file is finished when its size and time have stayed the same for so many seconds. A share may show them 3 s late
#: (``acregmin`` in nfs(5)).
FINISHED_SECONDS = 5.0
#: Finished files wait so many seconds for others that are still being copied. Then these are left to a later scan.
PATIENCE_SECONDS = 60.0
#: After a scan that failed, the next one is tried after so many seconds, or as soon as something changes.
RETRY_SECONDS = 60.0
#: After so many seconds without work, memory is given back.
IDLE_SECONDS = 300.0

_log = logging.getLogger("albumsort.scanning")


def watch(
    roots: Sequence[str],
    scan_all: Callable[[Sequence[str], Sequence[str]], object],
    changes: Callable[[Sequence[str]], Changed],
    tell: Callable[[str], None],
    give_back: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Scan once, and then whenever files change, until it is interrupted or ``changes`` end.

    Args:
        roots: absolute paths of folders and photos. One that is missing is waited for.
        scan_all: scans those roots that are there, without some files that are not finished.
        changes: called with the roots that are there, and again when one has gone or come back; watches them.
        tell: called with a line when a root goes or comes back, and when a scan fails.
        give_back: called when there has been nothing to do for long; frees memory.
        clock: gives the time in seconds.

    Raises:
        AlbumsortError: ``changes`` cannot watch.
        KeyboardInterrupt: what was read until then is in the index.
    """
    _Watch(list(roots), scan_all, tell, give_back, clock, Arrivals(clock)).run(changes)


class Scans:
    """Scans again and again, with networks that stay loaded until they are given back."""

    def __init__(
        self,
        index: str | os.PathLike[str],
        settings: ScanSettings,
        reader: FaceReader | None = None,
    ) -> None:
        """Keep the options.

        Args:
            index: the SQLite file.
            settings: the settings of each scan.
            reader: finds and reads the faces; None for one with these settings.
        """
        self._index, self._settings, self._reader = index, settings, reader or face_reader(settings)

    def __call__(
        self,
        roots: Sequence[str],
        unfinished: Iterable[str] = (),
        progress: Progress = lambda summary: None,
    ) -> ScanSummary:
        """Scan roots, but not the files that are unfinished; ``progress`` is as for ``scan``.

        Raises:
            AlbumsortError: the scan has failed.
            KeyboardInterrupt: what was read until then is in the index.
        """
        loaded = self._reader.loaded_card
        if loaded and loaded.identity != self._reader.card.identity:
            self.give_back()  # another model is in use now
        exclude = (*self._settings.exclude, *map(glob.escape, unfinished))
        settings = replace(self._settings, exclude=exclude)
        return scan(roots, self._index, settings, progress, self._reader)

    def give_back(self) -> None:
        """Free the memory of the networks; the next scan that needs them loads them again."""
        if self._reader.loaded_card:
            self._reader.unload()
            _log.debug("the networks are no longer in memory")


class Arrivals:
    """Paths that have changed and wait for a scan, each until its file is finished."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with none; ``clock`` gives the time in seconds."""
        self._clock = clock
        self._since = clock()
        self._waiting: dict[str, tuple[tuple[int, int] | None, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def note(self, paths: Iterable[str]) -> None:
        """Take note of paths that have changed just now."""
        now = self._clock()
        if not self._waiting:
            self._since = now
        self._waiting.update({path: (_state(path), now) for path in paths})

    def look(self) -> None:
        """See which files have changed since the last look."""
        now = self._clock()
        for path, (before, _) in list(self._waiting.items()):
            if (state := _state(path)) != before:
                self._waiting[path] = state, now

    def unfinished(self) -> list[str]:
        """The files that are not finished."""
        return [path for path in self._recent() if self._waiting[path][0]]

    def is_due(self) -> bool:
        """Whether it is time for a scan: all are finished, or some have waited long enough for the others."""
        recent = len(self._recent())
        is_late = self._clock() - self._since >= PATIENCE_SECONDS
        return bool(self._waiting) and (not recent or (is_late and recent < len(self._waiting)))

    def keep(self, unfinished: Collection[str]) -> None:
        """Forget all others, because a scan has seen them."""
        self._waiting = {path: self._waiting[path] for path in unfinished}
        self._since = self._clock()

    def _recent(self) -> list[str]:
        now = self._clock()
        return [path for path, (_, since) in self._waiting.items() if now - since < FINISHED_SECONDS]


@dataclass
class _Watch:
    """A watch in progress."""

    roots: list[str]
    scan_all: Callable[[Sequence[str], Sequence[str]], object]
    tell: Callable[[str], None]
    give_back: Callable[[], None]
    clock: Callable[[], float]
    arrivals: Arrivals
    missing: set[str] = field(default_factory=set)
    failure: str = ""
    not_before: float = 0.0
    idle_since: float = 0.0

    def run(self, changes: Callable[[Sequence[str]], Changed]) -> None:
        """Watch the roots that are there, until the changes end; start anew when others are there."""
        self.idle_since = self.clock()
        before: dict[str, tuple[int, int]] = {}
        while True:
            there = self._roots_there()
            for root in there:
                # When a disk comes or goes, another folder takes the place of this one, and is not watched yet.
                if root in before and there[root] != before[root]:
                    self.tell(f"{printable(root)}: another disk or folder has taken its place; no photo is dropped")
                if there[root] != before.get(root):
                    self.arrivals.note([root])
            before = there
            with closing(changes(list(there))) as source:
                for paths in source:
                    self._note(paths)
                    if self._roots_there() != there:
                        break
                    self._work(list(there))
                else:
                    return

    def _note(self, paths: Collection[str]) -> None:
        self.arrivals.look()
        if paths:
            self.arrivals.note(paths)
            self.not_before = 0.0

    def _work(self, roots: list[str]) -> None:
        """Scan if it is time for it; give memory back if there has been nothing to do for long."""
        now = self.clock()
        if now >= self.not_before and self.arrivals.is_due():
            unfinished = self.arrivals.unfinished()
            if not roots or self._scan([root for root in roots if root not in unfinished], unfinished):
                self.arrivals.keep(unfinished)
            self.idle_since = self.clock()
        elif not self.arrivals and now - self.idle_since >= IDLE_SECONDS:
            self.give_back()

    def _scan(self, roots: list[str], unfinished: list[str]) -> bool:
        """Scan; returns False if that has failed. The same failure is told once, until a scan succeeds."""
        try:
            self.scan_all(roots, unfinished)
        except (AlbumsortError, OSError, sqlite3.Error, ImportError) as error:
            failure = explain_import(error) if isinstance(error, ImportError) else str(error)
            if failure != self.failure:
                self.tell(f"the scan has failed, and will be tried again: {failure}")
            self.failure, self.not_before = failure, self.clock() + RETRY_SECONDS
            return False
        self.failure = ""
        return True

    def _roots_there(self) -> dict[str, tuple[int, int]]:
        """(device, inode) of each root that is there. Tells which have gone and which have come back."""
        there = {}
        for root in self.roots:
            try:
                status = os.stat(root)
                there[root] = status.st_dev, status.st_ino
            except OSError:
                continue
        gone = {root for root in self.roots if root not in there}
        for root in self.roots:
            if (root in gone) != (root in self.missing):
                words = "not there; waiting for it, and keeping its photos" if root in gone else "there again"
                self.tell(f"{printable(root)}: {words}")
        self.missing = gone
        return there


def _state(path: str) -> tuple[int, int] | None:
    """Size and mtime_ns of a file. None for a folder, because its files have their own, and for what is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_size, mtime_ns(status)) if stat.S_ISREG(status.st_mode) else None
