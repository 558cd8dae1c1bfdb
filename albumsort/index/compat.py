"""Indexes of older versions: reads them without changes, and updates them when they are next opened for writing."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from albumsort.emotions import EMOTIONS
from albumsort.index import bursts, schema

#: By version, empty views in place of the tables that older indexes lack, so that a reader finds the current tables.
_VIEWS = {
    2: "CREATE TEMP VIEW corrections AS SELECT 0 id, '' digest, '' emotion, '' said, '' corrected_at, 0 is_there"
    " WHERE FALSE",
    4: "CREATE TEMP VIEW bursts AS SELECT 0 photo_id, 0 burst WHERE FALSE",
    5: "CREATE TEMP VIEW unread AS SELECT '' path, '' error WHERE FALSE",
    # Before version 6 there were no packed faces, and version 6 packed other columns. So every chunk counts as changed.
    7: f"CREATE TEMP VIEW packed AS SELECT DISTINCT photo_id / {schema.CHUNK} AS chunk, NULL AS faces FROM faces",
}
#: How the files end that SQLite may keep beside a database.
LOGS = ("-wal", "-shm", "-journal")
#: Columns of ``photos``, and the first version that has them.
_COLUMNS = {"exposure": 4, "orientation": 5, "raw_of": 5, "brightness": 8}

_FACE_COLUMNS = "id, photo_id, x, y, w, h, detection, landmarks, sharpness, emotion, confidence, " + ", ".join(EMOTIONS)
#: Version 5 stored with each face whether it is a subject, and versions 3 to 6 stored the scores of ``everyone``; both
#: are now computed from the packed faces. A new table takes the place of the old one because SQLite before 3.35 cannot
#: drop a column. The triggers and indexes of the old table go with it.
_TO_VERSION_7 = f"""
ALTER TABLE faces RENAME TO old_faces;
{schema.FACES}
INSERT INTO faces SELECT {_FACE_COLUMNS} FROM old_faces;
DROP TABLE old_faces;
DROP TABLE IF EXISTS everyone;
DROP TABLE IF EXISTS packed;
DROP TABLE IF EXISTS unpacked;
DROP TRIGGER IF EXISTS photos_come;
DROP TRIGGER IF EXISTS photos_go;
DROP TRIGGER IF EXISTS photos_change;
{schema.BY_EMOTION}
{schema.BY_PHOTO}
{schema.PACKED}
INSERT INTO packed(chunk) SELECT DISTINCT photo_id / {schema.CHUNK} FROM faces;
{schema.UNGROUPED}
INSERT INTO ungrouped
    SELECT DISTINCT ifnull(camera, ''), substr(taken_at, 1, 10) FROM photos WHERE taken_at NOT NULL;
