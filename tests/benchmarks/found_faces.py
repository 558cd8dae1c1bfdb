"""What the sparse search for small faces loses: faces that it detects, compared with a dense search.

    python tests/benchmarks/found_faces.py [PHOTO ...] [--composed 100] [--data fer2013.csv]

The pictures are the given photos, and places of 1,024 pixels with portraits pasted in, 28 to 320 pixels high. With
DATA, two in five portraits are faces of FER2013's Training split. These are harder to detect: they show nothing around
the face.
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
from albumsort.training import datasets
from albumsort.vision import detector as module
from albumsort.vision.reader import cut_out

ALBUM = Path(__file__).parents[2] / "examples" / "album"


def small_picture(path: Path) -> np.ndarray:
    """The picture that the detector searches, uint8 RGB."""
    with path.open("rb") as file:
        image = open_photo(file)
        return shrink(decode(image, read_header(image), 2048), module.SMALL_SIDE)


def composed(count: int, tiles: np.ndarray | None) -> list[np.ndarray]:
    """Places with six people each, who may partly hide each other."""
    rng = np.random.default_rng(0)
    places = [small_picture(path) for path in sorted((ALBUM / "places").glob("*.jpg"))]
    portraits = [Image.fromarray(small_picture(path)) for path in sorted((ALBUM / "portraits").glob("*.jpg"))]
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
    for name, side in (("dense", 1 << 20), ("sparse", chosen)):
        module.SPARSE_SIDE = side
        found[name] = [face for k in range(0, len(pictures), 6) for face in detector.detect(pictures[k : k + 6])]
    kept = extra = total = 0
    shifts: list[float] = []
    for picture, dense, sparse in zip(pictures, found["dense"], found["sparse"], strict=True):
        total += len(dense)
        extra += sum(all(overlap(known.box, face.box) <= 0.5 for known in dense) for face in sparse)
        pairs = [(face, max(sparse, key=lambda near: overlap(near.box, face.box))) for face in dense if sparse]
        pairs = [(face, match) for face, match in pairs if overlap(face.box, match.box) > 0.5]
        kept += len(pairs)
        for face, match in pairs:
            crops = [crop for crop, _ in cut_out(picture, picture, [face, match])]
            first, second = classifier.probabilities(np.stack(crops))
            shifts.append(float(np.abs(first - second).max()))
    same = np.mean(np.array(shifts) < 0.01)
    return (
        f"{len(pictures)} pictures, {total} faces by dense search: {kept} by sparse ({kept / max(total, 1):.1%}), "
        f"{extra} more; probabilities within 0.01 for {same:.1%}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--composed", type=int, default=100)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    if args.photos:
        print("photos:", compare([small_picture(path) for path in args.photos]))
    print("composed:", compare(composed(args.composed, None)))
    if args.data:
        print("with tiles:", compare(composed(args.composed, datasets.load(args.data).split("Training").pixels)))
