"""The journal of an index: SQLite's write-ahead log, or a rollback journal where that log cannot be used.

The write-ahead log lets lists be read while a scan writes. It needs memory that processes share through a file beside
the index, which some network and FUSE file systems do not offer (https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from albumsort.index import schema

logger = logging.getLogger("albumsort.index")
#: The trial of a write-ahead log needs fewer bytes than this on the disk.
_TRIAL_BYTES = 1 << 18


def open_for_writing(path: Path, patience: float) -> sqlite3.Connection:
    """Open a database; if it uses a write-ahead log that cannot be used here, change it to a rollback journal first.

    Args:
        path: an existing file.
        patience: seconds to wait for another writer.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=patience)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if not _forbids_wal(path, error):
            raise
        if not _is_index(path):
            return connect_unchanging(path)  # it is enough to see that it is of another program
        _change_to_rollback(path)
        connection = sqlite3.connect(path, timeout=patience)
    return connection


def choose(connection: sqlite3.Connection, path: Path) -> None:
    """Use the write-ahead log for an index if the file system allows it; else say so, and use a rollback journal."""
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return
    if allows_wal(path.parent):
        # Only one of two scans that open an index at the same moment can set this mode, which then stays set.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        return
    logger.warning(
        "%s: this file system does not allow SQLite's write-ahead log, so the index uses a rollback journal: lists and"
        " scans wait for each other. Put the index on a local disk with --db to avoid this",
        path,
    )


def allows_wal(folder: Path) -> bool:
    """Whether the file system of a folder allows the write-ahead log, by trying it with an empty database.

    Raises:
        OSError: no file can be created in the folder.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".albumsort-", dir=folder) as trial,
        closing(sqlite3.connect(os.path.join(trial, "wal.db"), isolation_level=None)) as connection,
    ):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE trial (number INTEGER)")
        except sqlite3.OperationalError:
            return shutil.disk_usage(folder).free < _TRIAL_BYTES  # a full disk says nothing about the log
    return True


def is_left_over(path: Path, error: sqlite3.Error) -> bool:
    """Whether a database cannot be read because of a write-ahead log that cannot be used here, and that holds nothing.

    Args:
        path: of the database.
        error: what SQLite said.
    """
    log = path.with_name(f"{path.name}-wal")
    is_empty = not log.exists() or log.stat().st_size == 0
    return is_empty and _forbids_wal(path, error)


def _forbids_wal(path: Path, error: sqlite3.Error) -> bool:
    # The file itself would tell whether it uses the log. But a process that closes a file loses all its locks on it
    # (POSIX), also those of a connection of SQLite, and then other processes damage the index.
    return "locked" not in str(error) and not allows_wal(path.parent)


def _is_index(path: Path) -> bool:
    with closing(connect_unchanging(path)) as connection:
        return schema.version(connection) is not None


def connect_unchanging(path: Path) -> sqlite3.Connection:
    """Open a database for reading that nothing writes, without a journal and without locks."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _change_to_rollback(path: Path) -> None:
    """Take over what the write-ahead log still holds. A connection that locks out all others needs no shared memory."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
