"""Choosing, measured on albums whose truth is known: groups and bursts composed of faces whose emotion is known.

    python tests/benchmarks/choosing.py FOLDER --fer2013 fer2013.csv fer2013new.csv [--groups 120] [--bursts 40]
    python tests/benchmarks/choosing.py FOLDER --portraits truth.csv

With FER2013 the faces are those of PublicTest that nine of ten voters agree on. Its tiles, without hair and chin, are
hard to find; the order of the groups is judged on all of them, and on those on which everybody is found. With a table
of portraits (file, x, y, w, h in pixels, emotion; files are named from where the table lies) they are the heads of its
happy and neutral faces that no edge cuts. They are laid on backgrounds of clouds: groups of two to eight, with
passers-by behind some of them, and bursts of three to twelve frames with one in which everybody smiles; in half of the
frames the edge cuts a passer-by. FOLDER gets the album and its index.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import piexif
from PIL import Image, ImageFilter, ImageOps

from albumsort.culling.best_shot import rank_burst
from albumsort.culling.subjects import subject_mask
from albumsort.emotions import EMOTIONS
from albumsort.index import Index
from albumsort.scanning.scan import scan
from albumsort.training.datasets import Faces, load

SIZE = (1600, 1000)
#: Side of a tile that is laid, and of the cells that keep two from overlapping, in pixels.
TILE, CELL = (170, 260), 300
#: Of a passer-by's picture, the pixels from its left that the edge leaves: seven tenths of the face, whether that fills
#: the picture or has hair and chin around it. Of tiles about half are found, half of these as cut.
SHOWN_OF_TILE, SHOWN_OF_HEAD = 185, 155
SMILE = EMOTIONS.index("happy")
#: Side of what is cut out around a portrait's face, in sides of its box: hair and chin, and no neighbour.
HEAD = 1.6


class Cast:
    """Pictures of faces on whose emotion people agree, dealt out at random."""

    def __init__(self, smiling: list[Image.Image], others: list[Image.Image], shown: int, seed: int = 0) -> None:
        self.dice = np.random.default_rng(seed)
        self.smiling, self.others, self.shown = smiling, others, shown

    def tile(self, smiles: bool, side: int) -> Image.Image:
        """A face as a picture of ``side`` pixels."""
        faces = self.smiling if smiles else self.others
        return faces[self.dice.integers(len(faces))].resize((side, side), Image.Resampling.BICUBIC)

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


def of_fer2013(faces: Faces) -> tuple[list[Image.Image], list[Image.Image]]:
    """The smiling and the other tiles that people agree on."""
    agreed = faces.perceived.max(1) >= 0.9
    smiling = agreed & (faces.majority == SMILE)
    others = agreed & (faces.majority >= 0) & (faces.majority != SMILE)
    return [Image.fromarray(tile) for tile in faces.pixels[smiling]], [Image.fromarray(t) for t in faces.pixels[others]]


def of_portraits(table: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """The happy and the neutral heads of a table, each and its mirror image."""
    heads: dict[str, list[Image.Image]] = {"happy": [], "neutral": []}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            x, y, w, h = (float(row[name]) for name in ("x", "y", "w", "h"))
            if row["emotion"] not in heads or row.get("optional") == "1":
                continue
            with Image.open(table.parent / row["file"]) as photo:
                # As much of the head as is on the photo; the edge must not cut the face.
                edges = (x + w / 2, y + h / 2, photo.width - x - w / 2, photo.height - y - h / 2)
                half = min(HEAD * max(w, h) / 2, *edges)
                if half < max(w, h) / 2:
                    continue
                left, top = round(x + w / 2 - half), round(y + h / 2 - half)
                head = photo.convert("RGB").crop((left, top, left + round(2 * half), top + round(2 * half)))
            heads[row["emotion"]] += [head, ImageOps.mirror(head)]
    return heads["happy"], heads["neutral"]


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
                photo.paste(cut, (SIZE[0] - cast.shown, int(cast.dice.integers(SIZE[1] - TILE[1]))))
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
    parser.add_argument("folder", type=Path)
    faces = parser.add_mutually_exclusive_group(required=True)
    faces.add_argument("--fer2013", type=Path, nargs=2, metavar=("FER2013", "FERPLUS"))
    faces.add_argument("--portraits", type=Path, metavar="TABLE")
    parser.add_argument("--groups", type=int, default=120)
    parser.add_argument("--bursts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.portraits:
        cast = Cast(*of_portraits(args.portraits), SHOWN_OF_HEAD, args.seed)
    else:
        cast = Cast(*of_fer2013(load(*args.fer2013).split("PublicTest")), SHOWN_OF_TILE, args.seed)
    args.folder.mkdir(parents=True)
    smiles, people = groups(cast, args.folder, args.groups)
    burst_of, best_of = bursts(cast, args.folder, args.bursts)
    print(scan([args.folder], args.folder / "index.db").as_dict())
    with Index(args.folder / "index.db") as index:
        rows = [row for row in index.top("happy", None, threshold=0, everyone=True) if row.photo.path in smiles]
        found = list(index.bursts())
    best = [rank_burst(burst, "happy")[0].photo.path for burst in found]
    hits = sum(path in best for path in best_of.values())
    ranking = [row.photo.path for row in rows]
    subjects = {row.photo.path: sum(subject_mask(row.photo, row.faces)) for row in rows}
    whole = {path: smile for path, smile in smiles.items() if subjects.get(path, 0) >= people[path]}
    figures = {
        "people of the groups found": sum(subjects.values()) / sum(people.values()),
        "pairs of the everyone-list in order": pairs_in_order(ranking, smiles),
        f"the same of the {len(whole)} groups found as a whole": pairs_in_order(ranking, whole),
        "F1 of the bursts": agreement([[shot.photo.path for shot in burst] for burst in found], burst_of),
        "best frame chosen": hits / len(best_of),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
