"""A scan whose standard output or error is closed, or is read by nobody, goes on to its end."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes the streams")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that are read without a network: none is a picture."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"no picture %d" % number)
    (folder / "gone.jpg").write_bytes(b"")
    return folder


def is_whole(index: Path) -> bool:
    with closing(sqlite3.connect(index)) as connection:
        finished = connection.execute("SELECT finished_at NOT NULL FROM scans").fetchall()
        return (
            connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            and finished == [(1,)]
            and connection.execute("SELECT count(*) FROM photos").fetchone() == (4,)
        )


@pytest.mark.parametrize("closing_words", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_does_not_end_a_scan(folder: Path, tmp_path: Path, closing_words: str) -> None:
    command = f'exec "$@" {closing_words}'
    scan = [sys.executable, "-m", "albumsort", "-vv", "scan", str(folder), "--db", str(tmp_path / "index.db"), "--json"]
    done = subprocess.run(["sh", "-c", command, "sh", *scan], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_whole(tmp_path / "index.db")
    if ">&-" not in closing_words.split():
        assert json.loads(done.stdout)["photos"] == 4


def test_a_standard_error_that_nobody_reads_does_not_end_a_scan(folder: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    # Folders in each other whose path is too long for the system: the scan says so on standard error.
    place = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=place)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    scan = [sys.executable, "-m", "albumsort", "scan", str(folder), "--db", str(tmp_path / "index.db"), "--json"]
    assert "too long" in subprocess.run(scan, capture_output=True, text=True, check=False).stderr
    (tmp_path / "index.db").unlink()
    done = subprocess.run(scan, stdout=subprocess.PIPE, stderr=writing, text=True, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert json.loads(done.stdout)["photos"] == 4
    assert is_whole(tmp_path / "index.db")


def test_a_standard_output_that_nobody_reads_ends_without_a_traceback(folder: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    scan = [sys.executable, "-m", "albumsort", "scan", str(folder), "--db", str(tmp_path / "index.db"), "--json"]
    done = subprocess.run(scan, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert is_whole(tmp_path / "index.db")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full")
@pytest.mark.parametrize("words", [["--help"], ["top", "--help"], ["--version"]])
def test_help_that_a_full_disk_cannot_hold_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "albumsort", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "No space left on device" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full")
@pytest.mark.parametrize("buffer", ["", "1"])
@pytest.mark.parametrize("words", ["list", "top happy", "stats --json", "problems"])
def test_a_full_disk_is_said_of_standard_output(scanned: Path, words: str, buffer: str) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "albumsort", *words.split(), "--db", str(scanned)]
        env = {**os.environ, "PYTHONUNBUFFERED": buffer}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=env, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "albumsort: standard output: No space left on device\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["closed", "nobody reads", "nobody reads, no buffer"])
@pytest.mark.parametrize(
    "words", ["--help", "top happy", "list --json", "stats", "problems", "sheet happy -o out.html", "export out"]
)
def test_no_command_ends_with_a_traceback_or_half_way_when_standard_output_is_closed(
    scanned: Path, tmp_path: Path, words: str, how: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    start = ["sh", "-c", 'exec "$@" >&-' if how == "closed" else 'exec "$@"', "sh", sys.executable, "-m", "albumsort"]
    paths = os.pathsep.join(filter(None, sys.path))
    buffer = {"PYTHONUNBUFFERED": "1" if "no buffer" in how else ""}
    done = subprocess.run(
        [*start, *words.split()],
        env={**os.environ, "ALBUMSORT_DB": str(scanned), "PYTHONPATH": paths, **buffer},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.html").exists() == ("sheet" in words)
    assert len(list((tmp_path / "out" / "happy").glob("*.jpg"))) == (5 if "export" in words else 0)
