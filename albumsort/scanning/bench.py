"""The bench: measures each stage of a scan by itself, then the whole scan, on the user's own photos."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoder_worker import LARGEST
from albumsort.album.decoders import DecodedPhoto, Decoders
from albumsort.album.raw_pairs import jpegs_of_raws
from albumsort.album.walk import walk
from albumsort.errors import AlbumsortError
from albumsort.files import sha256
from albumsort.records import PhotoFile
from albumsort.scanning.batches import BATCH, CALLERS, decoder_settings, face_reader
from albumsort.scanning.bench_scan import scan_apart
from albumsort.settings import ScanSettings
from albumsort.text import printable
from albumsort.vision.reader import FaceReader, cut_out, find_faces

#: The number of photos that are kept decoded for the networks, which read them again and again: about 12 MB each.
KEPT = 36
#: The shortest timing of the networks, in seconds.
LONG_ENOUGH = 5.0
#: No format has larger files that a scan reads.
_LARGEST = max(LARGEST.values())
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
        scan: photos per second of the whole scan, after it has read the photos that were decoded while the
            networks were loaded.
        is_steady: whether there were enough photos to measure that; else ``scan`` includes the start.
        start: seconds until the first photos are done.
        peak_memory: megabytes of all processes of the scan together. On Linux, shared memory counts once; elsewhere,
            only memory that processes do not share counts.
        cores: the number of cores of this machine.
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
        settings: the settings, as for a scan.
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
    scanned, memory = scan_apart(files, settings)
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
        settings: the settings, as for a scan.

    Raises:
        AlbumsortError: the folder is not there.
    """
    if not path.exists():
        raise AlbumsortError(f"{printable(str(path))}: no such folder or photo")
    walked = walk([str(path)], settings.exclude, settings.follow_links, include_hidden=settings.include_hidden)
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
        if file.size <= _LARGEST:
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
        if file.size <= _LARGEST:
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
        found = find_faces(reader.detector, [photo.small for photo in batch])
        for photo, faces in zip(batch, found, strict=True):
            crops += [crop for crop, _ in cut_out(photo.pixels, photo.small, faces)]
    small = [[photo.small for photo in batch] for batch in batches]
    return time_per_turn(partial(find_faces, reader.detector), small, long_enough) / len(decoded), crops


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
