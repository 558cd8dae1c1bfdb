"""What people type as the values of options, in the form that the package has them. What is wrong exits 2."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import typer

from albumsort.emotion_words import emotion_named, emotions_named
from albumsort.emotions import labels_of
from albumsort.index import dates
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
    for word in words or ():
        if meant := _other_than_an_emotion(word):
            raise typer.BadParameter(f"{word!r} is no emotion; {meant}")
    with _explained():
        return list(emotions_named(words)) if words else None


def _other_than_an_emotion(word: str) -> str:
    """The option that a word is meant for which is a number, a date or a folder; empty for other words."""
    if word.casefold() in ("and", "or", "&", "+"):
        return "write emotions one behind the other, such as: happy surprise"
    if word.isdecimal() and not (len(word) == 4 and word[:2] in ("18", "19", "20")):
        return f"for so many photos: -n {word}"
    if word[:1].isdecimal():
        try:
            first, last = period(word, date.today())
        except ValueError:
            return ""
        option = {4: "--year", 7: "--month"}.get(len(first) if first == last else 0, "--since")
        return f"for photos of that time: {option} {shlex.quote(word)}"
    is_folder = (os.sep in word or word in (".", "..")) and os.path.isdir(os.path.expanduser(word))
    return f"for photos below that folder: --under {shlex.quote(word)}" if is_folder else ""


def emotions_and_folder(words: Sequence[str], folder: str | None) -> tuple[list[str], str | None]:
    """Tell emotions from the folder that stands behind them, or in front of them.

    A word that names an emotion is one; ``./happy`` and ``happy/`` are folders.

    Args:
        words: all words but the last, such as ``happy sad``.
        folder: the last one, such as ``~/Sorted``; None if there is none.

    Returns:
        the emotions, and the folder if there is one.

    Raises:
        typer.BadParameter: another word is no emotion.
    """
    every = [*words, *filter(None, [folder])]
    others = [place for place in (-1, 0) if every and not _names_emotions(every[place])]
    found = every.pop(others[0]) if others else None
    return known_emotions(every) or [], found


def _names_emotions(word: str) -> bool:
    try:
        return "/" not in word and os.sep not in word and bool(emotions_named(word))
    except ValueError:
        return False


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


#: Suffixes that are understood, but not listed.
_SECOND_SPELLINGS = (".jpeg", ".htm")
#: What a drawing by matplotlib can be; the suffix of its name decides.
DRAWING = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")


def named(*suffixes: str) -> Callable[[Path | None], Path | None]:
    """Make a check that the name of a file to write ends in one of these suffixes, in either case.

    The check raises ``typer.BadParameter`` if it does not.
    """
    *others, last = (suffix for suffix in suffixes if suffix not in _SECOND_SPELLINGS)

    def check(target: Path | None) -> Path | None:
        if target is not None and target.suffix.lower() not in suffixes:
            raise typer.BadParameter(f"{str(target)!r}: the name must end in {', '.join(others)} or {last}")
        return target

    return check


def folder_of_plots(target: Path | None) -> Path | None:
    """Return the name of a folder if it does not look like that of a drawing.

    Raises:
        typer.BadParameter: it does, and there is no such folder; or a file has this name.
    """
    if target is not None and target.exists() and not target.is_dir():
        raise typer.BadParameter(f"{str(target)!r}: a file; there are several plots, so name a folder")
    form = target.suffix.lower() if target is not None else ""
    if target is not None and form in DRAWING and not target.is_dir():
        which = f"their format with --plot-format {form[1:]}"
        raise typer.BadParameter(f"{str(target)!r}: there are several plots, so name a folder, and {which}")
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
    return min(int(text), sys.maxsize)


def year_or_month(year: str | None, month: str | None) -> str:
    """The year or month of ``--year`` and ``--month``. With a year, ``5`` and ``May`` are months, too.

    Raises:
        typer.BadParameter: they name another period.
    """
    try:
        return dates.year_or_month(year, month, date.today())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--year" if month is None else "--month") from None


def check_in_scheme(emotions: Iterable[str], scheme: str) -> None:
    """Refuse emotions that a label scheme lacks.

    Raises:
        typer.BadParameter: it lacks one.
    """
    for emotion in emotions:
        if emotion not in labels_of(scheme):
            labels = ", ".join(labels_of(scheme))
            raise typer.BadParameter(f"{emotion!r} is not one of {labels}, which --label-scheme {scheme} has")


def check_ranges(since: str | None, until: str | None, least: int | None, most: int | None) -> None:
    """Refuse empty ranges of dates, and of numbers of faces.

    Raises:
        typer.BadParameter: a range ends before it begins.
    """
    if since and until and since[: len(until)] > until:
        raise typer.BadParameter(f"--since {since} is after --until {until}")
    if least is not None and most is not None and least > most:
        raise typer.BadParameter(f"--min-faces {least} is more than --max-faces {most}")
