"""The bench: each stage of a scan by itself, then the whole scan, on photos of a user's own."""

from __future__ import annotations

import json
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
from albumsort.scanning.batches import BATCH, READERS, FaceReader, cut_out
from albumsort.scanning.scan import ScanSummary, scan
from albumsort.settings import ScanSettings
from albumsort.text import printable

#: Photos that are kept decoded for the networks' turn, which see them again and again: about 12 MB each.
KEPT = 36
#: Seconds for which the networks are timed at least, between two looks at the memory, and for a scan to stop.
_LONG_ENOUGH, _BETWEEN_LOOKS, _TO_STOP = 5.0, 0.25, 10.0
#: Bytes that are read at once.
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Bench:
    """What was measured.

    Attributes:
        photos: that were read; ``megapixels``, ``megabytes`` and ``faces`` are means of one.
        rates: photos a second of ``reading``, ``decoding``, ``detection`` and ``classification``, each by itself on all
            cores.
        shares: of the time that these take one after the other, 0 to 1. Who decodes must read, so here decoding is
            what it takes beyond that.
        scan: photos a second of the whole scan, once it has worked off what was decoded while TensorFlow started.
        is_steady: False when there were too few photos to tell that; ``scan`` is with the start then.
        start: seconds until the first photos are done.
        peak_memory: megabytes of all processes of the scan together, shared ones counted once (on Linux; elsewhere,
            only what is theirs alone).
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
    path: Path, photos: int | None, settings: ScanSettings, note: Callable[[str], None] = lambda stage: None
) -> Bench:
    """Measure on some photos of a folder, taken evenly from all of it. Nothing is kept.

    Args:
        path: a folder, or one photo.
        photos: how many to take at most; None for 100, or as many as the decoders of this machine ask for.
        settings: as for the scan.
        note: told what is measured next.

    Raises:
        AlbumsortError: there is no photo that can be read; a scan fails.
    """
    if not path.exists():
        raise AlbumsortError(f"{printable(str(path))}: no such folder or photo")
    found = list(walk([str(path)], settings.exclude, settings.follow_links))
    raws = jpegs_of_raws(file.path for file in found)
    found = [file for file in found if file.path not in raws]  # a scan leaves them to their JPEGs
    photos = photos or max(100, 4 * settings.decoders().slots)
    files = [found[k * len(found) // photos] for k in range(photos)] if len(found) > photos else found
    note("reading")
    reading = _reading(files, settings.decoders().workers)
    files = _unlike(files)
    note("decoding")
    decoding = _decoding(files, settings)
    frames = _frames(files, settings)
    if not frames:
        raise AlbumsortError(f"{printable(str(path))}: no photo here that can be read")
    reader = FaceReader(settings)
    note("detection")
    detection, crops = _detection(frames, reader)
    note("classification")
    # A photo has so many faces; where none has any, a scan has nothing to classify.
    classification = _classification(np.stack(crops), reader) / len(frames) if crops else 0.0
    seconds = {
        "reading": reading,
        "decoding": decoding,
        "detection": detection,
        "classification": classification,
    }
    work = seconds | {"decoding": max(decoding - reading, 0.0)}
    sizes = [frame.megapixels for frame in frames]
    faces = len(crops) / len(frames)
    kept = len(frames)
    del frames, crops
    note("whole scan")
    scanned, memory = _scan(files, settings)
    return Bench(
        photos=int(scanned["photos"]),
        megapixels=round(sum(sizes) / kept, 2),
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


@dataclass(frozen=True)
class _Kept:
    """A decoded photo that outlives its slot: ``look`` and ``pixels`` as of ``DecodedPhoto``."""

    look: NDArray[np.uint8]
    pixels: NDArray[np.uint8]
    megapixels: float


def _reading(files: Sequence[PhotoFile], threads: int) -> float:
    """Seconds a photo for its bytes alone. What the system still has in memory comes from there."""

    def read(file: PhotoFile) -> None:
        for _ in _chunks(file):
            pass

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, files))
    return (time.perf_counter() - start) / len(files) if files else 0.0


def _chunks(file: PhotoFile) -> Iterator[bytes]:
    """The bytes of a file, as far as a scan would read them."""
    if file.size <= LARGEST:
        with suppress(OSError), open(file.path, "rb") as opened:  # the scan reports it as a problem
            while chunk := opened.read(_CHUNK):
                yield chunk


def _unlike(files: Sequence[PhotoFile]) -> list[PhotoFile]:
    """The files without copies of one another, which a scan does not decode."""
    unlike: dict[str, PhotoFile] = {}
    for file in files:
        digest = ""  # a scan does not read this file to its end
        with suppress(OSError):
            digest = sha256(file.path) if file.size <= LARGEST else ""
        unlike.setdefault(digest, file)
    return list(unlike.values())


def _decoding(files: Sequence[PhotoFile], settings: ScanSettings) -> float:
    """Seconds a photo for all that the decoders do."""
    workers, begun, done = settings.decoders().workers, time.perf_counter(), []
    with Decoders(iter(files), settings.decoders()) as decoders:
        for item in decoders:
            done.append(time.perf_counter())
            if isinstance(item, DecodedPhoto):
                decoders.release(item)
    if len(done) <= workers:
        return (done[-1] - begun) / len(done) if done else 0.0
    # From when each of the processes has started and done a photo.
    return (done[-1] - done[workers - 1]) / (len(done) - workers)


def _frames(files: Sequence[PhotoFile], settings: ScanSettings) -> list[_Kept]:
    """The first ``KEPT`` photos that can be read, decoded."""
    kept: list[_Kept] = []
    with Decoders(iter(files), settings.decoders()) as decoders:
        for item in decoders:
            if len(kept) == KEPT:
                break
            if isinstance(item, DecodedPhoto):
                size = (item.photo.width or 0) * (item.photo.height or 0) / 1e6
                kept.append(_Kept(item.small.copy(), item.pixels.copy(), size))
                decoders.release(item)
    return kept


def _detection(frames: Sequence[_Kept], reader: FaceReader) -> tuple[float, list[NDArray[np.uint8]]]:
    """Seconds a photo to find its faces, in batches of one shape as in a scan; and its crops."""
    order = sorted(range(len(frames)), key=lambda k: frames[k].look.shape)
    batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    crops: list[NDArray[np.uint8]] = []
    for batch in batches:
        found = reader.detector.detect([frames[k].look for k in batch])
        for k, faces in zip(batch, found, strict=True):
            crops += [crop for crop, _ in cut_out(frames[k].pixels, frames[k].look, faces)]
    looks = [[frames[k].look for k in batch] for batch in batches]
    return _timed(reader.detector.detect, looks) / len(frames), crops


def _classification(crops: NDArray[np.uint8], reader: FaceReader) -> float:
    """Seconds to read some faces."""
    return _timed(reader.classifier.probabilities, [crops[k::READERS] for k in range(READERS)])


def _timed(work: Callable[[Any], object], batches: Sequence[Any]) -> float:
    """Seconds for all batches, so many at once as in a scan, after a first turn that does not count."""
    turns = 0
    with ThreadPoolExecutor(READERS) as threads:
        list(threads.map(work, batches))
        start = time.perf_counter()
        while (passed := time.perf_counter() - start) < _LONG_ENOUGH or not turns:
            list(threads.map(work, batches))
            turns += 1
    return passed / turns


def _scan(files: Sequence[PhotoFile], settings: ScanSettings) -> tuple[dict[str, float], int]:
    """A scan in a process of its own: what ``_scan_here`` gives, and the peak of memory in bytes."""
    with tempfile.TemporaryDirectory(prefix="albumsort-bench-") as folder:
        order = {
            "paths": [os.fsencode(file.path).hex() for file in files],
            "index": str(Path(folder) / "index.db"),
            # It runs in another folder, where no photo's name is that of a module.
            "settings": asdict(settings) | {"model": settings.model and os.path.abspath(settings.model)},
        }
        with (
            subprocess.Popen(
                [sys.executable, "-m", "albumsort.scanning.bench"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=folder,
                text=True,
                start_new_session=True,  # it is told to stop once, and not by Ctrl-C, too
            ) as process,
            _peak_memory(process.pid) as peak,
        ):
            try:
                answer, _ = process.communicate(json.dumps(order))
            finally:  # when this is interrupted, it would go on by itself; it has processes and memory to tidy up
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_TO_STOP)
                process.kill()
    if process.returncode:
        raise AlbumsortError(f"the scan failed with exit code {process.returncode}")
    return json.loads(answer), peak[0]


def _scan_here(order: dict[str, Any]) -> dict[str, float]:
    """Of a scan: ``photos`` that it reads, seconds to ``start``, photos a second as ``rate``, and ``is_steady``."""
    settings = ScanSettings(**order["settings"] | {"exclude": tuple(order["settings"]["exclude"])})
    waiting = settings.decoders().slots
    begun, first = time.perf_counter(), 0.0
    # While the scan runs evenly, as much is decoded and waits at the end of the stretch that is timed as at its start.
    since, until = (0.0, 0), (0.0, 0)

    def progress(summary: ScanSummary) -> None:
        nonlocal first, since, until
        now = time.perf_counter() - begun, summary.scanned
        if summary.scanned > summary.errors:
            first = first or now[0]
        if not since[1] and summary.scanned >= waiting:
            since = now
        if summary.scanned <= summary.found - waiting:
            until = now

    paths = [os.fsdecode(bytes.fromhex(path)) for path in order["paths"]]
    photos = scan(paths, order["index"], settings, progress).scanned
    is_steady = photos >= 3 * waiting and until[1] > since[1]
    if not is_steady:
        since, until = (0.0, 0), (time.perf_counter() - begun, photos)
    rate = (until[1] - since[1]) / (until[0] - since[0])
    return {"photos": photos, "start": first, "rate": rate, "is_steady": is_steady}


@contextmanager
def _peak_memory(pid: int) -> Iterator[list[int]]:
    """The most memory that a process and its children had at once while the block ran, in bytes."""
    peak, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(_BETWEEN_LOOKS):
            total = 0
            try:
                family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                for process in family:
                    memory = process.memory_full_info()
                    total += getattr(memory, "pss", memory.uss)
            except psutil.Error:
                continue  # one of them has just ended
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the scan is stopped that it measures
    try:
        print(json.dumps(_scan_here(json.load(sys.stdin))))
    except KeyboardInterrupt:
        sys.exit(130)
