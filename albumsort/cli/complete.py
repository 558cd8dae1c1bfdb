"""What the Tab key of a shell offers: words that the command line knows, and cameras of the index.

Where nothing is offered, shells offer the names of files.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.reader import Index


def emotions(incomplete: str) -> list[str]:
    """The emotions, also the last of several between commas."""
    return _matching(EMOTIONS, incomplete)


def recipe_names(incomplete: str) -> list[str]:
    """The recipes that come with albumsort, also the last of several between commas."""
    from albumsort.training.recipe_file import shipped

    return _matching(shipped(), incomplete)


def cameras_of(index_file: Path, incomplete: str) -> list[str]:
    """The cameras of an index. There are none if there is no index, or if it cannot be read."""
    try:
        with Index(index_file) as index:
            return _beginning(filter(str.isprintable, index.cameras()), incomplete)
    except (AlbumsortError, sqlite3.Error, OSError):
        return []


def _matching(words: Iterable[str], incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [_InShell(before + comma + word) for word in _beginning(words, last)]


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    """The words that begin with a text, in upper or lower case. What was typed stays as it is."""
    found = (word for word in words if word.lower().startswith(incomplete.lower()))
    return [_InShell(incomplete + word[len(incomplete) :]) for word in found]


class _InShell(str):
    """A word that begins with what was typed, with its spaces quoted for Bash. Other shells quote them themselves.

    Typer would leave out a word whose quoted form does not begin with what was typed.
    """

    __slots__ = ()

    def __new__(cls, word: str) -> _InShell:
        is_bash = os.environ.get("_ALBUMSORT_COMPLETE") == "complete_bash"
        return super().__new__(cls, re.sub(r"[^\w.,:=@%+/-]", r"\\\g<0>", word) if is_bash else word)

    def startswith(self, *_: object) -> bool:
        return True
