"""The plan of a scan: which files need to be read, given what the walk found and what is already known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from albumsort.album.raw_pairs import jpegs_of_raws
from albumsort.album.walk import NotPhoto, WalkProblem
from albumsort.records import PhotoFile


@dataclass(frozen=True)
class KnownPhotos:
    """What is known about the files on the disk from earlier scans.

    Attributes:
        photos: (size, mtime_ns) by path. If these still hold for a photo, it need not be read again.
        raws: the path of the JPEG by the path of its RAW file, if both are one photo.
    """

    photos: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    raws: Mapping[str, str] = field(default_factory=dict)

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
        pairs: RAW files, each with the path of the JPEG beside it. A RAW file is read only if its JPEG cannot be read.
        not_photos: files without a picture's suffix that were opened and are not pictures.
        problems: (path, reason) for each file or folder that the walk could not read.
    """

    to_read: list[PhotoFile]
    unchanged: int
    pairs: list[tuple[PhotoFile, str]]
    not_photos: list[PhotoFile]
    problems: list[tuple[str, str]]

    @property
    def found(self) -> int:
        """How many candidates the walk found."""
        return len(self.to_read) + self.unchanged + len(self.pairs)


def plan_scan(found: Iterable[PhotoFile | NotPhoto | WalkProblem], known: KnownPhotos) -> ScanPlan:
    """Sort the files that the walk found into those that have to be read and the others."""
    candidates, not_photos, problems = [], [], []
    for item in found:
        if isinstance(item, PhotoFile):
            candidates.append(item)
        elif isinstance(item, NotPhoto):
            not_photos.append(item.file)
        else:
            problems.append((item.path, item.reason))
    jpegs = jpegs_of_raws(file.path for file in candidates)
    pairs = [(file, jpegs[file.path]) for file in candidates if file.path in jpegs]
    single = [file for file in candidates if file.path not in jpegs]
    to_read = [file for file in single if not known.is_read(file)]
    return ScanPlan(to_read, len(single) - len(to_read), pairs, not_photos, problems)


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
