"""Checks of what programs pass to the package: a wrong value is one clear line, and no error from deep inside."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeVar

_T = TypeVar("_T")
#: The most characters of a wrong value that a message shows.
_SHOWN = 60


def shown(value: object) -> str:
    """A wrong value for a message, in one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def checked_number(name: str, value: Any, least: float, most: float = math.inf, *, whole: bool = False) -> Any:
    """A number in a range; a text is none, also where it looks like one.

    Args:
        name: the name of the argument.
        value: what was given.
        least: the smallest number.
        most: the largest number.
        whole: whether it must be a whole number.

    Raises:
        ValueError: it is no number, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise ValueError(f"{name} is {shown(value)}; it must be a {'whole ' if whole else ''}number")
    if not least <= value <= most:  # type: ignore[operator]
        limit = f"from {least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
        raise ValueError(f"{name} is {value}; it must be {limit}")
    return int(value) if isinstance(value, Integral) else float(value)


def checked_flag(name: str, value: Any) -> bool:
    """Yes or no. A text is neither: ``"no"`` would count as yes.

    Raises:
        ValueError: it is neither.
    """
    if value not in (0, 1):
        raise ValueError(f"{name} is {shown(value)}; it must be True or False")
    return bool(value)


def checked_record(name: str, value: Any, kind: type[_T]) -> _T:
    """A record of a class.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ValueError(f"{name} is {shown(value)}; it must be {article} {kind.__name__}")
    return value


def checked_several(name: str, value: Any, kind: type[_T]) -> list[_T]:
    """Records of a class, as a list.

    Raises:
        ValueError: it is something else, or has something else in it.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"{name} is {shown(value)}; it must be a list")
    return [checked_record(f"{name} has an item that", item, kind) for item in value]


def checked_one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of some words.

    Raises:
        ValueError: it is none of them.
    """
    words = tuple(allowed)
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{name} is {shown(value)}; it must be one of {', '.join(words)}")
    return value


def checked_path(name: str, value: Any) -> str:
    """The path of a file or folder as a text.

    Raises:
        ValueError: it is no path, or empty.
    """
    path = os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) else ""
    if not path:
        raise ValueError(f"{name} is {shown(value)}; it must be the path of a file or folder")
    return path


def checked_paths(name: str, value: Any) -> list[str]:
    """The paths of files and folders as texts; one alone is a list of one.

    Raises:
        ValueError: there is something that is no path.
    """
    is_single = isinstance(value, str | bytes | os.PathLike) or not isinstance(value, Iterable)
    return [checked_path(name, path) for path in ([value] if is_single else value)]
