"""Shrinking pictures: the one way in which the decoders and the detector make smaller copies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``pixels`` ``(height, width, 3)`` at most ``side`` pixels long, each the mean of those it covers.

    A picture that is small enough is returned as it is.
    """
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
