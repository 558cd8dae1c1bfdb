"""Names whose accents are composed (NFC) and apart (NFD) look the same, and mean the same to every command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from unicodedata import normalize

import pytest

from albumsort.index import Filters, Index

FORMS = [("NFC", "NFD"), ("NFD", "NFC")]


@pytest.fixture(params=FORMS, ids=["composed-on-disk", "apart-on-disk"])
def forms(request) -> tuple[str, str]:
    """The form of the names on the disk, and the form in which they are typed."""
    return request.param


@pytest.fixture
def photo(forms, tmp_path, album) -> Path:
    path = tmp_path / normalize(forms[0], "Zoë") / normalize(forms[0], "été.jpg")
    path.parent.mkdir()
    shutil.copy(album / "places" / "coffee.jpg", path)
    return path


@pytest.fixture
def index(index_of, photo, tmp_path) -> Path:
    return index_of({photo: [("happy", 0.9)], tmp_path / "Zoe" / "a.jpg": [("happy", 0.8)]})


@pytest.fixture
def typed(forms, photo) -> str:
    return normalize(forms[1], str(photo))


def paths(call, *command) -> list[str]:
    return [row["path"] for row in json.loads(call(*command, "--format", "json").stdout)]


def test_under_finds_the_folder(call, index, photo, typed):
    assert paths(call, "top", "happy", "--under", Path(typed).parent, "--db", index) == [str(photo)]
    assert paths(call, "top", "happy", "--everyone", "--under", Path(typed).parent, "--db", index) == [str(photo)]


def test_under_finds_names_in_either_form_in_one_path(index_of):
    mixed = "/" + normalize("NFC", "Zoë") + "/" + normalize("NFD", "Café") + "/a.jpg"
    index = index_of({mixed: [("happy", 0.9)], "/Zoë/Cafe/a.jpg": [("happy", 0.9)]})
    with Index(index) as opened:
        for form in ("NFC", "NFD"):
            under = Filters(under=normalize(form, "/Zoë/Café"))
            assert [row.photo.path for row in opened.top("happy", filters=under)] == [mixed]


def test_under_finds_deep_folders_with_many_accents(index_of):
    deep = "/é" * 40
    index = index_of({normalize("NFD", deep) + "/a.jpg": [("happy", 0.9)]})
    with Index(index) as opened:
        assert len(opened.top("happy", filters=Filters(under=normalize("NFC", deep)))) == 1


def test_show_finds_the_photo(call, index, typed, tmp_path):
    done = call("show", typed, "-o", tmp_path / "drawn.png", "--db", index)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 face" in done.stdout


def test_correct_finds_the_photo_and_undoes(call, index, photo, typed):
    assert call("correct", typed, "sad", "--db", index).returncode == 0
    assert paths(call, "top", "sad", "--db", index) == [str(photo)]
    assert "1 correction undone" in call("correct", typed, "--undo", "--db", index).stdout


@pytest.mark.parametrize("is_folder", [True, False])
def test_forget_finds_the_photo_or_folder(call, index, typed, is_folder):
    target = Path(typed).parent if is_folder else typed
    assert call("forget", target, "--db", index).stdout == "1 file forgotten\n"
    with Index(index) as opened:
        assert [Path(row.photo.path).parent.name for row in opened.photos()] == ["Zoe"]


def test_of_two_photos_whose_names_look_the_same_the_one_that_was_typed_is_meant(call, index_of, album, tmp_path):
    both = [tmp_path / normalize(form, "é.jpg") for form in ("NFC", "NFD")]
    for path, place in zip(both, ("coffee", "cat"), strict=True):
        shutil.copy(album / "places" / f"{place}.jpg", path)
    index = index_of({path: [("happy", 0.9)] for path in both})
    for path in both:
        assert call("correct", path, "sad", "--db", index).returncode == 0
        assert paths(call, "top", "sad", "--db", index) == [str(path)]
        call("correct", path, "--undo", "--db", index)
