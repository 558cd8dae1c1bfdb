"""Data sets as arrays: FER2013 and the votes of FER+ in their published form, or folders of faces by class."""

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
from albumsort.training.splits import IN_WORDS, SPLITS, split_named
from albumsort.vision.crop import whole_picture

#: The side of a FER2013 face in pixels.
FACE_SIZE = 48
#: As in FER+, a single vote is considered a mistake and dropped (Barsoum et al. 2016).
OUTLIER_VOTES = 1
#: A code, and a count of votes, also in the form that pandas writes if a column lacks a value. Other digits of Unicode
#: do not match, nor do numbers that do not fit into an integer.
_CODE, _VOTES = re.compile(r"0*([0-6])"), re.compile(r"0*([0-9]{1,6})(\.0*)?")
#: The share of rows whose splits may differ between the two files of one edition. In reverse order, 0.4 of them differ.
_OTHER_SPLITS = 0.1
#: A picture with more megapixels is refused because of its header, as in a scan.
_MEGAPIXELS = ScanSettings().max_megapixels
#: Where the two files of FER2013 come from.
_FER2013_FROM = (
    "fer2013.csv comes from Kaggle's competition "
    '"Challenges in Representation Learning: Facial Expression Recognition Challenge"'
)
_FERPLUS_FROM = "fer2013new.csv comes from the repository microsoft/FERPlus on GitHub"


class DataError(AlbumsortError):
    """A data set, recipe or run that cannot be used. The message names the file and says what is wrong."""


