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
from albumsort.index import Index, columns, schema, store
from albumsort.index.columns import Columns
from albumsort.index.filters import Filters


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
    assert large["probabilities"] == pytest.approx([0, 0, 0, 0.3, 0.7, 0, 0])
    assert (there["height"], there["size"], there["cut"]) == (400, 50, False)
    assert (large["confidence"], there["detection"], there["sharpness"]) == pytest.approx((0.7, 0.99, 123.45))
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
            index.stats(filters=Filters(min_face=1))
        assert index.top("happy") == []


def test_a_word_that_is_no_emotion_is_said(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    room.writer._connection.execute("UPDATE faces SET emotion = 'glee'")
    room.writer._connection.commit()
    with Index(room.path) as index, pytest.raises(AlbumsortError, match="damaged"):
        index.stats()


def test_questions_may_be_asked_while_another_one_is_read(room: Any, face: Callable) -> None:
    for number in range(300):
        room.put(f"/photos/{number:03}.jpg", *[face(happy=0.9)] * (number % 3))
    with Index(room.path) as index:
        listed = []
        for row in index.photos(Filters(min_faces=2)):
            listed.append(row.photo.path)
            assert index.stats(filters=Filters(max_faces=0))["photos"] == 100
            assert len(index.top("happy", 3, filters=Filters(max_faces=1))) == 3
    assert listed == [f"/photos/{number:03}.jpg" for number in range(2, 300, 3)]


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
