"""Ranks of the last list name photos: albumsort show 3, albumsort correct 3 sad."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from platformdirs import user_data_path


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch) -> Path:
    """The file with the last lists, which is not there at first."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_data_path("albumsort", appauthor=False) / "last-lists.json"


@pytest.fixture
def index(index_of, album, tmp_path):
    (tmp_path / "photos").mkdir()
    found = {}
    for name, score in (("a.jpg", 0.7), ("b.jpg", 0.9), ("c.jpg", 0.8)):
        path = tmp_path / "photos" / name
        path.write_bytes((album / "dim.jpg").read_bytes() + name.encode())
        found[path] = [("happy", score)]
    return index_of(found)


def corrected(done) -> str:
    """The name of the photo that a correction names."""
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.partition(",")[0]).name


def test_a_rank_of_the_last_list_is_its_photo(call, index, tmp_path):
    call("top", "happy", "--db", index)
    assert corrected(call("correct", "2", "sad", "--db", index)) == "c.jpg"
    assert call("show", "3", "--db", index).stdout == f"a-faces.png: 1 face of {tmp_path / 'photos' / 'a.jpg'}\n"
    assert (tmp_path / "a-faces.png").exists()
    call("list", "--db", index)
    assert corrected(call("correct", "2", "sad", "--db", index)) == "b.jpg"


@pytest.mark.parametrize(
    "words", ["list --json", "top happy --format paths", "list --format csv", "top disgust --json"]
)
def test_only_tables_with_photos_have_ranks(call, index, words):
    call("top", "happy", "--db", index)
    call(*words.split(), "--db", index)
    assert corrected(call("correct", "1", "sad", "--db", index)) == "b.jpg"


@pytest.mark.parametrize("words", ["top disgust", "list --since 2030", "bursts"])
def test_after_an_empty_list_no_rank_names_a_photo(call, index, words):
    call("top", "happy", "--db", index)
    assert call(*words.split(), "--db", index).stdout == ""
    for command in (("show", "3"), ("correct", "1", "sad")):
        done = call(*command, "--db", index)
        assert (done.returncode, done.stdout) == (1, "")
        assert "no such file, and the last list was empty; print one with: albumsort top happy" in done.stderr
    call("top", "happy", "--db", index)
    assert corrected(call("correct", "1", "sad", "--db", index)) == "b.jpg"


def test_each_index_has_a_last_list_of_its_own(call, index, index_of, album):
    other = index_of({album / "dim.jpg": [("sad", 0.9)]}, "other.db")
    call("top", "happy", "--db", index)
    call("top", "sad", "--db", other)
    assert corrected(call("correct", "1", "neutral", "--db", index)) == "b.jpg"
    assert corrected(call("correct", "1", "neutral", "--db", other)) == "dim.jpg"


def test_a_file_of_that_name_comes_first(call, index, tmp_path):
    call("top", "happy", "--db", index)
    (tmp_path / "1").write_text("no photo")
    done = call("correct", "1", "sad", "--db", index)
    assert done.returncode == 1
    assert done.stderr == f"albumsort: {tmp_path}/1: not in the index; scan it first\n"


@pytest.mark.parametrize("rank", ["0", "4", "999999999"])
def test_a_rank_that_the_list_does_not_have_is_an_error_of_one_line(call, index, rank):
    call("top", "happy", "--db", index)
    for words in (("show", rank), ("correct", rank, "sad")):
        done = call(*words, "--db", index)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"albumsort: {rank}: no such file, and the last list has the ranks 1 to 3\n"


def test_without_a_list_a_rank_says_how_to_get_one(call, index):
    done = call("show", "3", "--db", index)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no list was printed from" in done.stderr and "albumsort top happy" in done.stderr


def test_the_number_of_a_burst_is_its_best_frame(call, place):
    assert call("bursts", "--emotion", "surprise", "--db", "index.db").stdout.count("frames") == 1
    assert corrected(call("correct", "1", "sad", "--db", "index.db")) == "d.jpg"


def test_a_photo_that_was_forgotten_is_in_no_list_and_the_others_keep_their_ranks(call, index, kept, tmp_path):
    call("top", "happy", "--db", index)
    assert call("forget", "photos/b.jpg", "--db", index).returncode == 0
    assert b"b.jpg" not in kept.read_bytes()
    assert "was forgotten" in call("show", "1", "--db", index).stderr
    assert corrected(call("correct", "2", "sad", "--db", index)) == "c.jpg"
    assert call("forget", "photos", "--db", index).returncode == 0
    assert os.fsencode(tmp_path / "photos") not in kept.read_bytes()


