"""Tables of the index."""

from __future__ import annotations

import glob
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from albumsort.emotions import EMOTIONS
from albumsort.index import bursts

#: ``PRAGMA user_version`` of the tables below.
VERSION = 6
#: Photos by which the table ``packed`` takes faces together: those whose ids give the same number when divided by this.
CHUNK = 64

_CORRECTIONS = """
-- What people say of faces, by the bytes of the photo. No emotion stands for no face. said is the face as the model
-- read it when it last found it, is_there whether that was in the last reading of the photo.
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    emotion TEXT,
    said TEXT NOT NULL,
    corrected_at TEXT NOT NULL,
    is_there INTEGER NOT NULL
);
CREATE INDEX corrections_by_digest ON corrections(digest);
"""

_TABLES = f"""
CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    settings TEXT NOT NULL,
    model TEXT
);
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    path UNIQUE NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    digest TEXT,
    width INTEGER,
    height INTEGER,
    taken_at TEXT,
    camera TEXT,
    phash TEXT,
    status TEXT NOT NULL CHECK (status IN ('ok', 'error')),
    error TEXT,
    scan_id INTEGER NOT NULL REFERENCES scans(id)
);
CREATE INDEX photos_by_digest ON photos(digest);
CREATE INDEX photos_with_errors ON photos(path) WHERE status = 'error';
CREATE TABLE faces (
    id INTEGER PRIMARY KEY,
    photo_id INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
    x REAL NOT NULL,
    y REAL NOT NULL,
    w REAL NOT NULL,
    h REAL NOT NULL,
    detection REAL NOT NULL,
    landmarks TEXT NOT NULL,
    sharpness REAL NOT NULL,
    emotion TEXT NOT NULL,
    confidence REAL NOT NULL,
    {", ".join(f"{emotion} REAL" for emotion in EMOTIONS)}
);
CREATE INDEX faces_by_photo ON faces(photo_id);
-- What the walk looked at and found to be no picture, so that the next scan need not open it again.
CREATE TABLE others (
    path PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
"""

# A list for an emotion reads the faces that are of it, best first, and stops when it is full.
_TOP_INDEXES = "".join(
    f"CREATE INDEX faces_{emotion} ON faces({emotion} DESC, confidence, photo_id) WHERE emotion = '{emotion}';"
    for emotion in EMOTIONS
)

_EVERYONE = """
-- For each photo and each emotion that one of its faces reads as: the smallest and the mean probability of that emotion
-- among the faces in front, and the largest confidence of a face that reads as it.
CREATE TABLE everyone (
    photo_id INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
    emotion TEXT NOT NULL,
    score REAL NOT NULL,
    mean REAL NOT NULL,
    confidence REAL NOT NULL,
    PRIMARY KEY (photo_id, emotion)
) WITHOUT ROWID;
CREATE INDEX everyone_best ON everyone(emotion, score DESC, mean DESC, photo_id, confidence);
CREATE INDEX photos_by_time ON photos(taken_at) WHERE taken_at NOT NULL;
"""

_BURSTS = f"""
ALTER TABLE photos ADD COLUMN exposure REAL;
{bursts.TABLE}
"""

_FRONT_UNREAD_AND_RAWS = """
-- Whether a face counts when everyone is asked for.
ALTER TABLE faces ADD COLUMN front INTEGER NOT NULL DEFAULT 1;
DROP INDEX faces_by_photo;
CREATE INDEX faces_by_photo ON faces(photo_id, emotion, confidence);
-- Folders and files that the last walk past them could not look into, which may hold photos.
CREATE TABLE unread (
    path PRIMARY KEY NOT NULL,
    error TEXT NOT NULL
) WITHOUT ROWID;
-- By which the pixels are turned that the file holds, for sidecars.
ALTER TABLE photos ADD COLUMN orientation INTEGER;
-- Of a RAW file that is one photo with the JPEG beside it: the path of that. It was not read itself, and has no faces.
ALTER TABLE photos ADD COLUMN raw_of;
CREATE INDEX photos_by_jpeg ON photos(raw_of) WHERE raw_of NOT NULL;
"""

#: What ``columns`` packs: a change to any of it makes the packed faces of the photo invalid.
_PACKED_COLUMNS = f"id, photo_id, x, y, w, h, detection, sharpness, emotion, confidence, {', '.join(EMOTIONS)}"


