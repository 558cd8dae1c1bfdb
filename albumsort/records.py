"""The records that travel from room to room. They are frozen: a stage makes new ones instead of changing old ones."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from albumsort.emotions import EMOTIONS

if TYPE_CHECKING:  # NumPy is not loaded for records: a command that only asks the index does without it
    import numpy as np
    from numpy.typing import NDArray

#: ``(x, y)`` in pixels of left eye, right eye, nose, left and right corner of the mouth, left as the viewer sees it.
Landmarks = tuple[tuple[float, float], ...]


class Box(NamedTuple):
    """A rectangle in pixels: its left upper corner, its width and its height. ``x`` grows to the right, ``y`` down.

    It may reach over the edge of the picture.
    """

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.w * self.h

    def scaled(self, across: float, down: float) -> Box:
        """The same rectangle in a picture that is ``across`` times as wide and ``down`` times as high."""
        return Box(self.x * across, self.y * down, self.w * across, self.h * down)


#: Default limit on the megapixels of a photo. One with more is refused by its header, before it takes any memory.
MAX_MEGAPIXELS = 200.0


def mtime_ns(status: os.stat_result) -> int:
    """When a file was changed, in the 64 bits that SQLite has: a broken clock may have set any year."""
    return max(-(1 << 63), min(status.st_mtime_ns, (1 << 63) - 1))


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A candidate that the walk found. ``path`` is absolute; bytes that are no UTF-8 are in it as surrogates."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as the index keeps it.

    Attributes:
        digest: SHA-256 of the file's bytes in hexadecimal; None when they could not be read.
        width: pixels of the upright full-size photo, EXIF orientation applied.
        height: likewise.
        taken_at: ISO 8601 in the photo's own wall-clock time, with its offset where EXIF gives one.
        phash: perceptual hash of 64 bits in hexadecimal.
        error: one line that says why the photo could not be read, or is not whole; None when all is well.
        exposure: share of its pixels that are neither black nor white, 0..1.
        orientation: EXIF's 1-8, by which the pixels that the file holds are turned; None where no scan kept it.
    """

    path: str
    size: int
    mtime_ns: int
    digest: str | None = None
    width: int | None = None
    height: int | None = None
    taken_at: str | None = None
    camera: str | None = None
    phash: str | None = None
    error: str | None = None
    exposure: float | None = None
    orientation: int | None = 1


@dataclass(frozen=True, slots=True)
class Detection:
    """A face as the detector found it: ``score`` in 0..1, geometry in pixels of the picture that it was given."""

    box: Box
    score: float
    landmarks: Landmarks

    def scaled(self, across: float, down: float) -> Detection:
        """The same face in a picture that is ``across`` times as wide and ``down`` times as high."""
        points = tuple((x * across, y * down) for x, y in self.landmarks)
        return Detection(self.box.scaled(across, down), self.score, points)


@dataclass(frozen=True, slots=True)
class Face:
    """A face with what it feels like.

    Attributes:
        box: in pixels of the upright full-size photo, as the landmarks are.
        detection: how sure the detector is, 0..1.
        sharpness: variance of the Laplacian of the grey crop at its own resolution, at least 0.
        probabilities: one for each of ``EMOTIONS``, in its order, summing to 1; None where the model does not know
            that emotion.
    """

    box: Box
    detection: float
    landmarks: Landmarks
    sharpness: float
    probabilities: tuple[float | None, ...]

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return EMOTIONS[self.probabilities.index(self.confidence)]

    @property
    def confidence(self) -> float:
        """Its probability."""
        return max(p for p in self.probabilities if p is not None)

    def probability(self, emotion: str) -> float:
        """Of one emotion; 0 where the model does not know it."""
        return self.probabilities[EMOTIONS.index(emotion)] or 0.0


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """A photo with its faces, the largest first. One that could not be read has none."""

    photo: Photo
    faces: tuple[Face, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadPhoto(PhotoResult):
    """A photo as the networks have just read it: ``crops`` holds its faces as they were classified.

    ``crops`` is uint8 ``(faces, 48, 48)``, in the order of ``faces``.
    """

    crops: NDArray[np.uint8] = field(kw_only=True, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RankedPhoto(PhotoResult):
    """A photo of a list, with all its faces, the largest first.

    Attributes:
        score: in 0..1; None where a list has no order of merit.
        others: how many more frames of its burst the photo stands for, byte-identical copies not counted; 0 where all
            are listed.
        raws: the RAW files that are the same photo.
    """

    score: float | None = None
    others: int = 0
    raws: tuple[Photo, ...] = ()
