"""The bench: measures each stage of a scan by itself, then the whole scan, on the user's own photos."""

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

#: The number of photos that are kept decoded for the networks, which read them again and again: about 12 MB each.
KEPT = 36
#: In seconds: the shortest timing of the networks, the interval between measurements of memory, and the time for a scan
#: to stop.
LONG_ENOUGH, INTERVAL, _TO_STOP = 5.0, 0.25, 10.0
#: The number of bytes to read at once.
_CHUNK = 1 << 20

_logger = logging.getLogger("albumsort.scanning")


@dataclass(frozen=True)
class Bench:
    """What was measured.

    Attributes:
        photos: how many photos the scan has read.
        megapixels: of a photo, on average.
        megabytes: of a photo, on average.
        faces: in a photo, on average.
        rates: photos per second of ``reading``, ``decoding``, ``detection`` and ``classification``, each by itself on
            all cores.
        shares: the share of each stage in the time that all take one after the other, 0 to 1. Decoding includes
            reading; its share is the time beyond that.
        scan: photos per second of the whole scan, after it has read the photos that were decoded while TensorFlow
            started.
        is_steady: whether there were enough photos to measure that; else ``scan`` includes the start.
        start: seconds until the first photos are done.
        peak_memory: megabytes of all processes of the scan together. On Linux, shared memory counts once; elsewhere,
            only memory that processes do not share counts.
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
    """Measure on some photos of a folder, without keeping anything. Each measurement is logged as INFO.

    Args:
        path: a folder, or one photo.
        photos: the largest number of photos to measure on; None for 100, or for more if this machine decodes many at
            once.
        settings: as for the scan.
        kept: how many photos are kept decoded for the networks.
        long_enough: the shortest time for which each network is timed, in seconds.

    Raises:
        AlbumsortError: no photo can be read, or a scan fails.
    """
    files = choose_files(path, photos, settings)
    _logger.info("measuring: reading")
    reading = reading_time(files, decoder_settings(settings).workers)
    files = without_copies(files)
    _logger.info("measuring: decoding")
    decoding = _decoding_time(files, settings)
    decoded = decoded_photos(files, settings, kept)
    if not decoded:
        raise AlbumsortError(f"{printable(str(path))}: has no photo that can be read")
    reader = face_reader(settings)
    _logger.info("measuring: detection")
    detection, crops = _detection_time(decoded, reader, long_enough)
    _logger.info("measuring: classification")
    # The time per photo, for its number of faces. Without faces, a scan has nothing to classify.
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
    """Choose photos evenly from all of a folder. RAW files with a JPEG beside them are left out, as in a scan.

    Args:
        path: a folder, or one photo.
        photos: the largest number; None for 100, or for more if this machine decodes many at once.
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
    """A decoded photo that outlives the decoders. ``pixels`` and ``small`` are those of ``Picture``."""

    pixels: NDArray[np.uint8]
    small: NDArray[np.uint8]
    megapixels: float


def reading_time(files: Sequence[PhotoFile], threads: int) -> float:
    """Seconds per photo for reading its bytes. The system may have them in memory already."""

    def read(file: PhotoFile) -> None:
        # The scan reports files that cannot be read, and does not read files that are too large for a photo.
        if file.size <= LARGEST:
            with suppress(OSError), open(file.path, "rb") as opened:
                while opened.read(_CHUNK):
                    pass

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, files))
    return (time.perf_counter() - start) / len(files) if files else 0.0


def without_copies(files: Sequence[PhotoFile]) -> list[PhotoFile]:
    """The files, with only the first of equal ones, because a scan does not decode copies."""
    first: dict[str, PhotoFile] = {}
    for file in files:
        digest = file.path  # the digest of a file that cannot be read
        if file.size <= LARGEST:
            with suppress(OSError):
                digest = sha256(file.path)
        first.setdefault(digest, file)
    return list(first.values())


def _decoding_time(files: Sequence[PhotoFile], settings: ScanSettings) -> float:
    """Seconds per photo for everything that the decoders do."""
    begun, done = time.perf_counter(), []
    with Decoders(iter(files), decoder_settings(settings)) as decoders:
        for item in decoders:
            done.append(time.perf_counter())
            if isinstance(item, DecodedPhoto):
                decoders.release(item)
    return time_per_photo(begun, done, decoder_settings(settings).workers)


def time_per_photo(begun: float, done: Sequence[float], workers: int) -> float:
    """Seconds per photo for several processes, without their start if there are enough photos.

    Args:
        begun: the time when the processes were started, in seconds.
        done: the time at which each photo was done.
        workers: how many processes there are.
    """
    if len(done) <= workers:
        return (done[-1] - begun) / len(done) if done else 0.0
    # Measured from the time at which each process has started and finished a photo.
    return (done[-1] - done[workers - 1]) / (len(done) - workers)


def decoded_photos(files: Sequence[PhotoFile], settings: ScanSettings, most: int) -> list[DecodedCopy]:
    """Decode the first photos that can be read."""
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
    """Seconds per photo for finding faces, in batches of one shape as in a scan; and the crops of all faces."""
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
    """Seconds for one turn through all batches, with as many at once as in a scan. The first turn does not count.

    Args:
        work: called with each batch.
        batches: all of a turn.
        long_enough: new turns begin until this many seconds have passed; there is always at least one.
        callers: how many threads call ``work`` at once.
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
    """Scan in a separate process; returns the result of ``_scan_here``, and the peak of memory in bytes."""
    with tempfile.TemporaryDirectory(prefix="albumsort-bench-") as folder:
        order = {
            "paths": [os.fsencode(file.path).hex() for file in files],
            "index": str(Path(folder) / "index.db"),
            # The process runs in another folder, where no file has the name of a module.
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
            finally:  # if this is interrupted: the scan has processes and memory to clean up
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_TO_STOP)
                process.kill()
    if process.returncode:
        raise AlbumsortError(f"the scan failed with exit code {process.returncode}")
    return json.loads(answer), peak[0]


class RateOfScan:
    """Measures the rate of a scan without its start, from the scan's progress.

    Attributes:
        start: seconds until the first photos were done.
    """

    def __init__(self, waiting: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start the clock.

        Args:
            waiting: how many decoded photos can wait for the networks.
            clock: gives the time in seconds.
        """
        self.start = 0.0
        self._waiting, self._clock, self._begun = waiting, clock, clock()
        # The same number of photos is waiting at both moments, so as many are decoded as are read in between.
        self._since, self._until = (0.0, 0), (0.0, 0)

    def progress(self, summary: ScanSummary) -> None:
        """Take note of the progress of the scan."""
        now = self._clock() - self._begun, summary.scanned
        if summary.scanned > summary.errors:
            self.start = self.start or now[0]
        if not self._since[1] and summary.scanned >= self._waiting:
            self._since = now
        if summary.scanned <= summary.found - self._waiting:
            self._until = now

    def figures(self, photos: int) -> dict[str, float]:
        """The figures of a finished scan: ``photos``, seconds to ``start``, ``rate`` per second, and ``is_steady``."""
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
    """Measure the peak of the memory of a process and its children while the block runs.

    Args:
        pid: the id of the process.
        interval: seconds between two measurements.

    Yields:
        a list with one number of bytes, which grows while the block runs.
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
                continue  # one of the processes has just ended
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
