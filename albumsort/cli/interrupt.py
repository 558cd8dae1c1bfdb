"""Makes sure that Ctrl-C, SIGTERM, a closed terminal and SIGQUIT stop the program, and cleanly."""

from __future__ import annotations

import os
import signal
from types import FrameType

#: Ctrl-C, the polite way to end a program, a closed terminal, and SIGQUIT; Windows has only the first two.
_STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
_HANGUP = getattr(signal, "SIGHUP", None)


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
        """Handle the signals from now on: each stops the program as cleanly as Ctrl-C."""
        for number in _STOPS:
            if number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN:  # which is how ``nohup`` starts it
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


stop = Stop()
