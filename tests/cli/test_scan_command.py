"""albumsort scan as a process: its streams, its summary, and Ctrl-C."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from albumsort.cli.interrupt import Stop
from albumsort.scanning.scan import scan

pytestmark = pytest.mark.slow
COPIES = 10
#: The scan as the command line runs it, but each photo is written at once, so that the test need not wait 5 seconds.
EAGER = (
    "from functools import partial; import albumsort.scanning.scan as module; from albumsort.cli import main;"
    " module.scan = partial(module.scan, write_seconds=0); main()"
)


def told(err: str) -> list[str]:
    """What a scan said on standard error, without the line a minute that a slow machine makes it write."""
    return [line for line in err.splitlines() if not line.startswith("starting the networks")]


def test_scan_prints_one_json_object_and_the_second_scan_scans_nothing(run, album, tmp_path):
    command = ("scan", album, "--db", tmp_path / "index.db", "--json")
    first = run(*command)
    assert first.returncode == 0, first.stderr
    assert told(first.stderr) == []
    summary = json.loads(first.stdout)
    counts = ["photos", "scanned", "unchanged", "moved", "raws", "faces", "errors", "old_errors", "rescored"]
    assert list(summary) == [*counts, "of_other_models", "passed_over", "dropped", "seconds"]
    files = sum(path.is_file() for path in album.rglob("*"))
    assert (summary["photos"], summary["scanned"], summary["errors"]) == (files, files, 1)
    assert summary["faces"] >= 10

    second = run(*command)
    again = json.loads(second.stdout.splitlines()[-1])
    assert (again["photos"], again["scanned"], again["unchanged"]) == (files, 0, files)


def test_scan_says_how_many_photos_and_where_to_see_problems(run, album, tmp_path):
    done = run("scan", album / "renamed-notes.jpg", "--db", tmp_path / "index.db")
    assert done.returncode == 0
    assert "1 read" in done.stdout
    assert "albumsort problems" in done.stdout


@pytest.fixture
def large_album(album, tmp_path) -> Path:
    """The example album many times over; each copy has other bytes, so that each is read."""
    for copy in range(COPIES):
        folder = tmp_path / "large" / f"{copy:02d}"
        shutil.copytree(album, folder)
        for path in folder.rglob("*.jpg"):
            with open(path, "ab") as file:
                file.write(b"copy %d" % copy)
    return tmp_path / "large"


def faces_in(index: Path) -> int:
    """Faces that a scan, which is still running, has committed."""
    if not index.exists():
        return 0
    connection = sqlite3.connect(f"file:{index}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM faces").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # the tables are being made
    finally:
        connection.close()


def test_a_stop_that_comes_up_where_exceptions_are_ignored_is_heard_all_the_same():
    stop = Stop()

    class Dying:
        def __del__(self):
            with contextlib.suppress(KeyboardInterrupt):
                stop.hear(signal.SIGINT, None)

    Dying()
    with pytest.raises(KeyboardInterrupt):
        stop.check()
    stop.check()  # once is enough


@pytest.fixture
def ends(monkeypatch):
    """The exit codes with which the program ends at once."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


@pytest.mark.parametrize(
    ("times", "codes"), [((0, 0.9), []), ((0, 1), [130]), ((0, 0, 0), [130])], ids=["sent twice", "again", "thrice"]
)
def test_a_stop_that_is_sent_twice_is_one_and_an_impatient_second_one_ends_the_program(ends, times, codes):
    clock = iter(times)
    stop = Stop(clock=lambda: next(clock))
    with pytest.raises(KeyboardInterrupt):
        stop.hear(signal.SIGINT, None)
    assert stop.is_asked
    for _ in times[1:]:
        stop.hear(signal.SIGINT, None)  # while threads still work on what is being given back
    assert ends == codes


def test_a_stop_is_answered_at_once_even_if_the_stream_is_being_written(tmp_path):
    stop = Stop()
    with open(tmp_path / "written", "w", encoding="utf-8") as stream:
        with stop.answering(stream, "stopping…\n"), pytest.raises(KeyboardInterrupt):
            stop.hear(signal.SIGINT, None)
        assert (tmp_path / "written").read_text(encoding="utf-8") == "stopping…\n"


def test_a_stop_is_heard_although_its_answer_cannot_be_written(tmp_path):
    stop = Stop()
    with stop.answering(io.StringIO(), "stopping"), pytest.raises(KeyboardInterrupt):
        stop.hear(signal.SIGINT, None)
    (tmp_path / "read").write_text("")
    stop = Stop()
    with (
        open(tmp_path / "read", encoding="utf-8") as stream,
        stop.answering(stream, "stopping"),
        pytest.raises(KeyboardInterrupt),
    ):
        stop.hear(signal.SIGINT, None)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C reaches a process group on POSIX only")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_stop_keeps_what_was_read_and_the_next_scan_completes_it(large_album, tmp_path, name):
    number = getattr(signal, name)
    index = tmp_path / "index.db"
    command = [sys.executable, "-c", EAGER, "scan", str(large_album), "--db", str(index)]
    # A session of its own: Ctrl-C in a terminal reaches the program and its decoders, and here not pytest.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while process.poll() is None and not faces_in(index):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        if number != signal.SIGTERM:  # a terminal tells the whole group
            os.killpg(process.pid, number)
            time.sleep(0.3)
            os.killpg(process.pid, number)  # an impatient user
        else:
            process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == 130, (out, err)
    assert out == ""
    found, stopping, stopped = told(err)
    assert (found[:9], stopping[:9], stopped[:8]) == ("Found 120", "stopping,", "stopped;")

    total = sum(path.is_file() for path in large_album.rglob("*"))
    connection = sqlite3.connect(index)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("SELECT finished_at FROM scans").fetchall() == [(None,)]
    kept = connection.execute("SELECT count(*) FROM photos").fetchone()[0]
    faces = connection.execute("SELECT * FROM faces").fetchall()
    assert 0 < kept < total
    assert faces

    summary = scan([large_album], index)
    assert (summary.photos, summary.unchanged, summary.scanned) == (total, kept, total - kept)
    assert connection.execute("SELECT count(*) FROM photos").fetchone()[0] == total
    assert set(faces) <= set(connection.execute("SELECT * FROM faces"))
    connection.close()


def test_a_scan_says_in_one_line_what_it_passed_over(run, album, tmp_path):
    photos = tmp_path / "photos"
    (photos / "@Recycle").mkdir(parents=True)
    for name in ("a.jpg", ".trashed-1-b.jpg", "a.jpg_original", "@Recycle/c.jpg"):
        shutil.copy(album / "places" / "coffee.jpg", photos / name)
    command = ("scan", photos, "--db", tmp_path / "index.db", "--json")
    done = run(*command)
    line = "1 hidden, 1 deleted, 1 from before an edit; scan --include-hidden reads them"
    assert told(done.stderr) == [f"3 files and folders passed over: {line}"]
    assert json.loads(done.stdout)["passed_over"] == {"hidden": 1, "bin": 1, "backup": 1}
    done = run(*command, "--include-hidden")
    assert told(done.stderr) == []
    assert json.loads(done.stdout)["photos"] == 4
    done = run(*command)
    assert done.stderr.splitlines()[1] == "3 photos of these, from earlier scans, dropped from the index"
