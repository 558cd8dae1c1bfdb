"""albumsort sheet."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from albumsort.cli.sheet import sheet
from albumsort.errors import AlbumsortError


@pytest.mark.parametrize(("name", "kind"), [("sheet.jpg", "JPEG"), ("sheet.png", "PNG")])
def test_a_sheet_is_a_picture_that_opens(scanned, tmp_path, capsys, name, kind):
    sheet(["happy"], output=tmp_path / name, db=scanned)
    with Image.open(tmp_path / name) as picture:
        assert picture.format == kind
        assert min(picture.size) > 700
        picture.load()
    assert "5 photos" in capsys.readouterr().out


def test_a_sheet_is_an_html_file_with_the_pictures_inside(scanned, tmp_path):
    sheet(["happy"], 3, tmp_path / "sheet.html", db=scanned)
    source = (tmp_path / "sheet.html").read_text("utf-8")
    assert source.startswith("<!DOCTYPE html>")
    assert source.count("data:image/jpeg;base64,") == 3


def test_what_top_would_list_is_on_the_sheet(scanned, album, tmp_path):
    sheet(["happy"], output=tmp_path / "all.html", db=scanned, everyone=True, under=[album / "groups"], max_faces=2)
    source = (tmp_path / "all.html").read_text("utf-8")
    assert "both.jpg" in source and "everyone" in source
    assert "far-away.jpg" not in source and "dim.jpg" not in source


def test_photos_that_are_gone_or_unreadable_are_counted_and_do_not_stop_the_sheet(index_of, album, tmp_path, capsys):
    photos = [tmp_path / name for name in ("whole.jpg", "gone.jpg", "broken.jpg")]
    for photo in photos:
        shutil.copy(album / "dim.jpg", photo)
    index = index_of({photo: [("happy", 0.9)] for photo in photos})
    photos[1].unlink()
    photos[2].write_bytes(b"no photo any more")
    sheet(["happy"], output=tmp_path / "sheet.html", db=index, with_copies=True)
    source = (tmp_path / "sheet.html").read_text("utf-8")
    assert source.count("<img") == 1
    assert "no longer there" in source and "not an image" in source
    assert "2 photos cannot be shown" in capsys.readouterr().err


def test_a_list_without_photos_is_no_sheet(scanned, tmp_path):
    with pytest.raises(AlbumsortError, match="no face surely shows disgust"):
        sheet(["disgust"], output=tmp_path / "sheet.jpg", db=scanned)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(scanned, tmp_path):
    with pytest.raises(AlbumsortError, match=r"nowhere.*No such file"):
        sheet(["happy"], output=tmp_path / "nowhere" / "sheet.jpg", db=scanned)


@pytest.mark.parametrize("words", [["happy", "-n", "0"], ["bliss"]])
def test_wrong_usage_is_exit_2(call, scanned, words):
    assert call("sheet", *words, "--db", scanned).returncode == 2