@dataclass(frozen=True)
class Faces:
    """``n`` labelled faces, in the order of the file.

    Attributes:
        pixels: uint8 ``(n, 48, 48)``, grey.
        labels: int64 ``(n,)``, FER2013 codes 0 to 6.
        usage: str ``(n,)``, the split: ``Training``, ``PublicTest`` or ``PrivateTest``; empty if there are no splits.
        perceived: float32 ``(n, 8)``, the distribution of votes over ``PERCEIVED``; zeros for a face without usable
            votes.
        majority: int64 ``(n,)``, the code of the emotion with more than half of the usable votes; -1 if there is none,
            or if it is contempt, which is not one of the seven.
        broken: the number of rows that were left out, by reason.
        is_of_folders: whether the labels are names of folders. Then ``perceived`` and ``majority`` repeat them, so that
            recipes that need votes can learn from them.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    usage: NDArray[np.str_]
    perceived: NDArray[np.float32]
    majority: NDArray[np.int64]
    broken: Counter[str] = field(default_factory=Counter)
    is_of_folders: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def has_votes(self) -> bool:
        """Whether any face has a majority of the votes of FER+."""
        return not self.is_of_folders and bool((self.majority >= 0).any())

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Faces:
        """The faces that a mask or an index array selects."""
        chosen = self.pixels[keep], self.labels[keep], self.usage[keep], self.perceived[keep], self.majority[keep]
        return Faces(*chosen, is_of_folders=self.is_of_folders)

    def split(self, usage: str) -> Faces:
        """The faces of one split; all faces if the data set has no splits.

        Args:
            usage: one of ``SPLITS``, or a word for one, such as ``test``.

        Raises:
            DataError: the split is unknown or empty.
        """
        wanted = split_named(usage) or usage
        chosen = self.where(self.usage == wanted) if self.has_splits or wanted not in SPLITS else self
        if not len(chosen):
            splits = (name for name in SPLITS if name in self.usage) if self.has_splits else SPLITS
            raise DataError(f"no faces of split {usage!r}; there are {', '.join(map(self.split_name, splits))}")
        return chosen

    def split_name(self, usage: str) -> str:
        """What people call a split: its name in FER2013, or in class folders ``train``, ``validation`` or ``test``."""
        return IN_WORDS.get(usage, usage) if self.is_of_folders else usage

    @property
    def test_split(self) -> str:
        """The split to measure on: the first that there is of ``PublicTest``, ``PrivateTest`` and ``Training``."""
        return next((name for name in (*SPLITS[1:], SPLITS[0]) if name in self.usage), SPLITS[1])

    def in_scheme(self, scheme: str) -> Faces:
        """The faces of the emotions in a label scheme, relabelled if the scheme merges their emotion into another.

        Raises:
            DataError: there are none.
        """
        labels, majority = in_scheme(self.labels, scheme), in_scheme(self.majority, scheme)
        if not (labels >= 0).any():
            raise DataError(f"no faces of {', '.join(labels_of(scheme))}")
        return replace(self, labels=labels, majority=majority).where(labels >= 0)

    def digest(self, with_perceived: bool) -> str:
        """The SHA-256 of pixels and labels and, if ``with_perceived``, of the distributions of votes."""
        parts = (self.pixels, self.labels, *([self.perceived] if with_perceived else []))
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

    @property
    def has_splits(self) -> bool:
        """Whether the data set has splits: faces to learn from, and faces to measure on."""
        return bool(self.usage[0])

    def fold(self, number: int, folds: int, seed: int) -> tuple[Faces, Faces]:
        """Split into (kept, held out): one of ``folds`` random, equal parts is held out; ``number`` counts from 0."""
        part = np.random.default_rng(seed).permutation(len(self)) % folds
        return self.where(part != number), self.where(part == number)

    def hold_out(self, fraction: float, seed: int) -> tuple[Faces, Faces]:
        """Split into (kept, held out): a random ``fraction`` is held out, always the same for the same seed."""
        order = np.random.default_rng(seed).permutation(len(self))
        held = round(len(self) * fraction)
        return self.where(np.sort(order[held:])), self.where(np.sort(order[:held]))


def load(fer2013: Path, ferplus: Path | None = None) -> Faces:
    """Read ``fer2013.csv`` and, if given, the votes in ``fer2013new.csv``, which has the same rows in the same order.

    Stray header and citation lines, as in Kaggle's copies, are skipped. Column names may have a leading blank, as in
    ``icml_face_data.csv``. A row that is not a face is left out and counted in ``broken``. A face whose votes are
    broken keeps its label, and is counted there, too.

    Raises:
        DataError: a file is missing, has other columns, or does not have the same rows as the other.
    """
    for path, source in ((fer2013, _FER2013_FROM), (ferplus, _FERPLUS_FROM)):
        if path and not path.exists():
            raise DataError(f"{path}: no such file; {source}")
    broken: Counter[str] = Counter()
    pixels, labels, kept = [], [], []
    rows: list[str | None] = []
    for values in _rows(fer2013, ("emotion", "pixels", "Usage")):
        emotion, numbers, usage = values
        if not any(values):
            rows.append(None)
            broken["stray line, not a face"] += 1
            continue
        if not emotion.isdigit() and not _is_numbers(numbers) and usage not in SPLITS:
            broken["stray line, not a face"] += 1  # a citation, for which the file of votes has no row
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
        raise DataError(f"{fer2013}: has no faces")
    perceived = np.zeros((len(pixels), len(PERCEIVED)), np.float32)
    majority = np.full(len(pixels), -1)
    if ferplus:
        votes, rows_of_votes = _votes(ferplus, broken)
        row_of = _matched(rows, rows_of_votes)
        if row_of is None:
            counts = f"{ferplus} has {len(votes)} rows and {fer2013} has {len(rows)}"
            splits = f"the rows of {ferplus} and {fer2013} have different splits"
            differ = splits if len(votes) == len(rows) else counts
            raise DataError(f"{differ}: they must belong to the same edition")
        chosen = votes[[row_of[row] for row in kept]]
        perceived, majority = perceived_distribution(chosen), majority_code(chosen)
    shape = (-1, FACE_SIZE, FACE_SIZE)
    usages = np.array([rows[row] for row in kept])
    return Faces(np.stack(pixels).reshape(shape), np.array(labels), usages, perceived, majority, broken)


def load_folder(folder: Path) -> Faces:
    """Read a folder of class folders: ``happy/1.png`` or ``train/happy/1.png``.

    Class folders are named by our emotions, or by those of FER+. Folders ``train``, ``validation`` and ``test`` become
    the splits ``Training``, ``PublicTest`` and ``PrivateTest``. Each picture is one face, edge to edge, of any size. It
    is decoded as in a scan: upright, with transparent parts on white. The class also takes the place of the majority of
    votes.

    Raises:
        DataError: there are no such folders, or no pictures in them.
    """
    pixels, labels, usages = [], [], []
    broken: Counter[str] = Counter()
    for usage, code, path in _classed_files(folder, broken):
        try:
            pixels.append(whole_picture(_picture(path))[0])
        except Exception:  # decoders raise all kinds of exceptions on a damaged file; leave out that file only
            broken["not a picture that can be read"] += 1
        else:
            labels.append(code)
            usages.append(usage)
    if not pixels:
        raise DataError(f"{folder}: no pictures in folders named {', '.join(EMOTIONS)}, and no fer2013.csv")
    codes = np.array(labels)
    perceived = np.eye(len(PERCEIVED), dtype=np.float32)[codes]
    return Faces(np.stack(pixels), codes, np.array(usages), perceived, codes, broken, is_of_folders=True)


def _picture(path: Path) -> NDArray[np.uint8]:
    """The pixels of a picture at full size, uint8 RGB ``(height, width, 3)``."""
    with path.open("rb") as file:
        image = open_photo(file)
        header = read_header(image)
        if header.megapixels > _MEGAPIXELS:
            raise UnreadablePhotoError("too large")
        return decode(image, header, max(image.size))


def _classed_files(folder: Path, broken: Counter[str]) -> Iterator[tuple[str, int, Path]]:
    """Find (split, FER2013 code, file) for each file, sorted, so that the order is the same on every machine."""
    codes: dict[str, int] = {name: code for code, name in enumerate(EMOTIONS)}
    codes |= {column: codes[name] for name, column in FERPLUS_COLUMNS.items() if name in codes}
    try:
        splits = sorted(path for path in folder.iterdir() if split_named(path.name))
        if splits:
            for named in sorted(path for path in folder.iterdir() if path.name.lower() in codes):
                broken[f"in a folder {named.name!r} beside the folders of splits"] += sum(1 for _ in named.iterdir())
        for split in splits or [folder]:
            for named in sorted(path for path in split.iterdir() if path.is_dir()):
                files = sorted(path for path in named.iterdir() if path.is_file())
                if named.name.lower() in codes:
                    usage = split_named(split.name) or "" if splits else ""
                    yield from ((usage, codes[named.name.lower()], path) for path in files)
                elif files:
                    broken[f"in a folder {named.name!r}, which is not an emotion"] += len(files)
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}") from error


def perceived_distribution(votes: NDArray[np.int64]) -> NDArray[np.float32]:
    """The distribution of FER+ votes, without single votes.

    Args:
        votes: int64 ``(n, 10)``, counts in the order of ``PERCEIVED``, then ``unknown`` and ``not a face``.

    Returns:
        float32 ``(n, 8)``; rows sum to 1, or are zeros if most votes are ``unknown`` or ``not a face``.
    """
    clean = np.where(votes <= OUTLIER_VOTES, 0, votes)
    emotions = clean[:, : len(PERCEIVED)].astype(np.float32)
    usable = (clean.argmax(1) < len(PERCEIVED)) & (emotions.sum(1) > 0)
    return np.where(usable[:, None], emotions / np.maximum(emotions.sum(1, keepdims=True), 1), 0).astype(np.float32)


def majority_code(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The FER2013 code of the emotion with more than half of the votes that are not single ones; -1 if there is none.

    Args:
        votes: as for ``perceived_distribution``.

    Returns:
        int64 ``(n,)``.
    """
    clean = np.where(votes <= OUTLIER_VOTES, 0, votes)
    best = clean.argmax(1)
    wins = (2 * clean.max(1) > clean.sum(1)) & (best < len(EMOTIONS))
    return np.where(wins, best, -1)


