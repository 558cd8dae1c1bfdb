"""Ctrl-C and SIGTERM, heard for certain."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Stop:
    """Raises ``KeyboardInterrupt`` when the program is told to stop, and remembers it.

    The exception alone is lost when it comes up in a finaliser, where Python ignores all exceptions. A second one would
    break into the tidying up after the first, while threads still work on memory that is being given back; so only the
    third does anything, and ends the program at once. The index stands that, as it does a power cut.
    """

    def __init__(self) -> None:
        self._asked = False
        self._times = 0

    def listen(self) -> None:
        """From now on. Whoever ends the program politely (SIGTERM) gets the same clean stop as with Ctrl-C."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._times += 1
        if self._times > 2:
            os._exit(130)
        if self._times == 1:
            self._asked = True
            raise KeyboardInterrupt

    def leave(self) -> None:
        """All is tidied up: nothing is left to interrupt but the end of Python itself."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """To be called between two pieces of work that take long.

        Raises:
            KeyboardInterrupt: the program was told to stop, and has not.
        """
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt


stop = Stop()