def _trigger(name: str, event: str, *photos: str) -> str:
    """A trigger that makes the packed faces of photos invalid, by their ids, where these are not NULL."""
    # Not INSERT OR IGNORE: within a trigger the conflict clause of the statement that fires it holds instead.
    unpack = (
        f"INSERT INTO unpacked SELECT {photo} / {CHUNK} AS c"
        " WHERE c NOT NULL AND c NOT IN (SELECT chunk FROM unpacked);"
        f" DELETE FROM packed WHERE chunk = {photo} / {CHUNK};"
        for photo in photos
    )
    return f"CREATE TRIGGER {name} {event} BEGIN {' '.join(unpack)} END;"


#: A row that another tool replaces by one of the same number goes without a trigger: it is found before.
_REPLACED = "(SELECT photo_id FROM faces WHERE id = NEW.id)"
_PACKED = f"""
-- The faces once more, packed for questions that look at all of them, a row for the photos whose ids are in one chunk;
-- and the chunks whose faces have changed since, which are not packed.
CREATE TABLE packed (chunk INTEGER PRIMARY KEY, readings BLOB NOT NULL, places BLOB NOT NULL);
CREATE TABLE unpacked (chunk INTEGER PRIMARY KEY);
INSERT INTO unpacked SELECT DISTINCT photo_id / {CHUNK} FROM faces;
-- Whose columns were for counting, which the packed faces are for now.
DROP INDEX faces_by_photo;
CREATE INDEX faces_by_photo ON faces(photo_id);
{_trigger("faces_come", "BEFORE INSERT ON faces", "NEW.photo_id", _REPLACED)}
{_trigger("faces_go", "AFTER DELETE ON faces", "OLD.photo_id")}
{_trigger("faces_change", f"BEFORE UPDATE OF {_PACKED_COLUMNS} ON faces", "OLD.photo_id", "NEW.photo_id", _REPLACED)}
{_trigger("photos_come", "AFTER INSERT ON photos", "NEW.id")}
{_trigger("photos_go", "AFTER DELETE ON photos", "OLD.id")}
{_trigger("photos_change", "AFTER UPDATE OF id, width, height ON photos", "OLD.id", "NEW.id")}
"""


def version(connection: sqlite3.Connection) -> int | None:
    """The version of an index; 0 for an empty database, None for one of another program."""
    # One statement, and so one look: between two, another scan may make its tables.
    number, ours, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master WHERE name IN ('photos', 'faces', 'scans')),"
        " (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if not tables and not number:
        return 0
    return int(number) if number and ours == 3 else None


def backups(index: Path) -> list[Path]:
    """The copies of older versions that lie beside an index."""
    return sorted(index.parent.glob(f"{glob.escape(index.name)}.version-*"))


def _back_up(connection: sqlite3.Connection, index: Path, number: int) -> None:
    """Lay a copy of an index of an older version beside it, before that is brought forward."""
    copy = index.with_name(f"{index.name}.version-{number}")
    again = 1
    while copy.exists():  # of an index that had this name before
        again += 1
        copy = index.with_name(f"{index.name}.version-{number}.{again}")
    partial = index.with_name(f"{copy.name}.part")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_RDWR, 0o600))
        # From a connection of its own, which sees the index as it is before this transaction.
        with closing(sqlite3.connect(index)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        os.replace(partial, copy)
    finally:
        partial.unlink(missing_ok=True)


def migrate(connection: sqlite3.Connection, index: Path) -> None:
    """Bring an empty database or an older index to ``VERSION``, in one transaction.

    A copy of an older index is laid beside it first. Another program may be doing the same just now.
    """
    with transaction(connection):
        number = version(connection) or 0
        if 0 < number < VERSION:
            _back_up(connection, index, number)
        # Step n leads from version n to n + 1.
        steps = [_TABLES + _TOP_INDEXES, _CORRECTIONS, _EVERYONE, _BURSTS, _FRONT_UNREAD_AND_RAWS, _PACKED]
        for statement in _statements("".join(steps[number:])):
            connection.execute(statement)
        if 0 < number < 4:
            bursts.work_out(connection)
        if 0 < number < 5:
            from albumsort.index import everyone  # with numpy, which takes a tenth of a second that `top` has not

            for (photo_id,) in connection.execute("SELECT DISTINCT photo_id FROM faces").fetchall():
                everyone.work_out(connection, photo_id)
        if number:
            from albumsort.index import packed as columns  # likewise

            columns.pack(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one, as a transaction of ours needs them; those of a trigger are its own."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. The right to write is taken at once, before another writer overtakes what is read."""
    try:
        connection.execute("BEGIN IMMEDIATE")  # inside: Ctrl-C during this call comes up right behind it
        yield
        connection.execute("COMMIT")
    except BaseException:  # Ctrl-C among them: half of a transaction must not stay open
        connection.rollback()
        raise