def in_scheme(codes: NDArray[np.int64], scheme: str) -> NDArray[np.int64]:
    """Relabel FER2013 codes ``(n,)`` by a scheme of ``emotions.SCHEMES``; -1 for emotions it lacks, and for -1."""
    counts_as = [-1 if emotion is None else EMOTIONS.index(emotion) for emotion in SCHEMES[scheme]]
    return np.where(codes < 0, -1, np.array(counts_as)[codes])


def _matched(faces: Sequence[str | None], votes: Sequence[str | None]) -> dict[int, int] | None:
    """The row of votes for each row of faces.

    Args:
        faces: the split of each row; None for an empty row. An empty row either is a lost face, or was added by a
            spreadsheet at the end. It is a lost face if the other file has a row for it.
        votes: the same for the rows of votes.

    Returns:
        row numbers of votes by row numbers of faces; None if the files are not of the same edition.
    """
    for with_lost, with_none in itertools.product((True, False), repeat=2):
        face_rows = [row for row, split in enumerate(faces) if with_lost or split is not None]
        vote_rows = [row for row, split in enumerate(votes) if with_none or split is not None]
        if len(face_rows) != len(vote_rows):
            continue
        row_of = dict(zip(face_rows, vote_rows, strict=True))
        pairs = [(faces[face_row], votes[vote_row]) for face_row, vote_row in row_of.items()]
        known = [(left, right) for left, right in pairs if left in SPLITS and right in SPLITS]
        if sum(left != right for left, right in known) <= _OTHER_SPLITS * len(known):
            return row_of
    return None


