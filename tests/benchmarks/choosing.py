"""Choosing, measured on albums whose truth is known: groups and bursts composed from the faces of FER2013.

    python tests/benchmarks/choosing.py fer2013.csv fer2013new.csv FOLDER [--groups 120] [--bursts 40]

Of PublicTest the faces that nine of ten voters agree on are laid on backgrounds of noise: groups of two to eight, with
passers-by behind some of them, and bursts of three to twelve frames with one in which everybody smiles; in half of the
frames the edge cuts a passer-by. FOLDER gets the album and its index. Tiles without hair and chin are hard to find; the
order of the groups is judged on all of them, and on those on which everybody is found.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import piexif
from PIL import Image, ImageFilter

from albumsort.emotions import EMOTIONS
from albumsort.frames import judged
from albumsort.front import in_front
from albumsort.index import Index
from albumsort.pipeline import scan
from albumsort.training.datasets import Faces, load

SIZE = (1600, 1000)
#: Side of a tile that is laid, and of the cells that keep two from overlapping, in pixels.
TILE, CELL = (170, 260), 300
#: Of a passer-by's tile, the pixels from its left that the edge leaves: about half are found, half of these as cut.
SHOWN = 185
SMILE = EMOTIONS.index("happy")


class Cast:
    """Faces on whose emotion people agree, dealt out at random."""

    def __init__(self, faces: Faces, seed: int) -> None:
        self.dice = np.random.default_rng(seed)
        agreed = faces.perceived.max(1) >= 0.9
        self.smiling = faces.pixels[agreed & (faces.majority == SMILE)]
        self.others = faces.pixels[agreed & (faces.majority >= 0) & (faces.majority != SMILE)]

    def tile(self, smiles: bool, side: int) -> Image.Image:
        """A face as a picture of ``side`` pixels."""
        faces = self.smiling if smiles else self.others
        return Image.fromarray(faces[self.dice.integers(len(faces))]).resize((side, side), Image.Resampling.BICUBIC)

    def background(self) -> Image.Image:
        """Clouds of some colour."""
        clouds = self.dice.uniform(60, 200, (6, 9, 3)).astype(np.uint8)
        return Image.fromarray(clouds).resize(SIZE, Image.Resampling.BICUBIC)

    def places(self, people: int, width: int = SIZE[0]) -> list[tuple[int, int, int]]:
        """(left, top, side) of so many tiles that do not overlap, within so many pixels from the left."""
        cells = [(x, y) for x in range(50, width - CELL, CELL) for y in range(80, SIZE[1] - CELL, CELL)]
        chosen = self.dice.permutation(len(cells))[:people]
        sides = self.dice.integers(*TILE, people)
        return [(*cells[cell], int(side)) for cell, side in zip(chosen, sides, strict=True)]


def groups(cast: Cast, folder: Path, count: int) -> tuple[dict[str, bool], dict[str, int]]:
    """Compose groups; returns for each file whether everybody in front smiles, and how many these are."""
    truth, people = {}, {}
    for number in range(count):
        photo, places = cast.background(), cast.places(int(cast.dice.integers(2, 9)))
        sullen = set() if number % 2 else {0, *cast.dice.integers(0, len(places), 1).tolist()}
        for place, (left, top, side) in enumerate(places):
            photo.paste(cast.tile(place not in sullen, side), (left, top))
        if number % 4 < 2:  # who passes by does not smile
            side = 56
            photo.paste(cast.tile(False, side), (int(cast.dice.integers(SIZE[0] - side)), 10))
        if number % 8 < 2:
            head = cast.tile(False, CELL).filter(ImageFilter.GaussianBlur(14))
            photo.paste(head, (SIZE[0] - CELL, SIZE[1] - CELL))
        path = folder / f"group-{number:03}.jpg"
        photo.save(path, quality=92)
        truth[str(path)], people[str(path)] = not sullen, len(places)
    return truth, people


def bursts(cast: Cast, folder: Path, count: int) -> tuple[dict[str, int], dict[int, str]]:
    """Compose bursts; returns the burst of each file and the best frame of each burst."""
    burst_of, best_of = {}, {}
    when = datetime(2024, 5, 17, 12)
    for burst in range(count):
        # Another scene follows after seconds or after minutes.
        when += timedelta(seconds=int(cast.dice.choice((4, 40, 400))))
        # The last column is left to who passes by.
        background, places = cast.background(), cast.places(int(cast.dice.integers(2, 6)), SIZE[0] - CELL)
        frames = int(cast.dice.integers(3, 13))
        best = int(cast.dice.integers(frames))
        for frame in range(frames):
            sullen = set() if frame == best else {int(cast.dice.integers(len(places)))}
            photo = background.copy()
            for place, (left, top, side) in enumerate(places):
                x, y = cast.dice.integers(-12, 13, 2)
                photo.paste(cast.tile(place not in sullen, side), (left + int(x), top + int(y)))
            if cast.dice.integers(2):
                cut = cast.tile(bool(cast.dice.integers(2)), TILE[1])
                photo.paste(cut, (SIZE[0] - SHOWN, int(cast.dice.integers(SIZE[1] - TILE[1]))))
            exif = {"Exif": {piexif.ExifIFD.DateTimeOriginal: when.strftime("%Y:%m:%d %H:%M:%S").encode()}}
            exif["0th"] = {piexif.ImageIFD.Make: b"Example", piexif.ImageIFD.Model: b"Camera"}
            path = folder / f"burst-{burst:02}-{frame:02}.jpg"
            photo.save(path, quality=92, exif=piexif.dump(exif))
            burst_of[str(path)] = burst
            if frame == best:
                best_of[burst] = str(path)
            when += timedelta(seconds=1)
    return burst_of, best_of


def pairs_in_order(ranking: Sequence[str], truth: dict[str, bool]) -> float:
    """Share of pairs of a photo on which all smile and one on which not all do that are in this order."""
    place = {path: number for number, path in enumerate(ranking)}
    last = len(truth)  # who is not listed comes after all that are
    pairs = [(one, two) for one in truth for two in truth if truth[one] and not truth[two]]
    return float(np.mean([place.get(one, last) < place.get(two, last + 1) for one, two in pairs]))


def agreement(found: Sequence[Sequence[str]], truth: dict[str, int]) -> float:
    """F1 of the pairs of photos that are in one burst."""
    said = {frozenset(pair) for burst in found for pair in combinations(burst, 2)}
    true = {frozenset(pair) for pair in combinations(truth, 2) if truth[pair[0]] == truth[pair[1]]}
    return 2 * len(said & true) / (len(said) + len(true))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("fer2013new", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--groups", type=int, default=120)
    parser.add_argument("--bursts", type=int, default=40)
    args = parser.parse_args()
    cast = Cast(load(args.fer2013, args.fer2013new).split("PublicTest"), seed=0)
    args.folder.mkdir(parents=True)
    smiles, people = groups(cast, args.folder, args.groups)
    burst_of, best_of = bursts(cast, args.folder, args.bursts)
    print(scan([args.folder], args.folder / "index.db").as_dict())
    with Index(args.folder / "index.db") as index:
        rows = [row for row in index.top("happy", None, threshold=0, everyone=True) if row.photo.path in smiles]
        found = list(index.bursts())
    best = [judged(burst, "happy")[0].photo.path for burst in found]
    hits = sum(path in best for path in best_of.values())
    ranking = [row.photo.path for row in rows]
    front = {row.photo.path: sum(in_front(row.photo, row.faces)) for row in rows}
    whole = {path: smile for path, smile in smiles.items() if front.get(path, 0) >= people[path]}
    figures = {
        "people of the groups found": sum(front.values()) / sum(people.values()),
        "pairs of the everyone-list in order": pairs_in_order(ranking, smiles),
        f"the same of the {len(whole)} groups found as a whole": pairs_in_order(ranking, whole),
        "F1 of the bursts": agreement([[photo.path for photo, _ in burst] for burst in found], burst_of),
        "best frame chosen": hits / len(best_of),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
