"""A RAW file and the JPEG beside it are one photo of the index."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from albumsort.album.formats import NEEDS_RAWPY
from albumsort.index import Index
from albumsort.index.filters import Filters
from albumsort.records import PhotoFile

RAW, JPEG = "/photos/a.nef", "/photos/a.jpg"
ALL = Filters(with_copies=True)


@pytest.fixture
def paired(room: Any, face: Callable) -> Any:
    """A photo as RAW and JPEG, and another."""
    room.put(JPEG, face(happy=0.9), face(60, sad=0.8), taken_at="2024-05-17T12:00:00", camera="A")
    room.put("/photos/b.jpg", face(happy=0.7))
    room.writer.pair(room.scan, [(PhotoFile(RAW, 25_000_000, 7), JPEG)])
    room.writer.finish_scan(room.scan)
    return room


@pytest.mark.parametrize("everyone", [False, True])
def test_a_list_has_the_jpeg_and_with_copies_the_raw_file_too(paired: Any, everyone: bool) -> None:
    alone = [path for path, _ in paired.top(everyone=everyone)]
    both = [path for path, _ in paired.top(everyone=everyone, filters=ALL)]
    assert sorted(alone) == [JPEG, "/photos/b.jpg"]
    assert both[both.index(JPEG) + 1] == RAW
    assert len(both) == 3
    assert len(paired.top(n=1, everyone=everyone, filters=ALL)) == 1


def test_a_listed_jpeg_names_its_raw_file(paired: Any) -> None:
    with Index(paired.path) as index:
        first, second = index.top("happy")
        listed = next(row for row in index.top("happy", filters=ALL) if row.photo.path == RAW)
    assert [raw.path for raw in first.raws] == [RAW]
    assert second.raws == ()
    assert (listed.score, listed.faces, listed.raws) == (first.score, first.faces, ())
    assert (listed.photo.size, listed.photo.mtime_ns) == (25_000_000, 7)
    assert (listed.photo.taken_at, listed.photo.camera) == (first.photo.taken_at, first.photo.camera)


def test_nothing_is_counted_twice(paired: Any) -> None:
    with Index(paired.path) as index:
        counts = index.stats()
        assert list(index.bursts()) == []
    assert (counts["photos"], counts["photos_with_faces"], counts["faces"], counts["errors"]) == (2, 2, 3, 0)


def test_a_question_about_the_raw_file_gives_the_jpeg(paired: Any) -> None:
    with Index(paired.path) as index:
        assert index.photo(RAW) == index.photo(JPEG)
        assert index.photo("/photos/none.nef") is None


def test_a_correction_of_the_raw_file_applies_to_the_jpeg(paired: Any) -> None:
    paired.writer.correct(RAW, 2, "surprise")
    assert [path for path, _ in paired.top("surprise")] == [JPEG]
    assert paired.writer.uncorrect(RAW) == 1
    assert paired.top("surprise") == []


def test_a_raw_file_that_was_read_before_loses_its_faces_to_the_jpeg(paired: Any, face: Callable) -> None:
    paired.put(RAW, face(happy=0.95))
    assert [path for path, _ in paired.top()] == [RAW, JPEG, "/photos/b.jpg"]
    assert paired.writer.known_files.raws() == {}
    paired.writer.pair(paired.scan, [(PhotoFile(RAW, 25_000_000, 7), JPEG)])
    assert [path for path, _ in paired.top()] == [JPEG, "/photos/b.jpg"]
    assert paired.writer.known_files.raws() == {RAW: JPEG}
    assert paired.sql("SELECT count(*) FROM faces") == [(3,)]


def test_names_that_are_no_utf_8_are_paired_too(room: Any, face: Callable) -> None:
    raw, jpeg = "/photos/\udce9.nef", "/photos/\udce9.jpg"
    room.put(jpeg, face(happy=0.9))
    room.writer.pair(room.scan, [(PhotoFile(raw, 1, 1), jpeg)])
    assert [path for path, _ in room.top(filters=ALL)] == [jpeg, raw]
    assert room.writer.known_files.raws() == {raw: jpeg}


def test_forgetting_the_jpeg_leaves_no_trace_with_a_raw_file(room: Any, face: Callable) -> None:
    room.put("/secret/wedding.jpg", face(happy=0.9))
    room.writer.pair(room.scan, [(PhotoFile("/other/wedding.nef", 1, 1), "/secret/wedding.jpg")])
    assert room.writer.forget("/secret") == 2
    room.writer.close()
    assert b"secret" not in Path(room.path).read_bytes()


def test_the_raw_files_of_a_list_are_found_by_an_index(paired: Any) -> None:
    asked: list[str] = []
    with Index(paired.path) as index:
        index.connection.set_trace_callback(asked.append)
        index.top("happy")
    questions = [question for question in asked if "raw_of" in question and "SELECT" in question]
    assert questions
    for question in questions:
        assert any("photos_by_jpeg" in str(row[3]) for row in paired.sql(f"EXPLAIN QUERY PLAN {question}")), question


@pytest.mark.parametrize("error", [NEEDS_RAWPY, "unsupported: RAW; install albumsort[raw]"], ids=["now", "earlier"])
def test_raw_files_are_read_again_once_rawpy_is_installed(
    room: Any, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    room.put(RAW, error=error)
    room.put("/photos/bad.jpg", error="not an image")
    assert room.writer.known_files.unreadable() == {RAW, "/photos/bad.jpg"}
    assert set(room.writer.known_files.unchanged(200)) == {"/photos/bad.jpg"}
    assert len(room.writer.known_files.digests()) == 1
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert set(room.writer.known_files.unchanged(200)) == {RAW, "/photos/bad.jpg"}
