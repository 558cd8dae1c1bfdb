"""Batches: decoded photos go through a reader, several photos with the same canvas at a time."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from albumsort.album.decoders import DecodedPhoto, Decoders, DecoderSettings, KnownPhoto
from albumsort.records import Photo, ReadPhoto
from albumsort.settings import ScanSettings
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.detector import CANVAS_STEP, SMALL_SIDE
from albumsort.vision.reader import FaceReader, Picture, ReadFace

#: The number of photos with the same canvas that go through the networks together.
BATCH = 6
#: The number of batches that are read at once: while the networks work on one, the faces of the other are cut out.
CALLERS = 2
#: A photo with a rare canvas is read in a smaller batch after this many later photos have been decoded.
PATIENCE = 60

_Canvas = tuple[int, int]


def decoder_settings(settings: ScanSettings, photos: int | None = None) -> DecoderSettings:
    """The decoder settings of a scan: with no more decoders than ``photos``, if their number is known."""
    workers = settings.workers or os.cpu_count() or 1
    if photos is not None:
        workers = max(1, min(workers, photos))
    small = min(SMALL_SIDE, settings.detail)
    # Slots for the batches that are being read, for about as many photos that wait for others with their canvas, and
    # one slot for each worker.
    return DecoderSettings(workers, small, settings.detail, settings.max_megapixels, slots=22 + workers)


def face_reader(settings: ScanSettings) -> FaceReader:
    """The reader for the batches of a scan."""
    model = Path(settings.model) if settings.model else None
    return FaceReader(min_face=settings.min_face, device=settings.device, model=model, callers=CALLERS)


def read_in_batches(
    decoders: Decoders, reader: FaceReader, in_hand: deque[ReadPhoto] | None = None
) -> Generator[ReadPhoto | KnownPhoto, None, None]:
    """Read everything that the decoders yield, in batches of one canvas, so the order changes.

    A photo that could not be decoded has no faces. Close this generator before the decoders, because its threads use
    their memory.

    Args:
        decoders: give the photos.
        reader: finds and reads their faces.
        in_hand: has the photos that were read and not yet yielded, also when the generator was closed or interrupted
            while they were being read.

    Raises:
        AlbumsortError: the networks cannot be loaded, or fail.
    """
    waiting = _Waiting()
    running: set[Future[None]] = set()
    done: deque[ReadPhoto] = deque() if in_hand is None else in_hand

    def read(batch: list[DecodedPhoto]) -> None:
        try:
            found = reader.read([picture_of(decoded) for decoded in batch])
            done.extend(read_photo(decoded.photo, faces) for decoded, faces in zip(batch, found, strict=True))
        finally:
            for decoded in batch:
                decoders.release(decoded)

    def finished(at_most: int) -> Iterator[ReadPhoto]:
        """Yield the photos of finished batches, and wait until at most this many batches are running."""
        while len(running) > at_most or any(batch.done() for batch in running):
            for batch in wait(running, return_when=FIRST_COMPLETED).done:
                running.remove(batch)
                batch.result()  # raises its error
            while done:
                yield done.popleft()

    with ThreadPoolExecutor(CALLERS, "reader") as threads:
        # Without pictures, this only loads the detector, while the decoders start.
        running.add(threads.submit(read, []))
        for item in decoders:
            yield from finished(CALLERS)
            if isinstance(item, KnownPhoto):
                yield item
            elif isinstance(item, Photo):
                yield read_photo(item, [])
            else:
                waiting.add(item)
                canvas = waiting.due(decoders.slots // 2)
                if canvas:
                    yield from finished(CALLERS - 1)
                    running.add(threads.submit(read, waiting.take(canvas)))
        while canvas := waiting.any():
            yield from finished(CALLERS - 1)
            running.add(threads.submit(read, waiting.take(canvas)))
        yield from finished(0)


class _Waiting:
    """Decoded photos that wait for others with their canvas."""

    def __init__(self) -> None:
        self._queues: dict[_Canvas, deque[tuple[int, DecodedPhoto]]] = defaultdict(deque)
        self._added = 0

    def add(self, decoded: DecodedPhoto) -> None:
        height, width = decoded.small.shape[:2]
        self._added += 1
        self._queues[-(-height // CANVAS_STEP), -(-width // CANVAS_STEP)].append((self._added, decoded))

    def due(self, most: int) -> _Canvas | None:
        """The canvas whose photos should be read now.

        It has a full batch, or a photo that has waited long enough. Or it has the most photos while more than ``most``
        are waiting in total, which leaves the decoders too little memory.
        """
        for canvas, queue in self._queues.items():
            if len(queue) >= BATCH:
                return canvas
        oldest = min(self._queues, key=lambda canvas: self._queues[canvas][0][0])
        if self._added - self._queues[oldest][0][0] >= PATIENCE:
            return oldest
        if sum(map(len, self._queues.values())) > most:
            return max(self._queues, key=lambda canvas: len(self._queues[canvas]))
        return None

    def any(self) -> _Canvas | None:
        return next(iter(self._queues), None)

    def take(self, canvas: _Canvas) -> list[DecodedPhoto]:
        """Take up to one batch of the photos of a canvas, in the order in which they came."""
        queue = self._queues[canvas]
        batch = [queue.popleft()[1] for _ in range(min(BATCH, len(queue)))]
        if not queue:
            del self._queues[canvas]
        return batch


def picture_of(decoded: DecodedPhoto) -> Picture:
    """A decoded photo as a picture for the reader. Its arrays are valid until the photo is released."""
    size = decoded.photo.width or 1, decoded.photo.height or 1
    return Picture(decoded.pixels, decoded.small, size)


def read_photo(photo: Photo, faces: Sequence[ReadFace]) -> ReadPhoto:
    """A photo with the faces that a reader found on it."""
    crops = [face.crop for face in faces]
    stacked = np.stack(crops) if crops else np.empty((0, CROP_SIDE, CROP_SIDE), np.uint8)
    return ReadPhoto(photo, tuple(face.face for face in faces), crops=stacked)
