"""Shrinks and enlarges pictures: the decoders and the detector use this to make copies of other sizes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from albumsort.arguments import shown

#: A picture may become smaller than requested, down to this share of ``side``, if an integer factor is then enough.
_NEAR_ENOUGH = 0.95


def check_pixels(pixels: object) -> None:
    """Make sure that something is a picture.

    Raises:
        ValueError: it is not uint8 ``(height, width, 3)``, or is empty.
    """
    if not isinstance(pixels, np.ndarray):
        raise ValueError(f"a picture is {shown(pixels)}, not uint8 (height, width, 3)")
    if pixels.dtype != np.uint8 or pixels.shape[2:] != (3,) or not pixels.size:
        raise ValueError(f"a picture is {pixels.dtype} {pixels.shape}, not uint8 (height, width, 3)")


def shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A copy of a picture whose long side has at most ``side`` pixels.

    The picture is first shrunk by an integer factor: each new pixel is the mean of the pixels that it covers. The rest,
    a factor below two, is done with linear interpolation. At such factors it is as good as means over fractions of
    pixels, and many times faster.

    Args:
        pixels: uint8 ``(height, width, 3)``.
        side: the largest allowed number of pixels on the long side.

    Returns:
        uint8 ``(new height, new width, 3)``; ``pixels`` itself if it is small enough.
    """
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return pixels
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    factor = -(-longest // side)
    if height % factor == width % factor == 0 and longest / factor >= _NEAR_ENOUGH * side:
        size = (width // factor, height // factor)
    else:
        factor = longest // side
    if factor > 1 and min(height, width) >= factor:
        # Means are fast if the sides are multiples of the factor. At most a few pixels at the edges are left out.
        even = pixels[: height // factor * factor, : width // factor * factor]
        pixels = _resized(even, (width // factor, height // factor), cv2.INTER_AREA)
    return pixels if pixels.shape[1::-1] == size else _resized(pixels, size, cv2.INTER_LINEAR)


def enlarge(pixels: NDArray[np.uint8], side: int, most: float) -> NDArray[np.uint8]:
    """A copy of a picture whose long side has ``side`` pixels, but at most ``most`` times as many as before.

    Returns:
        uint8 ``(new height, new width, 3)``; ``pixels`` itself if it is large enough.
    """
    height, width = pixels.shape[:2]
    factor = min(side / max(height, width), most)
    if factor <= 1:
        return pixels
    return _resized(pixels, (round(width * factor), round(height * factor)), cv2.INTER_LINEAR)


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int], interpolation: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)
