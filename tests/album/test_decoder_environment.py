"""The environment in which decoder processes start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from albumsort.album.decoder_environment import worker_environment

_STOPS = [name for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM") if hasattr(signal, name)]


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
