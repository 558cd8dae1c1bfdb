"""Shrinking pictures: the one way in which the decoders and the detector make smaller copies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: A picture may end up this much smaller than asked for when a whole factor then does it all.
_NEAR_ENOUGH = 0.95


def shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``pixels`` ``(height, width, 3)`` at most ``side`` pixels long.

    Each pixel is the mean of those it covers, as far as a whole factor goes; the rest of the way, by less than two, has
    linear weights, which are as good there and many times quicker than means over parts of pixels.

    A picture that is small enough is returned as it is.
    """
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return pixels
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    whole = -(-longest // side)
    if height % whole == width % whole == 0 and longest / whole >= _NEAR_ENOUGH * side:
        size = (width // whole, height // whole)
    else:
        whole = longest // side
    if whole > 1 and min(height, width) >= whole:
        # Means are quick where blocks of pixels come out even: at most a few at the edges are left out.
        even = pixels[: height // whole * whole, : width // whole * whole]
        pixels = _resized(even, (width // whole, height // whole), cv2.INTER_AREA)
    return pixels if pixels.shape[1::-1] == size else _resized(pixels, size, cv2.INTER_LINEAR)


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int], weights: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, size, interpolation=weights), np.uint8)
