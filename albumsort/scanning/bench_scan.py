"""The scan of the bench. It runs in a separate process, so that its rate and memory are those of a scan alone."""

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
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from albumsort.errors import AlbumsortError
from albumsort.records import PhotoFile
from albumsort.scanning.batches import decoder_settings
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings

#: In seconds: the interval between measurements of memory, and the time for a scan to stop.
INTERVAL, _TO_STOP = 0.25, 10.0


def scan_apart(files: Sequence[PhotoFile], settings: ScanSettings) -> tuple[dict[str, float], int]:
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
                [sys.executable, "-m", "albumsort.scanning.bench_scan"],
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the process as Ctrl-C stops a scan
    try:
        print(json.dumps(_scan_here(json.load(sys.stdin))))
    except KeyboardInterrupt:
        sys.exit(130)
