"""The line that was typed, to which messages add what makes it find more."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from albumsort.text import printable

_LINE: ContextVar[tuple[str, tuple[str, ...]]] = ContextVar("typed line", default=("", ()))


@contextmanager
def kept(command: str, words: Sequence[str]) -> Iterator[None]:
    """Keep the line of a command while it runs: its name, such as ``albumsort top``, and what was typed behind it."""
    token = _LINE.set((command, tuple(words)))
    try:
        yield
    finally:
        _LINE.reset(token)


def with_option(option: str, command: str = "") -> str | None:
    """The line with an option more; None if no line was typed, as in a program.

    Args:
        option: such as ``--closest``.
        command: the name of another command instead of the one that was typed.
    """
    typed, words = _LINE.get()
    return printable(shlex.join([*(command or typed).split(), *words, option])) if typed else None
