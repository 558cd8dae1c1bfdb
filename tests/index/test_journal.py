"""An index where SQLite's write-ahead log cannot be: on a FUSE file system without shared memory."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from albumsort import Index
from albumsort.index.writer import IndexWriter

PHOTOS: dict[str | Path, list[tuple[str, float]] | str] = {"/p/a.jpg": [("happy", 0.9)]}


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A folder of a FUSE file system that does not share memory between processes, as many network disks do not."""
    if not (os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("bindfs")):
        pytest.skip("this machine has no bindfs, or does not allow FUSE file systems")
    source, share = tmp_path / "disk", tmp_path / "share"
    source.mkdir()
    share.mkdir()
    subprocess.run(["bindfs", "-o", "direct_io", source, share], check=True)
    yield share
    subprocess.run(["fusermount", "-u", "-z", share], check=True)


def journal_of(index: Path) -> str:
    with closing(sqlite3.connect(index)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def write(index: Path, made: Path) -> None:
    with Index(made) as source:
        results = list(source.photos())
    with IndexWriter(index) as writer:
        scan = writer.start_scan({"paths": ["/p"]})
        writer.write(scan, results)
        writer.finish_scan(scan)


def test_a_new_index_uses_a_rollback_journal_and_says_so(share, index_of, caplog):
    write(share / "index.db", index_of(PHOTOS))
    with Index(share / "index.db") as index:
        assert [row.photo.path for row in index.top("happy")] == ["/p/a.jpg"]
    assert journal_of(share / "index.db") == "delete"
    (message,) = {record.getMessage() for record in caplog.records}
    assert "rollback journal" in message and "--db" in message
    assert os.listdir(share) == ["index.db"]


def test_an_index_that_was_copied_there_is_read_and_then_written(share, index_of):
    made = index_of(PHOTOS)
    assert journal_of(made) == "wal"
    shutil.copy(made, share / "index.db")
    with Index(share / "index.db") as index:
        assert len(index.top("happy")) == 1
    write(share / "index.db", made)
    assert journal_of(share / "index.db") == "delete"
    with Index(share / "index.db") as index:
        assert len(index.top("happy")) == 1


def test_what_the_write_ahead_log_of_a_copied_index_holds_is_kept(share, index_of, tmp_path):
    made = index_of(PHOTOS)
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("UPDATE photos SET camera = 'in the log'")
        for suffix in ("", "-wal"):
            shutil.copy(f"{made}{suffix}", f"{share / 'index.db'}{suffix}")
    with IndexWriter(share / "index.db"), Index(share / "index.db") as index:
        assert index.top("happy")[0].photo.camera == "in the log"


def test_a_database_of_another_program_is_left_as_it_is(share):
    with closing(sqlite3.connect(share.parent / "disk" / "other.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = (share / "other.db").read_bytes()
    with pytest.raises(Exception, match="not an index"), IndexWriter(share / "other.db"):
        pass
    assert (share / "other.db").read_bytes() == before


def test_an_index_that_comes_back_to_a_local_disk_uses_the_write_ahead_log_again(share, index_of, tmp_path):
    write(share / "index.db", index_of(PHOTOS))
    home = Path(shutil.copy(share / "index.db", tmp_path / "home.db"))
    with IndexWriter(home):
        pass
    assert journal_of(home) == "wal"


def test_an_open_index_stays_locked_whatever_else_this_process_opens(index_of, is_locked):
    """A process that closes the file of an index, even one that it has only read, loses all its locks on it."""
    made = index_of(PHOTOS)
    with IndexWriter(made), Index(made):
        with IndexWriter(made), Index(made):
            pass
        assert is_locked(made)
    assert not is_locked(made)
