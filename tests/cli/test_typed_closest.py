"""What people type when nobody shows an emotion for certain, and what they read: exit code and both streams."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from albumsort import Filters, Index, Query
from albumsort.index.writer import IndexWriter

PHOTOS = {
    "/album/party.jpg": [("surprise", 0.31), ("happy", 0.9)],
    "/album/walk.jpg": [("happy", 0.9996)],
    "/album/beach.jpg": [("happy", 0.9996), ("happy", 0.9)],
    "/album/pair.jpg": [("happy", 1.0), ("sad", 1.0)],
    "/album/zoo.jpg": [("neutral", 0.8)],
    "/album/tree.jpg": [],
}


@pytest.fixture
def index(index_of) -> Path:
    return index_of(PHOTOS)


#: What is typed, the exit code, what stands on standard output, and on standard error; "" is nothing.
TYPED = [
    (
        *("top surprise", 0, ""),
        "no face surely shows surprise (--threshold 0.5); the closest: party.jpg (31%). "
        "List more: albumsort top surprise --closest\n",
    ),
    (
        "top surprise --json",
        0,
        "[]\n",
        "List more: albumsort top surprise --json --closest",
    ),
    ("top surprise --threshold 0.9", 0, "", "no face surely shows surprise (--threshold 0.9); the closest: party.jpg"),
    ("top Disgusted", 0, "", "no face surely shows disgust (--threshold 0.5); the closest: "),
    ("top fear", 0, "", "no face surely shows fear (--threshold 0.5); the closest: "),
    ("top angry", 0, "", "no face surely looks angry (--threshold 0.5); the closest: "),
    ("top sad --threshold 1 --not sad", 0, "", "no face surely looks sad (--threshold 1); the closest: "),
    (
        "top neutral --threshold 0.9",
        0,
        "",
        "no face surely looks neutral (--threshold 0.9); the closest: zoo.jpg",
    ),
    ("top surprise fear", 0, "", "no face surely shows surprise or fear (--threshold 0.5); the closest: party.jpg"),
    ("top fear angry", 0, "", "no face surely looks angry or shows fear (--threshold 0.5); the closest: "),
    ("top angry fear disgust surprise", 0, "", "no face surely shows any of these emotions (--threshold 0.5); "),
    ("top surprise --everyone", 0, "", "no photo in which everyone surely shows surprise (--threshold 0.5); "),
    (
        "top surprise --everyone",
        0,
        "",
        "the closest: zoo.jpg (3%). List more: albumsort top surprise --everyone ",
    ),
    ("list surprise", 0, "", "the closest: party.jpg (31%). List more: albumsort top surprise --closest\n"),
    (
        "top surprise --since 2030",
        0,
        "",
        "no photo with a face passes these filters (since 2030); the photos are from ",
    ),
    ("top surprise --month 2030-5", 0, "", "no photo with a face passes these filters (since 2030-05 until 2030-05); "),
    ("top surprise --max-faces 1", 0, "", "the closest: zoo.jpg (3%)"),
    ("sheet surprise", 1, "", "the closest: party.jpg (31%). List more: albumsort sheet surprise --closest\n"),
    (
        *("export out --emotion surprise", 0, ""),
        "the closest: party.jpg (31%). List more: albumsort export out --emotion surprise --closest\n",
    ),
    ("top sad --everyone", 0, "", "the closest: zoo.jpg (3%). List more: albumsort top sad --everyone --closest\n"),
    ("top sad --everyone --min-faces 2 --max-faces 2", 0, "", "the closest: party.jpg (2%)"),
    ("top surprise --closest --format paths", 0, ["party", "zoo", "beach", "walk"], ""),
    ("top surprise --closest -n 1 --format paths", 0, ["party"], ""),
    ("top surprise --closest --threshold 0.9 --format paths -n 2", 0, ["party", "zoo"], ""),
    ("top surprise fear --closest -n 1 --format paths", 0, ["party"], ""),
    ("top surprise --closest --everyone -n 2 --format paths", 0, ["zoo", "party"], ""),
    ("top surprise --closest --not happy --format paths", 0, ["zoo"], ""),
    ("top disgust --closest --label-scheme six", 2, "", "disgust"),
    ("top angry --closest --label-scheme six -n 1 --format paths", 0, ["party"], ""),
    ("top sad --closest -n 1 --format paths", 0, ["pair"], ""),
    ("top", 2, "", "EMOTION"),
]


@pytest.mark.parametrize(("words", "code", "out", "err"), TYPED, ids=[words for words, *_ in TYPED])
def test_typed(call, index, words, code, out, err):
    done = call(*words.split(), env={**os.environ, "ALBUMSORT_DB": str(index)})
    assert done.returncode == code, done.stderr
    if isinstance(out, list):
        assert [Path(path).stem for path in done.stdout.splitlines()] == out
    else:
        assert out in done.stdout and bool(out) == bool(done.stdout)
    assert err in done.stderr and bool(err) == bool(done.stderr)


def test_a_table_says_how_many_faces_show_it_and_no_score_is_one_that_is_not(call, index):
    lines = call("top", "happy", "--db", index).stdout.splitlines()
    shown = [(Path(line.split()[-1]).stem, line.split()[1], line[28:41].rstrip()) for line in lines]
    assert shown == [
        ("pair", "1.000", "1 of 2 faces"),
        ("walk", "0.9996", "1 of 1 face"),
        ("beach", "0.9996", "2 of 2 faces"),
        ("party", "0.900", "1 of 2 faces"),
    ]


def test_faces_that_do_not_show_it_for_certain_are_zero_of_the_faces(call, index):
    (line,) = call("top", "surprise", "--closest", "-n", "1", "--db", index).stdout.splitlines()
    assert line == "   1  0.310     2024-05-17  0 of 2 faces   /album/party.jpg"


def test_json_of_the_closest_photos_keeps_its_shape_and_its_order(call, index):
    rows = json.loads(call("top", "surprise", "--closest", "--json", "--db", index).stdout)
    assert list(rows[0])[:5] == ["path", "score", "taken_at", "others", "faces"]
    assert rows[0]["score"] == max(face["probabilities"]["surprise"] for face in rows[0]["faces"]) == 0.31
    assert rows[0]["faces"][0]["emotion"] is None
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


def test_everyone_lists_no_photo_whose_score_is_nothing(call, index):
    done = call("top", "happy", "--everyone", "--format", "paths", "--db", index)
    assert [Path(path).stem for path in done.stdout.splitlines()] == ["walk", "beach", "party"]


def test_a_correction_counts_as_one_or_as_nothing(call, index):
    with IndexWriter(index) as writer:
        writer.correct("/album/party.jpg", 1, "neutral")
        writer.correct("/album/zoo.jpg", 1, "fear")
    rows = json.loads(call("top", "surprise", "--closest", "--json", "--db", index).stdout)
    assert "/album/zoo.jpg" not in [row["path"] for row in rows]
    best = json.loads(call("top", "fear", "--closest", "--json", "--db", index).stdout)[0]
    assert (best["path"], best["score"]) == ("/album/zoo.jpg", 1.0)


def test_of_a_burst_and_of_copies_the_closest_list_has_one(outcome):
    done = outcome("top fear --closest --format paths", "albumsort.index.reader.Index.search", {})
    names = [Path(path).stem for path in done.stdout.splitlines()]
    assert sorted(names) in (["a", "b", "c", "d"], ["a", "b", "c", "e"])
    done = outcome("top fear --closest --all --format paths", "albumsort.index.reader.Index.search", {})
    assert len(done.stdout.splitlines()) == 6  # with the other frame, and the RAW file


def test_an_export_of_the_closest_has_twenty_of_each_emotion_unless_told(call, index_of, album, tmp_path):
    photos = {}
    for number in range(22):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes((album / "dim.jpg").read_bytes() + bytes([number]))
        photos[path] = [("happy", 0.9)]
    index = index_of(photos)
    assert call("export", "some", "--emotion", "fear", "--closest", "--db", index).returncode == 0
    assert len(list((tmp_path / "some" / "fear").iterdir())) == 20
    assert call("export", "more", "--emotion", "fear", "--closest", "-n", "21", "--db", index).returncode == 0
    assert len(list((tmp_path / "more" / "fear").iterdir())) == 21


def test_a_sheet_of_the_closest_says_so(call, scanned, tmp_path):
    done = call("sheet", "fear", "--closest", "-o", "closest.html", "--db", scanned)
    assert done.returncode == 0, done.stderr
    assert "fear, closest</h1>" in (tmp_path / "closest.html").read_text(encoding="utf-8")


def test_python_and_an_address_ask_for_the_closest_too(index):
    with Index(index) as opened:
        short = opened.top("surprise", n=2, closest=True)
        assert opened.search(Query("surprise", n=2, closest=True)) == short
        assert opened.search(Query.from_params({"emotion": "surprise", "n": "2", "closest": "1"})) == short
        assert [(row.photo.path, row.showing) for row in short] == [("/album/party.jpg", 0), ("/album/zoo.jpg", 0)]
        assert opened.top("surprise", closest=True, filters=Filters(min_faces=3)) == []
