"""The environment in which decoder processes start, and how they end with the program."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

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
#: What is changed while a process starts belongs to the whole program, so only one starts at a time.
_ONE_AT_A_TIME = threading.Lock()
#: Signals that tell the program to stop, where the system has them: Ctrl-C, the polite end, a closed terminal, SIGQUIT.
STOPS = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))


@contextlib.contextmanager
def worker_environment() -> Iterator[None]:
    """Give processes that start inside this block their own environment, and a working directory without modules.

    They do not import the main module of the program, so a script needs no ``if __name__ == "__main__":``, and the
    program may come from standard input, from a notebook or from ``python -c``.

    ``STOPS`` are held back until the block ends. They do not reach such a process before it has called
    ``ready_for_signals``.
    """
    with _ONE_AT_A_TIME, _stops_held_back(), _environment(), _main_module_without_a_file():
        yield


def ready_for_signals() -> None:
    """Let signals reach a process started in ``worker_environment``. It ignores the keyboard: its parent ends it."""
    for number in STOPS - {signal.SIGTERM}:  # a terminal sends them to every process of its foreground
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, whatever it is doing by then."""

    def watch(parent: BaseProcess) -> None:
        parent.join()
        os._exit(1)

    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=watch, args=(parent,), daemon=True).start()


@contextlib.contextmanager
def _stops_held_back() -> Iterator[None]:
    """Hold back the signals that stop the program, and raise them again when the block has ended."""
    heard: list[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():  # Python runs signal handlers in the main thread only
        handlers = {number: handler for number in STOPS if (handler := signal.getsignal(number)) is not None}
    for number in handlers:
        signal.signal(number, lambda number, frame: heard.append(number))
    # A process that starts inside the block inherits the mask. In this process, another thread may still get the
    # signal.
    has_masks = hasattr(signal, "pthread_sigmask")  # not on Windows
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS) if has_masks else set()
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
def _main_module_without_a_file() -> Iterator[None]:
    """Hide from ``multiprocessing`` where the main module comes from; a process that it spawns would import it.

    The module is replaced by a copy, not changed, because the program may use its ``__file__`` in another thread.
    """
    main = sys.modules["__main__"]
    copy = ModuleType("__main__")
    vars(copy).update(vars(main), __file__=None, __spec__=None)
    sys.modules["__main__"] = copy
    try:
        yield
    finally:
        sys.modules["__main__"] = main


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
