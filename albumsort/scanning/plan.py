"""The plan of a scan: which files need to be read, given what the walk found and what is already known."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from albumsort.album.passed_over import is_passed_over
from albumsort.album.raw_pairs import jpegs_of_raws
from albumsort.album.walk import NotPhoto, PassedOver, WalkProblem
from albumsort.records import PhotoFile


@dataclass(frozen=True)
class KnownPhotos:
    """What is known about the files on the disk from earlier scans.

    Attributes:
        photos: (size, mtime_ns) by path. If these still hold for a photo, it need not be read again.
        raws: the path of the JPEG by the path of its RAW file, if both are one photo.
        unreadable: the paths of the photos that could not be read.
        every: the paths of all photos.
    """

    photos: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    raws: Mapping[str, str] = field(default_factory=dict)
    unreadable: Collection[str] = ()
    every: Collection[str] = ()

    def is_unchanged(self, file: PhotoFile) -> bool:
        """Whether a file has not changed since it was read."""
        return self.photos.get(file.path) == (file.size, file.mtime_ns)

    def is_read(self, file: PhotoFile) -> bool:
        """Whether a file need not be read: it has not changed, and was not left unread as part of a pair."""
        return self.is_unchanged(file) and file.path not in self.raws


@dataclass(frozen=True)
class ScanPlan:
    """What a scan has to do.

    Attributes:
        to_read: files to open, in the order of the walk.
        unchanged: how many files need not be opened.
        old_errors: how many of these could not be read.
        pairs: RAW files, each with the path of the JPEG beside it. A RAW file is read only if its JPEG cannot be read.
        not_photos: files without a picture's suffix that were opened and are not pictures.
        problems: (path, reason) for each file or folder that the walk could not read.
        passed_over: how many files and folders the walk passed over, by kind.
        not_found: the photos of ``KnownPhotos`` that the walk did not find.
        copies: files that exports have made of photos which the walk found or earlier scans know. They are passed over.
    """

    to_read: list[PhotoFile]
    unchanged: int
    old_errors: int
    pairs: list[tuple[PhotoFile, str]]
    not_photos: list[PhotoFile]
    problems: list[tuple[str, str]]
    passed_over: dict[str, int]
    not_found: set[str]
    copies: set[str]

    @property
    def found(self) -> int:
        """How many candidates the walk found."""
        return len(self.to_read) + self.unchanged + len(self.pairs)


def plan_scan(found: Iterable[PhotoFile | NotPhoto | WalkProblem | PassedOver], known: KnownPhotos) -> ScanPlan:
    """Sort the files that the walk found into those that have to be read and the others."""
    candidates, not_photos, problems = [], [], []
    passed_over: Counter[str] = Counter()
    for item in found:
        if isinstance(item, PhotoFile):
            candidates.append(item)
        elif isinstance(item, NotPhoto):
            not_photos.append(item.file)
        elif isinstance(item, PassedOver):
            passed_over[item.kind] += 1
        else:
            problems.append((item.path, item.reason))
    copies = _copies(candidates, known.every)
    candidates = [file for file in candidates if file.path not in copies]
    passed_over["copy"] += len(copies)
    jpegs = jpegs_of_raws(file.path for file in candidates)
    pairs = [(file, jpegs[file.path]) for file in candidates if file.path in jpegs]
    single = [file for file in candidates if file.path not in jpegs]
    read = {file.path for file in single if known.is_read(file)}
    to_read = [file for file in single if file.path not in read]
    not_found = known.photos.keys() - {file.path for file in candidates}
    unchanged = len(single) - len(to_read)
    old_errors = len(read.intersection(known.unreadable))
    return ScanPlan(to_read, unchanged, old_errors, pairs, not_photos, problems, dict(+passed_over), not_found, copies)


def _copies(candidates: Iterable[PhotoFile], every: Collection[str]) -> set[str]:
    """The candidates that exports have made of other candidates, or of photos that earlier scans know."""
    found = {file.path: file.copy_of for file in candidates}

    def original(path: str) -> str | None:
        way: set[str] = set()
        while (source := found.get(path)) is not None:
            if source in way:  # each is said to be a copy of the other
                return None
            way.add(source)
            path = source
        return path if way else None

    return {path for path in found if (first := original(path)) is not None and (first in found or first in every)}


def passed_over_now(paths: Iterable[str], roots: Iterable[str], earlier_roots: Iterable[str]) -> Iterator[str]:
    """The photos of earlier scans that this scan passes over, and that no scan was given by name.

    Args:
        paths: photos that are in the index, and that the walk has not found.
        roots: of this scan.
        earlier_roots: of all earlier scans. A photo stays if one of them lies inside of what is passed over, such as a
            bin.
    """
    now = tuple(root.rstrip(os.sep) + os.sep for root in roots)
    every = {root.rstrip(os.sep) + os.sep for root in (*now, *earlier_roots)}
    for path in paths:
        if path.startswith(now) and all(
            is_passed_over(path, root) for root in every if f"{path}{os.sep}".startswith(root)
        ):
            yield path


@dataclass(frozen=True)
class SettledPairs:
    """What to do with the RAW files of pairs, once their JPEGs are read.

    Attributes:
        to_read: RAW files that have to be read, because their JPEGs cannot be.
        unchanged: how many RAW files of unreadable JPEGs need not be read again.
        to_pair: pairs that the index does not know yet.
    """

    to_read: list[PhotoFile]
    unchanged: int
    to_pair: list[tuple[PhotoFile, str]]


def settle_pairs(
    pairs: Iterable[tuple[PhotoFile, str]], unreadable: Collection[str], known: KnownPhotos
) -> SettledPairs:
    """Decide which RAW files to read, and which pairs to keep.

    Args:
        pairs: RAW files, each with the path of its JPEG.
        unreadable: paths of the photos that could not be read.
        known: what is known from earlier scans.
    """
    pairs = list(pairs)
    alone = [file for file, jpeg in pairs if jpeg in unreadable]
    to_read = [file for file in alone if not known.is_read(file)]
    to_pair = [
        (file, jpeg)
        for file, jpeg in pairs
        if jpeg not in unreadable and not (known.is_unchanged(file) and known.raws.get(file.path) == jpeg)
    ]
    return SettledPairs(to_read, len(alone) - len(to_read), to_pair)
