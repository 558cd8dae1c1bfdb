"""The crop: cuts out a face the way that FER2013's tiles show faces, 48 x 48 grey."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from albumsort.records import Box, Landmarks
from albumsort.vision.turned import turn_of, turned, turned_box

#: The side of a crop in pixels, as in FER2013's tiles.
CROP_SIDE = 48
#: FER2013's tile as a square around the detector's box. ``TILE_SIDE`` is its side in heights of the box. ``TILE_SHIFT``
#: is the distance from the box's centre to the tile's, to the right and down, in sides of the tile. Measured with this
#: detector on 720 PublicTest faces, each enlarged four times: the median box covers 0.79 of the tile's width and 1.02
#: of its height, and is centred at (0.49, 0.51); tests/benchmarks/tile_margins.py.
TILE_SIDE, TILE_SHIFT = 0.98, (0.01, -0.01)


def crop_face(pixels: NDArray[np.uint8], box: Box, landmarks: Landmarks = ()) -> tuple[NDArray[np.uint8], float]:
    """Cut a face out of a photo.

    Args:
        pixels: uint8 RGB ``(height, width, 3)``.
        box: the detector's box, in pixels of ``pixels``. Where it extends beyond the edge, the last pixels are
            repeated.
        landmarks: of the face. If they lie sideways or upside down, the crop is turned upright.

    Returns:
        the crop and its sharpness. The crop is uint8 ``(48, 48)``, grey (luma of ITU-R BT.601); each pixel is a
        weighted mean of all pixels that it covers. The sharpness is the variance of the Laplacian (Pech-Pacheco et al.
        2000) before the crop was scaled, at least 0.
    """
    if turn := turn_of(landmarks):
        height, width = pixels.shape[:2]
        pixels, box = turned(pixels, turn), turned_box(box, turn, width, height)
    height, width = pixels.shape[:2]
    x, y, w, h = box
    side = max(TILE_SIDE * h, 1.0)
    left = x + w / 2 + TILE_SHIFT[0] * side - side / 2
    top = y + h / 2 + TILE_SHIFT[1] * side - side / 2
    # The whole pixels that the square touches: first cut to the photo, then filled up where the square extends beyond
    # it.
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    x1, y1 = int(np.ceil(left + side)), int(np.ceil(top + side))
    inner = (min(max(x0, 0), width - 1), min(max(y0, 0), height - 1), max(min(x1, width), 1), max(min(y1, height), 1))
    region = pixels[inner[1] : max(inner[3], inner[1] + 1), inner[0] : max(inner[2], inner[0] + 1)]
    grey = cv2.cvtColor(np.ascontiguousarray(region), cv2.COLOR_RGB2GRAY)
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    margins = (inner[1] - y0, y1 - y0 - grey.shape[0] - (inner[1] - y0), inner[0] - x0)
    right = x1 - x0 - grey.shape[1] - margins[2]
    if any((*margins, right)):
        grey = cv2.copyMakeBorder(
            grey, max(margins[0], 0), max(margins[1], 0), max(margins[2], 0), max(right, 0), cv2.BORDER_REPLICATE
        )
    exact = (left - x0, top - y0, min(left - x0 + side, grey.shape[1]), min(top - y0 + side, grey.shape[0]))
    crop = Image.fromarray(grey).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC, box=exact)
    return np.asarray(crop, np.uint8), sharpness


def whole_picture(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """Make a crop of a picture that is one face, from edge to edge.

    Args:
        pixels: uint8 RGB ``(height, width, 3)``.

    Returns:
        the crop and its sharpness, as from ``crop_face``.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    crop = Image.fromarray(grey).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(crop, np.uint8), float(cv2.Laplacian(grey, cv2.CV_32F).var())
