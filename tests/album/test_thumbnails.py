"""Thumbnails of many photos."""

from __future__ import annotations

import pytest
from PIL import Image

from albumsort.album.thumbnails import megapixels, thumbnails
from albumsort.records import Photo


def test_each_photo_has_an_upright_thumbnail_of_about_the_wanted_size(album):
    paths = [str(album / name) for name in ("groups/both.jpg", "camera-turned.jpg", "places/cat.jpg")]
    made = {picture.path: picture for picture in thumbnails(paths, 200)}
    assert set(made) == set(paths)
    for picture in made.values():
        assert picture.pixels is not None and picture.error is None
        assert 150 <= max(picture.pixels.shape[:2]) <= 200
    turned = made[str(album / "camera-turned.jpg")].pixels
    assert turned.shape[0] > turned.shape[1]


def test_the_scale_is_that_from_the_photo_to_the_thumbnail(album):
    (picture,) = thumbnails([str(album / "groups" / "both.jpg")], 350)
    with Image.open(album / "groups" / "both.jpg") as photo:
        assert picture.pixels.shape[1] == pytest.approx(photo.width * picture.scale)


def test_a_photo_that_cannot_be_read_has_an_error_and_stops_nothing(album, tmp_path):
    paths = [str(tmp_path / "gone.jpg"), str(album / "renamed-notes.jpg"), str(album / "dim.jpg")]
    made = {picture.path: picture for picture in thumbnails(paths, 100)}
    assert [made[path].pixels is None for path in paths] == [True, True, False]
    assert made[paths[0]].error and made[paths[1]].error == "not an image"


def test_no_photos_need_no_decoders():
    assert list(thumbnails([], 100)) == []


def test_a_picture_with_too_many_pixels_is_refused_by_its_header(tmp_path):
    Image.new("1", (3000, 2000)).save(tmp_path / "large.png")
    (refused,) = thumbnails([str(tmp_path / "large.png")], 100, max_megapixels=5)
    assert refused.pixels is None and refused.error.startswith("too large (6.0 MP > 5 MP")


def test_photos_that_a_scan_has_read_pass_the_limit():
    small, panorama = (Photo("/a.jpg", 1, 1, None, width, 10_000) for width in (1000, 50_000))
    assert (megapixels([small]), megapixels([small, panorama])) == (200, 500)
