"""The bench: each stage of a scan by itself, then the whole scan, on the user's own photos."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from albumsort.album.decoder_worker import LARGEST
from albumsort.album.decoders import DecodedPhoto, Decoders
from albumsort.album.raw_pairs import jpegs_of_raws
from albumsort.album.walk import walk
from albumsort.errors import AlbumsortError
from albumsort.files import sha256
from albumsort.records import PhotoFile
from albumsort.scanning.batches import BATCH, CALLERS, decoder_settings, face_reader
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings
from albumsort.text import printable
from albumsort.vision.reader import FaceReader, cut_out

#: Photos that are kept decoded for the networks, which read them again and again: about 12 MB each.
KEPT = 36
#: Seconds for which the networks are timed at least, between two measurements of the memory, and for a scan to stop.
LONG_ENOUGH, INTERVAL, _TO_STOP = 5.0, 0.25, 10.0
#: Bytes that are read at once.
_CHUNK = 1 << 20

_logger = logging.getLogger("albumsort.scanning")


@dataclass(frozen=True)
class Bench:
    """What was measured.

    Attributes:
        photos: how many photos the scan has read.
        megapixels: of a photo, on average.
        megabytes: of a photo, on average.
        faces: on a photo, on average.
        rates: photos per second of ``reading``, ``decoding``, ``detection`` and ``classification``, each by itself on
            all cores.
        shares: of the time that these take one after the other, 0 to 1. Decoding includes reading; its share is the
            time beyond that.
        scan: photos per second of the whole scan, once it has worked off what was decoded while TensorFlow started.
        is_steady: whether there were enough photos to tell that; else ``scan`` includes the start.
        start: seconds until the first photos are done.
        peak_memory: megabytes of all processes of the scan together. On Linux shared memory counts once; elsewhere
            only the memory of single processes counts.
        cores: of this machine.
    """

    photos: int
    megapixels: float
    megabytes: float
    faces: float
    rates: dict[str, float]
    shares: dict[str, float]
    scan: float
    is_steady: bool
    start: float
    peak_memory: float
    cores: int

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def bench(
    path: Path, photos: int | None, settings: ScanSettings, *, kept: int = KEPT, long_enough: float = LONG_ENOUGH
) -> Bench:
    """Measure on some photos of a folder. Nothing is kept. What is measured is logged as INFO.

    Args:
        path: a folder, or one photo.
        photos: how many photos to measure on, at most; None for 100, or for more where this machine decodes many at
            once.
        settings: as for the scan.
        kept: how many photos are kept decoded for the networks.
        long_enough: the shortest time for which each network is timed, in seconds.

    Raises:
        AlbumsortError: there is no photo that can be read; a scan fails.
    """
    files = choose_files(path, photos, settings)
    _logger.info("measuring: reading")
    reading = reading_time(files, decoder_settings(settings).workers)
    files = without_copies(files)
    _logger.info("measuring: decoding")
    decoding = _decoding_time(files, settings)
    decoded = decoded_photos(files, settings, kept)
    if not decoded:
        raise AlbumsortError(f"{printable(str(path))}: no photo here that can be read")
    reader = face_reader(settings)
    _logger.info("measuring: detection")
    detection, crops = _detection_time(decoded, reader, long_enough)
    _logger.info("measuring: classification")
    # Per photo, with its number of faces. Without any faces, a scan has nothing to classify.
    classification = _classification_time(np.stack(crops), reader, long_enough) / len(decoded) if crops else 0.0
    seconds = {"reading": reading, "decoding": decoding, "detection": detection, "classification": classification}
    work = seconds | {"decoding": max(decoding - reading, 0.0)}
    megapixels, faces = float(np.mean([photo.megapixels for photo in decoded])), len(crops) / len(decoded)
    del decoded, crops
    _logger.info("measuring: whole scan")
    scanned, memory = _scan_apart(files, settings)
    return Bench(
        photos=int(scanned["photos"]),
        megapixels=round(megapixels, 2),
        megabytes=round(sum(file.size for file in files) / len(files) / 1e6, 2),
        faces=round(faces, 2),
        rates={stage: round(1 / each, 2) for stage, each in seconds.items() if each},
        shares={stage: round(each / sum(work.values()), 3) for stage, each in work.items()},
        scan=round(scanned["rate"], 2),
        is_steady=bool(scanned["is_steady"]),
        start=round(scanned["start"], 2),
        peak_memory=round(memory / 1e6),
        cores=os.cpu_count() or 1,
    )


def choose_files(path: Path, photos: int | None, settings: ScanSettings) -> list[PhotoFile]:
    """Take some photos evenly from all of a folder. RAW files beside a JPEG are left out, as in a scan.

    Args:
        path: a folder, or one photo.
        photos: how many, at most; None for 100, or for more where this machine decodes many at once.
        settings: as for the scan.

    Raises:
        AlbumsortError: the folder is not there.
    """
    if not path.exists():
        raise AlbumsortError(f"{printable(str(path))}: no such folder or photo")
    walked = walk([str(path)], settings.exclude, settings.follow_links)
    found = [item for item in walked if isinstance(item, PhotoFile)]
    raws = jpegs_of_raws(file.path for file in found)
    found = [file for file in found if file.path not in raws]
    photos = photos or max(100, 4 * decoder_settings(settings).slots)
    return [found[k * len(found) // photos] for k in range(photos)] if len(found) > photos else found


@dataclass(frozen=True)
class DecodedCopy:
    """A decoded photo that outlives the decoders: ``pixels`` and ``small`` as of ``Picture``."""

    pixels: NDArray[np.uint8]
    small: NDArray[np.uint8]
    megapixels: float


def reading_time(files: Sequence[PhotoFile], threads: int) -> float:
    """Seconds per photo for reading its bytes. Files that the system has in memory are read from there."""

    def read(file: PhotoFile) -> None:
        # The scan reports a file that cannot be read, and reads none that is too large for a photo.
        if file.size <= LARGEST:
            with suppress(OSError), open(file.path, "rb") as opened:
                while opened.read(_CHUNK):
                    pass

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, files))
    return (time.perf_counter() - start) / len(files) if files else 0.0


def without_copies(files: Sequence[PhotoFile]) -> list[PhotoFile]:
    """The files, with only the first of those that are equal: a scan decodes no copies."""
    first: dict[str, PhotoFile] = {}
    for file in files:
        digest = file.path  # of what cannot be read
        if file.size <= LARGEST:
            with suppress(OSError):
                digest = sha256(file.path)
        first.setdefault(digest, file)
    return list(first.values())


def _decoding_time(files: Sequence[PhotoFile], settings: ScanSettings) -> float:
    """Seconds per photo for all that the decoders do."""
    begun, done = time.perf_counter(), []
    with Decoders(iter(files), decoder_settings(settings)) as decoders:
        for item in decoders:
            done.append(time.perf_counter())
            if isinstance(item, DecodedPhoto):
                decoders.release(item)
    return time_per_photo(begun, done, decoder_settings(settings).workers)


def time_per_photo(begun: float, done: Sequence[float], workers: int) -> float:
    """Seconds per photo of some processes at work, without their start where there are enough photos.

    Args:
        begun: the time when the processes were started, in seconds.
        done: the time at which each photo was done.
        workers: how many processes there are.
    """
    if len(done) <= workers:
        return (done[-1] - begun) / len(done) if done else 0.0
    # From when each of the processes has started and done a photo.
    return (done[-1] - done[workers - 1]) / (len(done) - workers)


def decoded_photos(files: Sequence[PhotoFile], settings: ScanSettings, most: int) -> list[DecodedCopy]:
    """The first photos that can be read, decoded."""
    kept: list[DecodedCopy] = []
    with Decoders(iter(files), decoder_settings(settings)) as decoders:
        for item in decoders:
            if len(kept) == most:
                break
            if isinstance(item, DecodedPhoto):
                size = (item.photo.width or 0) * (item.photo.height or 0) / 1e6
                kept.append(DecodedCopy(item.pixels.copy(), item.small.copy(), size))
                decoders.release(item)
    return kept


def _detection_time(
    decoded: Sequence[DecodedCopy], reader: FaceReader, long_enough: float
) -> tuple[float, list[NDArray[np.uint8]]]:
    """Seconds per photo for finding its faces, in batches of one shape as in a scan; and the crops of all faces."""
    order = sorted(range(len(decoded)), key=lambda k: decoded[k].small.shape)
    batches = [[decoded[k] for k in order[at : at + BATCH]] for at in range(0, len(order), BATCH)]
    crops: list[NDArray[np.uint8]] = []
    for batch in batches:
        found = reader.detector.detect([photo.small for photo in batch])
        for photo, faces in zip(batch, found, strict=True):
            crops += [crop for crop, _ in cut_out(photo.pixels, photo.small, faces)]
    small = [[photo.small for photo in batch] for batch in batches]
    return time_per_turn(reader.detector.detect, small, long_enough) / len(decoded), crops


def _classification_time(crops: NDArray[np.uint8], reader: FaceReader, long_enough: float) -> float:
    """Seconds for classifying some faces."""
    return time_per_turn(reader.classifier.probabilities, [crops[k::CALLERS] for k in range(CALLERS)], long_enough)


def time_per_turn(
    work: Callable[[Any], object],
    batches: Sequence[Any],
    long_enough: float,
    *,
    callers: int = CALLERS,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds for all batches, with as many at once as in a scan. The first turn does not count.

    Args:
        work: called with each batch.
        batches: all of a turn.
        long_enough: turns begin as long as fewer seconds have passed; there is always one.
        callers: how many threads call at once.
        clock: gives the time in seconds.
    """
    turns = 0
    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(work, batches))
        start = clock()
        while (passed := clock() - start) < long_enough or not turns:
            list(threads.map(work, batches))
            turns += 1
    return passed / turns


