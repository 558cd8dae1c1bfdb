"""A bar of progress on a terminal, which fits 60 columns, and times as a clock shows them."""

from __future__ import annotations

import threading
from typing import Any, TextIO


def bar(stream: TextIO, form: str, total: int, **options: Any) -> Any:
    """A bar by tqdm that vanishes when it is closed.

    Args:
        stream: a terminal.
        form: the format of the line; ``{bar}`` in it takes the room that is left.
        total: what is to do.
        options: further options of tqdm.
    """
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # its own would also be for other processes, and start one
    tqdm.monitor_interval = 0  # no thread of its own refreshes the bar
    return tqdm(
        total=total, file=stream, bar_format=form, position=0, dynamic_ncols=True, leave=False, smoothing=0.1, **options
    )


def minutes(seconds: float) -> str:
    """A duration as a clock shows it: ``0:07``, ``12:34`` or ``1:02:03``."""
    whole, rest = divmod(round(seconds), 60)
    hours, whole = divmod(whole, 60)
    return f"{hours}:{whole:02d}:{rest:02d}" if hours else f"{whole}:{rest:02d}"
