"""Data sets: FER2013's pixels and labels and FER+'s votes, as published, or folders of faces by class, into arrays."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from albumsort.album.formats import UnreadablePhotoError
from albumsort.album.photo import open_photo, read_header
from albumsort.album.pixels import decode
from albumsort.emotions import EMOTIONS, FERPLUS_COLUMNS, PERCEIVED, SCHEMES, labels_of
from albumsort.errors import AlbumsortError
from albumsort.settings import ScanSettings
from albumsort.vision.crop import whole_picture

#: Side of a FER2013 face in pixels.
FACE_SIZE = 48
#: FER+ practice: a single vote is taken for a slip and dropped (Barsoum et al. 2016).
OUTLIER_VOTES = 1
SPLITS = ("Training", "PublicTest", "PrivateTest")
#: A code, and votes as they are counted or as pandas writes a column in which one is missing; no other digits of
#: Unicode, and no number that does not fit.
_CODE, _VOTES = re.compile(r"0*([0-6])"), re.compile(r"0*([0-9]{1,6})(\.0*)?")
#: Share of the rows whose splits may differ between the two files of one edition. Reversed, they differ in 0.4.
_OTHER_SPLITS = 0.1
#: A picture with more is refused by its header, as in a scan.
_MEGAPIXELS = ScanSettings().max_megapixels
#: How folders of splits are called, in lower case.
_SPLITS = {
    "train": "Training",
    "training": "Training",
    "val": "PublicTest",
    "valid": "PublicTest",
    "validation": "PublicTest",
    "publictest": "PublicTest",
    "test": "PrivateTest",
    "privatetest": "PrivateTest",
}


class DataError(AlbumsortError):
    """A data set that cannot be read; the message names the file and says what is wrong."""


@dataclass(frozen=True)
class Faces:
    """Labelled faces. ``n`` rows in the order of the file.

    Attributes:
        pixels: uint8 ``(n, 48, 48)`` grey.
        labels: int64 ``(n,)`` FER2013 codes 0-6.
        usage: str ``(n,)``: ``Training``, ``PublicTest`` or ``PrivateTest``; empty where the data set has no splits.
        perceived: float32 ``(n, 8)`` distribution over ``PERCEIVED``, all zero where the face has no usable votes.
        majority: int64 ``(n,)`` code of the emotion with more than half of the cleaned votes, else -1 (contempt
            counts as -1 too: it is not one of the seven).
        broken: reason and number of the rows that were left out.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    usage: NDArray[np.str_]
    perceived: NDArray[np.float32]
    majority: NDArray[np.int64]
    broken: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Faces:
        """The faces that a mask or an index array selects."""
        return Faces(self.pixels[keep], self.labels[keep], self.usage[keep], self.perceived[keep], self.majority[keep])

    def split(self, usage: str) -> Faces:
        """The faces of one split; those of a data set without splits are of each.

        Raises:
            DataError: there are none.
        """
        chosen = self.where(self.usage == usage) if self.has_splits or usage not in SPLITS else self
        if not len(chosen):
            there = sorted(set(self.usage.tolist())) if self.has_splits else SPLITS
            raise DataError(f"no faces of split {usage!r}; there are {', '.join(there)}")
        return chosen

    def in_scheme(self, scheme: str) -> Faces:
        """The faces of the emotions that a scheme tells apart, relabelled where it merges two.

        Raises:
            DataError: there are none.
        """
        labels, majority = in_scheme(self.labels, scheme), in_scheme(self.majority, scheme)
        if not (labels >= 0).any():
            raise DataError(f"no faces of {', '.join(labels_of(scheme))}")
        return replace(self, labels=labels, majority=majority).where(labels >= 0)

    def digest(self, with_perceived: bool) -> str:
        """SHA-256 of what a network would learn from these faces, with or without what people perceive in them."""
        parts = (self.pixels, self.labels, *([self.perceived] if with_perceived else []))
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

    @property
    def has_splits(self) -> bool:
        """Whether the data set says which faces are to learn from, and which to measure by."""
        return bool(self.usage[0])

    def fold(self, number: int, folds: int, seed: int) -> tuple[Faces, Faces]:
        """(kept, held out): part ``number`` of ``folds`` equal random parts is held out, counted from 0."""
        part = np.random.default_rng(seed).permutation(len(self)) % folds
        return self.where(part != number), self.where(part == number)

    def hold_out(self, fraction: float, seed: int) -> tuple[Faces, Faces]:
        """(kept, held out): a random ``fraction`` of the faces is held out, the same for the same seed."""
        order = np.random.default_rng(seed).permutation(len(self))
        held = round(len(self) * fraction)
        return self.where(np.sort(order[held:])), self.where(np.sort(order[:held]))


