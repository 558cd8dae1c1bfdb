"""albumsort forget, as a user calls it."""

from __future__ import annotations

import os

import pytest

from albumsort.index import Index


@pytest.fixture
def index(index_of, tmp_path):
    """An index of photos in the folder where the commands run, and of one elsewhere."""
    for name in ("a.jpg", "trip/b.jpg", "trip/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    names = ("a.jpg", "trip/b.jpg", "trip/c.jpg", "gone.jpg")
    photos = {tmp_path / name: [("happy", 0.9)] for name in names}
    return index_of({**photos, "/elsewhere/d.jpg": [("happy", 0.9)]})


@pytest.fixture
def left(index, tmp_path):
    """The photos that are in the index now, by their names from the folder where the commands run."""

    def names():
        with Index(index) as opened:
            return [os.path.relpath(row.photo.path, tmp_path) for row in opened.photos() if "/e" not in row.photo.path]

    return names


ALL = ["a.jpg", "gone.jpg", "trip/b.jpg", "trip/c.jpg"]


@pytest.mark.parametrize("path", ["", " ", "\t"])
def test_an_empty_path_forgets_nothing_and_is_wrong_usage(call, index, left, path):
    before = index.read_bytes()
    done = call("forget", path, "--db", index)
    assert (done.returncode, done.stdout) == (2, "")
    assert "empty" in done.stderr
    assert left() == ALL
    assert index.read_bytes() == before


def test_the_home_folder_is_known_by_its_short_name(call, index, left, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert call("forget", "~/trip", "--db", index).stdout == "2 files forgotten\n"
    assert left() == ["a.jpg", "gone.jpg"]


def test_the_folder_in_which_one_stands_is_forgotten_when_it_is_named(call, index, left):
    assert call("forget", ".", "--db", index).stdout == "4 files forgotten\n"
    assert left() == []
    with Index(index) as opened:
        assert [row.photo.path for row in opened.photos()] == ["/elsewhere/d.jpg"]


@pytest.mark.parametrize(
    ("path", "printed", "kept"),
    [
        ("trip", "2 files forgotten\n", ["a.jpg", "gone.jpg"]),
        ("trip/", "2 files forgotten\n", ["a.jpg", "gone.jpg"]),
        ("./trip/../trip", "2 files forgotten\n", ["a.jpg", "gone.jpg"]),
        ("trip/b.jpg", "1 file forgotten\n", ["a.jpg", "gone.jpg", "trip/c.jpg"]),
        ("gone.jpg", "1 file forgotten\n", ["a.jpg", "trip/b.jpg", "trip/c.jpg"]),
    ],
)
def test_a_folder_or_a_photo_is_forgotten_and_the_files_stay(call, index, left, tmp_path, path, printed, kept):
    done = call("forget", path, "--db", index)
    assert (done.returncode, done.stdout) == (0, printed)
    name = os.path.basename(os.path.normpath(path))
    again = f"a scan of {tmp_path} reads them again, unless you add --exclude {name}\n"
    assert done.stderr == ("" if path == "gone.jpg" else again)  # a scan cannot bring back what is gone
    assert left() == kept
    assert (tmp_path / "a.jpg").exists() and (tmp_path / "trip" / "b.jpg").exists()


def test_a_folder_is_forgotten_by_a_link_to_it_too(call, index, left, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "trip")
    assert call("forget", "link", "--db", index).stdout == "2 files forgotten\n"
    assert left() == ["a.jpg", "gone.jpg"]


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize("path", ["tri", "trip/d.jpg", "a.jpg/b", "/nowhere"])
def test_what_the_index_does_not_know_is_an_error_and_forgets_nothing(call, index, left, path, options):
    done = call("forget", path, "--db", index, *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert path in done.stderr and done.stderr.count("\n") == 1
    assert left() == ALL


def test_what_would_be_forgotten_is_counted_and_stays(call, index, left, tmp_path):
    assert call("correct", "trip/b.jpg", "sad", "--db", index).returncode == 0
    done = call("forget", "trip", "--dry-run", "--db", index)
    assert (done.returncode, done.stdout) == (0, "2 files and 1 correction would be forgotten\n")
    assert left() == ALL
    with Index(index) as opened:
        assert len(opened.corrections()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize(
    ("answer", "options", "is_forgotten"), [("n", [], False), ("y", [], True), ("n", ["-y"], True)]
)
def test_a_person_at_a_terminal_is_asked(on_a_terminal, index, left, tmp_path, answer, options, is_forgotten):
    code, printed = on_a_terminal("forget", "trip", "--db", index, *options, answer=answer, cwd=tmp_path)
    assert ("Forget 2 files of trip" in printed) == (not options)
    assert code == (0 if is_forgotten else 1)
    assert left() == (["a.jpg", "gone.jpg"] if is_forgotten else ALL)
