"""The records that the packages exchange. They are frozen: a stage makes new records instead of changing old ones."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from albumsort.arguments import checked_one_of
from albumsort.emotion_words import emotion_named
from albumsort.emotions import EMOTIONS, SCHEMES, labels_of, shares_in_scheme

if TYPE_CHECKING:  # records do not load NumPy, which commands that only query the index do not need
    import numpy as np
    from numpy.typing import NDArray

#: ``(x, y)`` in pixels of left eye, right eye, nose, left and right corner of the mouth, left as the viewer sees it.
Landmarks = tuple[tuple[float, float], ...]
#: As whole numbers of millionths, sums of probabilities are exact.
_MILLION = 1_000_000


class Box(NamedTuple):
    """A rectangle in pixels: its upper left corner, width and height. ``x`` grows to the right, ``y`` downwards.

    It may extend beyond the edge of the picture.
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


#: The default limit on the megapixels of a photo. A larger photo is refused by its header, before it takes any memory.
MAX_MEGAPIXELS = 200.0


def mtime_ns(status: os.stat_result) -> int:
    """When a file was changed, limited to the 64 bits that SQLite has: a broken clock may have set any year."""
    return max(-(1 << 63), min(status.st_mtime_ns, (1 << 63) - 1))


def split_offset(time: str | None) -> tuple[str | None, str | None]:
    """The ``taken_at`` and the ``utc_offset`` of a time in ISO 8601, which may end in its offset from UTC."""
    offset = time and re.search(r"[-+]\d\d:\d\d$", time[len("2024-05-17") :])
    return (time, None) if not time or not offset else (time.removesuffix(offset[0]), offset[0])


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A candidate that the walk found.

    Attributes:
        path: absolute; bytes that are not UTF-8 appear in it as surrogates.
        size: in bytes.
        mtime_ns: the time of its last change.
        copy_of: the path of the photo from which an export has made this file, if that photo is still there.
    """

    path: str
    size: int
    mtime_ns: int
    copy_of: str | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as the index stores it.

    Attributes:
        digest: SHA-256 of the file's bytes in hexadecimal; None if they could not be read.
        width: in pixels of the upright full-size photo, with the EXIF orientation applied.
        height: likewise.
        taken_at: ISO 8601, wall-clock time at the place of the photo, to the second and without an offset; or a day.
        phash: perceptual hash of 64 bits in hexadecimal.
        error: one line that says why the photo could not be read, or is incomplete; None if all is well.
        exposure: share of its pixels that are neither black nor white, 0..1.
        orientation: EXIF's orientation, 1-8, of the pixels in the file; None if no scan recorded it.
        brightness: the mean of its pixels, 0 (black) to 1 (white).
        utc_offset: how far ``taken_at`` is ahead of UTC, such as ``+02:00``; None if it is unknown.
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
    brightness: float | None = None
    utc_offset: str | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """A face as the detector found it. ``score`` is in 0..1; places are in pixels of the picture it was given."""

    box: Box
    score: float
    landmarks: Landmarks

    def scaled(self, across: float, down: float) -> Detection:
        """The same face in a picture that is ``across`` times as wide and ``down`` times as high."""
        points = tuple((x * across, y * down) for x, y in self.landmarks)
        return Detection(self.box.scaled(across, down), self.score, points)


@dataclass(frozen=True, slots=True)
class Face:
    """A face and its emotion.

    Attributes:
        box: in pixels of the upright full-size photo, like the landmarks.
        detection: how sure the detector is, 0..1.
        sharpness: variance of the Laplacian of the grey crop at its own resolution, at least 0.
        probabilities: one for each of ``EMOTIONS``, in that order, summing to 1; None for an emotion that the model
            does not know.
        corrected: whether a person named the emotion, whose probability is then 1.
    """

    box: Box
    detection: float
    landmarks: Landmarks
    sharpness: float
    probabilities: tuple[float | None, ...]
    corrected: bool = False

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return EMOTIONS[self.probabilities.index(self.confidence)]

    @property
    def confidence(self) -> float:
        """The probability of the most probable emotion."""
        return max(p for p in self.probabilities if p is not None)

    def probability(self, emotion: str) -> float:
        """The probability of an emotion, by any of its names; 0 if the model does not know it.

        Raises:
            ValueError: it names no emotion, or several.
        """
        if emotion not in EMOTIONS:
            emotion = emotion_named(emotion)
        return self.probabilities[EMOTIONS.index(emotion)] or 0.0

    def in_scheme(self, scheme: str) -> Face:
        """The face with the probabilities of a label scheme, to six decimals; None for emotions that it does not have.

        Args:
            scheme: a key of ``SCHEMES``; ``emotions.shares_in_scheme`` says what each does.

        Raises:
            ValueError: there is no such scheme.
        """
        if scheme == "seven":
            return self
        checked_one_of("scheme", scheme, SCHEMES)
        parts = [round((probability or 0.0) * _MILLION) for probability in self.probabilities]
        shares = dict(zip(labels_of(scheme), shares_in_scheme(parts, scheme, _MILLION), strict=True))
        return replace(self, probabilities=tuple(shares[e] / _MILLION if e in shares else None for e in EMOTIONS))


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """A photo with its faces, the largest first. A photo that could not be read has no faces."""

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
    """A photo in a list, with all its faces, the largest first.

    Attributes:
        score: in 0..1; None if the list is not a ranking.
        others: how many other frames of its burst the photo represents, not counting byte-identical copies; 0 if all
            frames are listed.
        raws: the RAW files that are the same photo.
        showing: how many of the faces that count show an emotion of the list for certain; None if it is no ranking.
    """

    score: float | None = None
    others: int = 0
    raws: tuple[Photo, ...] = ()
    showing: int | None = None
