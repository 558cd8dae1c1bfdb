"""Drawings of photos with their faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS
from albumsort.report.drawing import draw_faces


@pytest.fixture(scope="module")
def pixels(album) -> np.ndarray:
    """A photo of three people."""
    return np.asarray(Image.open(album / "groups" / "everybody-smiles.jpg").convert("RGB"))


def drawn(target: Path) -> np.ndarray:
    """The pixels of a drawing, which must be a valid PNG."""
    with Image.open(target) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("count", [0, 1, 5, 14])
def test_any_number_of_faces_makes_a_picture_of_sensible_size(pixels, face_of, tmp_path, count):
    faces = [face_of(EMOTIONS[k % 7], 0.3 + k * 0.05, (90.0 * k, 40.0 * k, 80, 100)) for k in range(count)]
    draw_faces(pixels, 1.0, faces, 0.5, "photo.jpg", tmp_path / "drawn.png")
    height, width, _ = drawn(tmp_path / "drawn.png").shape
    assert 400 <= height <= 1500
    assert 600 <= width <= 4000
    assert width > height


@pytest.mark.parametrize("shape", [(2000, 1, 3), (1, 2000, 3)])
def test_a_strip_of_pixels_makes_a_picture_of_sensible_size(face_of, tmp_path, shape):
    draw_faces(np.zeros(shape, np.uint8), 0.05, [face_of("happy", 0.9)], 0.5, "strip", tmp_path / "drawn.png")
    height, width, _ = drawn(tmp_path / "drawn.png").shape
    assert 400 <= height <= 1500 and 300 <= width <= 4000


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [
        (".png", b"\x89PNG"),
        (".jpg", b"\xff\xd8\xff"),
        (".JPEG", b"\xff\xd8\xff"),
        (".webp", b"RIFF"),
        (".pdf", b"%PDF-"),
        (".svg", b"<?xml"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_drawing_is_what_its_suffix_says(pixels, face_of, tmp_path, suffix, begins):
    draw_faces(pixels, 1.0, [face_of("happy", 0.9)], 0.5, "写真 <b>-- $x_{.jpg", tmp_path / f"drawn{suffix}")
    assert (tmp_path / f"drawn{suffix}").read_bytes().startswith(begins)


def test_charts_stand_beside_the_photo(pixels, face_of, tmp_path):
    draw_faces(pixels, 1.0, [], 0.5, "", tmp_path / "none.png")
    draw_faces(pixels, 1.0, [face_of("happy", 0.9)], 0.5, "", tmp_path / "one.png")
    assert drawn(tmp_path / "one.png").shape[1] >= drawn(tmp_path / "none.png").shape[1] + 200


@pytest.mark.parametrize("size", [(2400, 300), (300, 2400), (40, 30)], ids=["panorama", "tower", "tiny"])
def test_photos_of_any_shape_are_drawn(album, face_of, tmp_path, size):
    narrow = np.asarray(Image.open(album / "places" / "rocket.jpg").convert("RGB").resize(size))
    draw_faces(narrow, 1.0, [face_of("happy", 0.9, (5, 5, 20, 20))], 0.5, "photo.jpg", tmp_path / "drawn.png")
    height, width, _ = drawn(tmp_path / "drawn.png").shape
    assert 100 <= height <= 3000 and 100 <= width <= 8000


def test_boxes_are_scaled_to_the_pixels_drawn_on(pixels, face_of, tmp_path):
    half = pixels[::2, ::2]
    draw_faces(half, 0.5, [face_of("happy", 0.9, (400, 300, 200, 200))], 0.5, "", tmp_path / "scaled.png")
    draw_faces(half, 1.0, [face_of("happy", 0.9, (200, 150, 100, 100))], 0.5, "", tmp_path / "direct.png")
    draw_faces(half, 1.0, [face_of("happy", 0.9, (400, 300, 200, 200))], 0.5, "", tmp_path / "other.png")
    assert np.array_equal(drawn(tmp_path / "scaled.png"), drawn(tmp_path / "direct.png"))
    assert not np.array_equal(drawn(tmp_path / "scaled.png"), drawn(tmp_path / "other.png"))


def test_an_uncertain_face_looks_different_from_a_certain_one(pixels, face_of, tmp_path):
    face = face_of("happy", 0.6, (200, 150, 300, 300))
    draw_faces(pixels, 1.0, [face], 0.6, "", tmp_path / "certain.png")
    draw_faces(pixels, 1.0, [face], 0.61, "", tmp_path / "uncertain.png")
    # Only the photo is compared: the line at the threshold in the charts differs anyway.
    certain, uncertain = (drawn(tmp_path / name)[:, :500].astype(int) for name in ("certain.png", "uncertain.png"))
    assert (abs(certain - uncertain).max(axis=2) > 50).sum() > 200


@pytest.mark.parametrize("title", [r"$\frac$ and $x_{.jpg", "a$b$c.jpg", "100 $.jpg", r"back\slash_{^}.jpg", ""])
def test_a_title_is_never_read_as_a_formula(pixels, face_of, tmp_path, title):
    draw_faces(pixels, 1.0, [face_of("happy", 0.9)], 0.5, title, tmp_path / "drawn.png")
    assert drawn(tmp_path / "drawn.png").size


def test_dollar_signs_are_drawn(pixels, tmp_path):
    draw_faces(pixels, 1.0, [], 0.5, "a$b$c", tmp_path / "signs.png")
    draw_faces(pixels, 1.0, [], 0.5, "abc", tmp_path / "none.png")
    assert not np.array_equal(drawn(tmp_path / "signs.png"), drawn(tmp_path / "none.png"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("title", ["写真.jpg", "😀.jpg", "n" * 250])
def test_a_title_in_any_script_is_drawn_without_a_warning(pixels, tmp_path, title):
    draw_faces(pixels, 1.0, [], 0.5, title, tmp_path / "drawn.png")
    assert drawn(tmp_path / "drawn.png").size


def test_a_face_at_the_edge_does_not_stretch_the_picture(pixels, face_of, tmp_path):
    inside, outside = face_of("happy", 0.9, (50, 50, 200, 200)), face_of("happy", 0.9, (1300, 700, 900, 900))
    draw_faces(pixels, 1.0, [inside], 0.5, "", tmp_path / "inside.png")
    draw_faces(pixels, 1.0, [outside], 0.5, "", tmp_path / "outside.png")
    assert drawn(tmp_path / "inside.png").shape == drawn(tmp_path / "outside.png").shape


def test_a_face_that_a_person_corrected_looks_so(pixels, face_of, tmp_path):
    face = face_of("happy", 1.0)
    for name, one in (("read", face), ("corrected", replace(face, corrected=True))):
        draw_faces(pixels, 1.0, [one], 0.5, "photo.jpg", tmp_path / f"{name}.png")
    assert not np.array_equal(drawn(tmp_path / "read.png"), drawn(tmp_path / "corrected.png"))


def test_the_label_of_a_face_can_be_read_on_a_dark_box(face_of, tmp_path):
    black = np.zeros((400, 600, 3), np.uint8)
    for emotion, is_light in (("sad", True), ("happy", False)):
        target = tmp_path / f"{emotion}.png"
        draw_faces(black, 1.0, [face_of(emotion, 0.9, (200.0, 200.0, 80, 100))], 0.5, "", target)
        photo = drawn(target)[60:-60, 60:500]
        assert bool((photo > 240).all(-1).any()) == is_light  # the letters
