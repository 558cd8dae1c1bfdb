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
