"""Makes sure that Ctrl-C and SIGTERM stop the program, and cleanly."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Stop:
    """Raises ``KeyboardInterrupt`` when the program is told to stop, and remembers the request.

    The exception alone is not enough: Python ignores all exceptions in a finaliser. A second exception would interrupt
    the clean-up after the first, while threads still use memory that is being released. So the second signal does
    nothing. The third ends the program at once, which the index survives as it survives a power cut.
    """

    def __init__(self) -> None:
        self._asked = False
        self._times = 0

    def listen(self) -> None:
        """Handle the signals from now on. SIGTERM, the polite way to end a program, stops it as cleanly as Ctrl-C."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.hear)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal.

        Raises:
            KeyboardInterrupt: it is the first signal.
        """
        self._times += 1
        if self._times > 2:
            os._exit(130)
        if self._times == 1:
            self._asked = True
            raise KeyboardInterrupt

    def leave(self) -> None:
        """Ignore the signals from now on: the clean-up is done, and they could only disturb Python's own shutdown."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise the exception again if it was lost. Call this between two long pieces of work.

        Raises:
            KeyboardInterrupt: the program was told to stop, and is still running.
        """
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt


stop = Stop()
