"""Questions before large work, for a person at a terminal. A script is never asked."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, even if it is much.")]


def is_person() -> bool:
    """Whether a person at a terminal can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, yes: bool) -> None:
    """Ask a person whether to go on.

    Args:
        question: without its question mark.
        yes: whether the person has said so already.

    Raises:
        typer.Abort: the answer is no.
    """
    if not yes and is_person():
        typer.confirm(f"{question}?", abort=True, err=True)
