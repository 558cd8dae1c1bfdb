"""albumsort list, and the options that lists share."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from albumsort.cli.export import export
from albumsort.cli.list import list_photos
from albumsort.cli.sheet import sheet
from albumsort.cli.stats import stats
from albumsort.cli.top import top
from albumsort.errors import AlbumsortError


@pytest.fixture
def index(index_of, tmp_path) -> Path:
    """One photo each: happy, disgusted, uncertain without a date, without faces."""
    made = index_of(
        {
            tmp_path / "a.jpg": [("happy", 0.9)],
            tmp_path / "b.jpg": [("disgust", 0.8)],
            tmp_path / "c.jpg": [("happy", 0.4)],
            tmp_path / "d.jpg": [],
        }
    )
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("UPDATE photos SET taken_at = NULL WHERE path LIKE '%c.jpg'")
        connection.commit()
    return made


@pytest.fixture
def names(index, capsys):
    """The names that a question prints: ``names(list_photos, no_faces=True)``."""

    def call(question, *args: object, **options: object) -> list[str]:
        question(*args, db=index, form="paths", **options)
        return [Path(line).stem for line in capsys.readouterr().out.splitlines()]

    return call


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "abcd"),
        ({"n": 2}, "ab"),
        ({"no_faces": True}, "d"),
        ({"uncertain": True}, "c"),
        ({"uncertain": True, "threshold": 0.85}, "bc"),
        ({"since": "2024"}, "abd"),
        ({"since": "2024", "undated": True}, "abcd"),
        ({"without": ["disgust"], "min_faces": 1}, "ac"),
        ({"without": ["angry"], "scheme": "six"}, "acd"),
    ],
)
def test_photos_that_match_are_listed_by_path(names, options, found):
    assert names(list_photos, **options) == list(found)


def test_a_list_of_photos_has_no_scores_and_its_faces_in_json(index, capsys):
    list_photos(db=index, n=1, form="json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (Path(row["path"]).stem, row["score"], row["others"]) == ("a", None, 0)
    assert row["faces"][0]["emotion"] == "happy"
    list_photos(db=index, camera="none")
    assert capsys.readouterr() == ("", "no photo matches\n")


def test_in_the_scheme_six_disgust_counts_as_angry(call, names, index):
    assert names(top, ["angry"], scheme="six") == ["b"]
    assert names(top, ["happy"], threshold=0.0, scheme="four") == ["a", "c"]
    done = call("top", "disgust", "--label-scheme", "six", "--db", index)
    assert done.returncode == 2 and "--label-scheme six" in done.stderr


def test_an_emotion_that_is_named_twice_counts_once(call, index, tmp_path):
    rows = json.loads(call("top", "happy", "happy", "--db", index, "--format", "json").stdout)
    assert [row["score"] for row in rows] == [0.9]
    done = call("export", tmp_path / "out", "--emotion", "happy", "--emotion", "happy", "--db", index, "--json")
    assert [item["emotion"] for item in json.loads(done.stdout)["files"]] == ["happy"]


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "2025", "--until", "2024-05"),
        ("--since", "2024-05-18", "--until", "2024-05-17"),
        ("--min-faces", "3", "--max-faces", "2"),
    ],
)
def test_filters_that_contradict_each_other_are_wrong_usage(call, index, options):
    done = call("list", "--db", index, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(option in done.stderr for option in options[::2])


def test_the_same_days_and_numbers_at_both_ends_are_none(names):
    assert names(list_photos, since="2024-05-17", until="2024", min_faces=1, max_faces=1) == ["a", "b"]


def test_filters_that_nothing_passes_are_to_blame(index, tmp_path, capsys):
    nothing = "no photo with a face passes these filters"
    for filters in ({"since": "2025"}, {"min_detection": 1.0}, {"max_faces": 0}):
        top(["happy"], db=index, **filters)
        assert capsys.readouterr().err.startswith(nothing)
        for question in (
            lambda **options: sheet(["happy"], output=tmp_path / "sheet.jpg", **options),
            lambda **options: stats(plot=tmp_path / "plot.png", **options),
        ):
            with pytest.raises(AlbumsortError, match=nothing):
                question(db=index, **filters)
        export(tmp_path / "out", db=index, **filters)
        assert nothing in capsys.readouterr().err
    top(["sad"], db=index, since="2024")
    assert capsys.readouterr().err == (
        "no face surely looks sad (--threshold 0.5); the closest: b.jpg (3%). List more: albumsort top sad --closest\n"
    )
    top(["happy"], db=index, since="2024", threshold=1)
    assert capsys.readouterr().err == (
        "no face surely looks happy (--threshold 1); the closest: a.jpg (90%). "
        "List more: albumsort top happy --closest\n"
    )
