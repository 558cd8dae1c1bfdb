"""The crop: where it is cut, how it is scaled, what happens at the edge."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from albumsort.vision.crop import TILE_SHIFT, TILE_SIDE, crop_face, whole_picture


def ramp(height: int, width: int) -> np.ndarray:
    """A grey ramp: each pixel's value is a quarter of its x."""
    row = (np.arange(width) / 4).astype(np.uint8)
    return np.repeat(np.broadcast_to(row, (height, width))[..., None], 3, axis=2)


def test_the_crop_is_the_square_of_fer2013_around_the_box() -> None:
    crop, _ = crop_face(ramp(600, 1000), (300, 200, 150, 200))
    side = TILE_SIDE * 200
    left = 375 + TILE_SHIFT[0] * side - side / 2
    assert crop.shape == (48, 48) and crop.dtype == np.uint8
    # The ramp says where each column of the crop was taken from.
    # (Its quarters are rounded down, by 0.375 on average.)
    wanted = (left + (np.arange(48) + 0.5) * side / 48 - 0.5) / 4 - 0.375
    assert np.abs(crop.mean(0) - wanted).max() < 0.6


def test_shrinking_takes_the_mean_of_fine_detail() -> None:
    checks = (np.indices((960, 960)).sum(0) % 2 * 255).astype(np.uint8)
    crop, _ = crop_face(np.repeat(checks[..., None], 3, axis=2), (200, 200, 400, 480))
    assert np.abs(crop.astype(int) - 128).max() <= 2


@pytest.mark.parametrize(
    "box", [(-80, 10, 150, 180), (350, 300, 150, 180), (100, -120, 150, 180), (-500, -500, 90, 90)]
)
def test_beyond_the_edge_the_last_pixels_are_repeated(box: tuple[float, ...]) -> None:
    crop, _ = crop_face(np.full((400, 400, 3), 77, np.uint8), box)
    assert crop.shape == (48, 48) and (crop == 77).all()


def test_a_box_of_no_size_gives_a_crop_all_the_same() -> None:
    assert crop_face(ramp(50, 50), (20, 20, 0, 0))[0].shape == (48, 48)


def test_a_blurred_face_is_less_sharp(composer: ModuleType) -> None:
    portrait = composer.portrait(composer.NEUTRAL)
    x, y, w, h = composer.FACES[composer.NEUTRAL]
    blurred = portrait.resize((portrait.width // 6, portrait.height // 6)).resize(portrait.size)
    sharp = crop_face(np.asarray(portrait), (x, y, w, h))[1]
    assert sharp > 4 * crop_face(np.asarray(blurred), (x, y, w, h))[1] > 0


def test_a_whole_picture_becomes_a_crop() -> None:
    crop, _ = whole_picture(ramp(96, 192))
    assert crop.shape == (48, 48)
    assert np.abs(crop.mean(0) - np.arange(48)).max() < 0.6
