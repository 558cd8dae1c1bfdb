"""albumsort watch as a process: what it says, and how it is stopped."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from albumsort import Index
from albumsort.cli.interrupt import Stop


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows sends a process no SIGTERM that it could answer")
@pytest.mark.parametrize(
    ("options", "name", "code"), [([], "SIGTERM", 0), (["--poll", "1"], "SIGINT", 130)], ids=["service", "Ctrl-C"]
)
def test_a_photo_that_arrives_is_read_and_a_stop_keeps_it(album: Path, tmp_path: Path, options, name, code):
    photos, index = tmp_path / "photos", tmp_path / "index.db"
    photos.mkdir()
    shutil.copy(album / "dim.jpg", photos)
    command = [sys.executable, "-m", "albumsort", "watch", str(photos), "--db", str(index), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        lines = iter(process.stderr.readline, "")
        assert re.fullmatch(r"\d\d:\d\d:\d\d watching .*photos; Ctrl-C ends it\n", next(lines))
        read = r"\d\d:\d\d:\d\d {}: 1 read, {} unchanged, 0 moved or copied, {}, in \d+\.\d s\n"
        assert re.fullmatch(read.format("1 photo", 0, "1 face"), next(lines))
        shutil.copy(album / "groups" / "both.jpg", photos)
        assert re.fullmatch(read.format("2 photos", 1, "2 faces"), next(lines))
        process.send_signal(getattr(signal, name))
        assert list(lines) == ["stopped; what was read is in the index\n"]
        assert process.stdout.read() == ""
    assert process.returncode == code
    with Index(index) as opened:
        assert opened.stats()["photos"] == 2


def test_a_folder_that_is_not_there_is_probably_a_wrong_name(call, tmp_path):
    done = call("watch", tmp_path / "Fotos")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"albumsort: {tmp_path}/Fotos: no such folder or photo\n"


def test_without_its_package_one_line_says_how_to_install_it(call, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)  # each import fails
    done = call("watch", tmp_path, "--db", tmp_path / "index.db")
    assert (done.returncode, done.stdout) == (1, "")
    words = r"albumsort: watch needs the package watchfiles; run pip install '\.\[watch\]'.*\n"
    assert re.fullmatch(words, done.stderr)


@pytest.mark.parametrize(("number", "is_terminated"), [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_the_end_of_a_service_is_told_from_other_stops(number, is_terminated):
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop.hear(number, None)
    assert stop.is_terminated == is_terminated