def test_a_photo_that_is_only_in_the_list_is_forgotten_there(call, index, kept, tmp_path):
    call("top", "happy", "--db", index)
    (tmp_path / "photos" / "b.jpg").unlink()
    assert call("prune", "--db", index).stdout == "1 photo dropped, 2 kept\n"
    call("forget", "photos/b.jpg", "--db", index)
    assert b"b.jpg" not in kept.read_bytes()


def test_only_the_user_can_read_the_list(call, index, kept):
    call("top", "happy", "--db", index)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_list_is_printed_though_it_cannot_be_kept(call, index, kept):
    kept.parent.parent.mkdir(parents=True, exist_ok=True)
    kept.parent.write_text("in the way")
    done = call("top", "happy", "--db", index)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 3


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"x": [1]}', b"\xff"])
def test_a_damaged_file_is_written_anew(call, index, kept, damage):
    kept.parent.mkdir(parents=True)
    kept.write_bytes(damage)
    assert call("show", "1", "--db", index).returncode == 1
    call("top", "happy", "--db", index)
    assert corrected(call("correct", "1", "sad", "--db", index)) == "b.jpg"


def test_an_index_that_can_only_be_read_has_ranks(call, index, tmp_path, unprivileged, public_folder, monkeypatch):
    folder = public_folder / "disk"
    folder.mkdir()
    (folder / "index.db").write_bytes(index.read_bytes())
    os.chmod(folder / "index.db", 0o444)
    os.chmod(folder, 0o555)
    (public_folder / "home").mkdir()
    os.chmod(public_folder / "home", 0o777)
    monkeypatch.setenv("XDG_DATA_HOME", str(public_folder / "home"))
    with unprivileged():
        listed = call("top", "happy", "--db", folder / "index.db", cwd=public_folder)
        assert listed.returncode == 0, listed.stderr
        done = call("show", "9", "--db", folder / "index.db", cwd=public_folder)
    assert "ranks 1 to 3" in done.stderr
    os.chmod(folder, 0o755)


def test_names_that_are_no_utf8_are_kept(call, index_of, album, tmp_path, kept):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    Path(name).write_bytes((album / "dim.jpg").read_bytes())
    index = index_of({name: [("happy", 0.9)]})
    call("top", "happy", "--db", index)
    assert json.loads(kept.read_bytes())[str(index)] == [name]
    assert corrected(call("correct", "1", "sad", "--db", index)) == r"caf\udce9.jpg"


@pytest.mark.slow
def test_model_look_takes_ranks_of_the_index_of_the_environment(call, index):
    call("top", "happy", "--db", index)
    done = call("model", "look", "9", env={**os.environ, "ALBUMSORT_DB": str(index)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "albumsort: 9: no such file, and the last list has the ranks 1 to 3\n"


def test_a_name_alone_is_the_one_photo_of_that_name(call, index, tmp_path):
    assert corrected(call("correct", "c.jpg", "sad", "--db", index)) == "c.jpg"
    done = call("show", "a.jpg", "--db", index)
    assert done.stdout == f"a-faces.png: 1 face of {tmp_path / 'photos' / 'a.jpg'}\n"
    (tmp_path / "a.jpg").write_text("no photo")  # a file in this folder comes first
    assert "not an image" in call("show", "a.jpg", "--db", index).stderr
    assert "no such file" in call("show", "photo.jpg", "--db", index).stderr
    assert "not in the index" in call("correct", "hotos/c.jpg", "sad", "--db", index).stderr


def test_a_name_of_several_photos_says_where_they_are(call, index_of, album, tmp_path):
    paths = [tmp_path / folder / "IMG_1%_x.jpg" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes((album / "dim.jpg").read_bytes() + bytes(path))
    index = index_of({path: [("happy", 0.9)] for path in paths})
    for words in (("show", paths[0].name), ("correct", paths[0].name, "sad")):
        done = call(*words, "--db", index)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"no such file here; name one of {paths[0]}, {paths[1]}\n" in done.stderr


def test_a_photo_of_the_list_that_was_moved_is_found_by_a_scan(call, index, tmp_path):
    call("top", "happy", "--db", index)
    (tmp_path / "photos" / "b.jpg").rename(tmp_path / "other.jpg")
    drawn = call("show", "1", "--db", index)
    assert "b.jpg: no such file; plug in the disk that holds it, or scan the folder again" in drawn.stderr
    done = call("export", "happy", tmp_path / "out", "--db", index)
    assert done.stdout.count("missing: ") == 1
    assert "; for the missing ones, plug in the disk that holds them, or scan the folder" in done.stdout
