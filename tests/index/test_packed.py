"""Packed faces always agree with the rows of the faces, and only questions about all faces read them."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import Index, Query, packed, schema
from albumsort.index.filters import Filters
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile

_COLUMNS = f"x, y, w, h, detection, landmarks, sharpness, emotion, confidence, {', '.join(EMOTIONS)}"


@pytest.fixture
def read(room: Any) -> Callable[[], NDArray[np.void]]:
    """Reads the faces of the room, which must be what the rows say."""

    def same() -> NDArray[np.void]:
        with closing(sqlite3.connect(room.path)) as connection:
            faces = as_table(packed.read(connection))
            connection.execute("UPDATE packed SET faces = NULL")
            assert faces.tobytes() == as_table(packed.read(connection)).tobytes()
        return faces

    return same


def as_table(faces: packed.Faces) -> NDArray[np.void]:
    """All columns of faces at once."""
    table = np.empty(len(faces), packed.FACE)
    for name in packed.FACE.names or ():
        table[name] = faces[name]
    return table


def packed_faces(room: Any) -> int:
    """How many faces are packed."""
    return sum(size for (size,) in room.sql("SELECT ifnull(length(faces), 0) FROM packed")) // packed.FACE.itemsize


def changed_chunks(room: Any) -> int:
    ((number,),) = room.sql("SELECT count(*) FROM packed WHERE faces IS NULL")
    return number


@pytest.mark.parametrize("batch", [1, 7, 200])
def test_new_photos_are_packed_when_they_are_written(
    room: Any, face: Callable, photo: Callable, read: Callable, batch: int
) -> None:
    results = [photo(f"/photos/{k}.jpg", *[face(10.0 + k, happy=0.9)] * (k % 3)) for k in range(3 * schema.CHUNK)]
    for start in range(0, len(results), batch):
        room.writer.write(room.scan, results[start : start + batch])
        assert changed_chunks(room) == 0
    assert packed_faces(room) == len(read()) == 3 * schema.CHUNK


def test_new_photos_beside_changed_ones_are_packed_at_the_end_of_the_scan(
    room: Any, face: Callable, read: Callable
) -> None:
    for number in range(schema.CHUNK + 10):
        room.put(f"/photos/{number}.jpg", face(happy=0.9))
    room.put("/photos/70.jpg", face(sad=0.9))  # in the chunk that is being filled
    room.put("/photos/80.jpg", face(fear=0.9))
    assert changed_chunks(room) == 1
    assert len(read()) == schema.CHUNK + 11
    room.writer.finish_scan(room.scan)
    assert changed_chunks(room) == 0
    assert packed_faces(room) == len(read()) == schema.CHUNK + 11


def test_faces_that_were_inserted_before_their_photo_are_found(room: Any, face: Callable, read: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.change(f"INSERT INTO faces(photo_id, {_COLUMNS}) SELECT 2, {_COLUMNS} FROM faces")
    assert len(read()) == 1
    room.put("/photos/b.jpg", face(sad=0.9))
    assert read()["photo"].tolist() == [1, 2, 2]


def test_many_changes_are_packed_before_the_next_scan(
    room: Any, face: Callable, photo: Callable, read: Callable
) -> None:
    chunks = 66
    room.writer.write(
        room.scan,
        [photo(f"/{k}.jpg", face(happy=0.9), digest=f"{k % schema.CHUNK}") for k in range(chunks * schema.CHUNK)],
    )
    room.writer.correct("/7.jpg", None, "sad")  # of copies in each chunk
    assert changed_chunks(room) == 0
    assert (read()["emotion"] == EMOTIONS.index("sad")).sum() == chunks


def test_the_subjects_of_a_photo_are_packed_with_its_faces(room: Any, face: Callable, read: Callable) -> None:
    room.put("/photos/a.jpg", face(100, happy=0.9), face(30, happy=0.9))
    room.put("/photos/b.jpg", face(30, happy=0.9))
    assert read()["subject"].tolist() == [True, False, True]


def test_a_packed_face_has_its_values_in_their_units(room: Any, face: Callable, read: Callable) -> None:
    room.put("/photos/a.jpg", face(400, sad=0.7, happy=0.3), width=800, height=600)
    room.put("/photos/b.jpg", face(60, neutral=1), width=None, height=None)
    large, unmeasured = read()
    assert (large["photo"], large["emotion"], large["subject"]) == (1, 4, True)
    assert [large[emotion] for emotion in EMOTIONS] == [0, 0, 0, 300_000, 700_000, 0, 0]
    assert (large["height"], large["size"], large["cut"]) == (40_000, 50, False)
    assert (large["confidence"], large["sharpness"]) == (700_000, 12_345)
    assert large["detection"] == pytest.approx(0.99)
    assert (unmeasured["photo"], unmeasured["size"], unmeasured["cut"]) == (2, np.inf, False)


@pytest.mark.parametrize("is_packed", [True, False])
def test_packed_faces_follow_the_faces(room: Any, face: Callable, read: Callable, is_packed: bool) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(60, sad=0.7), digest="a")
    room.put("/photos/b.jpg", face(20, happy=0.6), width=10, height=10)

    def change(make: Callable[[], object]) -> bytes:
        if is_packed:
            room.writer.finish_scan(room.scan)
            assert packed_faces(room) > 0
        before = read().tobytes()
        make()
        after = read().tobytes()
        assert after != before
        return after

    change(lambda: room.put("/photos/b.jpg", face(fear=0.9)))
    change(lambda: room.writer.correct("/photos/a.jpg", 2, "surprise"))
    change(lambda: room.writer.uncorrect("/photos/a.jpg"))
    change(lambda: room.put("/photos/c.jpg", face(sad=0.8), digest="c"))
    known = replace(room.writer.known_files.result("a"), is_gone=False)
    change(lambda: room.writer.reuse([(PhotoFile("/photos/copy.jpg", 1, 1), None, known)]))
    change(lambda: room.put("/photos/a.jpg", face(sad=0.8), digest="c"))
    change(lambda: room.change("UPDATE faces SET emotion = 'neutral' WHERE emotion = 'happy'"))
    change(lambda: room.change("UPDATE photos SET width = 20, height = 20"))
    change(lambda: room.change("UPDATE faces SET photo_id = (SELECT max(id) FROM photos)"))
    change(lambda: room.change("DELETE FROM faces WHERE emotion = 'fear'"))
    assert change(lambda: room.writer.forget("/photos")) == b""


def test_forgotten_faces_are_not_packed(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.put("/elsewhere/b.jpg", face(sad=0.9))
    room.writer.finish_scan(room.scan)
    room.writer.forget("/photos")
    assert packed_faces(room) == 0
    with Index(room.path) as index:
        assert index.stats()["emotions"]["happy"] == 0
        assert index.stats()["emotions"]["sad"] == 1


@pytest.mark.parametrize("blob", [b"short", bytes(packed.FACE.itemsize + 1), b"\xff" * packed.FACE.itemsize])
def test_packed_faces_that_cannot_be_read_are_an_error(room: Any, blob: bytes) -> None:
    room.change("INSERT INTO packed VALUES (7, ?)", blob)
    with Index(room.path) as index:
        with pytest.raises(AlbumsortError, match="damaged"):
            index.stats(Query(filters=Filters(min_face=1)))
        assert index.top("happy") == []


def test_packed_faces_that_cannot_be_read_are_packed_anew_by_the_next_scan(
    room: Any, face: Callable, read: Callable
) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.change("UPDATE packed SET faces = x'00'")
    room.writer.finish_scan(room.scan)
    assert packed_faces(room) == len(read()) == 1


@pytest.mark.parametrize("change", ["emotion = 'glee'", "sharpness = 'n/a'"])
def test_an_impossible_value_is_an_error_for_readers_and_does_not_stop_a_scan(
    room: Any, face: Callable, change: str
) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.change(f"UPDATE faces SET {change}")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index, pytest.raises(AlbumsortError, match=r"photos 0 to 63.*scan them again"):
        index.stats()


def test_an_impossible_value_does_not_stop_a_migration(older: Callable) -> None:
    path = older(6)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE faces SET emotion = 'glee' WHERE id = 1")
    IndexWriter(path).close()
    with Index(path) as index, pytest.raises(AlbumsortError, match=r"photos 0 to 63.*scan them again"):
        index.stats()


def test_ids_of_photos_that_are_too_large_are_an_error(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.change("UPDATE faces SET photo_id = 4294967301")
    room.change("UPDATE photos SET id = 4294967301")
    room.put("/photos/b.jpg", face(happy=0.9))
    with Index(room.path) as index:
        with pytest.raises(AlbumsortError, match="photos 42949672"):
            index.stats()
        assert len(index.top("happy")) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO faces SELECT * FROM faces WHERE id < 3 ON CONFLICT(id) DO UPDATE SET emotion = 'sad'",
        *(f"UPDATE OR {clause} faces SET emotion = 'sad'" for clause in ("FAIL", "IGNORE", "REPLACE", "ROLLBACK")),
        *(
            f"INSERT OR {clause} INTO faces SELECT id + 100, photo_id, {_COLUMNS} FROM faces"
            for clause in ("ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK")
        ),
        f"INSERT OR REPLACE INTO faces SELECT 1, 70, {_COLUMNS} FROM faces WHERE id = 2",
        f"REPLACE INTO faces SELECT id, photo_id + 1, {_COLUMNS} FROM faces WHERE id < 80",
        "UPDATE OR REPLACE faces SET id = 1 WHERE id = 75",
        "DELETE FROM photos WHERE id IN (1, 80)",
        "UPDATE photos SET id = 500 WHERE id = 80",
        "UPDATE photos SET width = 10, height = 20",
        "UPDATE OR IGNORE photos SET width = 10, height = 20",
        "UPDATE OR REPLACE photos SET width = 10, height = 20",
        "INSERT OR REPLACE INTO photos(id, path, size, mtime_ns, status, scan_id)"
        " SELECT id + 100, path, size, mtime_ns, status, scan_id FROM photos WHERE id = 3",
        "INSERT OR REPLACE INTO photos(path, size, mtime_ns, status, scan_id)"
        " SELECT path, size, mtime_ns, status, scan_id FROM photos WHERE id > 77",
    ],
)
def test_changes_by_other_tools_are_noticed(room: Any, face: Callable, read: Callable, statement: str) -> None:
    for number in range(80):
        room.put(f"/photos/{number}.jpg", face(happy=0.9), taken_at="2024-05-17T12:00:00")
    room.writer.finish_scan(room.scan)
    before = read().tobytes()
    room.change(statement)
    assert read().tobytes() != before
    with Index(room.path) as index:
        faces = index.stats()["faces"]
        assert faces == sum(len(row.faces) for row in index.photos())
        assert sum(index.timeline().confidences) == faces
        assert len(index.top(["happy", "sad"], None, filters=Filters(with_copies=True))) > 70


@pytest.mark.parametrize("clause", ["IGNORE", "REPLACE", "ROLLBACK"])
def test_packed_faces_agree_with_the_rows_after_a_failed_statement_of_another_tool(
    room: Any, face: Callable, read: Callable, clause: str
) -> None:
    for number in range(80):
        room.put(f"/photos/{number}.jpg", face(happy=0.9))
    with closing(sqlite3.connect(room.path)) as connection:
        for values in ("1, 70", "id + 100, NULL"):  # an id that is taken, and a face of no photo
            with suppress(sqlite3.IntegrityError):
                connection.execute(f"INSERT OR {clause} INTO faces SELECT {values}, {_COLUMNS} FROM faces WHERE id = 2")
        connection.commit()
    read()


def test_questions_may_be_asked_while_another_one_is_read(room: Any, face: Callable) -> None:
    for number in range(303):
        room.put(f"/photos/{number:03}.jpg", *[face(happy=0.9)] * (number % 3))
    with Index(room.path) as index:
        listed = []
        for row in index.photos(Query(filters=Filters(min_faces=2))):
            listed.append(row.photo.path)
            assert index.stats(Query(filters=Filters(max_faces=0)))["photos"] == 101
            assert len(index.top("happy", 3, filters=Filters(max_faces=1))) == 3
    assert listed == [f"/photos/{number:03}.jpg" for number in range(2, 303, 3)]


def test_faces_are_read_once_until_the_index_changes(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    asked: list[str] = []
    with Index(room.path) as index:
        index.connection.set_trace_callback(asked.append)
        assert index.stats()["faces"] == 1
        assert len(index.top("happy", everyone=True)) == len(index.top("angry", scheme="six", threshold=0)) + 1 == 1
        assert sum("SELECT chunk, faces FROM packed" in question for question in asked) == 1
        room.put("/photos/b.jpg", face(happy=0.8))
        assert index.stats()["faces"] == 2
        assert len(index.top("happy", everyone=True)) == 2
        assert sum("SELECT chunk, faces FROM packed" in question for question in asked) == 2


@pytest.mark.parametrize("emotions", ["happy", ["happy", "sad"]])
def test_a_list_is_whole_while_a_scan_replaces_its_photos(room: Any, face: Callable, emotions: Any) -> None:
    for number in range(20):
        room.put(f"/photos/{number:02}.jpg", face(happy=0.9))
    again, begun = list(range(20)), []

    def meanwhile(statement: str) -> None:
        if again and begun:  # the first statement has decided which moment the list is of
            room.put(f"/photos/{again.pop():02}.jpg", face(happy=0.8))
        begun.extend(["SELECT"] if statement.startswith("SELECT") else [])

    with Index(room.path) as index:
        settled = index.settled(Query(emotions, 20))
        index.connection.set_trace_callback(meanwhile)  # between the statements of the list
        scores = [row.score for row in index.search(settled)]
        assert 0 < len(again) < 20
        assert len(scores) == 20 and len(set(scores)) == 1
    with Index(room.path) as index:
        rows = index.photos(Query(filters=Filters(min_faces=1)))
        first = next(rows)
        for number in range(20):
            room.put(f"/photos/{number:02}.jpg", face(happy=0.7))
        assert len([first, *rows]) == 20
        assert {row.faces[0].confidence for row in index.photos(Query(filters=Filters(min_faces=1)))} == {0.7}


def test_a_list_may_be_left_half_read(room: Any, face: Callable) -> None:
    for number in range(300):
        room.put(f"/photos/{number:03}.jpg", face(happy=0.9))
    with Index(room.path) as index:
        rows = index.photos()
        next(rows)
    rows.close()  # which says nothing, and would fail if it asked the closed index


def test_the_first_and_last_dates_are_those_of_the_photos_that_pass(room: Any, face: Callable) -> None:
    for number in range(100):
        room.put(f"/photos/{number}.jpg", face(happy=0.9), taken_at=f"20{number:02}-01-01", camera=f"{number}.")
    with Index(room.path) as index:
        some = index.stats(Query(filters=Filters(camera="7.")))
        assert (some["first_taken_at"], some["last_taken_at"]) == ("2007-01-01", "2097-01-01")
        nothing = index.stats(Query(filters=Filters(camera="none")))
        assert (nothing["photos"], nothing["first_taken_at"], nothing["last_taken_at"]) == (0, None, None)


def test_a_plain_list_needs_neither_packed_faces_nor_numpy(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(happy=0.8))
    program = (
        "import sys; from albumsort.index import Index\n"
        f"with Index({str(room.path)!r}) as index:\n"
        "    print(index.top('happy')[0].score, 'numpy' in sys.modules)\n"
        "    print(index.top('happy', everyone=True)[0].score, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0.9 False", "0.8 True"]
