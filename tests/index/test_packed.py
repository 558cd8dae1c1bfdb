"""Packed faces are the faces, whatever changes those; and only questions that look at all faces read them."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from albumsort.errors import AlbumsortError
from albumsort.index import Index, Query, schema
from albumsort.index import packed as columns
from albumsort.index import writer as store
from albumsort.index.filters import Filters
from albumsort.index.packed import Columns


@pytest.fixture
def read(room: Any) -> Callable[[], Columns]:
    """The faces of the room as they are read; which must be what the rows say."""

    def same() -> Columns:
        with closing(sqlite3.connect(room.path)) as connection:
            faces = columns.read(connection, schema.VERSION)
            assert content(faces) == content(columns.read(connection, columns.PACKED_SINCE - 1))
            without = columns.read(connection, schema.VERSION, with_places=False)
            assert (without.readings.tobytes(), without.places) == (faces.readings.tobytes(), None)
        return faces

    return same


def content(faces: Columns) -> bytes:
    assert faces.places is not None
    return faces.readings.tobytes() + faces.places.tobytes()


def packed(room: Any) -> int:
    """How many faces are packed."""
    return sum(size for (size,) in room.sql("SELECT length(readings) FROM packed")) // columns.READING.itemsize


def test_a_scan_packs_the_faces_at_its_end(room: Any, face: Callable, read: Callable) -> None:
    for number in range(3 * schema.CHUNK):
        room.put(f"/photos/{number}.jpg", *[face(happy=0.9)] * (number % 3))
    assert packed(room) == 0
    assert len(read().readings) == 3 * schema.CHUNK
    room.writer.finish_scan(room.scan)
    assert packed(room) == 3 * schema.CHUNK
    assert room.sql("SELECT * FROM unpacked") == []
    assert len(read().readings) == 3 * schema.CHUNK


def test_a_long_scan_packs_on_its_way(
    room: Any, face: Callable, read: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_UNPACKED", 1)
    for number in range(2 * schema.CHUNK):
        room.put(f"/photos/{number}.jpg", face(happy=0.9))
    assert packed(room) >= schema.CHUNK - 1
    assert len(read().readings) == 2 * schema.CHUNK


def test_who_is_in_front_is_packed_as_the_table_has_it(room: Any, face: Callable, read: Callable) -> None:
    room.put("/photos/a.jpg", face(100, happy=0.9), face(30, happy=0.9))
    room.put("/photos/b.jpg", face(30, happy=0.9))
    assert read().readings["front"].tolist() == [bool(front) for (front,) in room.sql("SELECT front FROM faces")]
    assert read().readings["front"].tolist() == [True, False, True]


def test_a_face_is_packed_with_all_that_is_asked_of_it(room: Any, face: Callable, read: Callable) -> None:
    room.put("/photos/a.jpg", face(400, sad=0.7, happy=0.3), width=800, height=600)
    room.put("/photos/b.jpg", face(60, neutral=1), width=None, height=None)
    faces = read()
    (large, unmeasured), (there, nowhere) = faces.readings, faces.places
    assert (large["photo"], large["emotion"], large["front"]) == (1, 4, True)
    assert large["probabilities"].tolist() == [0, 0, 0, 300_000, 700_000, 0, 0]
    assert (there["height"], there["size"], there["cut"]) == (400, 50, False)
    assert (large["confidence"], there["detection"], there["sharpness"]) == pytest.approx((700_000, 0.99, 123.45))
    assert (unmeasured["photo"], nowhere["size"], nowhere["cut"]) == (2, np.inf, False)


@pytest.mark.parametrize("is_packed", [True, False])
def test_what_is_read_follows_the_faces(room: Any, face: Callable, read: Callable, is_packed: bool) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(60, sad=0.7))
    room.put("/photos/b.jpg", face(20, happy=0.6), width=10, height=10)

    def change(make: Callable[[], object]) -> bytes:
        if is_packed:
            room.writer.finish_scan(room.scan)
            assert packed(room) > 0
        before = content(read())
        make()
        after = content(read())
        assert after != before
        return after

    def by_hand(words: str) -> None:
        with closing(sqlite3.connect(room.path)) as connection, connection:
            connection.execute(words)

    change(lambda: room.put("/photos/b.jpg", face(fear=0.9)))
    change(lambda: room.writer.correct("/photos/a.jpg", 2, "surprise"))
    change(lambda: room.writer.uncorrect("/photos/a.jpg"))
    change(lambda: room.put("/photos/c.jpg", face(sad=0.8)))
    change(lambda: by_hand("UPDATE faces SET emotion = 'neutral' WHERE emotion = 'happy'"))
    change(lambda: by_hand("UPDATE photos SET width = 20, height = 20"))
    change(lambda: by_hand("UPDATE faces SET photo_id = 1"))
    change(lambda: by_hand("DELETE FROM faces WHERE emotion = 'fear'"))
    assert change(lambda: room.writer.forget("/photos")) == b""


def test_what_is_forgotten_is_in_no_packed_face(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.put("/elsewhere/b.jpg", face(sad=0.9))
    room.writer.finish_scan(room.scan)
    room.writer.forget("/photos")
    assert packed(room) == 0
    with Index(room.path) as index:
        assert index.stats()["emotions"]["happy"] == 0
        assert index.stats()["emotions"]["sad"] == 1


WHOLE = bytes(columns.READING.itemsize), bytes(columns.PLACE.itemsize)


@pytest.mark.parametrize(
    "row", [(b"short", WHOLE[1]), (WHOLE[0], b"short"), (WHOLE[0], b""), (b"\xff" * len(WHOLE[0]), WHOLE[1])]
)
def test_damage_is_said(room: Any, row: tuple[bytes, bytes]) -> None:
    room.writer._connection.execute("INSERT INTO packed VALUES (7, ?, ?)", row)
    room.writer._connection.commit()
    with Index(room.path) as index:
        with pytest.raises(AlbumsortError, match="damaged"):
            index.stats(Query(filters=Filters(min_face=1)))
        assert index.top("happy") == []


@pytest.mark.parametrize("change", ["emotion = 'glee'", "sharpness = 'n/a'"])
def test_a_value_that_no_face_has_is_said_and_keeps_nobody_from_writing(room: Any, face: Callable, change: str) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.writer._connection.execute(f"UPDATE faces SET {change}")
    room.writer._connection.commit()
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index, pytest.raises(AlbumsortError, match=r"photos 0 to 63.*scan them again"):
        index.stats()
    room.turn_back(5)
    room.writer = store.IndexWriter(room.path)
    assert room.sql("PRAGMA user_version") == [(schema.VERSION,)]


def test_what_is_packed_and_damaged_is_packed_anew_by_the_next_scan(room: Any, face: Callable, read: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.writer.finish_scan(room.scan)
    with closing(sqlite3.connect(room.path)) as connection, connection:
        connection.execute("UPDATE packed SET places = x'00'")
    room.writer.finish_scan(room.scan)
    assert len(read().places) == 1


def test_numbers_of_photos_that_are_too_large_are_said(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    with closing(sqlite3.connect(room.path)) as connection, connection:
        connection.execute("UPDATE faces SET photo_id = 4294967301")
        connection.execute("UPDATE photos SET id = 4294967301")
    with Index(room.path) as index, pytest.raises(AlbumsortError, match="photos 42949672"):
        index.stats()


@pytest.mark.parametrize(
    "words",
    [
        "INSERT INTO faces SELECT * FROM faces WHERE id < 3 ON CONFLICT(id) DO UPDATE SET emotion = 'sad'",
        "UPDATE OR FAIL faces SET emotion = 'sad'",
        "INSERT OR ABORT INTO faces SELECT id + 100, photo_id, x, y, w, h, detection, landmarks, sharpness, emotion,"
        " confidence, angry, disgust, fear, happy, sad, surprise, neutral, front FROM faces",
        "INSERT OR REPLACE INTO faces SELECT 1, 70, x, y, w, h, detection, landmarks, sharpness, emotion,"
        " confidence, angry, disgust, fear, happy, sad, surprise, neutral, front FROM faces WHERE id = 2",
        "UPDATE OR REPLACE faces SET id = 1 WHERE id = 75",
        "DELETE FROM photos WHERE id IN (1, 80)",
        "UPDATE photos SET id = 500 WHERE id = 80",
        "UPDATE photos SET width = 10, height = 20",
    ],
)
def test_whatever_another_tool_writes_is_seen(room: Any, face: Callable, read: Callable, words: str) -> None:
    for number in range(80):
        room.put(f"/photos/{number}.jpg", face(happy=0.9), taken_at="2024-05-17T12:00:00")
    room.writer.finish_scan(room.scan)
    before = content(read())
    with closing(sqlite3.connect(room.path)) as connection, connection:  # which checks no foreign keys
        connection.execute(words)
    assert content(read()) != before
    with Index(room.path) as index:
        faces = index.stats()["faces"]
        assert faces == sum(len(row.faces) for row in index.photos())
        assert sum(index.timeline().confidences) == faces
        assert len(index.top(["happy", "sad"], None, filters=Filters(with_copies=True))) > 70


def test_many_changes_are_packed_before_the_next_scan(
    room: Any, face: Callable, read: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3 * schema.CHUNK):
        room.put(f"/photos/{number}.jpg", face(happy=0.9), digest=f"{number % schema.CHUNK}")
    room.writer.finish_scan(room.scan)
    monkeypatch.setattr(store, "_UNPACKED", 2)
    room.writer.correct("/photos/7.jpg", None, "sad")  # of copies in each chunk
    assert room.sql("SELECT count(*) FROM unpacked") == [(0,)]
    assert len(read().readings) == 3 * schema.CHUNK


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


@pytest.mark.parametrize("emotions", ["happy", ["happy", "sad"]])
def test_a_list_is_whole_while_a_scan_replaces_its_photos(
    room: Any, face: Callable, monkeypatch: pytest.MonkeyPatch, emotions: object
) -> None:
    for number in range(20):
        room.put(f"/photos/{number:02}.jpg", face(happy=0.9))
    frames, again = Index._burst_of, list(range(20))

    def meanwhile(index: Index, photo_id: int) -> int | None:
        if again:
            room.put(f"/photos/{again.pop():02}.jpg", face(happy=0.8))
        return frames(index, photo_id)

    monkeypatch.setattr(Index, "_burst_of", meanwhile)
    assert [score for _, score in room.top(emotions)] == pytest.approx([0.9 if emotions == "happy" else 0.916667] * 20)
    assert not again
    assert len(room.top(emotions)) == 20
    with Index(room.path) as index:
        rows = index.photos(Query(filters=Filters(min_faces=1)))
        first = next(rows)
        for number in range(20):
            room.put(f"/photos/{number:02}.jpg", face(happy=0.7))
        assert len([first, *rows]) == 20
        assert {row.faces[0].confidence for row in index.photos(Query(filters=Filters(min_faces=1)))} == {0.7}


def test_a_list_may_be_left_half_read(room: Any, face: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(300):
        room.put(f"/photos/{number:03}.jpg", face(happy=0.9))
    with Index(room.path) as index:
        rows = index.photos()
        next(rows)
    rows.close()  # which says nothing, and would fail if it asked the closed index


def test_dates_of_few_photos_are_found_without_walking_past_all_others(room: Any, face: Callable) -> None:
    for number in range(100):
        room.put(f"/photos/{number}.jpg", face(happy=0.9), taken_at=f"20{number:02}-01-01", camera=f"{number}.")
    with Index(room.path) as index:
        found = index.stats(Query(filters=Filters(camera="7.")))
        assert (found["first_taken_at"], found["last_taken_at"]) == ("2007-01-01", "2097-01-01")
        nothing = index.stats(Query(filters=Filters(camera="none")))
        assert (nothing["photos"], nothing["first_taken_at"], nothing["last_taken_at"]) == (0, None, None)


def test_a_plain_list_needs_neither_packed_faces_nor_numpy(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(happy=0.8))
    program = (
        "import sys; from albumsort.index import Index\n"
        f"with Index({str(room.path)!r}) as index:\n"
        "    print([index.top('happy', everyone=everyone)[0].score for everyone in (False, True)])\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[0.9, 0.8]", "False"]
