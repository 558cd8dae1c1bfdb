"""Shrinking pictures: the one way in which the decoders and the detector make smaller copies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: A picture may end up this much smaller than asked for when it then shrinks by a whole factor, which is far quicker.
_NEAR_ENOUGH = 0.95


def shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``pixels`` ``(height, width, 3)`` at most ``side`` pixels long, each the mean of those it covers.

    A picture that is small enough is returned as it is.
    """
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return pixels
    whole = -(-longest // side)
    if height % whole == width % whole == 0 and longest / whole >= _NEAR_ENOUGH * side:
        size = (width // whole, height // whole)
    else:
        size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
