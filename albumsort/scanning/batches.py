"""Reading photos: decoded frames in, faces with their emotions out; beside it, photos read without an index."""

from __future__ import annotations

import math
import os
from collections import defaultdict, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoders import DecodedPhoto, Decoders, KnownPhoto
from albumsort.errors import AlbumsortError
from albumsort.records import Box, Detection, Face, Photo, PhotoFile, PhotoResult, ReadPhoto, mtime_ns
from albumsort.settings import ScanSettings
from albumsort.vision.crop import crop_face, whole_picture
from albumsort.vision.detector import CANVAS_STEP, FaceDetector
from albumsort.vision.engine import share_cores
from albumsort.vision.models import ModelCard, model_in_use, read_card

if TYPE_CHECKING:
    from albumsort.vision.classifier import EmotionClassifier

#: Photos of one canvas that go through the networks together.
BATCH = 6
#: Batches that are read at once: while the networks work on one, the other's faces are cut and sorted out.
READERS = 2


#: Photos that may overtake one that waits for others of its canvas.
PATIENCE = 60


class FaceReader:
    """Detector and classifier, loaded when the first frame needs them: a scan that finds nothing new is quick.

    Several threads may read at once.
    """

    def __init__(self, settings: ScanSettings) -> None:
        self._min_face, self._device = settings.min_face, settings.device
        self._model = Path(settings.model) if settings.model else None
        self._detector: FaceDetector | None = None
        self._classifier: EmotionClassifier | None = None
        self._loading = Lock()

    @property
    def detector(self) -> FaceDetector:
        """The detector, loaded now if it is not yet."""
        with self._loading:
            if self._detector is None:
                share_cores(READERS, self._device)
                self._detector = FaceDetector(self._min_face, self._device)
            return self._detector

    @property
    def classifier(self) -> EmotionClassifier:
        """The classifier, loaded now if it is not yet."""
        with self._loading:
            if self._classifier is None:
                from albumsort.vision.classifier import EmotionClassifier

                self._classifier = EmotionClassifier(self._model, device=self._device)
            return self._classifier

    @property
    def card(self) -> ModelCard:
        """Of the emotion model, which is not loaded for it."""
        return read_card(self._model or model_in_use())

    @property
    def card_in_use(self) -> ModelCard | None:
        """Of the emotion model; None as long as nothing was classified."""
        return self._classifier.card if self._classifier else None

    def read_face(self, frame: DecodedPhoto) -> ReadPhoto:
        """Read a picture that is one face."""
        crop, sharpness = whole_picture(frame.pixels)
        photo = frame.photo
        box = Box(0.0, 0.0, float(photo.width or 1), float(photo.height or 1))
        (probabilities,) = _rows(self.classifier.probabilities(crop[None]))
        face = Face(box, 1.0, (), sharpness, probabilities)
        return ReadPhoto(photo, (face,), crops=crop[None])

    def read(self, frames: Sequence[DecodedPhoto]) -> list[ReadPhoto]:
        """Find and read the faces of some photos.

        Raises:
            AlbumsortError: the networks ran out of memory, say.
        """
        try:
            return self._read(frames)
        except Exception as error:
            # TensorFlow's own errors, whose classes cannot be named without loading it.
            if type(error).__module__.partition(".")[0] != "tensorflow":
                raise
            reason = next(iter(str(error).splitlines()), "")[:200]
            raise AlbumsortError(f"the networks failed ({type(error).__name__}: {reason}); try --device cpu") from error

    def _read(self, frames: Sequence[DecodedPhoto]) -> list[ReadPhoto]:
        found = self.detector.detect([frame.small for frame in frames])
        cut = [cut_out(frame.pixels, frame.small, faces) for frame, faces in zip(frames, found, strict=True)]
        crops = [np.stack([crop for crop, _ in tiles]) if tiles else _NO_CROPS for tiles in cut]
        rows = iter(_rows(self.classifier.probabilities(np.concatenate(crops))))
        readings = []
        for frame, faces, tiles, stack in zip(frames, found, cut, crops, strict=True):
            photo = frame.photo
            full = (photo.width or 1) / frame.small.shape[1], (photo.height or 1) / frame.small.shape[0]
            done = tuple(
                Face(face.box, face.score, face.landmarks, sharpness, next(rows))
                for face, (_, sharpness) in zip((face.scaled(*full) for face in faces), tiles, strict=True)
            )
            readings.append(ReadPhoto(photo, done, crops=stack))
        return readings


