"""Tells how a scan goes, on standard error: a clock and a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from albumsort.cli.bar import bar, minutes
from albumsort.cli.interrupt import stop
from albumsort.scanning.summary import ScanSummary
from albumsort.text import count

#: On a terminal, seconds between two states of the clock; elsewhere, seconds between two lines.
_TICK, _LINE = 1.0, 60.0
#: In 60 columns there is room for a bar beside the figures of 100,000 photos.
_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}, {remaining} left"


class ScanProgress:
    """Tells how a scan goes. It is a context manager, and inside it is called as a scan calls its ``progress``."""

    def __init__(
        self,
        stream: TextIO,
        is_terminal: bool,
        *,
        says_found: bool = True,
        is_rescan: bool = False,
        clock: Callable[[], float] = time.monotonic,
        is_stopping: Callable[[], bool] = lambda: stop.is_asked,
    ) -> None:
        """Start with the search for photos.

        Args:
            stream: where it is told.
            is_terminal: whether what is written there can be replaced: by the next second of a clock, or by a bar.
            says_found: whether to tell how many photos there are, once that is known.
            is_rescan: whether the scan also reads unchanged photos.
            clock: gives the time in seconds.
            is_stopping: whether the program was told to stop. From then on, nothing is written.
        """
        self._stream, self._is_terminal, self._says_found, self._is_rescan = stream, is_terminal, says_found, is_rescan
        self._is_stopping = is_stopping
        self._clock, self._since, self._last_line = clock, clock(), clock()
        self._doing = "looking for photos…"
        self._summary = ScanSummary()
        self._first = (0, 0.0)  # photos that were done when the first was read, and the time
        self._bar: Any = None
        self._lock = threading.RLock()  # the clock has its own thread
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick_on, name="clock", daemon=True)

    def __enter__(self) -> ScanProgress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if not self._is_stopping():  # what was said then stands below the bar
            self._clear()

    def __call__(self, summary: ScanSummary) -> None:
        """Take note of the progress of the scan."""
        with self._lock:
            if not self._summary.found and summary.found:
                self._clear()
                if self._says_found:
                    self._write_line(in_words(summary, self._is_rescan))
                self._doing, self._since = "starting the networks…", self._clock()
            self._summary = summary
            if not self._first[1] and (summary.scanned > summary.errors or summary.moved or summary.rescored):
                self._first = done(summary), self._clock()
                self._clear()
                if self._is_terminal:
                    state = {"initial": done(summary), "postfix": _figures(summary)}
                    self._bar = bar(self._stream, _BAR, to_do(summary), **state)
            if self._bar is not None:
                self._bar.total = to_do(summary)
                self._bar.set_postfix_str(_figures(summary), refresh=False)
                self._bar.update(done(summary) - self._bar.n)
            self._write_line_if_late()

    def tick(self) -> None:
        """Show that time passes: a clock or the bar on a terminal, elsewhere a line if the last was a minute ago."""
        with self._lock:
            if self._is_stopping():
                return
            if self._bar is not None:
                self._bar.refresh()
            elif self._is_terminal:
                self._write(f"\r{self._doing} {minutes(self._clock() - self._since)}")
            self._write_line_if_late()

    def _tick_on(self) -> None:
        while not self._over.wait(_TICK):
            self.tick()

    def _write_line_if_late(self) -> None:
        now = self._clock()
        if self._is_terminal or now - self._last_line < _LINE:
            return
        if not self._first[1]:
            self._write_line(f"{self._doing} {minutes(now - self._since)}")
            return
        before, since = self._first
        finished, total = done(self._summary), to_do(self._summary)
        line = f"{finished} of {count(total, 'photo')}, {_figures(self._summary)}"
        if finished > before:
            line += f", {minutes((now - since) / (finished - before) * (total - finished))} left"
        self._write_line(line)

    def _write_line(self, line: str) -> None:
        self._write(f"{line}\n")
        self._last_line = self._clock()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _clear(self) -> None:
        """Take away the clock or the bar."""
        if self._bar is not None:
            self._bar.close()
        elif self._is_terminal:
            self._write(f"\r{' ' * (len(self._doing) + 10)}\r")


def in_words(summary: ScanSummary, is_rescan: bool = False) -> str:
    """How many photos the walk has found, and how many of them are read."""
    photos = summary.found - summary.raws
    new = photos - summary.unchanged
    words = f"Found {count(photos, 'photo')}"
    if not new:
        words += ", unchanged" if photos == 1 else ", all unchanged"
    elif summary.unchanged:
        words += f": {new} {'to read again' if is_rescan else 'new or changed'}, {summary.unchanged} unchanged"
    return words + (f", and {count(summary.raws, 'RAW file')} beside them" if summary.raws else "")


def done(summary: ScanSummary) -> int:
    """How many photos a scan has done so far."""
    return summary.scanned + summary.moved + summary.rescored


def to_do(summary: ScanSummary) -> int:
    """How many photos a scan does in total, as far as that is known."""
    found = summary.found - summary.unchanged - summary.raws
    return max(found + summary.rescored + summary.of_other_models, done(summary))


def _figures(summary: ScanSummary) -> str:
    problems = summary.errors + len(summary.unreadable)
    return count(summary.faces, "face") + (f", {count(problems, 'problem')}" if problems else "")
