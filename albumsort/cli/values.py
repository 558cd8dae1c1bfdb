"""What people type as the values of options, in the form that the package has them. What is wrong exits 2."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import typer

from albumsort.emotion_words import emotion_named, emotions_named
from albumsort.index.dates import period


def known_emotion(word: str | None) -> str | None:
    """The one of the seven emotions that a word names, such as ``happy`` for ``joy``.

    Raises:
        typer.BadParameter: it names none, or several.
    """
    with _explained():
        return word if word is None else emotion_named(word)


def known_emotions(words: list[str] | None) -> list[str] | None:
    """The emotions that words name, each once.

    Raises:
        typer.BadParameter: a word names none.
    """
    with _explained():
        return list(emotions_named(words)) if words else None


@contextmanager
def _explained() -> Iterator[None]:
    """Turn a ValueError into wrong usage.

    Raises:
        typer.BadParameter: for each ValueError.
    """
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def first_day(text: str | None) -> str | None:
    """Where a period begins that a person names (see ``index.dates``), as ``Filters`` have it.

    Raises:
        typer.BadParameter: the text names none.
    """
    with _explained():
        return None if text is None else period(text, date.today()).first


def last_day(text: str | None) -> str | None:
    """Where it ends, likewise."""
    with _explained():
        return None if text is None else period(text, date.today()).last


def png(target: Path | None) -> Path | None:
    """Return the name of a file if it ends in ``.png``.

    Raises:
        typer.BadParameter: it does not.
    """
    if target is not None and target.suffix.lower() != ".png":
        raise typer.BadParameter(f"{str(target)!r}: the plot is a PNG, so its name must end in .png")
    return target


def number(text: str | int | None, most: int | None = None) -> int | None:
    """A whole number of 1 or more; for ``all`` None, or ``most`` if there is a maximum.

    Raises:
        typer.BadParameter: it is none, or too large.
    """
    if text is None or str(text).casefold() == "all":
        return None if text is None else most
    if not str(text).isdecimal() or not 1 <= int(text) <= (most or math.inf):
        raise typer.BadParameter(f"{text!r} is not a number {f'from 1 to {most}' if most else 'of 1 or more'}, or all")
    return int(text)


def year_or_month(year: str | None, month: str | None) -> str:
    """The year or month of ``--year`` and ``--month``. With a year, ``5`` and ``May`` are months, too.

    Raises:
        typer.BadParameter: they name another period.
    """
    option, length, form = ("--year", 4, "2024") if month is None else ("--month", 7, "2024-05")
    text = (" " if (month or "").isalpha() else "-").join(part for part in (year, month) if part is not None)
    try:
        first, last = period(text, date.today())
        if first == last and len(first) == length:
            return first
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is not a {option[2:]}; write {form}", param_hint=option)
