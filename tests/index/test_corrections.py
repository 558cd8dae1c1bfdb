"""Corrections survive later scans, apply to every copy, and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import Index
from albumsort.index.corrections import overlap
from albumsort.records import Box, PhotoFile

A, B = "/photos/a.jpg", "/photos/b.jpg"


def moved(face: Any, by: float, **changes: Any) -> Any:
    x, y, w, h = face.box
    return replace(face, box=Box(x + by, y, w, h), **changes)


def of(room: Any, path: str) -> list[tuple[str, float]]:
    with Index(room.path) as index:
        return [(face.emotion, face.confidence) for face in index.photo(path).faces]


def test_a_corrected_face_certainly_shows_the_corrected_emotion(room: Any, face: Callable) -> None:
    room.put(A, face(200, happy=0.9), moved(face(sad=0.7), 500))
    number, predicted = room.writer.correct(A, 2, "angry")
    assert (number, predicted.emotion, predicted.confidence) == (2, "sad", 0.7)
    assert of(room, A) == [("happy", 0.9), ("angry", 1.0)]
    assert room.top("sad") == [] and room.top("angry") == [(A, 1.0)]
    assert room.top("happy", everyone=True) == []
    assert room.top("angry", closest=True) == [(A, 1.0)] and room.top("angry", closest=True, everyone=True) == [
        (A, 0.016667)
    ]
    with Index(room.path) as index:
        assert index.stats()["emotions"] == {**dict.fromkeys(EMOTIONS, 0), "happy": 1, "angry": 1}


def test_the_face_whose_emotion_a_person_named_is_marked_in_every_answer(room: Any, face: Callable) -> None:
    room.put(A, face(200, happy=1.0), moved(face(sad=0.7), 500))
    room.put(B, face(200, happy=1.0))
    room.writer.correct(A, 2, "happy")
    for scheme in ("seven", "four"):
        with Index(room.path) as index:
            rows = [*index.top("happy", scheme=scheme), *index.photos(landmarks=False)]
        marks = [(row.photo.path, [one.corrected for one in row.faces]) for row in rows]
        assert sorted(marks) == [(A, [False, True])] * 2 + [(B, [False])] * 2
    room.put(A, face(200, happy=1.0), moved(face(sad=0.6), 503))
    with Index(room.path) as index:
        assert [one.corrected for one in index.photo(A).faces] == [False, True]
    room.writer.uncorrect(A)
    with Index(room.path) as index:
        assert [one.corrected for one in index.photo(A).faces] == [False, False]


def test_what_is_not_a_face_is_in_no_answer(room: Any, face: Callable) -> None:
    room.put(A, face(200, happy=0.9), moved(face(sad=0.7), 500))
    room.writer.correct(A, 2, None)
    assert of(room, A) == [("happy", 0.9)]
    assert room.top("happy", everyone=True) == [(A, 0.9)]
    with Index(room.path) as index:
        assert index.stats()["faces"] == 1


def test_a_rescan_keeps_corrections_where_it_finds_the_face_again(room: Any, face: Callable) -> None:
    room.put(A, face(200, happy=0.9), moved(face(sad=0.7), 500), moved(face(fear=0.6), 900))
    room.writer.correct(A, 2, "neutral")
    room.writer.correct(A, 3, None)
    room.put(A, face(200, happy=0.8), moved(face(sad=0.6), 503), moved(face(fear=0.5), 897))
    assert of(room, A) == [("happy", 0.8), ("neutral", 1.0)]
    # What the new model says is what taking it back gives.
    assert room.writer.uncorrect(A) == 2
    assert of(room, A) == [("happy", 0.8), ("sad", 0.6), ("fear", 0.5)]


def test_a_correction_does_not_apply_to_a_face_in_another_place(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7))
    room.writer.correct(A, 1, "neutral")
    room.put(A, moved(face(sad=0.7), 60))
    assert of(room, A) == [("sad", 0.7)]


def test_a_correction_applies_to_one_of_two_overlapping_faces(room: Any, face: Callable) -> None:
    wide = replace(face(sad=0.7), box=Box(0.0, 0.0, 100.0, 100.0))
    room.put(A, wide, moved(wide, 33))
    assert overlap(wide.box, moved(wide, 33).box) > 0.5
    room.writer.correct(A, 2, None)
    assert of(room, A) == [("sad", 0.7)]
    room.put(A, moved(wide, 2), moved(wide, 34))
    with Index(room.path) as index:
        assert [one.box[0] for one in index.photo(A).faces] == [2.0]
    room.writer.uncorrect(A)
    assert of(room, A) == [("sad", 0.7)] * 2


def test_undoing_does_not_restore_a_face_that_the_last_scan_did_not_find(room: Any, face: Callable) -> None:
    room.put(A, face(200, happy=0.9), moved(face(sad=0.7), 500))
    room.writer.correct(A, 2, "fear")
    room.put(A, face(200, happy=0.9))
    with Index(room.path) as index:
        assert index.corrections() == []
    assert room.writer.uncorrect(A) == 1
    assert of(room, A) == [("happy", 0.9)]


def test_undoing_restores_no_faces_of_a_photo_that_cannot_be_read_any_more(room: Any, face: Callable) -> None:
    room.put(A, face(happy=0.9))
    room.writer.correct(A, 1, "fear")
    room.put(A, error="too large (200 megapixels)")
    room.writer.uncorrect(A)
    assert of(room, A) == [] and room.top("happy") == []


def test_a_rescan_keeps_the_time_of_a_correction(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7))
    room.writer.correct(A, 1, "happy")
    room.change("UPDATE corrections SET corrected_at = '2020-01-01'")
    room.put(A, face(sad=0.6))
    assert room.sql("SELECT corrected_at FROM corrections") == [("2020-01-01",)]


def test_a_copy_has_the_corrections_that_hold_when_it_is_written(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7), digest="d")
    room.writer.correct(A, 1, "happy")
    known = replace(room.writer.known_files.result("d"), is_gone=False)
    room.writer.uncorrect(A)  # by somebody else, while the scan held the copy back
    room.writer.reuse([(PhotoFile(B, 1, 1), None, known)])
    assert of(room, B) == [("sad", 0.7)]


def test_present_and_later_copies_share_a_correction(room: Any, face: Callable) -> None:
    for path in (A, B):
        room.put(path, face(sad=0.7), digest="d")
    room.writer.correct(A, 1, "happy")
    later = PhotoFile("/photos/c.jpg", 1, 1)
    room.writer.reuse([(later, None, replace(room.writer.known_files.result("d"), is_gone=False))])
    for path in (A, B, later.path):
        assert of(room, path) == [("happy", 1.0)]
    room.writer.uncorrect(B)
    for path in (A, B, later.path):
        assert of(room, path) == [("sad", 0.7)]


def test_a_correction_does_not_apply_to_other_content_with_the_same_name(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7))
    room.writer.correct(A, 1, "happy")
    room.put(A, face(sad=0.7), digest="another", phash="0f1e2d3c4b5a6978")
    assert of(room, A) == [("sad", 0.7)]


def test_a_second_correction_replaces_the_first(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7))
    room.writer.correct(A, 1, "happy")
    assert room.writer.correct(A, 1, "fear")[1].emotion == "sad"
    assert of(room, A) == [("fear", 1.0)]
    assert room.sql("SELECT emotion FROM corrections") == [("fear",)]


def test_undoing_restores_faces_in_their_order(room: Any, face: Callable) -> None:
    room.put(A, face(200, happy=0.9), moved(face(100, sad=0.7), 500))
    room.writer.correct(A, 1, None)
    assert room.writer.uncorrect(A) == 1
    assert of(room, A) == [("happy", 0.9), ("sad", 0.7)]
    assert room.writer.uncorrect(A) == 0


@pytest.mark.parametrize(("path", "number", "words"), [(A, 2, "no face 2"), (A, 0, "no face 0"), (B, 1, "scan it")])
def test_correcting_a_face_that_does_not_exist_is_an_error(
    room: Any, face: Callable, path: str, number: int, words: str
) -> None:
    room.put(A, face(sad=0.7))
    with pytest.raises(AlbumsortError, match=words):
        room.writer.correct(path, number, "happy")


def test_corrected_and_remembered_faces_are_told_apart(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7), digest="d")
    room.put("/photos/copy.jpg", face(sad=0.7), digest="d")
    room.put(B, face(happy=0.9), moved(face(fear=0.6), 500))
    room.writer.correct(A, 1, "happy")
    with Index(room.path) as index:
        (known,) = index.corrections()
        assert (known.path, known.emotion, known.box) == (A, "happy", face().box)
        assert {one.path for one in index.remembered(10)} == {B}
        assert sorted(max(one.probabilities) for one in index.remembered(10)) == [0.6, 0.9]
        assert index.remembered(1) == index.remembered(1) != []


def test_overlap_of_boxes() -> None:
    assert overlap(Box(0, 0, 10, 10), Box(0, 0, 10, 10)) == 1
    assert overlap(Box(0, 0, 10, 10), Box(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap(Box(0, 0, 10, 10), Box(10, 0, 10, 10)) == overlap(Box(0, 0, 0, 0), Box(0, 0, 0, 0)) == 0
