"""The environment in which decoder processes start, and how much shared memory they can have."""

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
    # A worker starts as `python -c`, which looks for modules in the working directory first. A module in a photo folder
    # must not run. (Python 3.10 does not have this variable; there, workers start in another directory.)
    "PYTHONSAFEPATH": "1",
    # Each photo needs the same large buffers. Returning them to the system after each photo would make decoding take
    # half as long again.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "PILLOW_BLOCKS_MAX": "8",
}
#: Signals that tell the program to stop.
_STOPS = {signal.SIGINT, signal.SIGTERM}
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only asked how much is free


@contextlib.contextmanager
def worker_environment() -> Iterator[None]:
    """Give processes that start inside this block their own environment, and a working directory without modules.

    Ctrl-C and SIGTERM are held back until the block ends. They do not reach such a process before it has called
    ``ready_for_signals``.
    """
    with _stops_held_back(), _environment():
        yield


def ready_for_signals() -> None:
    """Let signals reach a process started in ``worker_environment``. It ignores Ctrl-C: its parent ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


@contextlib.contextmanager
def _stops_held_back() -> Iterator[None]:
    """Hold back the signals that stop the program, and raise them again when the block has ended."""
    heard: list[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():  # Python runs signal handlers in the main thread only
        handlers = {number: handler for number in _STOPS if (handler := signal.getsignal(number)) is not None}
    for number in handlers:
        signal.signal(number, lambda number, frame: heard.append(number))
    # A process that starts inside the block inherits the mask. In this process, another thread may still get the
    # signal.
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
    """The number of slots of shared memory to take; containers often have only 64 MB.

    Args:
        wanted: the largest number of slots.
        least: the smallest number of slots that decoding needs.
        slot_bytes: the size of a slot in bytes.

    Returns:
        ``wanted``, or as many as fit.

    Raises:
        AlbumsortError: even ``least`` slots do not fit.
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