def load(fer2013: Path, ferplus: Path | None = None) -> Faces:
    """Read ``fer2013.csv`` and, when given, the votes of ``fer2013new.csv``, which has the same rows in the same order.

    Kaggle's copies carry stray header and citation lines, and ``icml_face_data.csv`` writes its columns with a leading
    blank; both are read. A row that is no face is left out and counted in ``broken``, and so are votes that are none.

    Raises:
        DataError: a file is missing, has other columns, or the two do not have the same rows.
    """
    broken: Counter[str] = Counter()
    pixels, labels, kept = [], [], []
    rows: list[str | None] = []
    for values in _rows(fer2013, ("emotion", "pixels", "Usage")):
        emotion, numbers, usage = values
        if not any(values):
            rows.append(None)
            broken["stray line, no face"] += 1
            continue
        if not emotion.isdigit() and not _is_numbers(numbers) and usage not in SPLITS:
            broken["stray line, no face"] += 1  # a citation; the votes have no row for it
            continue
        rows.append(usage)
        code = _CODE.fullmatch(emotion)
        face = np.fromstring(numbers, np.int64, sep=" ") if _is_numbers(numbers) else np.empty(0, np.int64)
        if code is None:
            broken["emotion is not a code 0-6"] += 1
        elif len(face) != FACE_SIZE**2 or face.min() < 0 or face.max() > 255:
            broken["pixels are not 2304 values 0-255"] += 1
        elif usage not in SPLITS:
            broken[f"usage is none of {', '.join(SPLITS)}"] += 1
        else:
            pixels.append(face.astype(np.uint8))
            labels.append(int(code[1]))
            kept.append(len(rows) - 1)
    if not pixels:
        raise DataError(f"{fer2013}: no faces in it")
    perceived = np.zeros((len(pixels), len(PERCEIVED)), np.float32)
    majority = np.full(len(pixels), -1)
    if ferplus:
        votes, rows_of_votes = _votes(ferplus, broken)
        row_of = _matched(rows, rows_of_votes)
        if row_of is None:
            counts = f"{ferplus} has {len(votes)} rows and {fer2013} has {len(rows)}"
            splits = f"the rows of {ferplus} and {fer2013} name other splits"
            differ = splits if len(votes) == len(rows) else counts
            raise DataError(f"{differ}: they must be of the same edition")
        chosen = votes[[row_of[row] for row in kept]]
        perceived, majority = perceived_distribution(chosen), majority_code(chosen)
    shape = (-1, FACE_SIZE, FACE_SIZE)
    usages = np.array([rows[row] for row in kept])
    return Faces(np.stack(pixels).reshape(shape), np.array(labels), usages, perceived, majority, broken)


def load_folder(folder: Path) -> Faces:
    """Read a folder of class folders, ``happy/1.png`` or ``train/happy/1.png``, named as ours are or as FER+'s.

    Each picture is one face, edge to edge, of any size, and is read as a scan reads photos: upright, on white. What its
    folder says is taken as what people perceive, too.
    Folders ``train``, ``validation`` and ``test`` become the splits ``Training``, ``PublicTest`` and ``PrivateTest``.

    Raises:
        DataError: there are no such folders, or no pictures in them.
    """
    pixels, labels, usages = [], [], []
    broken: Counter[str] = Counter()
    for usage, code, path in _classed_files(folder, broken):
        try:
            pixels.append(whole_picture(_picture(path))[0])
        except Exception:  # decoders raise anything on a damaged file; each costs that file only
            broken["not a picture that can be read"] += 1
        else:
            labels.append(code)
            usages.append(usage)
    if not pixels:
        raise DataError(f"{folder}: no pictures in folders named {', '.join(EMOTIONS)}")
    codes = np.array(labels)
    perceived = np.eye(len(PERCEIVED), dtype=np.float32)[codes]
    return Faces(np.stack(pixels), codes, np.array(usages), perceived, codes, broken)


def _picture(path: Path) -> NDArray[np.uint8]:
    """The pixels of a picture in RGB, as ``decode`` gives them, at full size."""
    with path.open("rb") as file:
        image = open_photo(file)
        header = read_header(image)
        if header.megapixels > _MEGAPIXELS:
            raise UnreadablePhotoError("too large")
        return decode(image, header, max(image.size))


def _classed_files(folder: Path, broken: Counter[str]) -> Iterator[tuple[str, int, Path]]:
    """(split, FER2013 code, file), sorted, so that the order is the same on each machine."""
    codes: dict[str, int] = {name: code for code, name in enumerate(EMOTIONS)}
    codes |= {column: codes[name] for name, column in FERPLUS_COLUMNS.items() if name in codes}
    try:
        splits = sorted(path for path in folder.iterdir() if path.name.lower() in _SPLITS)
        if splits:
            for named in sorted(path for path in folder.iterdir() if path.name.lower() in codes):
                broken[f"in a folder {named.name!r}, beside those of splits"] += sum(1 for _ in named.iterdir())
        for split in splits or [folder]:
            for named in sorted(path for path in split.iterdir() if path.is_dir()):
                files = sorted(path for path in named.iterdir() if path.is_file())
                if named.name.lower() in codes:
                    usage = _SPLITS[split.name.lower()] if splits else ""
                    yield from ((usage, codes[named.name.lower()], path) for path in files)
                elif files:
                    broken[f"in a folder {named.name!r}, which is no emotion"] += len(files)
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}") from error


