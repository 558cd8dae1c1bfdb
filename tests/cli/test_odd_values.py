"""An index in which another program has left odd values: each command works, or says in one line what is wrong."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ODD: list[object] = [
    None, "", "abc", "a\0b", "😀" * 50, "{}", "[]", "[1]", '{"box": 1}', "9999-99-99T99:99:99", "-1", b"",
    b"\xff\xfe\0",
    -1, 0, 1, 2**31, 2**40, 2**63 - 1, -(2**63), 0.5, -1e308, 1e308, float("inf"), 1.5,
]  # fmt: skip
#: The number of tries; the same ones each time.
CASES = 2000


def columns(index: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(index)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return [
            (table, column)
            for (table,) in tables.fetchall()
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")
        ]


def cases(index: Path) -> Iterator[tuple[str, str, object]]:
    everything = [(table, column, value) for table, column in columns(index) for value in ODD]
    chosen = random.Random(21)
    while True:
        chosen.shuffle(everything)
        yield from everything


def change(index: Path, table: str, column: str, value: object, chosen: random.Random) -> bool:
    """Write a value into one row or into all; returns whether SQLite allowed it."""
    with closing(sqlite3.connect(index, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        rows = [row for (row,) in connection.execute(f"SELECT {columns_key(connection, table)} FROM {table}")]
        where, values = "", [value]
        if rows and chosen.random() < 0.8:
            where, values = f"WHERE {columns_key(connection, table)} = ?", [value, chosen.choice(rows)]
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? {where}", values)
        except sqlite3.Error:
            return False
        return True


def columns_key(connection: sqlite3.Connection, table: str) -> str:
    return str(connection.execute(f"PRAGMA table_info({table})").fetchone()[1])


@pytest.fixture
def full(scanned: Path, tmp_path: Path, call) -> Path:
    """An index with a row in each table."""
    index = tmp_path / "full.db"
    shutil.copy(scanned, index)
    with closing(sqlite3.connect(index, isolation_level=None)) as connection:
        connection.execute("INSERT INTO unread VALUES ('/gone', 'denied')")
        connection.execute("INSERT INTO others VALUES ('/notes.txt', 1, 2)")
        connection.execute("INSERT INTO ungrouped VALUES ('', '2024-05-17')")
        (path,) = connection.execute("SELECT path FROM photos WHERE path LIKE '%eileen%'").fetchone()
    assert call("correct", path, "sad", "--face", "1", "--db", index).returncode == 0
    return index


@pytest.mark.slow
def test_an_odd_value_anywhere_is_one_clear_line(full, call, tmp_path, album):
    photo = next(album.rglob("*.jpg"))
    commands: list[tuple[object, ...]] = [
        ("top", "happy"),
        ("top", "sad", "neutral", "--everyone", "--format", "json"),
        ("top", "happy", "--label-scheme", "four", "--format", "csv"),
        ("top", "happy", "--since", "2001", "--camera", "a", "--min-faces", "1"),
        ("list",),
        ("list", "--format", "json"),
        ("list", "--format", "csv", "--not", "sad"),
        ("stats",),
        ("stats", "--json", "--min-face", "1"),
        ("problems",),
        ("bursts",),
        ("bursts", "--json"),
        ("export", tmp_path / "out", "--dry-run"),
        ("correct", photo, "sad", "--face", "1"),
        ("correct", photo, "--undo"),
        ("forget", "/nowhere/at/all"),
        ("prune", "--yes"),
    ]
    chosen, tried, failures = random.Random(21), 0, []
    index = tmp_path / "odd.db"
    for table, column, value in cases(full):
        if tried == CASES:
            break
        shutil.copy(full, index)
        if not change(index, table, column, value, chosen):
            tried += 1
            continue
        for command in chosen.sample(commands, 3):
            tried += 1
            done = call(*command, "--db", index)
            lines = done.stderr.splitlines()
            is_clear = "Traceback" not in done.stderr and "bug in albumsort" not in done.stderr
            if done.returncode not in (0, 1) or not is_clear or (done.returncode == 1 and len(lines) != 1):
                failures.append((table, column, value, command[:2], done.returncode, lines[-1:]))
            if tried == CASES:
                break
    assert not failures, "\n".join(map(repr, failures))