def _rows(probabilities: NDArray[np.float32]) -> list[tuple[float | None, ...]]:
    """Probabilities ``(n, 7)`` as a face has them: None, not NaN, where the model does not know an emotion."""
    rounded = probabilities.astype(float).round(6)
    return [tuple(None if math.isnan(p) else p for p in row) for row in rounded.tolist()]


def cut_out(
    pixels: NDArray[np.uint8], look: NDArray[np.uint8], faces: Sequence[Detection]
) -> list[tuple[NDArray[np.uint8], float]]:
    """Crop and sharpness, as ``crop_face`` gives them, of each face that was found in a photo's look."""
    scale = pixels.shape[1] / look.shape[1], pixels.shape[0] / look.shape[0]
    return [crop_face(pixels, face.box.scaled(*scale)) for face in faces]


_NO_CROPS = np.empty((0, 48, 48), np.uint8)


def read_photos(decoders: Decoders, reader: FaceReader) -> Generator[ReadPhoto | KnownPhoto, None, None]:
    """Everything the decoders give, with faces read; in batches of one canvas, so not in order.

    A photo that could not be decoded comes as a reading without faces. To be closed before the decoders are, whose
    memory the threads in here work on.
    """
    waiting: dict[tuple[int, int], deque[tuple[int, DecodedPhoto]]] = defaultdict(deque)
    flying: set[Future[list[ReadPhoto]]] = set()
    turn = 0

    def read(frames: list[DecodedPhoto]) -> list[ReadPhoto]:
        try:
            return reader.read(frames)
        finally:
            for frame in frames:
                decoders.release(frame)

    def landed(at_most: int) -> Iterator[ReadPhoto]:
        """What has been read, when no more than so many batches shall stay in flight."""
        while len(flying) > at_most or any(batch.done() for batch in flying):
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            flying.difference_update(done)
            for batch in done:
                yield from batch.result()

    def start(canvas: tuple[int, int]) -> Iterator[ReadPhoto]:
        yield from landed(READERS - 1)
        queue = waiting[canvas]
        flying.add(threads.submit(read, [queue.popleft()[1] for _ in range(min(BATCH, len(queue)))]))
        if not queue:
            del waiting[canvas]

    with ThreadPoolExecutor(READERS, "reader") as threads:
        for item in decoders:
            yield from landed(READERS)
            if isinstance(item, KnownPhoto):
                yield item
                continue
            if isinstance(item, Photo):
                yield ReadPhoto(item, crops=_NO_CROPS)
                continue
            turn += 1
            height, width = item.small.shape[:2]
            canvas = (-(-height // CANVAS_STEP), -(-width // CANVAS_STEP))
            waiting[canvas].append((turn, item))
            oldest = min(waiting, key=lambda key: waiting[key][0][0])
            # A full batch is read at once; part of one when the frames that wait leave the decoders short of memory, or
            # when a photo of a rare shape has waited long enough.
            if len(waiting[canvas]) >= BATCH:
                yield from start(canvas)
            elif turn - waiting[oldest][0][0] >= PATIENCE:
                yield from start(oldest)
            elif sum(map(len, waiting.values())) > decoders.slots // 2:
                yield from start(max(waiting, key=lambda key: len(waiting[key])))
        while waiting:
            yield from start(next(iter(waiting)))
        yield from landed(0)


def predict(
    files: Sequence[str], settings: ScanSettings | None = None, *, cropped: bool = False
) -> Iterator[ReadPhoto]:
    """Read photos without an index, in the order given. What is no photo comes with its error.

    Args:
        files: absolute paths.
        settings: None for the defaults.
        cropped: each picture is one face, edge to edge: nothing is detected.

    Raises:
        AlbumsortError: a GPU was asked for and there is none.
    """
    settings = settings or ScanSettings()
    reader = FaceReader(settings)
    read = _read_faces if cropped else read_photos
    done: dict[str, deque[ReadPhoto]] = defaultdict(deque)
    there = [file for file in files if os.path.exists(file)]
    for file in files:
        if not os.path.exists(file):
            done[file].append(ReadPhoto(Photo(file, 0, 0, error="no such file"), crops=_NO_CROPS))
    turn = 0
    with Decoders(map(_stat, there), settings.decoders()) as decoders, closing(read(decoders, reader)) as items:
        for item in chain([None], items):
            if item is not None:
                assert isinstance(item, ReadPhoto)  # noqa: S101 - nothing is known without an index
                done[item.photo.path].append(item)
            while turn < len(files) and done[files[turn]]:
                yield done[files[turn]].popleft()
                turn += 1


def cut_faces(
    boxes: Mapping[str, Sequence[Box | None]], settings: ScanSettings | None = None
) -> Iterator[tuple[Photo, list[NDArray[np.uint8] | None]]]:
    """Cut known faces out of photos, as a scan cuts those that it finds.

    Args:
        boxes: by absolute path, in pixels of the upright full-size photo; None stands for the whole picture.
        settings: None for the defaults.

    Yields:
        the photo and its crops, each uint8 ``(48, 48)``, in the order of its boxes; None for a box that does not lie on
        the photo, and no crops where the photo could not be read and has an error. In the order of decoding.
    """
    settings = settings or ScanSettings()
    with Decoders(map(_stat, boxes), settings.decoders()) as decoders:
        for item in decoders:
            if isinstance(item, Photo):
                yield item, []
            elif isinstance(item, DecodedPhoto):
                scale = item.pixels.shape[1] / (item.photo.width or 1), item.pixels.shape[0] / (item.photo.height or 1)
                crops = [_cut(item.pixels, box and box.scaled(*scale)) for box in boxes[item.photo.path]]
                decoders.release(item)
                yield item.photo, crops


def read_again(results: Mapping[str, PhotoResult], reader: FaceReader, settings: ScanSettings) -> Iterator[PhotoResult]:
    """Read faces again where they were found before, without searching for them.

    A photo that is not what it was, or cannot be read now, is passed over.

    Args:
        results: photos with their faces, by path.
        reader: whose model reads.
        settings: of the scan.
    """
    boxes = {path: [face.box for face in result.faces] for path, result in results.items()}
    for photo, crops in cut_faces(boxes, settings):
        known = results[photo.path]
        there = [crop for crop in crops if crop is not None]
        if photo.digest == known.photo.digest and len(there) == len(known.faces):
            rows = _rows(reader.classifier.probabilities(np.stack(there)))
            faces = (replace(face, probabilities=row) for face, row in zip(known.faces, rows, strict=True))
            yield PhotoResult(known.photo, tuple(faces))


def _cut(pixels: NDArray[np.uint8], box: Box | None) -> NDArray[np.uint8] | None:
    if box is None:
        return whole_picture(pixels)[0]
    x, y, w, h = box
    height, width = pixels.shape[:2]
    on_photo = 0 <= x + w / 2 <= width and 0 <= y + h / 2 <= height and 0 < w <= 2 * width and 0 < h <= 2 * height
    return crop_face(pixels, box)[0] if on_photo else None


def _read_faces(decoders: Decoders, reader: FaceReader) -> Generator[ReadPhoto | KnownPhoto, None, None]:
    """As ``read_photos``, for pictures that are one face each."""
    for item in decoders:
        if isinstance(item, DecodedPhoto):
            yield reader.read_face(item)
            decoders.release(item)
        else:
            yield ReadPhoto(item, crops=_NO_CROPS) if isinstance(item, Photo) else item


def _stat(path: str) -> PhotoFile:
    """A file as the walk would give it; one that is not there is left to the decoder to report."""
    try:
        status = os.stat(path)
    except OSError:
        return PhotoFile(path, 0, 0)
    return PhotoFile(path, status.st_size, mtime_ns(status))
