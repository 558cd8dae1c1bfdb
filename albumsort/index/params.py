"""The parameters of an address, such as ``emotion=happy,sad&n=20&everyone=1&since=2024``, as the fields of a query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from albumsort.arguments import shown
from albumsort.index.dates import period, year_or_month

#: The words for yes and no.
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Fields(NamedTuple):
    """The fields of a ``Query``, and those of its ``Filters``, by name."""

    query: dict[str, Any]
    filters: dict[str, Any]


def _number(text: str) -> int | None:
    return None if text.lower() == "all" else int(text)


def _yes(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError
    return text.lower() in _YES


#: What a value must be, by what reads it.
_EXPECTED: dict[Callable[[str], Any], str] = {
    _number: "a whole number, or all",
    int: "a whole number",
    float: "a number",
    _yes: "1 or 0",
}
#: For each parameter with one value, the field, and a function that reads it from text.
_OF_QUERY: dict[str, tuple[str, Callable[[str], Any]]] = {
    "n": ("n", _number),
    "threshold": ("threshold", float),
    "everyone": ("everyone", _yes),
    "closest": ("closest", _yes),
    "scheme": ("scheme", str),
}
_OF_FILTERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "undated": ("undated", _yes),
    "camera": ("camera", str),
    "min_faces": ("min_faces", int),
    "max_faces": ("max_faces", int),
    "min_face": ("min_face", float),
    "min_detection": ("min_detection", float),
    "all": ("with_copies", _yes),
}
_DATES = ("since", "until", "year", "month")
#: Parameters that may have several values, and their fields.
_SEVERAL = {"emotion": "emotions", "not": "without", "under": "under"}
#: Second names: those of the command line, and the field's own.
_SAME_AS = {"emotions": "emotion", "limit": "n", "label_scheme": "scheme", "without": "not"}
PARAMETERS = (*_SEVERAL, *_OF_QUERY, *_DATES, *_OF_FILTERS)


def fields_of(params: Mapping[str, Any], today: date) -> Fields:
    """Read the parameters of an address, as ``Query.from_params`` describes them.

    Raises:
        ValueError: there is no such parameter, or its value is not allowed.
    """
    given = _given(params)
    query: dict[str, Any] = {}
    filters: dict[str, Any] = _period(given, today)
    for name, texts in given.items():
        if name in _SEVERAL:
            (query if name == "emotion" else filters)[_SEVERAL[name]] = tuple(texts)
        elif name in _OF_QUERY:
            field, read = _OF_QUERY[name]
            query[field] = _read(name, texts, read)
        elif name in _OF_FILTERS:
            field, read = _OF_FILTERS[name]
            filters[field] = _read(name, texts, read)
    return Fields(query, filters)


def _given(params: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts of each parameter that has a value, by its first name. A form sends an empty text for none."""
    given: dict[str, list[str]] = {}
    for key, value in params.items():
        spelt = str(key).replace("-", "_")
        name = _SAME_AS.get(spelt, spelt)
        if name not in PARAMETERS:
            raise ValueError(f"{shown(key)} is not one of {', '.join(PARAMETERS)}")
        values = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        texts = [text for one in values if one is not None and (text := _text(name, one)).strip()]
        if texts:
            given.setdefault(name, []).extend(texts)
    for name, texts in given.items():
        if len(texts) > 1 and name not in _SEVERAL:
            raise ValueError(f"{name} is given more than once: {', '.join(map(shown, texts))}")
    return given


def _text(name: str, value: object) -> str:
    """A value as text. In the body of a request, it may also be a number, or true."""
    if not isinstance(value, str | int | float):
        raise ValueError(f"{name} is {shown(value)}; it must be a text")
    return value if isinstance(value, str) else str(value)


def _period(given: Mapping[str, list[str]], today: date) -> dict[str, str]:
    """``since`` and ``until``."""
    since, until, year, month = (given[name][0] if name in given else None for name in _DATES)
    if year is None and month is None:
        ends = {"since": since and period(since, today).first, "until": until and period(until, today).last}
        return {name: day for name, day in ends.items() if day}
    if since or until:
        raise ValueError("year and month stand for since and until; give only one of the pairs")
    return dict.fromkeys(("since", "until"), year_or_month(year, month, today))


def _read(name: str, texts: list[str], read: Callable[[str], Any]) -> Any:
    (text,) = texts
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"{name} is {shown(text)}; it must be {_EXPECTED[read]}") from None
