"""The three networks of MTCNN (Zhang et al. 2016, arXiv:1604.02878), and the patches that two of them take.

``training.mtcnn_onnx`` has made the ONNX files from the weights inside the ``mtcnn`` package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from albumsort.vision.engine import Network
from albumsort.vision.models import models_folder

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Networks:
    """The networks. Pictures are RGB from 0 to 255, of any size; the first axis is the batch.

    Attributes:
        proposal: uint8 ``(n, h, w, 3)`` in; scores ``(n, h', w')`` and box regressions ``(n, h', w', 4)`` out, one for
            each 12 x 12 window at a stride of 2.
        sparse_proposal: like ``proposal``, but for every other window in both directions; at two thirds of the cost.
        refine: float32 ``(n, 24, 24, 3)`` in; scores ``(n,)`` and regressions ``(n, 4)`` out.
        output: float32 ``(n, 48, 48, 3)`` in; scores ``(n,)``, regressions ``(n, 4)`` and landmarks ``(n, 10)`` out.
            The landmarks are five x, then five y, as shares of the patch.

    Regressions are shifts of the left, top, right and bottom edge, as shares of the box's width and height.
    """

    proposal: Network
    sparse_proposal: Network
    refine: Network
    output: Network


@lru_cache(maxsize=4)
def load(device: str = "auto", callers: int = 1) -> Networks:
    """Open the networks. They are opened once per process.

    Args:
        device: ``auto``, ``cpu`` or ``gpu``.
        callers: how many threads will run them at once.

    Raises:
        AlbumsortError: a file is missing, or a GPU was requested and there is none.
    """
    folder = models_folder()
    return Networks(
        *(Network(folder / f"{name}.onnx", device, callers) for name in ("pnet", "sparse-pnet", "rnet", "onet"))
    )


def cut_patches(
    pictures: NDArray[np.uint8], first: Floats, last: Floats, numbers: Sequence[int], side: int, patches: Floats
) -> None:
    """Sample square patches from pictures, bilinear, black beyond the picture.

    Args:
        pictures: uint8 ``(n, h, w, 3)``.
        first: ``(m, 2)``, x and y of the first sample of each patch, in pixels; the centre of a pixel is at its index.
        last: ``(m, 2)``, those of the last sample. If they are smaller than the first, the patch is upside down.
        numbers: the number of each patch's picture.
        side: the number of samples in both directions.
        patches: float32 ``(m, side, side, 3)``, is filled.
    """
    step = (last - first) / (side - 1)
    # Only what a patch needs is converted to floats, from which OpenCV samples without rounding.
    corners = np.floor(np.minimum(first, last)), np.ceil(np.maximum(first, last)) + 1
    starts, ends = (corner.astype(int).clip(0).tolist() for corner in corners)
    rows = zip(numbers, first.tolist(), step.tolist(), starts, ends, patches, strict=True)
    for number, (x, y), (step_x, step_y), (left, top), (right, bottom), patch in rows:
        part = pictures[number, top:bottom, left:right].astype(np.float32)
        if not part.size:  # a window beyond the picture
            patch[:] = 0
            continue
        places: Any = np.array([[step_x, 0, x - left], [0, step_y, y - top]])
        cv2.warpAffine(part, places, (side, side), patch, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_CONSTANT)
