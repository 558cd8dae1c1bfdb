"""What is forgotten leaves no trace in the index or beside it."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.errors import AlbumsortError
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.fixture
def secret(room: Any, face: Callable) -> Any:
    """An index of two folders, with every kind of data about the one that is to be forgotten."""
    room.writer.start_scan(
        {"paths": ["/photos", "/photos/secret"], "exclude": ["secret*"], "model": "/photos/secret/m.keras"}
    )
    room.put("/photos/secret/a.jpg", face(happy=0.9), face(sad=0.8), digest="d-secret", camera="Kamera-7")
    room.put("/photos/secret/below/b.jpg", face(happy=0.7), digest="d-both")
    room.put("/photos/secrets.jpg", face(happy=0.6), digest="d-both")
    room.writer.note_not_photos([PhotoFile("/photos/secret/notes.txt", 1, 1), PhotoFile("/photos/other.txt", 1, 1)])
    room.writer.note_unread(["/photos"], [("/photos/secret/locked", "permission denied")])
    room.writer.correct("/photos/secret/a.jpg", 1, "surprise")
    room.writer.correct("/photos/secret/below/b.jpg", 1, "fear")
    return room


def test_forgetting_a_folder_forgets_all_below_it_and_nothing_beside_it(secret: Any) -> None:
    assert secret.writer.forget("/photos/secret") == 4  # two photos, notes.txt and a locked folder
    assert secret.sql("SELECT path FROM photos") == [("/photos/secrets.jpg",)]
    assert secret.sql("SELECT count(*) FROM faces") == [(1,)]
    assert secret.sql("SELECT path FROM others") == [("/photos/other.txt",)]
    # A copy of those bytes is still there, and so is its correction.
    assert secret.sql("SELECT digest, emotion FROM corrections") == [("d-both", "fear")]


def test_no_byte_of_a_forgotten_folder_stays_in_the_files(secret: Any) -> None:
    before = everything_written(secret.path.parent)
    assert all(word in before for word in (b"/photos/secret/", b"d-secret", b"Kamera-7", b"notes.txt"))
    secret.writer.forget("/photos/secret")
    after = everything_written(secret.path.parent)
    assert not [word for word in (b"secret/", b'secret"', b"d-secret", b"Kamera-7", b"notes.txt") if word in after]
    assert b"/photos/secrets.jpg" in after


def test_scans_no_longer_name_what_is_forgotten(secret: Any) -> None:
    secret.writer.finish_scan(secret.scan)
    secret.writer.forget("/photos/secret")
    settings = [json.loads(text) for (text,) in secret.sql("SELECT settings FROM scans ORDER BY id")]
    assert settings == [
        {"paths": ["/photos"], "threshold": 0.5},
        {"paths": ["/photos"], "exclude": [], "model": None},
    ]


def test_corrections_of_edited_and_pruned_photos_are_forgotten_too(secret: Any, face: Callable) -> None:
    secret.put("/photos/secret/a.jpg", face(happy=0.9), digest="d-edited")
    assert secret.sql("SELECT count(*) FROM corrections WHERE digest = 'd-secret'") == [(1,)]
    secret.writer.forget("/photos/secret")
    assert b"d-secret" not in everything_written(secret.path.parent)


def keep_a_copy(room: Any) -> Path:
    """Puts a copy beside the index, as a migration does."""
    copy = room.path.with_name("index.db.version-2")
    with closing(sqlite3.connect(room.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def test_a_typo_forgets_nothing_and_leaves_the_copies_of_older_versions(secret: Any) -> None:
    copy = keep_a_copy(secret)
    assert secret.writer.forget("/photos/secrte") == 0
    assert copy.exists()


def test_photos_that_were_pruned_before_leave_no_trace(
    room: Any, face: Callable, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("secret")
    (folder / "of another program").touch()  # so that it is no empty mount point
    room.writer.start_scan({"paths": [str(folder)]})
    room.put(f"{folder}/a.jpg", face(happy=0.9))
    copy = keep_a_copy(room)
    assert room.writer.prune() == (1, 0)
    assert str(folder).encode() in everything_written(room.path.parent)
    room.writer.forget(str(folder))
    assert str(folder).encode() not in everything_written(room.path.parent)
    assert not copy.exists()


def test_a_copy_that_cannot_be_read_is_named(secret: Any) -> None:
    secret.path.with_name("index.db.version-2").write_bytes(b"no index at all, but a long enough text for one" * 20)
    with pytest.raises(AlbumsortError, match=r"index\.db\.version-2: cannot be read"):
        secret.writer.forget("/photos/secret")


def test_a_single_photo_can_be_forgotten(secret: Any) -> None:
    assert secret.writer.forget("/photos/secret/a.jpg") == 1
    assert secret.sql("SELECT count(*) FROM photos") == [(2,)]


def test_a_name_that_is_no_utf8_can_be_forgotten(room: Any, face: Callable) -> None:
    folder = "/photos/" + os.fsdecode(b"caf\xe9")
    for name in (f"{folder}/a.jpg", f"{folder}.jpg"):
        room.put(name, face(happy=0.9))
    assert room.writer.forget(folder) == 1
    assert room.writer.forget(f"{folder}.jpg") == 1
    assert room.sql("SELECT count(*) FROM faces") == [(0,)]


def test_forgetting_an_unknown_folder_changes_nothing(secret: Any) -> None:
    before = secret.sql("SELECT * FROM photos")
    assert secret.writer.forget("/photos/secre") == 0
    assert secret.sql("SELECT * FROM photos") == before


def test_copies_of_older_versions_are_forgotten_too(secret: Any) -> None:
    assert b"Kamera-7" in keep_a_copy(secret).read_bytes()
    secret.writer.forget("/photos/secret")
    assert b"Kamera-7" not in everything_written(secret.path.parent)


@pytest.mark.parametrize("version", [1, 4, 6])
def test_a_copy_of_any_older_version_goes_if_it_names_what_is_forgotten(older: Callable, version: int) -> None:
    path = older(version)
    with IndexWriter(path) as writer:
        copy = path.with_name(f"older.db.version-{version}")
        assert writer.forget("/photos/burst") == 0
        assert copy.exists()
        writer.forget("/photos/burst1.jpg")
    assert not copy.exists()
    assert b"burst1" not in everything_written(path.parent)


def test_a_program_that_keeps_traces_alive_is_an_error(secret: Any) -> None:
    with closing(sqlite3.connect(secret.path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM photos").fetchone()
        with pytest.raises(AlbumsortError, match="call forget again"):
            secret.writer.forget("/photos/secret")
    assert secret.writer.forget("/photos/secret") == 0
    assert b"Kamera-7" not in everything_written(secret.path.parent)


#: What SQLite keeps beside a database in WAL mode, and parts of a copy that a killed albumsort left.
BESIDE = ["2-wal", "2-shm", "2.part", "2.part-journal", "2.2-wal", "7.part"]


def test_files_beside_copies_of_older_versions_are_no_copies_and_go_too(secret: Any) -> None:
    copy = keep_a_copy(secret)
    for name in BESIDE:
        copy.with_name(f"index.db.version-{name}").write_bytes(b"")
    copy.with_name("index.db.version-history.txt").write_text("not of albumsort")
    secret.writer.forget("/photos/secret")
    left = {path.name for path in secret.path.parent.iterdir()}
    assert left - {"index.db-wal", "index.db-shm"} == {"index.db", "index.db.version-history.txt"}


def test_a_copy_that_knows_nothing_of_it_stays_as_it_is_with_nothing_beside_it(older: Callable) -> None:
    path = older(6)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with IndexWriter(path) as writer:
        copy = path.with_name("older.db.version-6")
        with closing(sqlite3.connect(copy)) as other:  # as albumsort before this version left it
            other.execute("PRAGMA journal_mode = WAL")
        before = copy.read_bytes()
        assert writer.forget("/nowhere") == 0
        assert copy.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {"older.db", "older.db.version-6"}


def test_what_only_the_log_of_a_copy_knows_is_forgotten_too(secret: Any, tmp_path_factory: Any) -> None:
    copy = keep_a_copy(secret)
    elsewhere = tmp_path_factory.mktemp("killed")
    with closing(sqlite3.connect(copy)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("UPDATE photos SET path = '/late/a.jpg' WHERE path LIKE '%a.jpg'")
        other.commit()
        for path in copy.parent.glob(f"{copy.name}*"):
            (elsewhere / path.name).write_bytes(path.read_bytes())
    for path in elsewhere.iterdir():  # as a killed program leaves them
        copy.with_name(path.name).write_bytes(path.read_bytes())
    assert b"/late/a.jpg" in copy.with_name(f"{copy.name}-wal").read_bytes()
    secret.writer.forget("/late")
    assert not list(copy.parent.glob(f"{copy.name}*"))


def test_a_copy_that_cannot_be_read_keeps_nothing_else_from_being_forgotten(secret: Any) -> None:
    secret.path.with_name("index.db.version-1").write_bytes(b"no index at all, but a long enough text for one" * 20)
    copy = keep_a_copy(secret)
    with pytest.raises(AlbumsortError, match=r"index\.db\.version-1: cannot be read"):
        secret.writer.forget("/photos/secret")
    assert not copy.exists()
    assert b"/photos/secret/" not in everything_written(secret.path.parent)


@pytest.mark.parametrize("forgotten", ["/photos/secret", "/photos/secret/", "/photos/secret/a.jpg", "/photos", "/"])
def test_a_scan_that_runs_does_not_write_again_what_was_forgotten(room: Any, face: Callable, forgotten: str) -> None:
    hidden = "/photos/secret/a.jpg"
    room.put(hidden, face(happy=0.9))
    known = room.writer.known_files.result(room.sql("SELECT digest FROM photos")[0][0])
    with IndexWriter(room.path) as other:
        other.forget(forgotten)
    file = PhotoFile(hidden, 1, 1)
    room.put(hidden, face(happy=0.9))
    room.writer.reuse([(file, None, known)])
    room.writer.pair(room.scan, [(file, "/photos/b.jpg"), (PhotoFile("/photos/c.nef", 1, 1), hidden)])
    room.writer.note_not_photos([file])
    room.writer.note_unread(["/photos"], [(hidden, "permission denied")])
    for table in ("photos", "faces", "others", "unread"):
        assert room.sql(f"SELECT * FROM {table}") == []
    room.writer.finish_scan(room.scan)
    assert [key for (text,) in room.sql("SELECT settings FROM scans") for key in json.loads(text)] == [
        "paths",
        "threshold",
    ]


def test_a_scan_writes_all_else_and_the_next_scan_everything(room: Any, face: Callable) -> None:
    with IndexWriter(room.path) as other:
        other.forget("/photos/secret")
    for path in ("/photos/secrets.jpg", "/photos/secret/a.jpg"):
        room.put(path, face(happy=0.9))
    assert room.sql("SELECT path FROM photos") == [("/photos/secrets.jpg",)]
    room.writer.finish_scan(room.scan)
    room.scan = room.writer.start_scan({"paths": ["/photos"], "threshold": 0.5})
    room.put("/photos/secret/a.jpg", face(happy=0.9))
    assert len(room.sql("SELECT path FROM photos")) == 2


def test_what_is_forgotten_while_a_scan_runs_is_not_named_for_it(room: Any) -> None:
    with IndexWriter(room.path) as other:
        other.forget("/photos/sécret")
    assert b"cret" not in everything_written(room.path.parent)


def test_accents_composed_or_apart_are_forgotten_for_a_scan_that_runs(room: Any, face: Callable) -> None:
    with IndexWriter(room.path) as other:
        other.forget("/photos/caf\u00e9")
    room.put("/photos/cafe\u0301/a.jpg", face(happy=0.9))
    assert room.sql("SELECT path FROM photos") == []
