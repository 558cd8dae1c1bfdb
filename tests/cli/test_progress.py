"""What a scan says on standard error while it runs."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from albumsort import ScanSummary
from albumsort.cli.progress import ScanProgress, in_words


class Told:
    """Progress that is told to a stream in memory, by a clock that is set by hand."""

    def __init__(self, is_terminal: bool, **options: bool) -> None:
        self.stream, self.now, self.is_stopping = io.StringIO(), 0.0, False
        self.progress = ScanProgress(
            self.stream, is_terminal, clock=lambda: self.now, is_stopping=lambda: self.is_stopping, **options
        )

    def at(self, seconds: float, summary: ScanSummary | None = None) -> str:
        """What is written at this time: after a photo if there is a summary, else because time passes."""
        before, self.now = self.stream.tell(), seconds
        self.progress.tick() if summary is None else self.progress(replace(summary))
        return self.stream.getvalue()[before:]


@pytest.fixture
def log() -> Told:
    return Told(is_terminal=False)


@pytest.fixture
def terminal() -> Told:
    return Told(is_terminal=True)


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (ScanSummary(found=92), "Found 92 photos"),
        (ScanSummary(found=1), "Found 1 photo"),
        (ScanSummary(found=92, unchanged=32), "Found 92 photos: 60 new or changed, 32 unchanged"),
        (ScanSummary(found=92, unchanged=92), "Found 92 photos, all unchanged"),
        (ScanSummary(found=1, unchanged=1), "Found 1 photo, unchanged"),
        (ScanSummary(found=92, raws=40), "Found 52 photos, and 40 RAW files beside them"),
        (
            ScanSummary(found=3, unchanged=1, raws=1),
            "Found 2 photos: 1 new or changed, 1 unchanged, and 1 RAW file beside them",
        ),
    ],
)
def test_what_was_found_is_said_before_anything_is_read(log: Told, summary: ScanSummary, words: str) -> None:
    assert in_words(summary) == words
    assert log.at(1, summary) == f"{words}\n"
    assert log.at(2, summary) == ""


def test_nothing_is_said_of_no_photos(log: Told) -> None:
    assert log.at(1, ScanSummary()) == ""


def test_photos_that_are_read_again_are_not_new() -> None:
    assert in_words(ScanSummary(found=9, unchanged=2), is_rescan=True) == "Found 9 photos: 7 to read again, 2 unchanged"


def test_a_clock_ticks_until_the_first_photo_is_read(terminal: Told) -> None:
    assert terminal.at(1) == "\rlooking for photos… 0:01"
    summary = ScanSummary(found=92)
    assert terminal.at(65, summary).endswith("\rFound 92 photos\n")
    assert terminal.at(66) == "\rstarting the networks… 0:01"
    summary.scanned = summary.errors = 1
    assert terminal.at(67, summary) == "", "a file that is no photo needs no network"
    assert terminal.at(126) == "\rstarting the networks… 1:01"
    assert terminal.at(65 + 3723) == "\rstarting the networks… 1:02:03"


@pytest.mark.parametrize("first", ["scanned", "moved", "rescored"])
def test_a_bar_starts_at_the_first_photo(terminal: Told, first: str) -> None:
    summary = ScanSummary(found=92, unchanged=2)
    assert "%" not in terminal.at(1, summary) + terminal.at(2)
    setattr(summary, first, 1)
    total = 91 if first == "rescored" else 90
    assert re.search(rf"1%\|.*\| 1/{total}", terminal.at(3, summary))
    assert "| 1/" in terminal.at(4), "it goes on when nothing is read"


def test_the_bar_is_taken_away_at_the_end(terminal: Told) -> None:
    with terminal.progress as progress:
        progress(ScanSummary(found=2, scanned=1, faces=3))
    written = terminal.stream.getvalue()
    assert "1/2, 3 faces" in written
    assert written.rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_nothing_is_written_once_the_program_is_stopping(terminal: Told) -> None:
    with terminal.progress as progress:
        progress(ScanSummary(found=2, scanned=1))
        before = terminal.stream.getvalue()
        terminal.is_stopping = True
        progress.tick()
    assert terminal.stream.getvalue() == before


def test_a_line_a_minute_where_there_is_no_terminal(log: Told) -> None:
    assert log.at(59) == ""
    assert log.at(60) == "looking for photos… 1:00\n"
    assert log.at(61) == ""
    summary = ScanSummary(found=1000)
    assert log.at(100, summary) == "Found 1000 photos\n"
    assert log.at(160) == "starting the networks… 1:00\n"
    summary.scanned = 1
    assert log.at(161, summary) == ""
    summary.scanned, summary.faces = 119, 80
    assert log.at(219, summary) == ""
    summary.scanned, summary.errors = 121, 2
    assert log.at(221, summary) == "121 of 1000 photos, 80 faces, 2 problems, 7:20 left\n"
    assert log.at(280) == ""
    assert log.at(281) == "121 of 1000 photos, 80 faces, 2 problems, 14:39 left\n", "also when nothing is read"


def test_a_scan_that_prints_json_says_only_what_takes_long_where_there_is_no_terminal() -> None:
    log = Told(is_terminal=False, says_found=False)
    assert log.at(1, ScanSummary(found=9)) == ""
    assert log.at(61, ScanSummary(found=9)) == "starting the networks… 1:00\n"
