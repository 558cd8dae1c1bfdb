"""Who counts when everyone is asked for: neither passers-by, nor blurred heads, nor those whom the frame cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from albumsort.culling.subjects import in_front, is_cut
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


def test_a_group_is_in_front_as_a_whole(person: Callable[..., Face]) -> None:
    assert in_front(PHOTO, [person(0, 100), person(1, 60), person(2, 34, 900)]) == [True, True, True]


def test_passers_by_are_lower_than_a_third_of_the_tallest(person: Callable[..., Face]) -> None:
    assert in_front(PHOTO, [person(0, 100), person(1, 33), person(2, 34)]) == [True, False, True]


def test_a_blurred_face_does_not_count_however_large_it_is(person: Callable[..., Face]) -> None:
    head_before_the_camera = person(3, 400, sharpness=0.2)
    assert in_front(PHOTO, [head_before_the_camera, person(0), person(1)]) == [False, True, True]
    assert in_front(PHOTO, [person(0), person(1, sharpness=3)]) == [True, False]


def test_small_sharp_faces_do_not_make_a_large_one_blurred(person: Callable[..., Face]) -> None:
    assert in_front(PHOTO, [person(0, 300, sharpness=10), person(3, 110, sharpness=600)]) == [True, True]


def test_a_face_that_the_frame_cuts_does_not_count(person: Callable[..., Face]) -> None:
    cut = replace(person(0), box=Box(-30.0, 50.0, 80.0, 100.0))
    assert in_front(PHOTO, [person(1), cut]) == [True, False]


def test_the_edge_may_touch_a_face(person: Callable[..., Face]) -> None:
    assert not is_cut(replace(person(0), box=Box(-5.0, 10.0, 80.0, 100.0)), PHOTO)
    assert is_cut(replace(person(0), box=Box(960.0, 10.0, 80.0, 100.0)), PHOTO)


def test_of_a_face_that_is_alone_nothing_is_asked(person: Callable[..., Face]) -> None:
    cut = replace(person(0), box=Box(-30.0, 50.0, 80.0, 100.0))
    assert in_front(PHOTO, [cut]) == [True]
    assert in_front(PHOTO, []) == []


@pytest.fixture(scope="module")
def portraits(album: Path) -> tuple[Image.Image, Image.Image]:
    """One who smiles and one who does not, each cut out with the same margins."""
    smiling = Image.open(album / "portraits" / "eileen-collins.jpg").convert("RGB").crop((125, 10, 325, 210))
    serious = Image.open(album / "portraits" / "grace-hopper.jpg").convert("RGB").crop((80, 55, 440, 415))
    return smiling.resize((240, 240)), serious.resize((240, 240))


@pytest.mark.parametrize("spoils", [True, False])
@pytest.mark.parametrize("how", ["beside them", "behind them", "blurred", "cut off"])
def test_only_who_was_meant_to_be_on_a_photo_can_spoil_it(
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
