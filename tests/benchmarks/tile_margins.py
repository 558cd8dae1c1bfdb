"""How much of a FER2013 tile the detector's box covers: the source of ``TILE_SIDE`` and ``TILE_SHIFT`` in the cropper.

    python tests/benchmarks/tile_margins.py fer2013.csv [FACES]

Enlarges PublicTest faces four times, runs the detector on them, and prints medians over the faces that it detects.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from albumsort.training.datasets import load
from albumsort.vision.crop import TILE_SHIFT, TILE_SIDE
from albumsort.vision.detector import FaceDetector

ENLARGED = 4


def main(data: Path, count: int) -> None:
    faces = load(data).split("PublicTest")
    chosen = np.linspace(0, len(faces) - 1, count).astype(int)
    side = faces.pixels.shape[1] * ENLARGED
    pictures = []
    for tile in faces.pixels[chosen]:
        large = cv2.resize(tile, (side, side), interpolation=cv2.INTER_CUBIC)
        pictures.append(np.repeat(large[..., None], 3, axis=2))
    boxes = [detections[0].box for detections in FaceDetector(min_face=25).detect(pictures) if detections]
    x, y, w, h = np.array(boxes).T / side
    width, height = np.median(w), np.median(h)
    across, down = np.median(x + w / 2), np.median(y + h / 2)
    print(f"{len(boxes)} of {count} faces detected")
    print(f"box: width {width:.3f}, height {height:.3f} of the tile, centre at {across:.3f}, {down:.3f}")
    print(
        f"tile: side {1 / height:.3f} box heights, centre shifted by {0.5 - across:+.3f}, {0.5 - down:+.3f} of its side"
    )
    print(f"in the cropper: side {TILE_SIDE}, shift {TILE_SHIFT}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 360)
