"""The scan: walk, decode, detect, crop, classify, write. Each stage is a room of its own; here they are wired."""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoders import Decoders, DecoderSettings, Frame, KnownPhoto
from albumsort.album.walk import printable, walk
from albumsort.errors import AlbumsortError
from albumsort.index.store import IndexWriter, KnownResult
from albumsort.records import Box, Detection, Face, Photo, PhotoFile, PhotoResult
from albumsort.vision.crop import crop_face, whole_picture
from albumsort.vision.detector import CANVAS_STEP, LOOK_SIDE, FaceDetector

if TYPE_CHECKING:
    from albumsort.vision.classifier import EmotionClassifier

#: Photos of one canvas that go through the networks together.
BATCH = 8
#: Photos without faces to find (bad ones, copies) are written in batches of this size.
WRITE_BATCH = 200
#: Seconds for which results wait at most before they are written.
WRITE_SECONDS = 5.0


@dataclass(frozen=True)
class ScanSettings:
    """How a scan looks at photos; kept with it in the index.

    Attributes:
        threshold: probability from which a face is certain; applied when asking, so it may be changed later.
        min_face: the smallest face, in percent of the photo's long side.
        detail: pixels on the long side to which a photo is decoded, at most.
        max_megapixels: photos with more are refused by their header.
        exclude: globs of names or paths to leave out.
        follow_links: follow symbolic links below the roots.
        workers: decoder processes; 0 for one a core.
        device: ``auto``, ``cpu`` or ``gpu``.
        rescan: look again at photos that have not changed.
    """

    threshold: float = 0.5
    min_face: float = 2.5
    detail: int = 2048
    max_megapixels: float = 200.0
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    workers: int = 0
    device: str = "auto"
    rescan: bool = False

    def decoders(self) -> DecoderSettings:
        """What of it the decoders need."""
        workers = self.workers or os.cpu_count() or 1
        return DecoderSettings(workers, min(LOOK_SIDE, self.detail), self.detail, self.max_megapixels)


@dataclass
class ScanSummary:
    """What a scan did.

    Attributes:
        found: candidates of the walk.
        photos: of these, how many have a row now.
        scanned: of these, photos that were opened and read, or tried to be.
        unchanged: skipped without being opened.
        moved: known by their bytes, moved or copied.
        faces: found in the scanned photos.
        errors: scanned or moved photos that could not be read.
        unreadable: (path, reason) of folders and files that the walk could not look into.
    """

    found: int = 0
    photos: int = 0
    scanned: int = 0
    unchanged: int = 0
    moved: int = 0
    faces: int = 0
    errors: int = 0
    seconds: float = 0.0
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, int | float]:
        """For JSON: everything but the walk's own notes."""
        return {name: value for name, value in asdict(self).items() if name not in ("found", "unreadable")}


@dataclass(frozen=True, slots=True)
class Reading:
    """A photo as it comes out of the networks. ``crops`` are its faces' crops, uint8 ``(n, 48, 48)``."""

    result: PhotoResult
    crops: NDArray[np.uint8]


class FaceReader:
    """Detector and classifier, loaded when the first frame needs them: a scan that finds nothing new is quick."""

    def __init__(self, min_face: float, device: str) -> None:
        self._min_face, self._device = min_face, device
        self._detector: FaceDetector | None = None
        self._classifier: EmotionClassifier | None = None

    @property
    def classifier(self) -> EmotionClassifier:
        """The classifier, loaded now if it is not yet."""
        if self._classifier is None:
            from albumsort.vision.classifier import EmotionClassifier

            self._classifier = EmotionClassifier(device=self._device)
        return self._classifier

    @property
    def model(self) -> str | None:
        """Name and digest of the emotion model; None as long as nothing was classified."""
        card = self._classifier.card if self._classifier else None
        return f"{card.name} {card.digest[:12]}" if card else None

    def read_face(self, frame: Frame) -> Reading:
        """Read a picture that is one face."""
        crop, sharpness = whole_picture(frame.pixels)
        photo = frame.photo
        box = (0.0, 0.0, float(photo.width or 1), float(photo.height or 1))
        probabilities = self.classifier.probabilities(crop[None])[0].astype(float).round(6)
        face = Face(box, 1.0, (), sharpness, tuple(probabilities.tolist()))
        return Reading(PhotoResult(photo, (face,)), crop[None])

    def read(self, frames: Sequence[Frame]) -> list[Reading]:
        """Find and read the faces of some photos."""
        if self._detector is None:
            self._detector = FaceDetector(self._min_face, self._device)
        found = self._detector.detect([frame.look for frame in frames])
        cut = [
            [(face, *crop_face(frame.pixels, _box(face, _scale(frame.pixels, frame.look)))) for face in faces]
            for frame, faces in zip(frames, found, strict=True)
        ]
        crops = [np.stack([crop for _, crop, _ in faces]) if faces else _NO_CROPS for faces in cut]
        probabilities = self.classifier.probabilities(np.concatenate(crops))
        rows = iter(probabilities.astype(float).round(6).tolist())
        readings = []
        for frame, faces, tiles in zip(frames, cut, crops, strict=True):
            photo = frame.photo
            full = (photo.width or 1) / frame.look.shape[1], (photo.height or 1) / frame.look.shape[0]
            done = tuple(
                Face(_box(face, full), face.score, _points(face, full), sharpness, tuple(next(rows)))
                for face, _, sharpness in faces
            )
            readings.append(Reading(PhotoResult(photo, done), tiles))
        return readings