"""
#: Before version 8, a time ended in its offset from UTC, if that was known.
_HAS_OFFSET = "taken_at GLOB '????-??-??T??:??:??[-+]??:??'"
_SPLIT_TIMES = f"""
ALTER TABLE photos ADD COLUMN utc_offset TEXT;
UPDATE photos SET utc_offset = substr(taken_at, 20), taken_at = substr(taken_at, 1, 19) WHERE {_HAS_OFFSET};
"""
#: By version, the script that updates an older index to that version; they run in this order.
_STEPS = {
    2: schema.CORRECTIONS,
    3: schema.BY_TIME,
    4: f"ALTER TABLE photos ADD COLUMN exposure REAL; {schema.BURSTS}",
    5: f"ALTER TABLE photos ADD COLUMN orientation INTEGER; ALTER TABLE photos ADD COLUMN raw_of;"
    f" {schema.BY_JPEG} {schema.UNREAD}",
    7: _TO_VERSION_7,
    8: f"ALTER TABLE photos ADD COLUMN brightness REAL; {_SPLIT_TIMES} {schema.PHOTO_FACES}"
    " INSERT OR IGNORE INTO ungrouped SELECT DISTINCT"
    " ifnull(camera, ''), substr(taken_at, 1, 10) FROM photos WHERE taken_at NOT NULL;"
    f"{schema.MARKED} INSERT OR IGNORE INTO marked(digest, path, width, height, taken_at, phash, orientation)"
    " SELECT digest, path, width, height, taken_at, phash, orientation FROM photos"
    " WHERE digest IN (SELECT digest FROM corrections) ORDER BY id;",
}


def show_as_current(connection: sqlite3.Connection, version: int) -> None:
    """Show a connection that only reads the current tables, even if the index is of an older version."""
    if version < 8:
        missing = [f"NULL AS {column}" for column, since in _COLUMNS.items() if since > version]
        there = [name for _, name, *_ in connection.execute("PRAGMA main.table_info(photos)") if name != "taken_at"]
        times = f"CASE WHEN {_HAS_OFFSET} THEN substr(taken_at, 1, 19) ELSE taken_at END AS taken_at"
        offsets = f"CASE WHEN {_HAS_OFFSET} THEN substr(taken_at, 20) END AS utc_offset"
        columns = ", ".join([*there, times, offsets, *missing])
        connection.execute(f"CREATE TEMP VIEW photos AS SELECT {columns} FROM main.photos")
    for since, view in _VIEWS.items():
        if since > version:
            connection.execute(view)


def bring_forward(connection: sqlite3.Connection, index: Path) -> None:
    """Create the tables of a new index, or update an older index to ``schema.VERSION``, in one transaction.

    First, an older index is copied to a file beside it. Another program may be doing the same at this moment.
    """
    with schema.transaction(connection):
        number = schema.version(connection) or 0
        if not number:
            schema.run_script(connection, schema.TABLES)
        elif number < schema.VERSION:
            _back_up(connection, index, number)
            for since, step in _STEPS.items():
                if since > number:
                    schema.run_script(connection, step)
            bursts.group(connection)
            from albumsort.index import packed  # loads NumPy, which takes a tenth of a second: too long for a reader

            packed.pack(connection)
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")


def backups(index: Path) -> list[Path]:
    """The copies of older versions beside an index."""
    return [path for path, rest in _beside(index) if not rest]


def remnants(index: Path) -> list[Path]:
    """Files beside an index that are no copies of it but may hold some of it: parts of copies, and logs without any."""
    copies = {path.name for path in backups(index)}
    return [path for path, rest in _beside(index) if rest and path.name.removesuffix(rest) not in copies]


def remove_backup(copy: Path) -> None:
    """Delete a copy, and the files that SQLite keeps beside it."""
    for rest in ("", *LOGS):
        copy.with_name(copy.name + rest).unlink(missing_ok=True)


def _beside(index: Path) -> list[tuple[Path, str]]:
    """The files beside an index that are named after a copy, with what follows the name of the copy."""
    name = re.compile(rf"{re.escape(index.name)}\.version-\d+(?:\.\d+)?((?:\.part)?(?:{'|'.join(LOGS)})?)")
    found = ((path, name.fullmatch(path.name)) for path in sorted(index.parent.iterdir()))
    return [(path, match[1]) for path, match in found if match]


def _back_up(connection: sqlite3.Connection, index: Path, number: int) -> None:
    """Copy an index of an older version to a file beside it, before it is updated."""
    copy = index.with_name(f"{index.name}.version-{number}")
    again = 1
    while copy.exists():  # the copy of another index that had this name before
        again += 1
        copy = index.with_name(f"{index.name}.version-{number}.{again}")
    partial = index.with_name(f"{copy.name}.part")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_RDWR, 0o600))
        # A separate connection sees the index as it was before this transaction.
        with closing(sqlite3.connect(index)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
            # A copy in WAL mode would get files beside it whenever it is read.
            target.execute("PRAGMA journal_mode = DELETE")
        os.replace(partial, copy)
    finally:
        partial.unlink(missing_ok=True)
