"""What the decoder processes are given: an environment to start in, and shared memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from albumsort.errors import AlbumsortError

_WORKER_ENVIRONMENT = {
    # A worker starts as `python -c`, which looks for modules in the working directory first: a photo folder must not be
    # able to slip it one. (Python 3.10 does not know this switch; there, workers start in another directory.)
    "PYTHONSAFEPATH": "1",
    # Each photo needs the same large buffers. Giving them back to the system after each costs a third of the work.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "PILLOW_BLOCKS_MAX": "8",
}
#: What tells the program to stop.
_STOPS = {signal.SIGINT, signal.SIGTERM}
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only asked how much is free


@contextlib.contextmanager
def worker_environment() -> Iterator[None]:
    """Environment variables, and a working directory without modules, for the processes that start within.

    What stops the program (Ctrl-C, SIGTERM) waits until they have been given all they need, and does not reach them
    before they have called ``ready_for_signals``.
    """
    with _stops_held_back(), _environment():
        yield


def ready_for_signals() -> None:
    """In a process that was started so: it ignores Ctrl-C, since the parent decides when it ends, by SIGTERM, say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


@contextlib.contextmanager
def _stops_held_back() -> Iterator[None]:
    heard: list[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():  # no other is interrupted
        handlers = {number: handler for number in _STOPS if (handler := signal.getsignal(number)) is not None}
    for number in handlers:
        signal.signal(number, lambda number, frame: heard.append(number))
    # What is masked here is so in a process that starts within; here, another thread may hear it all the same.
    has_masks = hasattr(signal, "pthread_sigmask")  # not on Windows
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS) if has_masks else set()
    try:
        yield
    finally:
        if has_masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for stop in heard:
            signal.raise_signal(stop)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _WORKER_ENVIRONMENT}
    os.environ.update(_WORKER_ENVIRONMENT)
    here = None if sys.version_info >= (3, 11) else os.open(".", os.O_RDONLY)
    try:
        if here is not None:
            os.chdir(Path(multiprocessing.__file__).parent)
        yield
    finally:
        if here is not None:
            os.fchdir(here)
            os.close(here)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def slots_that_fit(wanted: int, least: int, slot_bytes: int) -> int:
    """As many slots of shared memory as wanted, or as there is room for: containers often have 64 MB only.

    Raises:
        AlbumsortError: there is no room for the least.
    """
    if not _SHARED_MEMORY.is_dir():
        return wanted
    room = int(shutil.disk_usage(_SHARED_MEMORY).free * 0.9) // slot_bytes
    if room < least:
        need = least * slot_bytes / 1e6
        raise AlbumsortError(
            f"{_SHARED_MEMORY} is too small for the decoded photos: {need:.0f} MB must be free. "
            "Give it more room (docker run --shm-size=512m), or use --workers 1 --detail 1024"
        )
    return min(wanted, room)
