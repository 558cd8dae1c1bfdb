"""A bar of progress on a terminal, which fits 60 columns, and times as a clock shows them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeVar

T = TypeVar("T")


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
    columns, rows = _shape(stream)
    options = {"ncols": columns, "nrows": rows, "leave": False, "smoothing": 0.1, **options}
    made = tqdm(total=total, file=stream, bar_format=form, position=0, **options)
    made.dynamic_ncols = _shape  # asked again for each state of the bar
    return made


def with_bar(items: Iterable[T], total: int, unit: str) -> Iterator[T]:
    """Pass items on. If standard error is a terminal, a bar there counts them, in the plural ``unit``."""
    if not sys.stderr.isatty():
        yield from items
        return
    form = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}" + f" [{unit}, {{remaining}} left]"
    shown = bar(sys.stderr, form, total)
    try:
        for item in items:
            yield item
            shown.update()
    finally:
        shown.close()


def _shape(stream: TextIO) -> tuple[int, int]:
    """Columns for a line that does not wrap, and rows. A terminal that does not tell its columns has the usual 80.

    How many rows it tells does not matter for one bar, and tqdm shows none on a terminal of 0 or 1.
    """
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return (columns or 80) - 1, 24


def minutes(seconds: float) -> str:
    """A duration as a clock shows it: ``0:07``, ``12:34`` or ``1:02:03``."""
    whole, rest = divmod(round(seconds), 60)
    hours, whole = divmod(whole, 60)
    return f"{hours}:{whole:02d}:{rest:02d}" if hours else f"{whole}:{rest:02d}"
