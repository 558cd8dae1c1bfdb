"""Lists and faces as text."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.index.reader import RankedPhoto
from albumsort.records import Box, Face, Photo, PhotoResult
from albumsort.report.as_json import face_as_dict, result_as_dict
from albumsort.report.tables import describe, write_ranking


def photo(path: str, **facts: object) -> Photo:
    return Photo(path, 1, 1, **facts)


def test_a_face_has_an_emotion_from_the_threshold_on(face_of):
    face = face_of("sad", 0.6)
    assert face_as_dict(face, 0.6)["emotion"] == "sad"
    assert face_as_dict(face, 0.601)["emotion"] is None
    assert face_as_dict(face, 0.601)["confidence"] == 0.6


def test_a_face_keeps_its_probabilities_in_order_and_to_four_decimals(face_of):
    values = (0.11111, 0.22222, 0.05, 0.3, 0.1, 0.1, 0.11667)
    shown = face_as_dict(Face(Box(1.234, 2, 3, 4), 0.98765, (), 1.0, values), 0.5)
    assert list(shown["probabilities"]) == list(EMOTIONS)
    assert tuple(shown["probabilities"].values()) == pytest.approx(values, abs=1e-5)
    assert shown["box"] == [1.23, 2, 3, 4]


def test_emotions_that_a_model_does_not_know_are_null():
    face = Face(Box(0, 0, 10, 10), 0.9, (), 1.0, (0.2, None, None, 0.5, 0.2, None, 0.1))
    shown = face_as_dict(face, 0.5)
    assert (shown["emotion"], shown["probabilities"]["disgust"]) == ("happy", None)


def test_a_photo_with_an_error_has_no_faces():
    assert result_as_dict(PhotoResult(photo("/a.jpg", error="truncated")), 0.5) == {
        "path": "/a.jpg",
        "faces": [],
        "error": "truncated",
    }


def test_csv_keeps_commas_and_quotes_but_escapes_control_characters(face_of):
    path = '/one, "two"\nthree\x1b[31m\u202e\u2028.jpg'
    ranking = [
        RankedPhoto(
            photo(path, width=400, height=300, camera="A, B", utc_offset="+02:00"), (face_of("happy", 0.5),), 0.5
        )
    ]
    (record,) = csv.DictReader(io.StringIO("".join(write_ranking(ranking, 0.5, "csv"))))
    assert record == {
        "rank": "1",
        "path": '/one, "two"\\nthree\\x1b[31m\\u202e\\u2028.jpg',
        "score": "0.500000",
        "taken_at": "",
        "faces": "1",
        "camera": "A, B",
        "width": "400",
        "height": "300",
        "utc_offset": "+02:00",
    }


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_json_has_what_csv_has(form):
    facts = {"taken_at": "2024-05-17T12:00:00", "utc_offset": "+02:00", "camera": "A, B", "width": 400, "height": 300}
    (shown,) = [json.loads("".join(write_ranking([RankedPhoto(photo("/a.jpg", **facts))], 0.5, form)))]
    shown = shown[0] if form == "json" else shown
    assert {name: shown[name] for name in facts} == facts


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (1.0, "1.000"),
        (0.999999, "0.999999"),
        (0.9996, "0.9996"),
        (0.9994, "0.999"),
        (0.5, "0.500"),
        (0.00038, "0.00038"),
        (0.000001, "0.000001"),
        (0.0, "0.000"),
    ],
)
def test_a_score_is_never_printed_as_one_or_nothing_that_is_neither(score, text):
    (line,) = write_ranking([RankedPhoto(photo("/a.jpg"), score=score)], 0.5, "table")
    assert line.split()[1] == text


def test_a_table_without_scores_has_no_column_for_them():
    header, line = "".join(write_ranking([RankedPhoto(photo("/a.jpg"))], 0.5, "table", header=True)).splitlines()
    assert header.split() == ["rank", "taken", "on", "faces", "photo"]
    assert (header.index("faces"), header.index("photo")) == (line.index("0 faces"), line.index("/a.jpg")) == (18, 33)


def test_an_empty_table_is_empty():
    assert not list(write_ranking([], 0.5, "table")) and not list(write_ranking([], 0.5, "paths"))


@pytest.mark.parametrize("form", ["table", "paths", "paths0", "csv", "ndjson"])
def test_a_list_is_written_before_all_of_it_is_read(form):
    def rows():
        yield RankedPhoto(photo("/a.jpg"))
        raise AssertionError("read ahead")

    lines = 2 if form == "csv" else 1
    assert "/a.jpg" in "".join(islice(write_ranking(rows(), 0.5, form), lines))


def test_a_description_has_emotion_probability_and_place_of_each_face(face_of):
    result = PhotoResult(photo("/a\n.jpg"), (face_of("happy", 0.9, (10.4, 20, 30, 40)), face_of("sad", 0.3)))
    head, certain, uncertain = describe(result, 0.5).splitlines()
    assert head == "/a\\n.jpg: 2 faces"
    assert certain.split() == ["happy", "90%", "at", "10,20", "30", "x", "40"]
    assert "uncertain" in uncertain and "sad" in uncertain
