"""A perceptual hash: 64 bits that stay nearly the same when a photo is scaled, compressed or made a little brighter."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: The number of grey pixels on each side of the shrunk picture, and of frequencies on each side of the hash.
_PIXELS, _FREQUENCIES = 32, 8
#: ``cv2.dct`` is orthonormal, which makes frequency 0 smaller than the others by the square root of two. The published
#: hash compares the values of the plain transform, where all frequencies have one factor.
_PLAIN = np.ones(_FREQUENCIES)
_PLAIN[0] = np.sqrt(2)
#: Frequencies are up to 16,320. A smaller difference than this is rounding noise, which must not decide a bit: in a
#: picture of two plain halves, many frequencies are zero, and so is their median.
_DECIMALS = 6


def perceptual_hash(pixels: NDArray[np.uint8]) -> str:
    """The pHash of a picture, as Neal Krawetz describes it in "Looks Like It" (hackerfactor.com, 2011).

    Each bit says whether one low frequency of the picture's cosine transform is above the median of all of them. The
    bits are those of ``imagehash.phash``, so that hashes in older indexes remain comparable.

    Args:
        pixels: uint8 RGB ``(height, width, 3)``.

    Returns:
        64 bits as 16 hexadecimal digits: the lowest vertical frequency first, within it the lowest horizontal one.
    """
    grey = Image.fromarray(pixels).convert("L").resize((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
    frequencies = cv2.dct(np.asarray(grey, np.float64))[:_FREQUENCIES, :_FREQUENCIES] * np.outer(_PLAIN, _PLAIN)
    frequencies = frequencies.round(_DECIMALS)
    return np.packbits(frequencies > np.median(frequencies)).tobytes().hex()
