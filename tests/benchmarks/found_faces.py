"""What looking at every other window only costs: faces found against looking everywhere, on the same pictures.

    python tests/benchmarks/found_faces.py [PHOTO ...] [--composed 100] [--data fer2013.csv]

Pictures are the given photos, and places with portraits pasted in, 28 to 320 pixels high in a picture of 1024; with
DATA, two in five are tiles of FER2013's Training split instead, which are harder: nothing around the face is on them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from albumsort import EmotionClassifier, FaceDetector
from albumsort.album.photo import open_photo, read_header
from albumsort.album.pixels import decode
from albumsort.index.corrections import overlap
from albumsort.resize import shrink
from albumsort.scanning.batches import cut_out
from albumsort.training import datasets
from albumsort.vision import detector as module

ALBUM = Path(__file__).parents[2] / "examples" / "album"


def look(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        image = open_photo(file)
        return shrink(decode(image, read_header(image), 2048), module.LOOK_SIDE)


def composed(count: int, tiles: np.ndarray | None) -> list[np.ndarray]:
    """Places with six people each, who may hide one another."""
    rng = np.random.default_rng(0)
    places = [look(path) for path in sorted((ALBUM / "places").glob("*.jpg"))]
    portraits = [Image.fromarray(look(path)) for path in sorted((ALBUM / "portraits").glob("*.jpg"))]
    pictures = []
    for _ in range(count):
        size = (1024, 768) if rng.random() < 0.7 else (768, 1024)
        picture = ImageOps.fit(Image.fromarray(places[rng.integers(len(places))]), size)
        for _ in range(6):
            side = round(np.exp(rng.uniform(np.log(28), np.log(320))))
            if tiles is not None and rng.random() < 0.4:
                person = Image.fromarray(tiles[rng.integers(len(tiles))]).convert("RGB").resize((side, side))
            else:
                person = ImageOps.fit(
                    portraits[rng.integers(len(portraits))], (side * 2, side * 2), centering=(0.5, 0.2)
                )
            corner = [int(rng.integers(0, max(1, whole - part))) for whole, part in zip(size, person.size, strict=True)]
            picture.paste(person, (corner[0], corner[1]))
        noise = rng.normal(0, 3, (size[1], size[0], 1))
        pictures.append((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
    return pictures


def compare(pictures: list[np.ndarray]) -> str:
    detector, classifier, found = FaceDetector(), EmotionClassifier(), {}
    chosen = module.SPARSE_SIDE
    for name, side in (("everywhere", 1 << 20), ("sparse", chosen)):
        module.SPARSE_SIDE = side
        found[name] = [face for k in range(0, len(pictures), 6) for face in detector.detect(pictures[k : k + 6])]
    kept = extra = total = 0
    shifts: list[float] = []
    for picture, before, after in zip(pictures, found["everywhere"], found["sparse"], strict=True):
        total += len(before)
        extra += sum(all(overlap(one.box, face.box) <= 0.5 for one in before) for face in after)
        pairs = [(face, max(after, key=lambda one: overlap(one.box, face.box))) for face in before if after]
        pairs = [(face, other) for face, other in pairs if overlap(face.box, other.box) > 0.5]
        kept += len(pairs)
        for face, other in pairs:
            crops = [crop for crop, _ in cut_out(picture, picture, [face, other])]
            first, second = classifier.probabilities(np.stack(crops))
            shifts.append(float(np.abs(first - second).max()))
    same = np.mean(np.array(shifts) < 0.01)
    return (
        f"{len(pictures)} pictures, {total} faces everywhere: {kept} found ({kept / max(total, 1):.1%}), "
        f"{extra} others; probabilities within 0.01 for {same:.1%}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--composed", type=int, default=100)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    if args.photos:
        print("photos:", compare([look(path) for path in args.photos]))
    print("composed:", compare(composed(args.composed, None)))
    if args.data:
        print("with tiles:", compare(composed(args.composed, datasets.load(args.data).split("Training").pixels)))
