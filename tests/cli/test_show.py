"""albumsort show: a photo with its faces drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from albumsort.cli.show import show
from albumsort.errors import AlbumsortError


def test_show_writes_a_picture_that_opens(scanned, album, tmp_path, capsys):
    target = tmp_path / "drawn.png"
    show(album / "groups" / "both.jpg", target, db=scanned)
    with Image.open(target) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
        picture.load()
    assert "2 faces" in capsys.readouterr().out


@pytest.mark.slow
def test_a_photo_that_was_never_scanned_is_read_now(album, tmp_path, capsys):
    show(album / "portraits" / "grace-hopper.jpg", tmp_path / "drawn.png", db=tmp_path / "none.db")
    assert "1 face" in capsys.readouterr().out
    assert not (tmp_path / "none.db").exists()


def test_a_scanned_photo_is_drawn_as_the_index_knows_it(index_of, album, tmp_path, capsys):
    index = index_of({album / "places" / "coffee.jpg": [("sad", 0.9)] * 3})
    show(album / "places" / "coffee.jpg", tmp_path / "drawn.png", db=index)
    assert "3 faces" in capsys.readouterr().out


@pytest.mark.slow
def test_a_photo_that_changed_since_the_scan_is_read_anew(index_of, album, tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((album / "places" / "coffee.jpg").read_bytes())
    index = index_of({photo: [("sad", 0.9)] * 3})
    photo.write_bytes((album / "places" / "rocket.jpg").read_bytes())
    show(photo, tmp_path / "drawn.png", db=index)
    assert "0 faces" in capsys.readouterr().out


def test_show_says_how_many_faces_were_corrected(index_of, album, tmp_path, call):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((album / "places" / "coffee.jpg").read_bytes())
    index = index_of({photo: [("sad", 0.9)]})
    call("correct", photo, "happy", "--db", index)
    assert call("show", photo, "-o", "new.svg", "--db", index).stdout == "new.svg: 1 face (1 corrected)\n"


def test_the_longest_of_names_leaves_room_for_that_of_the_drawing(index_of, album, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / f"{'写' * 83}ab.jpg"  # 255 bytes
    photo.write_bytes((album / "places" / "coffee.jpg").read_bytes())
    show(photo, db=index_of({photo: [("sad", 0.9)]}))
    (drawing,) = tmp_path.glob("*.png")
    assert drawing.name.startswith("写写写") and drawing.name.endswith("写-faces.png")


@pytest.mark.slow
def test_what_is_no_photo_is_an_error_and_draws_nothing(scanned, album, tmp_path):
    with pytest.raises(AlbumsortError, match="not an image"):
        show(album / "renamed-notes.jpg", tmp_path / "drawn.png", db=scanned)
    assert list(tmp_path.iterdir()) == []


def test_a_target_in_a_folder_that_is_not_there_is_an_error(scanned, album, tmp_path):
    with pytest.raises(AlbumsortError, match=r"nowhere.*No such file"):
        show(album / "dim.jpg", Path(tmp_path / "nowhere" / "drawn.png"), db=scanned)
