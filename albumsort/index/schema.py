"""The tables of the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from albumsort.emotions import EMOTIONS

#: ``PRAGMA user_version`` of the tables below.
VERSION = 8
#: A row of the table ``packed`` holds the faces of this many photos: those whose ids, divided by it, have the same
#: quotient.
CHUNK = 64

SCANS = """
CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    settings TEXT NOT NULL,
    model TEXT
);
"""

# raw_of: the path of the JPEG beside a RAW file, if both are one photo. Such a RAW file was not read, and has no faces.
# taken_at: local time, or a day. utc_offset: how far it is ahead of UTC, such as +02:00.
# orientation: EXIF's orientation, 1-8, of the pixels in the file. brightness: the mean of its pixels, 0..1.
PHOTOS = """
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
    scan_id INTEGER NOT NULL REFERENCES scans(id),
    exposure REAL,
    orientation INTEGER,
    raw_of,
    brightness REAL,
    utc_offset TEXT
);
CREATE INDEX photos_by_digest ON photos(digest);
CREATE INDEX photos_with_errors ON photos(path) WHERE status = 'error';
"""
BY_TIME = "CREATE INDEX photos_by_time ON photos(taken_at) WHERE taken_at NOT NULL;"
BY_JPEG = "CREATE INDEX photos_by_jpeg ON photos(raw_of) WHERE raw_of NOT NULL;"

FACES = f"""
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
"""

# A list for an emotion reads the faces that show it, best first, and stops when it is full.
BY_EMOTION = "".join(
    f"CREATE INDEX faces_{emotion} ON faces({emotion} DESC, confidence, photo_id) WHERE emotion = '{emotion}';"
    for emotion in EMOTIONS
)
BY_PHOTO = "CREATE INDEX faces_by_photo ON faces(photo_id);"

# others: files that the walk has opened and that are not pictures, so that the next scan need not open them again.
# unread: folders and files that the last walk could not read, which may be or contain photos.
OTHERS = """
CREATE TABLE others (
    path PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
"""
UNREAD = """
CREATE TABLE unread (
    path PRIMARY KEY NOT NULL,
    error TEXT NOT NULL
) WITHOUT ROWID;
"""

# The corrections of faces, by the digest of the photo. Without an emotion, it is not a face. said: the face with the
# model's last prediction for it; the column keeps its first name, because other tools and older versions read it.
# is_there: whether the last reading of the photo found the face.
CORRECTIONS = """
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
# marked: the photos that have corrections, as they were last, so that they are recognised once their files have
# changed. path: where such a photo was last.
MARKED = """
CREATE TABLE marked (
    digest TEXT PRIMARY KEY NOT NULL,
    path NOT NULL,
    width INTEGER,
    height INTEGER,
    taken_at TEXT,
    phash TEXT,
    orientation INTEGER
) WITHOUT ROWID;
"""

# bursts: each photo of a burst of two or more with the number of the burst, which is the smallest id in it. ungrouped:
# the days on which a camera has gained or lost photos since its bursts were computed. A photo without a camera counts
# for an empty name. This is in the file so that a scan that was killed leaves its days to the next one.
_NOTE_DAY = (
    "INSERT INTO ungrouped SELECT ifnull({0}.camera, ''), substr({0}.taken_at, 1, 10)"
    " WHERE {0}.taken_at NOT NULL ON CONFLICT DO NOTHING;"
)
BURSTS = """
CREATE TABLE bursts (
    photo_id INTEGER PRIMARY KEY REFERENCES photos(id) ON DELETE CASCADE,
    burst INTEGER NOT NULL
);
CREATE INDEX bursts_by_number ON bursts(burst);
"""
UNGROUPED = f"""
CREATE TABLE ungrouped (
    camera TEXT NOT NULL,
    day TEXT NOT NULL,
    PRIMARY KEY (camera, day)
) WITHOUT ROWID;
CREATE TRIGGER days_gain AFTER INSERT ON photos BEGIN {_NOTE_DAY.format("NEW")} END;
CREATE TRIGGER days_lose AFTER DELETE ON photos BEGIN {_NOTE_DAY.format("OLD")} END;
CREATE TRIGGER days_change AFTER UPDATE OF taken_at, camera, phash ON photos
    WHEN (OLD.taken_at, OLD.camera, OLD.phash) IS NOT (NEW.taken_at, NEW.camera, NEW.phash) BEGIN
    DELETE FROM bursts WHERE photo_id = OLD.id;
    {_NOTE_DAY.format("OLD")}
    {_NOTE_DAY.format("NEW")}
END;
"""

# The faces with what people ask of their photos, for other tools; albumsort itself does not read it.
PHOTO_FACES = f"""
CREATE VIEW photo_faces AS
    SELECT f.id AS face_id, f.photo_id, p.path, p.taken_at, p.utc_offset, p.camera, p.width, p.height, f.emotion,
        f.confidence, {", ".join(f"f.{emotion}" for emotion in EMOTIONS)},
        f.x, f.y, f.w, f.h, f.detection, f.sharpness
    FROM faces f JOIN photos p ON p.id = f.photo_id;
"""

#: A change to any column that is packed makes the packed faces of the photo invalid.
_PACKED_COLUMNS = f"id, photo_id, x, y, w, h, detection, sharpness, emotion, confidence, {', '.join(EMOTIONS)}"
_FACE_CHANGES = f"BEFORE UPDATE OF {_PACKED_COLUMNS} ON faces"


def _trigger(name: str, event: str, *photos: str) -> str:
    """A trigger that marks the chunks of photos as changed, given their ids; NULL is ignored."""
    # An upsert does the same under any conflict clause of the statement that fires the trigger. INSERT OR IGNORE would
    # not: SQLite applies the conflict clause of the outer statement inside triggers.
    changed = (
        f"INSERT INTO packed(chunk) SELECT {photo} / {CHUNK} WHERE {photo} NOT NULL"
        " ON CONFLICT(chunk) DO UPDATE SET faces = NULL WHERE faces NOT NULL;"
        for photo in photos
    )
    return f"CREATE TRIGGER {name} {event} BEGIN {' '.join(changed)} END;"


# The faces once more, packed for queries about all of them: a row is for the photos whose ids are in one chunk. faces
# is NULL if faces of the chunk have changed since they were packed. A row that INSERT OR REPLACE removes does not fire
# a trigger, so the triggers look for it beforehand.
_REPLACED_FACE = "(SELECT photo_id FROM faces WHERE id = NEW.id)"
_REPLACED_PHOTO = "(SELECT id FROM photos WHERE path = NEW.path)"
PACKED = f"""
CREATE TABLE packed (chunk INTEGER PRIMARY KEY, faces BLOB);
CREATE INDEX packed_changed ON packed(chunk) WHERE faces IS NULL;
{_trigger("faces_come", "BEFORE INSERT ON faces", "NEW.photo_id", _REPLACED_FACE)}
{_trigger("faces_go", "AFTER DELETE ON faces", "OLD.photo_id")}
{_trigger("faces_change", _FACE_CHANGES, "OLD.photo_id", "NEW.photo_id", _REPLACED_FACE)}
{_trigger("photos_replace", "BEFORE INSERT ON photos", _REPLACED_PHOTO)}
{_trigger("photos_come", "AFTER INSERT ON photos", "NEW.id")}
{_trigger("photos_go", "AFTER DELETE ON photos", "OLD.id")}
{_trigger("photos_change", "AFTER UPDATE OF id, width, height ON photos", "OLD.id", "NEW.id")}
"""

#: The whole schema, for a new index.
TABLES = "".join(
    (
        SCANS,
        PHOTOS,
        BY_TIME,
        BY_JPEG,
        FACES,
        BY_EMOTION,
        BY_PHOTO,
        OTHERS,
        UNREAD,
        CORRECTIONS,
        MARKED,
        BURSTS,
        UNGROUPED,
        PACKED,
        PHOTO_FACES,
    )
)


def version(connection: sqlite3.Connection) -> int | None:
    """The version of an index; 0 for an empty database, None for a database of another program."""
    # A single statement sees a single snapshot: between two statements, another scan may create the tables.
    number, ours, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master WHERE name IN ('photos', 'faces', 'scans')),"
        " (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if not tables and not number:
        return 0
    return int(number) if number and ours == 3 else None


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Run the statements of a script in the open transaction; ``executescript`` would end it first."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):  # the semicolons inside a trigger do not end the statement
            connection.execute(statement)
            statement = ""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing. The transaction locks out other writers at once, so that what it reads stays true."""
    try:
        connection.execute("BEGIN IMMEDIATE")  # inside: Ctrl-C during this call is raised right after it
        yield
        connection.execute("COMMIT")
    except BaseException:  # also for Ctrl-C: half of a transaction must not stay open
        connection.rollback()
        raise
