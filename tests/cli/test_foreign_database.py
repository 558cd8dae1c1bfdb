"""A SQLite file of another program, given as --db by mistake, is refused and left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

COMMANDS = {
    "scan": ["ALBUM"],
    "scan --rescan": ["ALBUM", "--rescan"],
    "scan --rescore": ["ALBUM", "--rescore"],
    "correct": ["PHOTO", "happy"],
    "correct --undo": ["PHOTO", "--undo"],
    "prune": [],
    "forget": ["ALBUM"],
    "top": ["happy"],
    "list": [],
    "bursts": [],
    "sheet": ["happy"],
    "export": ["out"],
    "show": ["PHOTO"],
    "stats": [],
    "problems": [],
    "model tune": [],
}


@pytest.fixture(params=[0, 1, 5, 7, 999], ids=lambda version: f"version-{version}")
def foreign(request, tmp_path, album):
    """A database of another program that keeps photos too, by whatever number it gives its version."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER PRIMARY KEY, path TEXT UNIQUE, stars INTEGER)")
        connection.execute("INSERT INTO photos VALUES (1, ?, 5)", [str(album / "dim.jpg")])
        connection.execute(f"PRAGMA user_version = {request.param}")
        connection.commit()
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_it_in_one_line_and_changes_nothing(call, foreign, album, tmp_path, command):
    before = foreign.read_bytes()
    places = {"ALBUM": album, "PHOTO": album / "dim.jpg"}
    words = [places.get(word, word) for word in COMMANDS[command]]
    done = call(*command.split(), *words, "--db", foreign)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "theirs.db" in done.stderr and done.stderr.count("\n") == 1
    assert foreign.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.db"]
