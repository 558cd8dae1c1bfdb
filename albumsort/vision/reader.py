"""The reader: finds the faces in pictures and reads their emotions. It knows nothing of files, the index or scans."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.arguments import checked_number, checked_path, checked_several
from albumsort.records import Box, Detection, Face
from albumsort.resize import check_pixels, shrink
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.crop import CROP_SIDE, crop_face, whole_picture
from albumsort.vision.detector import MIN_FACE_PERCENT, SMALL_SIDE, FaceDetector
from albumsort.vision.models import ModelCard, model_in_use, read_card
from albumsort.vision.turned import turn_of, turned, turned_back, without_rivals

_log = logging.getLogger("albumsort.vision")

#: A photo without a face whose detection has this score is looked at again, turned. Upright faces have it: of 23 photos
#: with faces, 21 do. Faces that are upside down or sideways, and patterns that are no faces, rarely do.
SURE = 0.98
#: The long side in pixels of the copies that are turned. They only have to show which turn is right. With 320, the
#: faces of the example album's ``far-away.jpg`` are missed upside down.
TURNED_SIDE = 384
#: The least score of a face for which a turn is taken. On each of 23 photos with faces, the best face has 0.98 or more;
#: what is no face in 25 photos without people and in random textures has at most 0.8.
TURNED_SCORE = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture in which faces are to be found.

    Attributes:
        pixels: uint8 RGB ``(height, width, 3)``, upright. Faces are cut out of these.
        small: the same picture with at most 1,024 pixels on the long side, for the detector; None makes it from
            ``pixels``.
        size: width and height of the full-size photo, in whose pixels boxes and landmarks are given; None for those of
            ``pixels``.
    """

    pixels: NDArray[np.uint8]
    small: NDArray[np.uint8] | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check the arrays.

        Raises:
            ValueError: an array is not uint8 ``(height, width, 3)``, or is empty.
        """
        for pixels in (self.pixels, self.small):
            if pixels is not None:
                check_pixels(pixels)


@dataclass(frozen=True, slots=True)
class ReadFace:
    """A face, and the crop from which its emotion was read: uint8 ``(48, 48)``, grey."""

    face: Face
    crop: NDArray[np.uint8] = field(compare=False, repr=False)


class FaceReader:
    """Finds the faces in pictures and reads their emotions.

    The networks are loaded when they are first needed. Several threads may read at once. A reader can be pickled: only
    its options are, and the networks are loaded again after unpickling.
    """

    def __init__(
        self,
        *,
        min_face: float = MIN_FACE_PERCENT,
        device: str = "auto",
        model: str | os.PathLike[str] | None = None,
        callers: int = 1,
    ) -> None:
        """Keep the options.

        Args:
            min_face: the smallest face to find, in percent of a picture's long side.
            device: ``auto``, ``cpu`` or ``gpu``.
            model: a ``.keras`` file with its card; None for the model in use.
            callers: how many threads will read at once. Each call then uses its share of the cores.

        Raises:
            ValueError: an argument has the wrong type, or is out of range.
        """
        checked_number("min_face", min_face, 0, 100)
        checked_number("callers", callers, 1, whole=True)
        model = None if model is None else Path(checked_path("model", model))
        self._options: dict[str, Any] = {"min_face": min_face, "device": device, "model": model, "callers": callers}
        self._min_face, self._device, self._model, self._callers = min_face, device, model, callers
        self._detector: FaceDetector | None = None
        self._classifier: EmotionClassifier | None = None
        self._loading = Lock()

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return partial(type(self), **self._options), ()

    @property
    def detector(self) -> FaceDetector:
        """The detector. It is loaded now unless it was loaded before.

        Raises:
            AlbumsortError: it cannot be loaded, or a GPU was requested and there is none.
        """
        with self._loading:
            if self._detector is None:
                self._detector = FaceDetector(self._min_face, self._device, self._callers)
            return self._detector

    @property
    def classifier(self) -> EmotionClassifier:
        """The classifier. It is loaded now unless it was loaded before.

        Raises:
            AlbumsortError: the model cannot be loaded, or a GPU was requested and there is none.
        """
        with self._loading:
            if self._classifier is None:
                self._classifier = EmotionClassifier(self._model, device=self._device, callers=self._callers)
                _log.debug("the networks run on %s", self._classifier.engine)
            return self._classifier

    @property
    def card(self) -> ModelCard:
        """The card of the emotion model. This does not load the model.

        Raises:
            AlbumsortError: the model or its card is missing or broken.
        """
        return read_card(self._model or model_in_use())

    @property
    def engine(self) -> str | None:
        """What runs the networks, for people: ``ONNX Runtime 1.32.0, CPU``. None if the model is not loaded yet."""
        return self._classifier.engine if self._classifier else None

    @property
    def loaded_card(self) -> ModelCard | None:
        """The card of the emotion model, or None if the model is not loaded yet."""
        return self._classifier.card if self._classifier else None

    def unload(self) -> None:
        """Free the networks and their memory; they are loaded again when they are next needed.

        Raises:
            AlbumsortError: a network failed.
        """
        with self._loading:
            classifier, self._detector, self._classifier = self._classifier, None, None
        if classifier:
            classifier.free_pool()

    def read(self, pictures: Sequence[Picture]) -> list[list[ReadFace]]:
        """Find and read the faces in pictures. Without any picture, this loads the detector for later.

        Returns:
            the faces of each picture, the largest first.

        Raises:
            AlbumsortError: the networks cannot be loaded, or fail: out of memory, for example.
        """
        copies = [_small_copy(picture) for picture in checked_several("pictures", pictures, Picture)]
        detector = self.detector
        if not copies:
            return []
        found = find_faces(detector, copies)
        cut = [cut_out(*each) for each in zip((picture.pixels for picture in pictures), copies, found, strict=True)]
        rows = iter(self.probabilities(_stacked([crop for tiles in cut for crop, _ in tiles])))
        read = []
        for picture, small, faces, tiles in zip(pictures, copies, found, cut, strict=True):
            (width, height), (small_height, small_width) = _size(picture), small.shape[:2]
            scaled = [face.scaled(width / small_width, height / small_height) for face in faces]
            read.append(
                [
                    ReadFace(Face(face.box, face.score, face.landmarks, sharpness, next(rows)), crop)
                    for face, (crop, sharpness) in zip(scaled, tiles, strict=True)
                ]
            )
        return read

    def read_cropped(self, pictures: Sequence[Picture]) -> list[ReadFace]:
        """Read pictures that are one face each, from edge to edge, without searching for faces.

        Returns:
            a face for each picture. Its box is the whole picture, its ``detection`` is 1, and it has no landmarks.

        Raises:
            AlbumsortError: as ``read``.
        """
        tiles = [whole_picture(picture.pixels) for picture in checked_several("pictures", pictures, Picture)]
        rows = self.probabilities(_stacked([crop for crop, _ in tiles]))
        read = []
        for picture, (crop, sharpness), row in zip(pictures, tiles, rows, strict=True):
            width, height = _size(picture)
            box = Box(0.0, 0.0, float(width), float(height))
            read.append(ReadFace(Face(box, 1.0, (), sharpness, row), crop))
        return read

    def probabilities(self, crops: NDArray[np.uint8]) -> list[tuple[float | None, ...]]:
        """Read faces that were already found and cut out.

        Args:
            crops: uint8 ``(n, 48, 48)``, grey.

        Returns:
            the probabilities of each crop, as in ``Face``: for each of ``EMOTIONS``, rounded to six places, None for an
            emotion that the model does not know.

        Raises:
            AlbumsortError: as ``read``.
        """
        rounded = self.classifier.probabilities(crops).astype(float).round(6)
        return [tuple(None if math.isnan(p) else p for p in row) for row in rounded.tolist()]


def find_faces(detector: FaceDetector, copies: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
    """Find the faces in small copies of photos, also in photos that are not upright.

    A photo on which no upright face is certain is looked at again, turned by 90, 180 and 270 degrees, in less detail.
    The turn that shows the most is then looked at in full detail.

    Args:
        detector: finds upright faces.
        copies: uint8 RGB ``(height, width, 3)`` each.

    Returns:
        the faces of each copy, the largest first, in its pixels. The landmarks of a face tell its turn.
    """
    found = detector.detect(copies)
    turns = _turns(detector, copies, [number for number, faces in enumerate(found) if _certainty(faces) < SURE])
    pictures = [_turned_copy(copies[number], turn) for number, turn in turns.items()]
    again = detector.detect(pictures) if pictures else []
    for (number, turn), picture, faces in zip(turns.items(), pictures, again, strict=True):
        height, width = picture.shape[:2]
        found[number] = without_rivals(found[number] + [turned_back(face, turn, width, height) for face in faces])
    return found


def _turns(detector: FaceDetector, copies: Sequence[NDArray[np.uint8]], numbers: Sequence[int]) -> dict[int, int]:
    """The turns of those photos that show a face only when they are turned, by their number."""
    looks = [(number, turn) for number in numbers for turn in (1, 2, 3)]
    small = [_turned_copy(shrink(copies[number], TURNED_SIDE), turn) for number, turn in looks]
    seen = detector.detect(small, TURNED_SIDE) if small else []
    chosen: dict[int, tuple[float, int]] = {}
    for (number, turn), faces in zip(looks, seen, strict=True):
        clear = sum(face.score for face in faces if face.score >= TURNED_SCORE and not turn_of(face.landmarks))
        if clear:
            chosen[number] = max(chosen.get(number, (0.0, 0)), (clear, turn))
    return {number: turn for number, (_, turn) in chosen.items()}


def _certainty(faces: Sequence[Detection]) -> float:
    return max((face.score for face in faces if not turn_of(face.landmarks)), default=0.0)


def cut_out(
    pixels: NDArray[np.uint8], small: NDArray[np.uint8], found: Sequence[Detection]
) -> list[tuple[NDArray[np.uint8], float]]:
    """Cut out faces that were found in a small copy.

    Args:
        pixels: the picture, uint8 RGB ``(height, width, 3)``.
        small: its small copy.
        found: faces, in pixels of ``small``.

    Returns:
        crop and sharpness of each face, as from ``crop_face``.
    """
    scale = pixels.shape[1] / small.shape[1], pixels.shape[0] / small.shape[0]
    scaled = [face.scaled(*scale) for face in found]
    return [crop_face(pixels, face.box, face.landmarks) for face in scaled]


def _turned_copy(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(turned(pixels, turn))


def _small_copy(picture: Picture) -> NDArray[np.uint8]:
    return shrink(picture.pixels, SMALL_SIDE) if picture.small is None else picture.small


def _size(picture: Picture) -> tuple[int, int]:
    """Width and height of the full-size photo."""
    height, width = picture.pixels.shape[:2]
    return picture.size or (width, height)


def _stacked(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(crops) if crops else np.empty((0, CROP_SIDE, CROP_SIDE), np.uint8)