def perceived_distribution(votes: NDArray[np.int64]) -> NDArray[np.float32]:
    """FER+ vote counts ``(n, 10)`` to what people perceive: float32 ``(n, 8)``, rows sum to 1.

    Single votes are dropped as slips. A face whose largest vote is ``unknown`` or ``not a face`` gets a row of zeros.
    """
    clean = np.where(votes <= OUTLIER_VOTES, 0, votes)
    emotions = clean[:, : len(PERCEIVED)].astype(np.float32)
    usable = (clean.argmax(1) < len(PERCEIVED)) & (emotions.sum(1) > 0)
    return np.where(usable[:, None], emotions / np.maximum(emotions.sum(1, keepdims=True), 1), 0).astype(np.float32)


def majority_code(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """FER2013 code ``(n,)`` of the emotion with more than half of the votes left without single ones, else -1."""
    clean = np.where(votes <= OUTLIER_VOTES, 0, votes)
    best = clean.argmax(1)
    wins = (2 * clean.max(1) > clean.sum(1)) & (best < len(EMOTIONS))
    return np.where(wins, best, -1)


def in_scheme(codes: NDArray[np.int64], scheme: str) -> NDArray[np.int64]:
    """FER2013 codes ``(n,)`` as a scheme of ``emotions.SCHEMES`` counts them; -1 where it leaves one out or for -1."""
    counts_as = [-1 if emotion is None else EMOTIONS.index(emotion) for emotion in SCHEMES[scheme]]
    return np.where(codes < 0, -1, np.array(counts_as)[codes])


def _matched(faces: Sequence[str | None], votes: Sequence[str | None]) -> dict[int, int] | None:
    """The row of the votes that belongs to each row of the faces; None where the two are not of the same edition.

    Args:
        faces: the split of each row, None of one with nothing in it: a face that is lost, or an end that a spreadsheet
            added. It is taken for the first where the other file has a row for it.
        votes: the same of the votes.
    """
    for with_lost, with_none in itertools.product((True, False), repeat=2):
        of_faces = [row for row, split in enumerate(faces) if with_lost or split is not None]
        of_votes = [row for row, split in enumerate(votes) if with_none or split is not None]
        if len(of_faces) != len(of_votes):
            continue
        row_of = dict(zip(of_faces, of_votes, strict=True))
        splits = [(faces[row], votes[other]) for row, other in row_of.items()]
        named = [(one, other) for one, other in splits if one in SPLITS and other in SPLITS]
        if sum(one != other for one, other in named) <= _OTHER_SPLITS * len(named):
            return row_of
    return None


def _votes(path: Path, broken: Counter[str]) -> tuple[NDArray[np.int64], list[str | None]]:
    """Vote counts int64 ``(n, 10)``: the columns of ``PERCEIVED``, then unknown and not-a-face; all 0 where broken.

    With them the split that each row names, '' where it names none, None where there is nothing in it.
    """
    rows: list[list[int]] = []
    splits: list[str | None] = []
    wrong = ""
    columns = (*FERPLUS_COLUMNS.values(), "unknown", "NF")
    for *row, split in _rows(path, columns, "Usage"):
        counts = [_VOTES.fullmatch(count) for count in row]
        rows.append([int(count[1]) if count and all(counts) else 0 for count in counts])
        splits.append(split if split or any(row) else None)
        if "" in row:
            broken["votes are missing, the label is used alone"] += 1
        elif not all(counts):
            broken["a vote is not a number, the label is used alone"] += 1
            wrong = wrong or next(count for count, read in zip(row, counts, strict=True) if not read)
    if wrong and not any(map(any, rows)):
        raise DataError(f"{path}: no votes in it; one is not a number ({wrong[:20]!r})")
    return np.array(rows, np.int64), splits


def _rows(path: Path, columns: tuple[str, ...], optional: str | None = None) -> Iterator[list[str]]:
    """The named columns of each line below the header, wherever that stands; empty where a line is too short.

    The optional one is the last, and empty where there is none. Lines before the header, blank ones and the header
    again are skipped; a line of commas alone, one for each column, is a row.
    """
    places: list[int] = []
    width = 0
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            for line in file:
                names = [name.strip() for name in _fields(line)]
                if not places:
                    if set(columns) <= set(names):
                        width = len(names)
                        wanted = [*columns, *([optional] if optional else [])]
                        places = [names.index(column) if column in names else width for column in wanted]
                elif (any(names) or len(names) >= width) and not set(columns) <= set(names):
                    yield [names[place] if place < min(len(names), width) else "" for place in places]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if not places:
        raise DataError(f"{path}: no header line with the columns {', '.join(columns)}")


def _fields(line: str) -> list[str]:
    """The fields of one line; a quote that nothing closes, as in a citation, holds no other line."""
    if '"' in line and line.count('"') % 2 == 0:
        with contextlib.suppress(csv.Error):
            return next(csv.reader([line]))
    return line.split(",")


def _is_numbers(text: str) -> bool:
    return text.isascii() and text.replace(" ", "").isdigit()
