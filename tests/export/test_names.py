"""The names of exported files: whatever a photo is called, all file systems and terminals accept the new name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from albumsort.export.folders import export
from albumsort.export.names import fitting_name
from albumsort.index.query import Query
from albumsort.index.reader import Index


@pytest.fixture
def name_of(album, index_of, tmp_path):
    """Exports a photo of some name and returns the name of its copy: ``name_of(b"photo.jpg")``."""

    def call(name: bytes) -> bytes:
        photo = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        shutil.copy(album / "dim.jpg", photo)
        with Index(index_of({photo: [("happy", 0.9)]})) as index:
            (item,) = export(index, tmp_path / "out", Query(("happy",)))
        assert item.action == "written"
        (copy,) = (tmp_path / "out" / "happy").iterdir()
        assert copy == Path(item.target)
        assert copy.read_bytes() == Path(photo).read_bytes()
        return os.fsencode(copy.name)

    return call


@pytest.mark.parametrize("name", [b"photo.jpg", "Grüße aus Köln.jpg".encode(), b"caf\xe9.jpg", b"without suffix"])
def test_rank_and_score_come_before_the_photos_own_name(name_of, name):
    assert name_of(name) == b"001_090_" + name


def test_control_characters_do_not_reach_the_new_name(name_of):
    assert name_of(b"a\nb\x1b[31m\tc\x7f\xc2\x9b.jpg") == b"001_090_a_b_[31m_c__.jpg"


def test_control_characters_become_underscores():
    assert fitting_name("", "a\r\nb\x1b[0m ü.jpg") == "a__b_[0m ü.jpg"


@pytest.mark.parametrize("stem", [b"n" * 246, ("é" * 123).encode(), ("写" * 82).encode(), ("😀" * 61).encode() + b"ab"])
def test_a_very_long_name_is_shortened_to_whole_characters_and_keeps_its_suffix(name_of, stem):
    given = stem + b".jpg"
    assert len(given) == 250
    name = name_of(given)
    assert 240 < len(name) <= 255
    assert name.endswith(b".jpg")
    assert given.startswith(name.removeprefix(b"001_090_").removesuffix(b".jpg"))
    name.decode("utf-8")  # other programs cannot read a name with half a character


def test_a_very_long_name_that_is_no_utf8_is_shortened_too(name_of):
    name = name_of(b"caf\xe9" + b"n" * 242 + b".jpg")
    assert name.startswith(b"001_090_caf") and name.endswith(b".jpg")
    assert len(name) <= 255


def test_a_very_long_suffix_does_not_stop_the_export(name_of):
    assert len(name_of(b"a." + b"s" * 248)) <= 255


def test_long_names_that_become_equal_when_shortened_stay_apart(album, index_of, tmp_path):
    photos = {}
    for number, source in enumerate(("dim.jpg", "camera-turned.jpg")):
        folder = tmp_path / str(number)
        folder.mkdir()
        photos[number] = folder / ("n" * 240 + f"{number}" * 6 + ".jpg")
        shutil.copy(album / source, photos[number])
        with Index(index_of({photos[number]: [("happy", 0.9)]}, f"{number}.db")) as index:
            export(index, tmp_path / "out", Query(("happy",)))
    copies = {path.read_bytes() for path in (tmp_path / "out" / "happy").iterdir()}
    assert copies == {photo.read_bytes() for photo in photos.values()}