_NO_CROPS = np.empty((0, 48, 48), np.uint8)


def read_photos(decoders: Decoders, reader: FaceReader) -> Iterator[Reading | KnownPhoto]:
    """Everything the decoders give, with faces read; in batches of one canvas, so not in order.

    A photo that could not be decoded comes as a reading without faces.
    """
    waiting: dict[tuple[int, int], deque[Frame]] = defaultdict(deque)

    def read(canvas: tuple[int, int]) -> list[Reading]:
        queue = waiting[canvas]
        frames = [queue.popleft() for _ in range(min(BATCH, len(queue)))]
        readings = reader.read(frames)
        for frame in frames:
            decoders.release(frame)
        return readings

    for item in decoders:
        if isinstance(item, KnownPhoto):
            yield item
            continue
        if isinstance(item, Photo):
            yield Reading(PhotoResult(item), _NO_CROPS)
            continue
        height, width = item.look.shape[:2]
        canvas = (-(-height // CANVAS_STEP), -(-width // CANVAS_STEP))
        waiting[canvas].append(item)
        # A full batch is read at once. Part of one is, when the frames that wait leave the decoders short of memory.
        if len(waiting[canvas]) >= BATCH:
            yield from read(canvas)
        elif sum(map(len, waiting.values())) > decoders.frames // 2:
            yield from read(max(waiting, key=lambda key: len(waiting[key])))
    for canvas in list(waiting):
        while waiting[canvas]:
            yield from read(canvas)


def scan(
    paths: Sequence[str | os.PathLike[str]],
    index: str | os.PathLike[str],
    settings: ScanSettings | None = None,
    progress: Callable[[ScanSummary], None] = lambda summary: None,
) -> ScanSummary:
    """Scan folders and photos into an index.

    A script that calls this needs the usual ``if __name__ == "__main__":`` around it, since decoders are processes.

    Args:
        paths: folders, with everything below them, and single photos.
        index: the SQLite file; made when it is not there.
        settings: None for the defaults.
        progress: called after each photo with what was done so far.

    Raises:
        AlbumsortError: a path is not there, the index cannot be written, a GPU was asked for and there is none.
        KeyboardInterrupt: what was done until then is in the index.
    """
    settings = settings or ScanSettings()
    roots = [os.path.abspath(os.fsdecode(path)) for path in paths]
    for root in roots:
        if not os.path.exists(root):
            raise AlbumsortError(f"{printable(root)}: no such folder or photo")
    with IndexWriter(Path(index)) as writer:
        return _Scan(writer, roots, settings, progress).run()


class _Scan:
    """One scan in progress."""

    def __init__(
        self, writer: IndexWriter, roots: list[str], settings: ScanSettings, progress: Callable[[ScanSummary], None]
    ) -> None:
        self.writer, self.roots, self.settings, self.progress = writer, roots, settings, progress
        self.summary = ScanSummary()
        self.others: deque[PhotoFile] = deque()
        self.pending: list[PhotoResult] = []
        self.copies: list[KnownPhoto] = []
        self.last_write = time.monotonic()
        self.known_photos = {} if settings.rescan else writer.unchanged(settings.max_megapixels)
        self.known_others = {} if settings.rescan else writer.others()
        # Digests of what is in the index already, and of what this scan is reading: their copies need no reading.
        self.digests: set[str] = set() if settings.rescan else writer.digests()

    def run(self) -> ScanSummary:
        start = time.monotonic()
        self.scan_id = self.writer.start_scan({"paths": self.roots, **asdict(self.settings)})
        # The whole walk first: it takes a second for 100,000 files, and the time left can be told from then on.
        files = self._walk()
        while files:
            self._read(files)
            # Left over are files whose bytes were known when they were opened, but whose known photo has been replaced
            # since by another of its name. They are read after all.
            files = [copy.file for copy in self.copies]
            self.digests -= {copy.digest for copy in self.copies}
            self.copies = []
        self.writer.note_others(self.others)
        self.writer.finish_scan(self.scan_id)
        self.summary.seconds = round(time.monotonic() - start, 3)
        self.progress(self.summary)
        return self.summary

    def _read(self, files: list[PhotoFile]) -> None:
        reader = FaceReader(self.settings.min_face, self.settings.device)
        with Decoders(iter(files), self.settings.decoders(), self._is_known) as decoders:
            try:
                for item in read_photos(decoders, reader):
                    if isinstance(item, KnownPhoto):
                        self.copies.append(item)
                    else:
                        self._count(item.result)
                        self.pending.append(item.result)
                    due = time.monotonic() - self.last_write > WRITE_SECONDS
                    if due or len(self.pending) + len(self.copies) >= WRITE_BATCH:
                        self._flush()
                    self.progress(self.summary)
            finally:
                # Also when interrupted: what was read is kept.
                if reader.model:
                    self.writer.name_model(self.scan_id, reader.model)
                self._flush()

    def _walk(self) -> list[PhotoFile]:
        """The candidates that need to be opened."""
        summary = self.summary
        files = []
        for file in walk(
            self.roots,
            self.settings.exclude,
            self.settings.follow_links,
            lambda file: self.known_others.get(file.path) == (file.size, file.mtime_ns),
            lambda file: self.known_photos.get(file.path) == (file.size, file.mtime_ns),
            self.others.append,
            lambda path, reason: summary.unreadable.append((path, reason)),
        ):
            if self.known_photos.get(file.path) == (file.size, file.mtime_ns):
                summary.unchanged += 1
                summary.photos += 1
            else:
                files.append(file)
        summary.found = summary.photos + len(files)
        return files

    def _is_known(self, digest: str) -> bool:
        if digest in self.digests:
            return True
        self.digests.add(digest)
        return False

    def _count(self, result: PhotoResult) -> None:
        self.summary.photos += 1
        self.summary.scanned += 1
        self.summary.faces += len(result.faces)
        self.summary.errors += result.photo.error is not None

    def _flush(self) -> None:
        """Write what waits: the photos that were read, and the copies of what is known."""
        # What is known is looked up before anything is written: the name of a moved photo may be taken by another now.
        found = {copy.file.path: self._known(copy) for copy in self.copies}
        self.writer.write(self.scan_id, self.pending)
        self.pending = []
        for copy in self.copies:  # copies of photos that have only been written now
            found[copy.file.path] = found[copy.file.path] or self._known(copy)
        reused = [(copy.file, known) for copy in self.copies if (known := found[copy.file.path])]
        self.writer.reuse(self.scan_id, reused)
        self.copies = [copy for copy in self.copies if not found[copy.file.path]]
        self.summary.photos += len(reused)
        self.summary.moved += len(reused)
        self.summary.errors += sum(known.result.photo.error is not None for _, known in reused)
        self.last_write = time.monotonic()

    def _known(self, copy: KnownPhoto) -> KnownResult | None:
        return self.writer.known(copy.digest, self.scan_id if self.settings.rescan else 0)


def predict(files: Sequence[str], settings: ScanSettings | None = None, *, cropped: bool = False) -> Iterator[Reading]:
    """Read photos without an index, in the order given. What is no photo comes with its error.

    Args:
        files: absolute paths.
        settings: None for the defaults.
        cropped: each picture is one face, edge to edge: nothing is detected.

    Raises:
        AlbumsortError: a GPU was asked for and there is none.
    """
    settings = settings or ScanSettings()
    reader = FaceReader(settings.min_face, settings.device)
    read = _read_faces if cropped else read_photos
    done: dict[str, deque[Reading]] = defaultdict(deque)
    there = [file for file in files if os.path.exists(file)]
    for file in files:
        if not os.path.exists(file):
            done[file].append(Reading(PhotoResult(Photo(file, 0, 0, error="no such file")), _NO_CROPS))
    turn = 0
    with Decoders(map(_stat, there), settings.decoders()) as decoders:
        for item in chain([None], read(decoders, reader)):
            if item is not None:
                assert isinstance(item, Reading)  # noqa: S101 - nothing is known without an index
                done[item.result.photo.path].append(item)
            while turn < len(files) and done[files[turn]]:
                yield done[files[turn]].popleft()
                turn += 1


def _read_faces(decoders: Decoders, reader: FaceReader) -> Iterator[Reading | KnownPhoto]:
    """As ``read_photos``, for pictures that are one face each."""
    for item in decoders:
        if isinstance(item, Frame):
            yield reader.read_face(item)
            decoders.release(item)
        else:
            yield Reading(PhotoResult(item), _NO_CROPS) if isinstance(item, Photo) else item


def _stat(path: str) -> PhotoFile:
    """A file as the walk would give it; one that is not there is left to the decoder to report."""
    try:
        status = os.stat(path)
    except OSError:
        return PhotoFile(path, 0, 0)
    return PhotoFile(path, status.st_size, status.st_mtime_ns)


def _scale(pixels: NDArray[np.uint8], look: NDArray[np.uint8]) -> tuple[float, float]:
    return pixels.shape[1] / look.shape[1], pixels.shape[0] / look.shape[0]


def _box(face: Detection, scale: tuple[float, float]) -> Box:
    x, y, w, h = face.box
    return x * scale[0], y * scale[1], w * scale[0], h * scale[1]


def _points(face: Detection, scale: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    return tuple((x * scale[0], y * scale[1]) for x, y in face.landmarks)
