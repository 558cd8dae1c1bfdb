"""A query is checked when it is created, and can be created from the parameters of a URL."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

from albumsort.cli import app
from albumsort.index import Filters, Index, Query
from albumsort.index.explain import NOTHING_PASSES, why_empty


def test_each_emotion_counts_once_in_the_order_in_which_they_are_named() -> None:
    assert Query(("sad", "happy", "sad")).emotions == ("sad", "happy")
    assert Query("happy").emotions == ("happy",)
    assert Query(("smiling", "happy, Scared")).emotions == ("happy", "fear")
    assert Query("anger", scheme="six", filters=Filters(without=("joy",))).filters.without == ("happy",)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"emotions": ("bliss",)}, "'bliss' is not one of angry, disgust, fear"),
        ({"emotions": ("disgust",), "scheme": "six"}, "'disgust' is not one of angry, fear, happy"),
        ({"scheme": "nine"}, "scheme is 'nine'; it must be one of seven, six, four"),
        ({"scheme": ["six"]}, r"scheme is \['six'\]; it must be one of"),
        ({"n": "3"}, "n is '3'; it must be a whole number"),
        ({"n": 2.5}, "n is 2.5; it must be a whole number"),
        ({"n": True}, "n is True; it must be a whole number"),
        ({"threshold": "0.5"}, "the threshold is '0.5'; it must be a number"),
        ({"emotions": 5}, "5 is not one of angry, disgust"),
        ({"emotions": None}, "None is not one of angry, disgust"),
        ({"emotions": [3]}, "3 is not one of angry, disgust"),
        ({"everyone": "no"}, "everyone is 'no'; it must be True or False"),
        ({"closest": None}, "closest is None; it must be True or False"),
        ({"filters": {"since": "2024"}}, r"filters is \{'since': '2024'\}; it must be a Filters"),
        ({"filters": None}, "filters is None; it must be a Filters"),
        ({"filters": Filters(without=("fear",)), "scheme": "four"}, "'fear' is not one of angry, happy"),
        ({"n": 0}, "n is 0; it must be 1 or more"),
        ({"threshold": 1.01}, "the threshold is 1.01; it must be from 0 to 1"),
        ({"threshold": float("nan")}, "the threshold is nan"),
    ],
)
def test_values_that_are_not_allowed_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Query(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"since": "last year"}, "'last year' is not a date; write 2024, 2024-05, 2024-05-17 or 2024-"),
        ({"until": "2024-13"}, "'2024-13' is not a date"),
        ({"since": "2024-5"}, "'2024-5' is not a date"),
        ({"since": "2024-05-17T25:00"}, "'2024-05-17T25:00' is not a date"),
        ({"since": 2024}, "2024 is not a date"),
        ({"since": date(2024, 5, 17)}, r"datetime\.date\(2024, 5, 17\) is not a date"),
        ({"since": "2024", "until": "2023-05"}, "since 2024 is after until 2023-05"),
        ({"min_faces": 3, "max_faces": 2}, "min_faces 3 is more than max_faces 2"),
        ({"min_faces": "2"}, "min_faces is '2'; it must be a whole number"),
        ({"min_face": "2.5"}, "min_face is '2.5'; it must be a number"),
        ({"under": 5}, "under is 5; it must be the path of a file or folder"),
        ({"under": ("/photos", None)}, "under is None; it must be the path"),
        ({"under": ""}, "under is ''; it must be the path"),
        ({"camera": 5}, "camera is 5; it must be a part of its name"),
        ({"undated": "no"}, "undated is 'no'; it must be True or False"),
        ({"without": 5}, "5 is not one of angry"),
        ({"min_faces": -1}, "min_faces is -1; it must be 0 or more"),
        ({"max_faces": -1}, "max_faces is -1"),
        ({"min_face": 101}, "min_face is 101; it must be from 0 to 100"),
        ({"min_detection": 1.5}, "min_detection is 1.5; it must be from 0 to 1"),
    ],
)
def test_filters_with_values_that_are_not_allowed_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Filters(**fields)


def test_numbers_of_numpy_are_numbers() -> None:
    query = Query("happy", np.int64(3), np.float32(0.5), np.True_)  # type: ignore[arg-type]
    assert query == Query("happy", 3, 0.5, True)


def test_as_many_photos_as_one_likes_are_all(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    for n in (10**30, None):
        with Index(room.path) as index:
            assert len(list(index.photos(Query(n=n)))) == 1
    assert Query.from_params({"n": "9" * 30}) == Query(n=10**30)


@pytest.mark.parametrize(
    "name", ["emotion", "not", "n", "threshold", "scheme", "since", "month", "year", "camera", "x"]
)
def test_the_message_about_a_very_long_value_is_short(name: str) -> None:
    with pytest.raises(ValueError) as refused:
        Query.from_params({name: "x" * 100_000})
    with pytest.raises(ValueError) as unknown:
        Query.from_params({"x" * 100_000: name})
    assert len(str(refused.value)) < 300 and len(str(unknown.value)) < 300


def test_folders_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    expected = (str(tmp_path / "Party"), "/home/me/Photos")
    assert Filters(under=["Party/", Path("~/Photos")]).under == expected
    assert Query.from_params({"under": ["Party", "~/Photos"]}).filters.under == expected
    assert Filters(under=Path("/photos")).under == ("/photos",)
    assert Filters(under=[]).under is None


def test_parameters_can_express_every_field_of_a_query() -> None:
    params = {
        "emotion": "Joy, surprise",
        "n": "20",
        "threshold": "0.6",
        "everyone": "1",
        "closest": "1",
        "scheme": "six",
        "under": "/photos/2024",
        "since": "2024",
        "until": "2024-05-17",
        "undated": "yes",
        "camera": "Pixel",
        "min_faces": "2",
        "max_faces": "5",
        "not": "sad,scared",
        "min_face": "2.5",
        "min_detection": "0.9",
        "all": "true",
    }
    filters = Filters("/photos/2024", "2024", "2024-05-17", True, "Pixel", 2, 5, ("sad", "fear"), 2.5, 0.9, True)
    assert Query.from_params(params) == Query(("happy", "surprise"), 20, 0.6, True, "six", filters, True)
    assert Query.from_params({}) == Query()
    words = {"since": "last month", "until": "yesterday", "n": "all"}
    of_may = Query(filters=Filters(since="2024-05", until="2024-06-16"))
    assert Query.from_params(words, date(2024, 6, 17)) == of_may
    assert Query.from_params({"everyone": "0", "all": "off"}) == Query()


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"year": "2024"}, Query(filters=Filters(since="2024", until="2024"))),
        ({"year": "2024", "month": "5"}, Query(filters=Filters(since="2024-05", until="2024-05"))),
        ({"month": "last month"}, Query(filters=Filters(since="2024-05", until="2024-05"))),
        ({"emotions": "happy", "emotion": ["sad"]}, Query(("happy", "sad"))),
        ({"emotion": ["happy", "joy, sad"]}, Query(("happy", "sad"))),
        ({"not": ["fear", "anger"]}, Query(filters=Filters(without=("fear", "angry")))),
        ({"label-scheme": "six", "limit": "3"}, Query(n=3, scheme="six")),
        ({"min-faces": "2"}, Query(filters=Filters(min_faces=2))),
        ({"emotion": "", "n": "", "since": " ", "camera": "", "everyone": "", "year": None}, Query()),
        ({"n": 3, "threshold": 0.5, "everyone": True}, Query(n=3, threshold=0.5, everyone=True)),
        ({"n": ["3"]}, Query(n=3)),
    ],
    ids=str,
)  # fmt: skip
def test_parameters_are_named_as_the_options_of_the_command_line(params: dict[str, Any], query: Query) -> None:
    assert Query.from_params(params, date(2024, 6, 17)) == query


def test_each_option_of_a_list_is_a_parameter() -> None:
    options = {name for parameter in get_command(app).commands["top"].params for name in parameter.opts}
    not_of_queries = {"-n", "--db", "--format", "--json", "--copy-to", "--verbose", "-v", "--traceback", "emotion"}
    assert not_of_queries <= options | {"emotion"}
    for option in options - not_of_queries:
        with pytest.raises(ValueError) as refused:
            Query.from_params({option.removeprefix("--"): {}})
        assert "is not one of emotion" not in str(refused.value), option


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"mood": "happy"}, "'mood' is not one of emotion, not, under, n, threshold"),
        ({"year": "24"}, "'24' is not a year; write 2024"),
        ({"month": "2024-13"}, "'2024-13' is not a month; write 2024-05"),
        ({"year": "2024", "since": "2023"}, "year and month stand for since and until"),
        ({"since": "2024", "until": "2023"}, "since 2024 is after until 2023"),
        ({"n": ["3", "4"]}, "n is given more than once: '3', '4'"),
        ({"n": "3", "limit": "4"}, "n is given more than once"),
        ({"n": {}}, r"n is \{\}; it must be a text"),
        ({"emotion": [b"happy"]}, "emotion is b'happy'; it must be a text"),
        ({"n": "many"}, "n is 'many'; it must be a whole number"),
        ({"n": "0"}, "n is 0"),
        ({"threshold": "half"}, "threshold is 'half'; it must be a number"),
        ({"everyone": "perhaps"}, "everyone is 'perhaps'; it must be 1 or 0"),
        ({"since": "soon"}, "'soon' is not a date"),
        ({"not": "bliss"}, "'bliss' is not one of"),
    ],
)
def test_unknown_parameters_and_values_are_refused(params: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Query.from_params(params)


def test_a_query_without_threshold_takes_that_of_the_last_scan(room: Any) -> None:
    room.writer.start_scan({"paths": ["/photos"], "threshold": 0.7})
    with Index(room.path) as index:
        assert index.settled(Query("happy")) == Query("happy", threshold=0.7)
        assert index.settled(Query("happy", threshold=0.2)).certain == 0.2
        assert index.settled(None) == Query(threshold=0.7)
    with pytest.raises(ValueError, match=r"Index\.settled fills it in"):
        _ = Query("happy").certain


def test_a_search_needs_an_emotion_and_other_questions_take_none(room: Any) -> None:
    with Index(room.path) as index:
        with pytest.raises(ValueError, match="needs an emotion"):
            index.search(Query())
        for ask in (index.bursts, index.stats, index.timeline):
            with pytest.raises(ValueError, match="must have no emotions, but it has happy"):
                ask(Query("happy"))


def test_photos_may_be_those_that_surely_show_one_of_some_emotions(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(sad=0.8))
    room.put("/photos/b.jpg", face(happy=0.4))
    room.put("/photos/c.jpg", face(sad=0.9))
    room.put("/photos/d.jpg")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:

        def names(*args: Any, **options: Any) -> list[str]:
            return [row.photo.path[-5] for row in index.photos(Query(*args), **options)]

        assert names("joy") == ["a"]
        assert names("happy, sad") == ["a", "c"]
        assert names("sad", 1) == ["a"]
        assert names("happy", None, 0.3) == ["a", "b"]
        assert names("happy", no_faces=True) == []
        assert names() == ["a", "b", "c", "d"]


def test_n_limits_photos_and_bursts(room: Any, face: Callable) -> None:
    for number in range(4):
        taken_at = f"2024-05-17T1{number // 2}:00:0{number % 2}"
        room.put(f"/photos/{number}.jpg", face(happy=0.9), taken_at=taken_at)
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        assert [row.photo.path for row in index.photos(Query(n=3))] == [f"/photos/{k}.jpg" for k in range(3)]
        assert [len(list(index.bursts(Query(n=n)))) for n in (1, None)] == [1, 2]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (Query("sad", filters=Filters(camera="none")), NOTHING_PASSES),
        (Query("sad", filters=Filters(max_faces=0)), NOTHING_PASSES),
        (Query("sad"), "no face surely looks sad (--threshold 0.5); the closest: a.jpg (40%). sad"),
        (Query("sad", threshold=0.9), "no face surely looks sad (--threshold 0.9); the closest: a.jpg (40%). sad"),
        (Query("fear"), "no face surely shows fear (--threshold 0.5); the closest: a.jpg (under 1%). fear"),
        (
            Query(("angry", "disgust", "fear", "surprise")),
            "no face surely shows any of these emotions (--threshold 0.5); the closest: a.jpg (under 1%). "
            "angry disgust fear surprise",
        ),
        (Query("angry"), "no face surely looks angry, and none comes close"),
        (Query("angry", closest=True), "no face surely looks angry, and none comes close"),
        (Query("disgust"), "the model of the last scan does not know disgust; it tells apart sad, happy, fear, angry"),
    ],
)
def test_an_empty_list_is_explained(room: Any, face: Callable, query: Query, words: str) -> None:
    room.writer.name_model(room.scan, "a model", ["sad", "happy", "fear", "angry"])
    shares = (0.0, None, 0.0002, 0.2998, 0.4, None, 0.3)
    room.put("/photos/a.jpg", replace(face(), probabilities=shares))
    with Index(room.path) as index:
        assert index.search(query) == []
        assert re.sub("List more: albumsort top (.*) --closest$", r"\1", why_empty(index, query)) == words


def test_a_list_that_everyone_leaves_empty_is_explained(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=1.0), face(sad=1.0))
    with Index(room.path) as index:
        query = Query("happy", everyone=True)
        assert index.search(query) == []
        assert why_empty(index, query) == "no photo in which everyone surely looks happy; leave out --everyone"


def test_the_name_of_the_closest_photo_fits_on_the_line(room: Any, face: Callable) -> None:
    room.put("/photos/a\nb.jpg", face(happy=0.4))
    with Index(room.path) as index:
        assert "the closest: a\\nb.jpg (40%)" in why_empty(index, Query("happy"))
