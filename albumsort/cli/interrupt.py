"""Makes sure that Ctrl-C, SIGTERM, a closed terminal and SIGQUIT stop the program, and cleanly."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

#: Ctrl-C, the polite way to end a program, a closed terminal, and SIGQUIT; Windows has only the first two.
_STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
_HANGUP = getattr(signal, "SIGHUP", None)
#: Stops that follow each other faster than this, in seconds, are one: ``timeout`` and others send theirs twice.
_SAME_STOP = 1.0


class Stop:
    """Raises ``KeyboardInterrupt`` when the program is told to stop, and remembers the request.

    The exception alone is not enough: Python ignores all exceptions in a finaliser. A second exception would interrupt
    the clean-up after the first, while threads still use memory that is being released. So a second signal raises
    none: it ends the program at once, which the index survives as it survives a power cut. Within a second of the
    first it does nothing, but a third ends the program.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make one that has heard nothing; ``clock`` gives the time in seconds."""
        self._asked, self._is_terminated = False, False
        self._times, self._first = 0, 0.0
        self._clock = clock
        self._answer: tuple[int, bytes] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the program was told to stop, and is perhaps stopping already."""
        return self._times > 0

    @property
    def is_terminated(self) -> bool:
        """Whether that was SIGTERM, by which a service is stopped."""
        return self._is_terminated

    @contextmanager
    def answering(self, stream: TextIO, text: str) -> Iterator[None]:
        """Write a text as soon as the program is told to stop inside the block, while what it is doing ends.

        Args:
            stream: where it is written, directly to the file behind it: the signal may come while the stream is in use.
            text: what is written.
        """
        with suppress(OSError):  # a stream without a file
            self._answer = stream.fileno(), os.fsencode(text)
        try:
            yield
        finally:
            self._answer = None

    def listen(self) -> None:
        """Handle the signals from now on: each stops the program as cleanly as Ctrl-C."""
        for number in _STOPS:
            if number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN:  # which is how ``nohup`` starts it
                signal.signal(number, self.hear)
        sys.unraisablehook = _without_stops

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal.

        Raises:
            KeyboardInterrupt: it is the first signal.
        """
        self._times += 1
        if self._times > 2 or (self._times == 2 and self._clock() - self._first >= _SAME_STOP):
            os._exit(130)
        if self._times == 1:
            self._asked, self._first, self._is_terminated = True, self._clock(), number == signal.SIGTERM
            if self._answer:
                with suppress(OSError):  # the terminal is closed
                    os.write(*self._answer)
            raise KeyboardInterrupt

    def leave(self) -> None:
        """Ignore the signals from now on: the clean-up is done, and they could only disturb Python's own shutdown."""
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise the exception again if it was lost. Call this between two long pieces of work.

        Raises:
            KeyboardInterrupt: the program was told to stop, and is still running.
        """
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt


def _without_stops(ignored: sys.UnraisableHookArgs) -> None:
    """Report an exception that Python ignores, but not that of a stop: ``Stop.check`` raises it again."""
    if ignored.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(ignored)


stop = Stop()
