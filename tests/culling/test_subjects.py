"""The subjects of a photo: neither passers-by, nor blurred faces, nor those that the edge cuts off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from albumsort.culling.subjects import is_cut, is_cut_off, subject_mask, subject_masks
from albumsort.index import Index
from albumsort.records import Box, Face, Photo
from albumsort.scanning.scan import scan

PHOTO = Photo("/photos/a.jpg", 1, 1, "a", 1000, 600)


@pytest.fixture
def person(face_of: Callable[..., Face]) -> Callable[..., Face]:
    def make(place: int, height: float = 100, sharpness: float = 400.0) -> Face:
        face = face_of("happy", 0.9, (120.0 * place + 20, 50, height * 0.8, height))
        return replace(face, sharpness=sharpness)

    return make


def test_all_of_a_group_are_subjects(person: Callable[..., Face]) -> None:
    assert subject_mask(PHOTO, [person(0, 100), person(1, 60), person(2, 34, 900)]) == [True, True, True]


def test_a_face_lower_than_a_third_of_the_tallest_is_background(person: Callable[..., Face]) -> None:
    assert subject_mask(PHOTO, [person(0, 100), person(1, 33.3), person(2, 33.4)]) == [True, False, True]


def test_a_face_with_less_than_a_hundredth_of_the_clearest_ones_detail_is_blurred(person: Callable[..., Face]) -> None:
    assert subject_mask(PHOTO, [person(0), person(1, sharpness=4.01), person(2, sharpness=3.99)]) == [True, True, False]


def test_a_blurred_face_is_no_subject_however_large_it_is(person: Callable[..., Face]) -> None:
    head_before_the_camera = person(3, 400, sharpness=0.2)
    assert subject_mask(PHOTO, [head_before_the_camera, person(0), person(1)]) == [False, True, True]


def test_small_sharp_faces_do_not_make_a_large_one_blurred(person: Callable[..., Face]) -> None:
    assert subject_mask(PHOTO, [person(0, 300, sharpness=10), person(3, 110, sharpness=600)]) == [True, True]


def test_a_face_that_the_edge_cuts_off_is_no_subject(person: Callable[..., Face]) -> None:
    cut = replace(person(0), box=Box(-30.0, 50.0, 80.0, 100.0))
    assert subject_mask(PHOTO, [person(1), cut]) == [True, False]


@pytest.mark.parametrize("outside", [0.0, 0.069, 0.071, 0.5])
@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_a_face_is_cut_off_when_more_than_seven_hundredths_of_it_are_outside(
    person: Callable[..., Face], edge: str, outside: float
) -> None:
    box = {
        "left": Box(-80 * outside, 200.0, 80.0, 100.0),
        "top": Box(500.0, -100 * outside, 80.0, 100.0),
        "right": Box(1000 - 80 * (1 - outside), 200.0, 80.0, 100.0),
        "bottom": Box(500.0, 600 - 100 * (1 - outside), 80.0, 100.0),
    }[edge]
    assert is_cut(replace(person(0), box=box), PHOTO) == (outside > 0.07)


def test_a_corner_may_cut_off_a_face_that_neither_edge_would(person: Callable[..., Face]) -> None:
    assert not is_cut(replace(person(0), box=Box(-4.0, 200.0, 80.0, 100.0)), PHOTO)
    assert not is_cut(replace(person(0), box=Box(500.0, 505.0, 80.0, 100.0)), PHOTO)
    assert is_cut(replace(person(0), box=Box(-4.0, 505.0, 80.0, 100.0)), PHOTO)


@pytest.mark.parametrize("x", [-200.0, 400.0, 1100.0])
@pytest.mark.parametrize("y", [-200.0, 200.0, 700.0])
def test_a_face_outside_of_the_photo_is_cut_off(person: Callable[..., Face], x: float, y: float) -> None:
    assert is_cut(replace(person(0), box=Box(x, y, 80.0, 100.0)), PHOTO) == ((x, y) != (400.0, 200.0))


@pytest.mark.parametrize(("width", "height"), [(None, None), (1000, None), (None, 600)])
def test_on_a_photo_of_unknown_size_no_face_is_cut_off(
    person: Callable[..., Face], width: int | None, height: int | None
) -> None:
    assert not is_cut(replace(person(0), box=Box(-30.0, 50.0, 80.0, 100.0)), replace(PHOTO, width=width, height=height))


def test_the_same_is_computed_for_many_boxes_at_once() -> None:
    x = np.array([-5.5, -5.7, 400.0])
    assert is_cut_off((x, np.full(3, 50.0), 80.0, 100.0), 1000, 600).tolist() == [False, True, False]


def test_a_face_that_is_alone_is_a_subject_even_if_it_is_cut_off(person: Callable[..., Face]) -> None:
    cut = replace(person(0), box=Box(-30.0, 50.0, 80.0, 100.0))
    assert subject_mask(PHOTO, [cut]) == [True]


def test_a_photo_without_faces_has_no_subjects() -> None:
    assert subject_mask(PHOTO, []) == []


def test_if_all_are_blurred_or_cut_off_only_their_heights_decide(person: Callable[..., Face]) -> None:
    cut = [replace(person(0), box=Box(-30.0, 50.0, 80.0, height)) for height in (100.0, 40.0, 30.0)]
    assert subject_mask(PHOTO, cut) == [True, True, False]


def test_photos_do_not_mix_when_many_are_looked_at_at_once() -> None:
    heights = np.array([100.0, 20.0, 20.0, 300.0])
    masks = subject_masks(heights, np.full(4, 400.0), np.zeros(4, bool), np.array([0, 2, 3]))
    assert masks.tolist() == [True, False, True, True]


@pytest.fixture(scope="module")
def portraits(album: Path) -> tuple[Image.Image, Image.Image]:
    """A person who smiles and one who does not, each cut out with the same margins."""
    smiling = Image.open(album / "portraits" / "eileen-collins.jpg").convert("RGB").crop((125, 10, 325, 210))
    serious = Image.open(album / "portraits" / "grace-hopper.jpg").convert("RGB").crop((80, 55, 440, 415))
    return smiling.resize((240, 240)), serious.resize((240, 240))


@pytest.mark.parametrize("spoils", [True, False])
@pytest.mark.parametrize("how", ["beside them", "behind them", "blurred", "cut off"])
def test_only_people_who_are_meant_to_be_on_a_photo_can_spoil_it(
    portraits: tuple[Image.Image, Image.Image], tmp_path: Path, how: str, spoils: bool
) -> None:
    smiling, other = portraits if spoils else (portraits[0], portraits[0])
    group = Image.new("RGB", (1000, 500), (120, 140, 120))
    for left in (40, 300):
        group.paste(smiling, (left, 180))
    if how == "behind them":
        group.paste(other.resize((70, 70)), (620, 40))
    elif how == "blurred":
        group.paste(other.filter(ImageFilter.GaussianBlur(8)), (600, 180))
    elif how == "cut off":
        group.paste(other, (870, 180))
    else:
        group.paste(other, (600, 180))
    group.save(tmp_path / "group.png")
    scan([tmp_path / "group.png"], tmp_path / "index.db")
    with Index(tmp_path / "index.db") as index:
        (row,) = index.top("happy", everyone=True)
    assert (row.score < 0.5) == (spoils and how == "beside them")
    assert np.max([face.probability("happy") for face in row.faces]) > 0.9


@pytest.mark.parametrize("seed", range(20))
def test_one_photo_and_many_photos_follow_the_same_rules(seed: int) -> None:
    dice = np.random.default_rng(seed)
    photo = Photo("a.jpg", 1, 1, "a", 1000, 800)
    boxes = dice.uniform((-60, -60, 20, 20), (980, 780, 200, 200), (dice.integers(1, 9), 4)).round(2)
    sharpness = dice.choice([1.0, 20.0, 400.0], len(boxes))
    faces = [
        Face(Box(*box), 0.99, (), value, (1.0,) + (0.0,) * 6)
        for box, value in zip(boxes.tolist(), sharpness, strict=True)
    ]
    cut = is_cut_off(boxes.T, np.full(len(boxes), 1000), np.full(len(boxes), 800))
    assert cut.tolist() == [is_cut(face, photo) for face in faces]
    masks = subject_masks(boxes[:, 3], sharpness, cut, np.zeros(1, np.int64))
    assert subject_mask(photo, faces) == masks.tolist()
