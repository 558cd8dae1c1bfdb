"""Builds an album of large photos with known numbers of faces, for benchmarks.

    python tests/benchmarks/build_album.py FOLDER [--photos 500] [--megapixels 12] [--faces 1 3] [--grain 5]

The photos are composed of portraits and places from the example album. They have the grain of a phone camera, so that
their files are as large, and as slow to decode, as real photos.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ALBUM = Path(__file__).parents[2] / "examples" / "album"


def compose(width: int, height: int, faces: int, grain: float, rng: np.random.Generator) -> Image.Image:
    """Compose a photo of ``faces`` people, in rows in front of a place; ``grain`` is in grey levels."""
    places = sorted((ALBUM / "places").glob("*.jpg"))
    portraits = sorted((ALBUM / "portraits").glob("*.jpg"))
    with Image.open(places[rng.integers(len(places))]) as place:
        photo = ImageOps.fit(place.convert("RGB"), (width, height))
    rows = 1 if faces <= 3 else 2 if faces <= 10 else 3
    columns = -(-faces // rows) if faces else 1
    side = min(width // (columns + 1), height // rows)
    for k in range(faces):
        with Image.open(portraits[rng.integers(len(portraits))]) as portrait:
            person = ImageOps.fit(portrait.convert("RGB"), (side, side), centering=(0.5, 0.2))
        if rng.random() < 0.5:
            person = ImageOps.mirror(person)
        left = (k % columns) * width // columns + int(rng.integers(0, max(1, width // columns - side)))
        photo.paste(person, (left, k // columns * height // rows))
    # Always the same field of grain, shifted at random: new random numbers for each photo would take most of the time.
    field = np.roll(_grain(height, width), tuple(rng.integers(0, (height, width))), (0, 1)) * grain
    return Image.fromarray((np.asarray(photo) + field[..., None]).round().clip(0, 255).astype(np.uint8))


_fields: dict[tuple[int, int], np.ndarray] = {}


def _grain(height: int, width: int) -> np.ndarray:
    if (height, width) not in _fields:
        _fields[height, width] = np.random.default_rng(0).standard_normal((height, width), np.float32)
    return _fields[height, width]


def build(folder: Path, photos: int, megapixels: float, faces: tuple[int, int], grain: float = 5.0) -> None:
    """Write ``photos`` JPEGs, two thirds of them landscape, the others portrait. Existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    long = round((megapixels * 1e6 * 4 / 3) ** 0.5 / 16) * 16
    for k in range(photos):
        path = folder / f"IMG_{k:05d}.jpg"
        if path.exists():
            continue
        rng = np.random.default_rng(k)
        size = (long, long * 3 // 4) if k % 3 else (long * 3 // 4, long)
        photo = compose(*size, int(rng.integers(faces[0], faces[1] + 1)), grain, rng)
        photo.save(path.with_suffix(".part"), format="JPEG", quality=90)
        path.with_suffix(".part").rename(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--faces", type=int, nargs=2, default=(1, 3))
    parser.add_argument("--grain", type=float, default=5, help="in grey levels; 5 makes 0.26 bytes per pixel")
    args = parser.parse_args()
    build(args.folder, args.photos, args.megapixels, tuple(args.faces), args.grain)
