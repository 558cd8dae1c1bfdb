"""A query of the index, in one record: from the command line, or the address in a browser, down to the SQL."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from albumsort.emotion_words import emotions_named
from albumsort.emotions import SCHEMES, labels_of
from albumsort.index.dates import period
from albumsort.index.filters import Filters

#: The words for yes and no in the parameters of an address.
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Query:
    """A query of the index. It is checked when it is created.

    Attributes:
        emotions: the emotions of the scheme that the photos must show; the probabilities of several are added up. Each
            counts once, in the given order. They may be given by other words, such as ``joy``, and as one string, such
            as ``happy, sad``. Empty for queries about all photos.
        n: the largest number of photos or bursts, 1 or more; None for all.
        threshold: the probability from which a face is certain, 0..1; None for the threshold of the last scan.
        everyone: rank a photo by the subject who shows the emotion least, not by the face that shows it most.
        scheme: the label scheme for the faces, a key of ``SCHEMES``.
        filters: which photos are searched, and which of their faces count.
        closest: also list photos of which no certain face shows the emotions, by their probability. The threshold then
            leaves no photo out.

    Raises:
        ValueError: a value is not allowed; the message names it.
    """

    emotions: tuple[str, ...] = ()
    n: int | None = None
    threshold: float | None = None
    everyone: bool = False
    scheme: str = "seven"
    filters: Filters = field(default_factory=Filters)
    closest: bool = False

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"{self.scheme!r} is not one of {', '.join(SCHEMES)}")
        object.__setattr__(self, "emotions", emotions_named(self.emotions, labels_of(self.scheme)))
        emotions_named(self.filters.without, labels_of(self.scheme))
        if self.n is not None and self.n < 1:
            raise ValueError(f"n is {self.n}; it must be 1 or more")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(f"the threshold is {self.threshold}; it must be from 0 to 1")

    @property
    def certain(self) -> float:
        """The threshold of a query that ``Index.settled`` returned.

        Raises:
            ValueError: the query has no threshold of its own.
        """
        if self.threshold is None:
            raise ValueError("the query has no threshold; Index.settled fills it in")
        return self.threshold

    @classmethod
    def from_params(cls, params: Mapping[str, str], today: date | None = None) -> Query:
        """Make a query from the parameters of an address, such as ``emotion=happy,sad&n=20&everyone=1&since=2024``.

        Args:
            params: any of ``emotion`` (one or several, named as in ``emotions``), ``n``, ``threshold``, ``everyone``,
                ``closest``, ``scheme``, ``under``, ``since``, ``until``, ``undated``, ``camera``, ``min_faces``,
                ``max_faces``, ``not`` (as ``emotion``), ``min_face``, ``min_detection`` and ``all`` (list copies, too).
                Yes and no are ``1`` and ``0``, or words such as ``true`` and ``false``. Dates have the forms of
                ``index.dates``, and ``n`` may be ``all``.
            today: what ``yesterday`` and ``30d`` are counted from. Default: the day on this machine's clock.

        Raises:
            ValueError: there is no such parameter, or its value is not allowed.
        """
        now = today or date.today()
        own: dict[str, Any] = {}
        filters: dict[str, Any] = {}
        for key, text in params.items():
            if key in _OF_QUERY:
                name, read = _OF_QUERY[key]
                own[name] = _read(key, text, read)
            elif key in ("since", "until"):
                filters[key] = getattr(period(text, now), "first" if key == "since" else "last")
            elif key in _OF_FILTERS:
                name, read = _OF_FILTERS[key]
                filters[name] = _read(key, text, read)
            else:
                raise ValueError(f"{key!r} is not one of {', '.join([*_OF_QUERY, *_OF_FILTERS, 'since', 'until'])}")
        return cls(**own, filters=Filters(**filters))


def _words(text: str) -> tuple[str, ...]:
    return (text,) if text.strip() else ()


def _number(text: str) -> int | None:
    return None if text.lower() == "all" else min(int(text), sys.maxsize)


def _yes(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError
    return text.lower() in _YES


#: For each parameter of an address, the name of the field, and a function that reads it from text.
_OF_QUERY: dict[str, tuple[str, Any]] = {
    "emotion": ("emotions", _words),
    "n": ("n", _number),
    "threshold": ("threshold", float),
    "everyone": ("everyone", _yes),
    "closest": ("closest", _yes),
    "scheme": ("scheme", str),
}
_OF_FILTERS: dict[str, tuple[str, Any]] = {
    "under": ("under", str),
    "undated": ("undated", _yes),
    "camera": ("camera", str),
    "min_faces": ("min_faces", int),
    "max_faces": ("max_faces", int),
    "not": ("without", _words),
    "min_face": ("min_face", float),
    "min_detection": ("min_detection", float),
    "all": ("with_copies", _yes),
}


def _read(key: str, text: str, read: Any) -> Any:
    try:
        return read(text)
    except ValueError:
        expected = {_number: "a whole number, or all", int: "a whole number", float: "a number", _yes: "1 or 0"}[read]
        raise ValueError(f"{key} is {text!r}; it must be {expected}") from None
