"""The tables are those of the contract, so that any SQLite tool can read the index."""

import json
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import Index, compat, schema
from albumsort.index.writer import IndexWriter

CONTRACT = {
    "photos": "id path size mtime_ns digest width height taken_at camera phash status error scan_id exposure "
    "orientation raw_of brightness utc_offset",
    "faces": "id photo_id x y w h detection landmarks sharpness emotion confidence "
    "angry disgust fear happy sad surprise neutral",
    "scans": "id started_at finished_at settings model",
    "corrections": "id digest emotion said corrected_at is_there",
    "marked": "digest path width height taken_at phash orientation",
    "bursts": "photo_id burst",
    "unread": "path error",
    "ungrouped": "camera day",
    "packed": "chunk faces",
    "others": "path size mtime_ns",
}


@pytest.mark.parametrize("table", CONTRACT)
def test_tables_have_the_columns_of_the_contract(room: Any, table: str) -> None:
    assert [row[1] for row in room.sql(f"PRAGMA table_info({table})")] == CONTRACT[table].split()


def test_there_are_no_other_tables(room: Any) -> None:
    assert {name for (name,) in room.sql("SELECT name FROM sqlite_master WHERE type = 'table'")} == set(CONTRACT)


def test_the_faces_are_shown_with_what_is_known_of_their_photos(room: Any, face: Callable) -> None:
    happy, facts = face(happy=0.9), {"taken_at": "2024-05-17T12:00:00", "utc_offset": "+02:00", "camera": "Pixel"}
    room.put("/photos/a.jpg", happy, **facts)
    room.put("/photos/b.jpg")
    columns = (
        "path, taken_at, utc_offset, camera, width, height, emotion, confidence, happy, sad, x, y, w, h, detection"
    )
    (row,) = room.sql(f"SELECT {columns}, sharpness FROM photo_faces")
    assert row == (
        *("/photos/a.jpg", "2024-05-17T12:00:00", "+02:00", "Pixel", 4000, 3000),
        *("happy", 0.9, 0.9, happy.probability("sad"), *happy.box, happy.detection, happy.sharpness),
    )
    joined = "faces f ON f.id = v.face_id AND f.photo_id = v.photo_id"
    assert room.sql(f"SELECT count(*) FROM photo_faces v JOIN {joined}") == [(1,)]


def test_the_index_can_be_read_while_it_is_written(room: Any, face: Callable) -> None:
    assert room.sql("PRAGMA journal_mode") == [("wal",)]
    room.put("/photos/a.jpg", face(happy=0.9))
    with Index(room.path) as index, closing(sqlite3.connect(room.path)) as writing:
        writing.execute("DELETE FROM photos")
        assert len(index.top("happy")) == 1


def test_the_version_is_in_the_file(room: Any) -> None:
    assert room.sql("PRAGMA user_version") == [(schema.VERSION,)]


def test_faces_go_with_their_photo(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(sad=0.9))
    room.writer.forget("/photos/a.jpg")
    assert room.sql("SELECT count(*) FROM faces") == [(0,)]


def test_a_photo_of_no_scan_is_refused(room: Any, photo: Callable) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        room.writer.write(room.scan + 1, [photo("/photos/a.jpg")])
    assert room.sql("SELECT count(*) FROM photos") == [(0,)]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_top_list_reads_the_index_of_the_emotion_and_sorts_nothing(room: Any, emotion: str) -> None:
    asked: list[str] = []
    with Index(room.path) as index:
        index.connection.set_trace_callback(asked.append)
        index.top(emotion)
    question = next(question for question in asked if "FROM faces f" in question)
    plan = " / ".join(str(row[3]) for row in room.sql(f"EXPLAIN QUERY PLAN {question}"))
    assert f"INDEX faces_{emotion}" in plan
    assert "TEMP B-TREE" not in plan


def test_an_emotion_that_the_model_does_not_know_may_be_named_by_a_person(room: Any, face: Callable) -> None:
    four = (0.1, None, None, 0.8, 0.05, None, 0.05)
    front, behind = replace(face(), probabilities=four), replace(face(20), probabilities=four)
    room.put("/photos/a.jpg", front, behind)
    room.writer.correct("/photos/a.jpg", 2, "disgust")
    assert room.top("disgust") == [("/photos/a.jpg", 1.0)]
    assert room.top("disgust", everyone=True) == []


def test_only_the_owner_can_read_the_index(room: Any) -> None:
    assert room.path.stat().st_mode & 0o777 == 0o600
    for name in ("index.db-wal", "index.db-shm"):
        assert room.path.with_name(name).stat().st_mode & 0o077 == 0


def test_missing_parent_folders_of_the_index_are_created(tmp_path: Path) -> None:
    with IndexWriter(tmp_path / "a" / "b" / "index.db"):
        assert (tmp_path / "a" / "b" / "index.db").is_file()


def refuses(path: Path, reason: str) -> None:
    with pytest.raises(AlbumsortError, match=reason):
        IndexWriter(path)
    with pytest.raises(AlbumsortError), Index(path) as index:
        index.top("happy")


def test_an_index_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    IndexWriter(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    refuses(path, "newer albumsort")
    with pytest.raises(AlbumsortError, match="newer albumsort"):
        Index(path)


@pytest.mark.parametrize("version", [0, 1])
def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "places.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"CREATE TABLE bookmarks (url); PRAGMA user_version = {version};")
    before = path.read_bytes()
    refuses(path, "not an index of albumsort")
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear diary, " * 500)
    refuses(path, "cannot be written")
    assert path.read_text() == "Dear diary, " * 500


def test_opening_an_index_that_does_not_exist_does_not_create_it(tmp_path: Path) -> None:
    with pytest.raises(AlbumsortError, match="no such index"):
        Index(tmp_path / "index.db")
    assert not list(tmp_path.iterdir())


def test_neither_a_folder_nor_a_pipe_is_an_index(tmp_path: Path) -> None:
    refuses(tmp_path, "not a file")
    os.mkfifo(tmp_path / "pipe")
    refuses(tmp_path / "pipe", "not a file")


def test_a_reader_waits_for_the_tables_that_the_first_scan_is_making(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    path.touch(mode=0o600)
    scan = threading.Timer(0.3, lambda: IndexWriter(path).close())
    scan.start()
    with Index(path) as index:
        assert index.top("happy") == []
    scan.join()


def test_a_new_index_has_no_older_one_beside_it(room: Any) -> None:
    assert not compat.backups(room.path)


def test_each_table_is_documented_for_datasette_and_on_the_page_on_the_index(room: Any) -> None:
    root = Path(__file__).parents[2]
    described = json.loads((root / "examples" / "datasette.json").read_text())["databases"]["index"]["tables"]
    tables = dict(room.sql("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"))
    assert described.keys() == tables.keys()
    page = (root / "examples" / "the-index.md").read_text()
    for name in tables:
        assert f"`{name}`" in page
        columns = {row[1] for row in room.sql(f"PRAGMA table_info({name})")}
        about = described[name]
        assert about["description"].endswith(".")
        assert about.get("label_column", next(iter(columns))) in columns
        assert about.get("sort_desc", next(iter(columns))) in columns
        if name in ("photos", "faces"):
            assert about["columns"].keys() == columns
