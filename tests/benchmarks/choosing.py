"""Measures the choice of photos on albums with known truth: groups and bursts, composed of faces with known emotions.

    python tests/benchmarks/choosing.py FOLDER --fer2013 fer2013.csv fer2013new.csv [--groups 120] [--bursts 40]
    python tests/benchmarks/choosing.py FOLDER --portraits truth.csv

With FER2013, the faces are those of PublicTest that nine of ten voters agree on. They show no hair or chin and are hard
to detect, so the order of the groups is measured twice: on all groups, and on those in which all faces are detected.
With a table of portraits (file, x, y, w, h in pixels, emotion; file names are relative to the table), the faces are the
heads of its happy and neutral portraits, except for heads that the edge of the photo cuts.

The faces are placed on backgrounds of clouds. Groups have two to eight people, some with passers-by behind them. Bursts
have three to twelve frames. In one of them everybody smiles; in half of them the edge cuts off a passer-by. FOLDER gets
the album and its index.
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
#: The range of a face picture's side, and the side of the cells that keep two from overlapping, in pixels.
TILE, CELL = (170, 260), 300
#: The width in pixels of a passer-by that is on the photo: seven tenths of the face, for faces that fill their picture
#: and for heads with hair and chin. About half of the former are detected, and half of these count as cut off.
SHOWN_OF_TILE, SHOWN_OF_HEAD = 185, 155
SMILE = EMOTIONS.index("happy")
#: The side of a head, in sides of the face's box: with hair and chin, but without neighbours.
HEAD = 1.6


class Cast:
    """Gives random pictures of faces whose emotion people agree on."""

    def __init__(self, smiling: list[Image.Image], others: list[Image.Image], shown: int, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.smiling, self.others, self.shown = smiling, others, shown

    def tile(self, smiles: bool, side: int) -> Image.Image:
        """A face as a picture of ``side`` pixels."""
        faces = self.smiling if smiles else self.others
        return faces[self.rng.integers(len(faces))].resize((side, side), Image.Resampling.BICUBIC)

    def background(self) -> Image.Image:
        """Clouds of some colour."""
        clouds = self.rng.uniform(60, 200, (6, 9, 3)).astype(np.uint8)
        return Image.fromarray(clouds).resize(SIZE, Image.Resampling.BICUBIC)

    def places(self, people: int, width: int = SIZE[0]) -> list[tuple[int, int, int]]:
        """(left, top, side) for face pictures that do not overlap, within ``width`` pixels from the left."""
        cells = [(x, y) for x in range(50, width - CELL, CELL) for y in range(80, SIZE[1] - CELL, CELL)]
        chosen = self.rng.permutation(len(cells))[:people]
        sides = self.rng.integers(*TILE, people)
        return [(*cells[cell], int(side)) for cell, side in zip(chosen, sides, strict=True)]


def cast_from_fer2013(faces: Faces) -> tuple[list[Image.Image], list[Image.Image]]:
    """(smiling, others): the faces that people agree on."""
    agreed = faces.perceived.max(1) >= 0.9
    smiling = agreed & (faces.majority == SMILE)
    others = agreed & (faces.majority >= 0) & (faces.majority != SMILE)
    return [Image.fromarray(tile) for tile in faces.pixels[smiling]], [Image.fromarray(t) for t in faces.pixels[others]]


def cast_from_portraits(table: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """(happy, neutral): the heads of a table, each also mirrored."""
    heads: dict[str, list[Image.Image]] = {"happy": [], "neutral": []}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            x, y, w, h = (float(row[name]) for name in ("x", "y", "w", "h"))
            if row["emotion"] not in heads or row.get("optional") == "1":
                continue
            with Image.open(table.parent / row["file"]) as photo:
                # As much of the head as the photo has; the edge of the photo must not cut the face.
                edges = (x + w / 2, y + h / 2, photo.width - x - w / 2, photo.height - y - h / 2)
                half = min(HEAD * max(w, h) / 2, *edges)
                if half < max(w, h) / 2:
                    continue
                left, top = round(x + w / 2 - half), round(y + h / 2 - half)
                head = photo.convert("RGB").crop((left, top, left + round(2 * half), top + round(2 * half)))
            heads[row["emotion"]] += [head, ImageOps.mirror(head)]
    return heads["happy"], heads["neutral"]


def groups(cast: Cast, folder: Path, count: int) -> tuple[dict[str, bool], dict[str, int]]:
    """Compose groups; returns, by file, whether all subjects smile, and the number of subjects."""
    truth, people = {}, {}
    for number in range(count):
        photo, places = cast.background(), cast.places(int(cast.rng.integers(2, 9)))
        sullen = set() if number % 2 else {0, *cast.rng.integers(0, len(places), 1).tolist()}
        for place, (left, top, side) in enumerate(places):
            photo.paste(cast.tile(place not in sullen, side), (left, top))
        if number % 4 < 2:  # a passer-by, who does not smile
            side = 56
            photo.paste(cast.tile(False, side), (int(cast.rng.integers(SIZE[0] - side)), 10))
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
        # The next scene follows after seconds or after minutes.
        when += timedelta(seconds=int(cast.rng.choice((4, 40, 400))))
        # The last column is kept free for a passer-by.
        background, places = cast.background(), cast.places(int(cast.rng.integers(2, 6)), SIZE[0] - CELL)
        frames = int(cast.rng.integers(3, 13))
        best = int(cast.rng.integers(frames))
        for frame in range(frames):
            sullen = set() if frame == best else {int(cast.rng.integers(len(places)))}
            photo = background.copy()
            for place, (left, top, side) in enumerate(places):
                x, y = cast.rng.integers(-12, 13, 2)
                photo.paste(cast.tile(place not in sullen, side), (left + int(x), top + int(y)))
            if cast.rng.integers(2):
                cut = cast.tile(bool(cast.rng.integers(2)), TILE[1])
                photo.paste(cut, (SIZE[0] - cast.shown, int(cast.rng.integers(SIZE[1] - TILE[1]))))
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
    """The share of pairs in order, each of a photo on which all smile and one on which somebody does not."""
    rank = {path: number for number, path in enumerate(ranking)}
    last = len(truth)  # photos that are not listed rank last
    pairs = [(good, bad) for good in truth for bad in truth if truth[good] and not truth[bad]]
    return float(np.mean([rank.get(good, last) < rank.get(bad, last + 1) for good, bad in pairs]))


def agreement(found: Sequence[Sequence[str]], truth: dict[str, int]) -> float:
    """The F1 score of pairs of photos in the same burst."""
    predicted = {frozenset(pair) for burst in found for pair in combinations(burst, 2)}
    true = {frozenset(pair) for pair in combinations(truth, 2) if truth[pair[0]] == truth[pair[1]]}
    return 2 * len(predicted & true) / (len(predicted) + len(true))


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
        cast = Cast(*cast_from_portraits(args.portraits), SHOWN_OF_HEAD, args.seed)
    else:
        cast = Cast(*cast_from_fer2013(load(*args.fer2013).split("PublicTest")), SHOWN_OF_TILE, args.seed)
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
        "people of the groups detected": sum(subjects.values()) / sum(people.values()),
        "pairs of the everyone-list in order": pairs_in_order(ranking, smiles),
        f"the same of the {len(whole)} groups with all people detected": pairs_in_order(ranking, whole),
        "F1 of the bursts": agreement([[shot.photo.path for shot in burst] for burst in found], burst_of),
        "best frame chosen": hits / len(best_of),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
