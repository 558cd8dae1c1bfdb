"""Ctrl-C and SIGTERM, heard for certain."""

from __future__ import annotations

import signal
from types import FrameType


class Stop:
    """Raises ``KeyboardInterrupt`` when the program is told to stop, and remembers it.

    The exception alone is lost when it comes up in a finaliser, where Python ignores all exceptions.
    """

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """From now on. Whoever ends the program politely (SIGTERM) gets the same clean stop as with Ctrl-C."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """To be called between two pieces of work that take long.

        Raises:
            KeyboardInterrupt: the program was told to stop, and has not.
        """
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt


stop = Stop()
