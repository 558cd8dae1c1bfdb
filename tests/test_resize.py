"""Smaller copies keep what is on a picture where it is."""

from __future__ import annotations

import numpy as np
import pytest

from albumsort.resize import enlarge, shrink


@pytest.mark.parametrize(
    "size", [(3000, 2000), (1632, 1224), (1025, 700), (2001, 1501), (1024, 4097), (5000, 3), (1, 3000)]
)
def test_the_long_side_is_as_asked_and_the_shape_stays(size: tuple[int, int]) -> None:
    width, height = size
    small = shrink(np.zeros((height, width, 3), np.uint8), 1024)
    assert 0.95 * 1024 <= max(small.shape[:2]) <= 1024
    scale = max(size) / max(small.shape[:2])
    assert small.shape[0] == pytest.approx(max(1, height / scale), abs=1)
    assert small.shape[1] == pytest.approx(max(1, width / scale), abs=1)


@pytest.mark.parametrize("factor", [1.3, 1.6, 2, 2.5, 3, 3.9, 7.2])
def test_nothing_moves_and_nothing_gets_brighter(factor: float) -> None:
    wide = round(500 * factor)
    x = np.linspace(0, 255, wide)
    picture = np.repeat(np.repeat(x[None, :, None], wide, 0), 3, 2).astype(np.uint8)
    small = shrink(picture, 500)
    expected = np.interp((np.arange(small.shape[1]) + 0.5) / small.shape[1], (np.arange(wide) + 0.5) / wide, x)
    assert np.abs(small[small.shape[0] // 2, :, 0] - expected).max() < 2.5


def test_fine_patterns_become_their_mean() -> None:
    board = np.indices((2000, 2000)).sum(0) % 2 * 200
    small = shrink(np.repeat(board[..., None], 3, 2).astype(np.uint8), 500)
    assert small.std() < 2
    assert small.mean() == pytest.approx(100, abs=1)


def test_what_is_small_enough_is_not_copied() -> None:
    picture = np.zeros((100, 80, 3), np.uint8)
    assert shrink(picture, 100) is picture


@pytest.mark.parametrize(
    ("size", "enlarged"), [((512, 256), (1024, 512)), ((100, 50), (400, 200)), ((1024, 3), (1024, 3)), ((1, 1), (4, 4))]
)
def test_a_small_picture_is_enlarged_at_most_four_times(size: tuple[int, int], enlarged: tuple[int, int]) -> None:
    assert enlarge(np.zeros((size[1], size[0], 3), np.uint8), 1024, 4.0).shape[1::-1] == enlarged
