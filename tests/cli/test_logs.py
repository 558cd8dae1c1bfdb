"""What -v, -vv and --traceback show, and what is shown of an error."""

from __future__ import annotations

import logging
import shutil
import sqlite3

import pytest

from albumsort.index import Index

LEVELS = ("debug", "info", "warning", "error")


@pytest.fixture
def talkative(monkeypatch):
    """``problems`` asks the index, which logs a message of each level."""

    def problems(index):
        for level in LEVELS:
            getattr(logging.getLogger("albumsort.index"), level)(f"{level}: a \N{SNOWMAN}")
        return []

    monkeypatch.setattr(Index, "problems", problems)


def broken(error: Exception):
    def problems(index):
        raise error

    return problems


@pytest.mark.parametrize(
    ("options", "shown"),
    [((), 2), (("-v",), 3), (("--verbose",), 3), (("-vv",), 4), (("-v", "-v"), 4), (("-vvv",), 4)],
)
def test_v_shows_more_wherever_it_stands(call, index_of, talkative, options, shown):
    command = ("problems", "--db", index_of({}))
    for words in ((*command, *options), (*options, *command)):
        done = call(*words)
        assert done.returncode == 0
        assert done.stderr.splitlines() == [f"{level}: a \N{SNOWMAN}" for level in LEVELS[-shown:]] + ["no problems"]


def test_v_before_and_after_the_command_adds_up(call, index_of, talkative):
    assert "debug:" in call("-v", "problems", "--db", index_of({}), "-v").stderr


def test_a_message_is_shown_once_in_each_run(call, index_of, talkative):
    index = index_of({})
    assert [call("problems", "--db", index).stderr.count("warning") for _ in range(3)] == [1, 1, 1]


def test_the_package_itself_prints_nothing(index_of, talkative, capfd):
    with Index(index_of({})) as index:
        index.problems()
    assert capfd.readouterr() == ("", "")


def test_a_command_that_runs_for_long_tells_how_it_goes_without_v(call, album, tmp_path):
    (tmp_path / "faces" / "happy").mkdir(parents=True)
    shutil.copy(album / "dim.jpg", tmp_path / "faces" / "happy")
    assert "comparing 1 faces" in call("model", "data", tmp_path / "faces", "--json").stderr


@pytest.mark.parametrize("options", [(), ("-v",), ("--traceback",)])
def test_a_bug_asks_for_a_report_and_shows_its_traceback_on_demand(call, index_of, monkeypatch, options):
    monkeypatch.setattr(Index, "problems", broken(KeyError("that")))
    done = call("problems", "--db", index_of({}), *options)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert "bug" in lines[-1] and "KeyError: 'that'" in lines[-1] and "-v" in lines[-1]
    assert ("Traceback" in done.stderr) == bool(options)
    assert (len(lines) == 1) == (not options)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "/a/\nb"), "albumsort: /a/\\nb: Permission denied"),
        (OSError("no space"), "albumsort: no space"),
        (sqlite3.OperationalError("disk I/O error"), "albumsort: the index: disk I/O error"),
        (ImportError("libGL.so.1: cannot open shared object file"), "libgl1"),
        (ImportError("libc.so.6: version GLIBC_2.99 not found"), "reinstall albumsort"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_that_a_person_can_mend_is_one_line(call, index_of, monkeypatch, error, line):
    monkeypatch.setattr(Index, "problems", broken(error))
    done = call("problems", "--db", index_of({}), "-v")
    assert (done.returncode, done.stdout) == (1, "")
    assert line in done.stderr and done.stderr.count("\n") == 1
    assert "Traceback" in call("problems", "--db", index_of({}), "--traceback").stderr
