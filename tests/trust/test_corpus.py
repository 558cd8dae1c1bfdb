"""A scan of the whole corpus ends, each file has its row, and every picture is read."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.index import Index

from . import corpus

pytestmark = pytest.mark.slow


class ScannedCorpus:
    """The corpus in a folder, after a scan by the command line."""

    def __init__(self, folder: Path, run: Callable[..., Any]) -> None:
        self.folder, self.index = folder / "corpus", folder / "index.db"
        self.folder.mkdir()
        self.specimens = corpus.write(self.folder)
        self.before = self.digests()
        self.scan = run("scan", self.folder, "--db", self.index)
        with closing(sqlite3.connect(self.index)) as connection:
            self.status = dict(connection.execute("SELECT path, status FROM photos"))
        with Index(self.index) as index:
            known = {path: index.photo(path) for path in self.status}
        self.photos = {path: found.photo for path, found in known.items() if found is not None}

    def digests(self) -> dict[str, str]:
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.iterdir()}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ScannedCorpus:
    import subprocess

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "albumsort", *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return ScannedCorpus(tmp_path_factory.mktemp("corpus"), run)


def test_the_scan_ends_well_and_without_a_traceback(result: ScannedCorpus) -> None:
    assert result.scan.returncode == 0
    assert "Traceback" not in result.scan.stderr
    assert len(result.specimens) >= 400


def test_every_file_has_its_row(result: ScannedCorpus) -> None:
    assert set(result.status) == set(result.specimens)


def test_every_sound_picture_is_read(result: ScannedCorpus) -> None:
    wanted = {path for path, specimen in result.specimens.items() if specimen.expected == "ok"}
    assert len(wanted) > 70
    unread = {os.path.basename(path): result.photos[path].error for path in wanted if result.status[path] != "ok"}
    assert unread == {}


def test_files_that_are_no_pictures_or_have_wrong_headers_are_problems_with_a_reason(
    result: ScannedCorpus,
) -> None:
    wrong = {
        specimen.name: result.photos[path].error
        for path, specimen in result.specimens.items()
        if specimen.expected == "error" and specimen.says not in (result.photos[path].error or "")
    }
    assert wrong == {}


def test_each_problem_is_one_plain_line(result: ScannedCorpus) -> None:
    errors = [photo.error for photo in result.photos.values() if photo.error]
    assert len(errors) > 100
    assert not [error for error in errors if not error.isprintable() or len(error) > 250]
    assert not [error for error in errors if "crashed" in error or "took over" in error]


def test_no_byte_of_a_source_file_changed(result: ScannedCorpus) -> None:
    assert result.digests() == result.before


def test_a_second_scan_opens_nothing(result: ScannedCorpus, run: Callable[..., Any]) -> None:
    done = run("scan", result.folder, "--db", result.index)
    assert f"0 read, {len(result.specimens)} unchanged" in done.stdout