def _votes(path: Path, broken: Counter[str]) -> tuple[NDArray[np.int64], list[str | None]]:
    """Read the votes of FER+.

    Returns:
        the counts, int64 ``(n, 10)``, as for ``perceived_distribution``, zeros for a broken row; and the split of each
        row, '' if it names none, None if the row is empty.
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
            broken["votes are missing; only the label is used"] += 1
        elif not all(counts):
            broken["a vote is not a number; only the label is used"] += 1
            wrong = wrong or next(count for count, read in zip(row, counts, strict=True) if not read)
    if wrong and not any(map(any, rows)):
        raise DataError(f"{path}: has no usable votes; one is not a number ({wrong[:20]!r})")
    return np.array(rows, np.int64), splits


def _rows(path: Path, columns: tuple[str, ...], optional: str | None = None) -> Iterator[list[str]]:
    """The values of some columns in each row below the header; '' if a row is too short.

    Lines before the header, blank lines and repeated headers are skipped. A line of commas alone, one for each column,
    is a row.

    Args:
        path: the path of the table.
        columns: the names of columns that must exist.
        optional: a further column, which comes last; its values are '' if it does not exist.

    Raises:
        DataError: the file cannot be read or has no header with these columns.
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
        raise DataError(f"{path}: no header line with the columns {', '.join(columns)}{_other_file(path)}")


def _other_file(path: Path) -> str:
    """What a file is if it is the other one of the two tables, for a message."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        names = {name.strip() for name in _fields(file.readline())}
    if {"happiness", "NF"} <= names:
        return "; these are the votes of FER+, which --ferplus takes"
    return "; these are faces, not the votes of FER+" if {"emotion", "pixels"} <= names else ""


def _fields(line: str) -> list[str]:
    """The fields of one line. An unclosed quote, as in a citation, does not swallow the lines after it."""
    if '"' in line and line.count('"') % 2 == 0:
        with contextlib.suppress(csv.Error):
            return next(csv.reader([line]))
    return line.split(",")


def _is_numbers(text: str) -> bool:
    return text.isascii() and text.replace(" ", "").isdigit()
