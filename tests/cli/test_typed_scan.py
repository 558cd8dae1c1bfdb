"""What people type to scan, and what stands on which stream: input, exit code, standard output, standard error."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from albumsort.index import Index

FACES = "12 faces: 8 happy, 4 neutral."
#: The command line with a reader that finds no faces, so that no network is loaded. First it does what is filled in.
WITHOUT_NETWORKS = """
import os, signal
import albumsort.scanning.scan as module
from albumsort.cli import main

class Reader:
    card = loaded_card = None
    def read(self, pictures):
        {first}
        return [[] for picture in pictures]

module.face_reader = lambda settings: Reader()
main()
"""


@pytest.fixture
def typed(call: Any, reader: Any, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Types a command in a folder with an ``album``, where a scan needs no network: ``typed("scan album")``."""
    monkeypatch.setattr("albumsort.scanning.scan.face_reader", lambda settings: reader)
    shutil.copytree(album, tmp_path / "album")

    def run(words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return call(*words.split(), env={**os.environ, "ALBUMSORT_DB": "index.db", **environment})

    return run


#: Commands typed before, command, exit code, patterns for the lines of standard output, and of standard error.
TABLE = {
    "first scan": (
        [],
        "scan album",
        0,
        [
            r"12 photos: 12 read, 0 unchanged, 0 moved or copied, in \d+\.\d s\.",
            f"{FACES} Next: albumsort top happy",
            "1 problem. See it: albumsort problems",
        ],
        ["Found 12 photos"],
    ),
    "second scan": (
        ["scan album"],
        "scan album",
        0,
        [
            r"12 photos: 0 read, 12 unchanged, .*",
            f"The index has {FACES} Next: albumsort top happy",
            "1 problem, known from earlier scans. See it: albumsort problems",
        ],
        ["Found 12 photos, all unchanged"],
    ),
    "another folder": (
        ["scan album/groups"],
        "scan album",
        0,
        [
            r"12 photos: 9 read, 3 unchanged, .*",
            rf"\d faces found\. The index has {FACES} Next: albumsort top happy",
            "1 problem. See it: albumsort problems",
        ],
        ["Found 12 photos: 9 new or changed, 3 unchanged"],
    ),
    "all again": (
        ["scan album"],
        "scan album --rescan",
        0,
        [r"12 photos: 12 read, .*", f"{FACES} Next: albumsort top happy", "1 problem. See.*"],
        ["Found 12 photos"],
    ),
    "another index": (
        [],
        "scan album --db other.db",
        0,
        [
            ".*",
            f"{FACES} Next: albumsort top happy --db other.db",
            "1 problem. See it: albumsort problems --db other.db",
        ],
        ["Found 12 photos"],
    ),
    "the index that the environment names": (
        [],
        "scan album --db index.db",
        0,
        [".*", f"{FACES} Next: albumsort top happy", "1 problem. See.*problems"],
        ["Found 12 photos"],
    ),
    "neutral faces": (
        [],
        "scan album/portraits/grace-hopper.jpg",
        0,
        [".*", "1 face: 1 neutral. Next: albumsort top neutral"],
        ["Found 1 photo"],
    ),
    "uncertain faces": (
        [],
        "scan album/portraits/grace-hopper.jpg --threshold 1",
        0,
        [".*", r"1 face: 1 uncertain\."],
        ["Found 1 photo"],
    ),
    "no faces": ([], "scan album/places/cat.jpg", 0, ["1 photo: 1 read, .*", r"No faces\."], ["Found 1 photo"]),
    "JSON": ([], "scan album --json", 0, [r'\{"photos": 12, "scanned": 12, .*\}'], []),
    "not there": ([], "scan albun", 1, [], [".*albun: no such folder or photo"]),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_example_gives_what_it_should(typed: Any, name: str) -> None:
    before, command, code, out, err = TABLE[name]
    for earlier in before:
        assert typed(earlier).returncode == 0
    done = typed(command)
    for printed, patterns in ((done.stdout, out), (done.stderr, err)):
        lines = printed.splitlines()
        assert len(lines) == len(patterns), printed
        for line, pattern in zip(lines, patterns, strict=True):
            assert re.fullmatch(pattern, line), line
    assert done.returncode == code


def test_the_next_command_lists_photos(typed: Any) -> None:
    words = typed("scan album/portraits --db a.db").stdout
    command = re.search(r"Next: albumsort (.*)", words)
    assert command
    assert "eileen-collins.jpg" in typed(command[1]).stdout


def test_as_many_photos_are_found_as_are_counted_at_the_end(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "album" / "portraits" / "grace-hopper.nef").write_bytes(b"RAW")
    for number in (12, 0):
        done = typed("scan album")
        assert done.stderr.startswith("Found 12 photos") and "1 RAW file beside them" in done.stderr
        assert done.stdout.startswith(f"12 photos: {number} read, {12 - number} unchanged, ")
        assert "1 RAW file not read" in done.stdout


def test_every_command_counts_the_same_problems(typed: Any, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "more" / name).write_text(f"{name} is not an image")
    assert "\n1 problem. See it" in typed("scan album").stdout
    assert "\n3 problems, 1 known from earlier scans. See them" in typed("scan more").stdout
    assert "\n3 problems, all known from earlier scans. See them" in typed("scan album").stdout
    assert len(typed("problems").stdout.splitlines()) == 3
    assert typed("stats").stdout.splitlines()[0].endswith(", 3 problems")


def test_an_export_into_a_scanned_folder_has_a_line_in_the_summary(typed: Any, tmp_path: Path) -> None:
    assert typed("scan album").returncode == 0
    assert f"scans of {tmp_path}/album pass these files over\n" in typed("export happy album/best").stdout
    done = typed("scan album")
    assert re.search(r"^(\d+) files and folders passed over: \1 copies by albumsort export; ", done.stderr, re.M)
    assert done.stdout.startswith("12 photos: 0 read, 12 unchanged, ")


def test_a_photo_whose_file_ends_too_early_is_read_as_far_as_it_goes(typed: Any, tmp_path: Path) -> None:
    content = (tmp_path / "album" / "dim.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) * 9 // 10])
    for _ in range(2):  # in the second scan it is known
        done = typed("scan cut.jpg")
        assert (done.returncode, "no photo could be read" in done.stderr) == (0, False)
        assert "\n1 problem" in done.stdout
    assert typed("problems").stdout == f"{tmp_path / 'cut.jpg'}: truncated\n"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_what_albumsort_has_drawn_is_no_photo(typed: Any, tmp_path: Path, suffix: str) -> None:
    assert typed("scan album").returncode == 0
    before = typed("list --json").stdout
    for words in ("sheet happy -o album/sheet", "show album/dim.jpg -o album/shown", "stats --plot album/plot"):
        assert typed(f"{words}.{suffix}").returncode == 0
    typed("scan album")
    assert typed("list --json").stdout == before
    reasons = [line.partition(": ")[2] for line in typed("problems").stdout.splitlines()]
    assert sorted(reasons) == [*["drawn by albumsort, and no photo of its own"] * 3, "not an image"]


def test_of_what_was_scanned_only_the_highest_folders_are_named(typed: Any, tmp_path: Path) -> None:
    for words in ("scan album", "scan album/dim.jpg", "scan album/groups"):
        assert typed(words).returncode == 0
    assert typed("top happy --under nowhere").stderr.endswith(f"; scanned so far: {tmp_path}/album\n")


def test_json_is_one_object_however_it_is_asked_for(typed: Any) -> None:
    assert json.loads(typed("scan album --json").stdout)["faces"] == 12


def in_60_columns(*command: object, folder: Path, size: tuple[int, int] = (24, 60)) -> tuple[int, str]:
    """Run a command on a pseudo-terminal of so many rows and columns; its exit code and what it wrote."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen(
        list(map(str, command)), stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True
    )
    os.close(theirs)
    written = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.05)[0]:
            try:
                written += os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    return process.wait(), written.decode()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only POSIX has pseudo-terminals")
def test_a_scan_on_a_terminal_of_60_columns(album: Path, tmp_path: Path) -> None:
    program = WITHOUT_NETWORKS.format(first="")
    code, written = in_60_columns(
        sys.executable, "-c", program, "scan", album, "--db", tmp_path / "i.db", folder=tmp_path
    )
    states = [state.rstrip() for line in written.split("\n") for state in line.split("\r") if state.strip()]
    assert code == 0
    found, bar = states.index("Found 12 photos"), [number for number, state in enumerate(states) if "%|" in state]
    assert bar and found < bar[0]
    assert all(len(states[number]) <= 60 for number in bar), states
    assert re.fullmatch(r" *\d+%\|.*\| \d+/12, 0 faces(, 1 problem)?, .* left", states[bar[-1]])
    assert states[bar[-1] + 1].startswith("12 photos: 12 read")
    assert states[-1].startswith("1 problem. See it: albumsort problems --db ")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only POSIX has pseudo-terminals")
@pytest.mark.parametrize("size", [(0, 0), (0, 80), (24, 0), (1, 80)])
def test_a_terminal_that_does_not_tell_its_size_has_a_bar(album: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    command = (sys.executable, "-c", WITHOUT_NETWORKS.format(first=""), "scan", album / "portraits")
    code, written = in_60_columns(*command, "--db", tmp_path / "i.db", folder=tmp_path, size=size)
    states = [state for state in re.split(r"[\r\n]+", written) if "%|" in state]
    assert code == 0 and states
    assert all(30 < len(state) <= 80 for state in states), states


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only POSIX has pseudo-terminals")
def test_on_a_terminal_no_line_is_empty(album: Path, tmp_path: Path) -> None:
    program = (sys.executable, "-c", WITHOUT_NETWORKS.format(first=""))
    index = ("--db", tmp_path / "i.db")
    copied = (sys.executable, "-c", "from albumsort.cli import main; main()")
    for command in (
        (*program, "scan", album, *index),
        (*program, "scan", album, *index),
        (*copied, "export", "out", "--closest", *index),
        (*copied, "problems", *index),
    ):
        code, written = in_60_columns(*command, folder=tmp_path)
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in written.rstrip("\n").split("\n")]
        assert code == 0 and all(line.strip() for line in lines), written


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="only POSIX has pseudo-terminals")
def test_ctrl_c_is_answered_at_once_and_the_photos_in_hand_are_kept(album: Path, tmp_path: Path) -> None:
    program = WITHOUT_NETWORKS.format(first="pictures and os.kill(os.getpid(), signal.SIGINT)")
    code, written = in_60_columns(
        sys.executable, "-c", program, "scan", album / "portraits", "--db", tmp_path / "i.db", folder=tmp_path
    )
    assert code == 130
    words = [line.rpartition("\r")[2] for line in written.replace("\r\n", "\n").splitlines()]
    stopping = words.index("stopping, finishing the photos in hand… (Ctrl-C again ends at once)")
    assert words[stopping + 1 :] == ["stopped; what was read is in the index, and the next scan continues from there"]
    with Index(tmp_path / "i.db") as index:
        assert index.stats()["photos"] >= 1
