"""The environment in which decoder processes start, and the shared memory that fits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from albumsort.album.decoder_environment import slots_that_fit, worker_environment
from albumsort.errors import AlbumsortError

_STOPS = ("SIGINT", "SIGTERM")


@pytest.mark.parametrize("name", _STOPS)
def test_a_signal_waits_until_the_process_has_started(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def stop(number: int, frame: object) -> None:
        done.append("stopped")
        raise KeyboardInterrupt

    number = getattr(signal, name)
    before = signal.signal(number, stop)
    try:
        with pytest.raises(KeyboardInterrupt), worker_environment():
            os.kill(os.getpid(), number)
            done.append("started")
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert done == ["started", "stopped"]
    assert "PYTHONSAFEPATH" not in os.environ


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system masks no signals")
def test_a_process_gets_no_signal_before_it_is_ready() -> None:
    code = (
        "import signal; from albumsort.album.decoder_environment import ready_for_signals;"
        "print(sorted(s.name for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])));"
        "ready_for_signals(); print(list(signal.pthread_sigmask(signal.SIG_BLOCK, [])));"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    )
    with worker_environment():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(sorted(_STOPS)), "[]", "True"]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many bytes of shared memory are free."""
    if not os.path.isdir("/dev/shm"):
        pytest.skip("this system does not tell how much shared memory is free")

    def set_free(free: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))

    return set_free


@pytest.mark.parametrize(("free_bytes", "slots"), [(10_000_000, 8), (8_888_889, 8), (8_888_888, 7), (4_444_445, 4)])
def test_nine_tenths_of_the_free_shared_memory_are_taken(
    free: Callable[[int], None], free_bytes: int, slots: int
) -> None:
    free(free_bytes)
    assert slots_that_fit(wanted=8, least=4, slot_bytes=1_000_000) == slots


def test_too_little_shared_memory_is_an_error_that_says_how_much_is_needed(free: Callable[[int], None]) -> None:
    free(4_444_444)
    with pytest.raises(AlbumsortError, match=r"4 MB must be free\..*--workers 1 --detail 1024$"):
        slots_that_fit(wanted=8, least=4, slot_bytes=1_000_000)
