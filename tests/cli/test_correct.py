"""albumsort correct."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from albumsort.cli.correct import correct
from albumsort.errors import AlbumsortError
from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile


def test_a_raw_file_beside_its_jpeg_can_be_corrected_until_the_jpeg_changes(album, index_of, tmp_path):
    jpeg, raw = tmp_path / "IMG_1.JPG", tmp_path / "IMG_1.NEF"
    shutil.copy(album / "dim.jpg", jpeg)
    raw.write_bytes(b"what a sensor saw")
    index = index_of({jpeg: [("happy", 0.9)]})
    with IndexWriter(index) as writer:
        writer.pair(1, [(PhotoFile(str(raw), 17, 1), str(jpeg))])
    correct(raw, "sad", db=index)
    with Index(index) as opened:
        assert [row.photo.path for row in opened.top("sad")] == [str(jpeg)]
    jpeg.write_bytes(b"another")
    with pytest.raises(AlbumsortError, match="has changed since"):
        correct(raw, "fear", db=index)


@pytest.fixture
def two_photos(index_of, tmp_path):
    (tmp_path / "one.jpg").write_bytes(b"one")
    (tmp_path / "two.jpg").write_bytes(b"two")
    return index_of({tmp_path / "one.jpg": [("sad", 0.9)], tmp_path / "two.jpg": [("happy", 0.9), ("fear", 0.8)]})


def test_it_says_what_was_and_lists_respect_it(run, two_photos):
    done = run("correct", "one.jpg", "happy", "--db", two_photos)
    assert done.returncode == 0 and "face 1: happy (the model said sad 90%)" in done.stdout
    assert run("top", "sad", "--db", two_photos, "--format", "paths").stdout == ""
    assert json.loads(run("top", "happy", "--db", two_photos, "--format", "json").stdout)[0]["score"] == 1.0
    assert "1 correction undone" in run("correct", "one.jpg", "--undo", "--db", two_photos).stdout


def test_lists_show_which_faces_were_corrected(call, two_photos):
    def faces(*words: str) -> list[bool]:
        return [face["corrected"] for row in json.loads(call(*words, "--json", "--db", two_photos).stdout)
                for face in row["faces"]]  # fmt: skip

    assert faces("list") == [False, False, False]
    call("correct", "one.jpg", "happy", "--db", two_photos)
    assert faces("list") == [True, False, False]
    assert faces("top", "happy") == [True, False, False]
    table = call("top", "happy", "--db", two_photos).stdout.splitlines()
    assert [line.endswith("one.jpg  (1 face corrected)") for line in table] == [True, False]


def test_faces_behind_one_that_is_none_are_numbered_anew_and_it_says_so(run, two_photos):
    done = run("correct", "two.jpg", "--not-a-face", "--face", 1, "--db", two_photos)
    assert done.returncode == 0 and "face 2 is now face 1" in done.stderr


def test_of_two_faces_one_must_be_named(run, two_photos):
    done = run("correct", "two.jpg", "--not-a-face", "--db", two_photos)
    assert done.returncode == 1
    assert "two.jpg: which face? Add one of --face 1 (happy 90%), --face 2 (fear 80%). " in done.stderr
    last = run("correct", "two.jpg", "--not-a-face", "--face", 2, "--db", two_photos)
    assert last.returncode == 0 and not last.stderr
    assert run("top", "fear", "--db", two_photos, "--format", "paths").stdout == ""
    run("correct", "two.jpg", "sad", "--db", two_photos)  # one is left
    assert "2 corrections undone" in run("correct", "two.jpg", "--undo", "--db", two_photos).stdout
    assert "two.jpg" in run("top", "fear", "--db", two_photos, "--format", "paths").stdout


def test_an_emotion_has_the_names_that_people_use(run, two_photos):
    assert "face 1: fear (the model said sad 90%)" in run("correct", "one.jpg", "Scared", "--db", two_photos).stdout
    assert "one.jpg" in run("top", "fear", "--db", two_photos, "--format", "paths").stdout


@pytest.mark.parametrize(
    "words", [[], ["bliss"], ["happy, sad"], ["happy", "--not-a-face"], ["--undo", "happy"], ["happy", "--face", "0"]]
)
def test_wrong_usage_exits_2(run, two_photos, words):
    assert run("correct", "one.jpg", *words, "--db", two_photos).returncode == 2


def test_a_photo_that_changed_or_is_unknown_is_refused(run, two_photos, tmp_path):
    (tmp_path / "one.jpg").write_bytes(b"another")
    done = run("correct", "one.jpg", "happy", "--db", two_photos)
    assert done.returncode == 1 and "changed since" in done.stderr
    done = run("correct", "three.jpg", "happy", "--db", two_photos)
    assert done.returncode == 1 and "scan it first" in done.stderr


def test_corrections_are_listed_and_undone_one_by_one(run, two_photos, tmp_path):
    two = tmp_path / "two.jpg"
    with closing(sqlite3.connect(two_photos)) as connection, connection:
        connection.execute("UPDATE faces SET x = x + 300 WHERE emotion = 'fear'")  # the two are not at one place
    assert run("list", "--corrected", "--db", two_photos).stderr == "no photo matches\n"
    run("correct", "two.jpg", "sad", "--face", 1, "--db", two_photos)
    run("correct", "two.jpg", "--not-a-face", "--face", 2, "--db", two_photos)
    first = f"{two}, face 1: sad (the model said happy 90%)\n"
    second = f"{two}, face 2: not a face (the model said fear 80%)\n"
    assert run("list", "--corrected", "--db", two_photos).stdout == first + second
    assert run("list", "--corrected", "--format", "paths", "--db", two_photos).stdout == f"{two}\n"
    done = run("correct", "two.jpg", "--undo", "--face", 3, "--db", two_photos)
    assert done.returncode == 1 and "no correction of a face 3; it has corrections of face 1, 2" in done.stderr
    assert "1 correction undone" in run("correct", "two.jpg", "--undo", "--face", 2, "--db", two_photos).stdout
    assert run("list", "--corrected", "--db", two_photos).stdout == first
    assert "1 correction undone" in run("correct", "two.jpg", "--undo", "--db", two_photos).stdout
    assert run("list", "--corrected", "--db", two_photos).stdout == ""