def _scan_apart(files: Sequence[PhotoFile], settings: ScanSettings) -> tuple[dict[str, float], int]:
    """Scan in a process of its own: what ``_scan_here`` returns, and the peak of memory in bytes."""
    with tempfile.TemporaryDirectory(prefix="albumsort-bench-") as folder:
        order = {
            "paths": [os.fsencode(file.path).hex() for file in files],
            "index": str(Path(folder) / "index.db"),
            # The process runs in another folder, where no photo has the name of a module.
            "settings": asdict(settings) | {"model": settings.model and os.path.abspath(settings.model)},
        }
        with (
            subprocess.Popen(
                [sys.executable, "-m", "albumsort.scanning.bench"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=folder,
                text=True,
                start_new_session=True,  # Ctrl-C does not reach it; it is told to stop below, once
            ) as process,
            peak_memory(process.pid) as peak,
        ):
            try:
                answer, _ = process.communicate(json.dumps(order))
            finally:  # when this is interrupted; the scan has processes and memory to tidy up
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_TO_STOP)
                process.kill()
    if process.returncode:
        raise AlbumsortError(f"the scan failed with exit code {process.returncode}")
    return json.loads(answer), peak[0]


class RateOfScan:
    """The rate of a scan without its start, from its progress.

    Attributes:
        start: seconds until the first photos were done.
    """

    def __init__(self, waiting: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin now.

        Args:
            waiting: how many photos can be decoded and wait for the networks.
            clock: gives the time in seconds.
        """
        self.start = 0.0
        self._waiting, self._clock, self._begun = waiting, clock, clock()
        # Between these two moments, as much is decoded as is read: so many photos wait at both.
        self._since, self._until = (0.0, 0), (0.0, 0)

    def progress(self, summary: ScanSummary) -> None:
        """Take the progress of the scan."""
        now = self._clock() - self._begun, summary.scanned
        if summary.scanned > summary.errors:
            self.start = self.start or now[0]
        if not self._since[1] and summary.scanned >= self._waiting:
            self._since = now
        if summary.scanned <= summary.found - self._waiting:
            self._until = now

    def figures(self, photos: int) -> dict[str, float]:
        """``photos``, seconds to ``start``, photos per second as ``rate``, and ``is_steady``, when the scan is over."""
        since, until = self._since, self._until
        is_steady = photos >= 3 * self._waiting and until[1] > since[1]
        if not is_steady:
            since, until = (0.0, 0), (self._clock() - self._begun, photos)
        rate = (until[1] - since[1]) / (until[0] - since[0])
        return {"photos": photos, "start": self.start, "rate": rate, "is_steady": is_steady}


def _scan_here(order: dict[str, Any]) -> dict[str, float]:
    """Scan in this process, and return the figures of its rate."""
    settings = ScanSettings(**order["settings"] | {"exclude": tuple(order["settings"]["exclude"])})
    rate = RateOfScan(decoder_settings(settings).slots)
    paths = [os.fsdecode(bytes.fromhex(path)) for path in order["paths"]]
    return rate.figures(scan(paths, order["index"], settings, rate.progress).scanned)


@contextmanager
def peak_memory(pid: int, interval: float = INTERVAL) -> Iterator[list[int]]:
    """Measure the most memory that a process and its children have at once while the block runs.

    Args:
        pid: of the process.
        interval: seconds between two measurements.

    Yields:
        a list of one number, in bytes, that grows while the block runs.
    """
    peak, over = [0], threading.Event()

    def measure() -> None:
        while not over.wait(interval):
            total = 0
            try:
                for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                    memory = process.memory_full_info()
                    total += getattr(memory, "pss", memory.uss)
            except psutil.Error:
                continue  # one of them has just ended
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=measure, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops it as Ctrl-C stops a scan
    try:
        print(json.dumps(_scan_here(json.load(sys.stdin))))
    except KeyboardInterrupt:
        sys.exit(130)
