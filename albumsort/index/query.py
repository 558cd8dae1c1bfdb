"""A query of the index, in one record: from the command line, or the address in a browser, down to the SQL."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from albumsort.arguments import checked_flag, checked_number, checked_one_of, checked_record
from albumsort.emotion_words import emotions_named
from albumsort.emotions import SCHEMES, labels_of
from albumsort.index.filters import Filters
from albumsort.index.params import fields_of


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
        checked_one_of("scheme", self.scheme, SCHEMES)
        checked_record("filters", self.filters, Filters)
        object.__setattr__(self, "emotions", emotions_named(self.emotions, labels_of(self.scheme)))
        emotions_named(self.filters.without, labels_of(self.scheme))
        if self.n is not None:
            object.__setattr__(self, "n", min(checked_number("n", self.n, 1, whole=True), sys.maxsize))
        if self.threshold is not None:
            object.__setattr__(self, "threshold", checked_number("the threshold", self.threshold, 0, 1))
        for name in ("everyone", "closest"):
            object.__setattr__(self, name, checked_flag(name, getattr(self, name)))

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
    def from_params(cls, params: Mapping[str, Any], today: date | None = None) -> Query:
        """Make a query from the parameters of an address, such as ``emotion=happy,sad&n=20&everyone=1&since=2024``.

        Args:
            params: any of the options of ``albumsort top``: ``emotion`` (one or several, named as in ``emotions``),
                ``n``, ``threshold``, ``everyone``, ``closest``, ``scheme``, ``under``, ``since``, ``until``, ``year``,
                ``month``, ``undated``, ``camera``, ``min_faces``, ``max_faces``, ``not`` (as ``emotion``),
                ``min_face``, ``min_detection`` and ``all`` (list copies, too). ``-`` counts as ``_``, and ``emotions``,
                ``limit``, ``label_scheme`` and ``without`` are second names. Yes and no are ``1`` and ``0``, or words
                such as ``true`` and ``false``. Dates have the forms of ``index.dates``, and ``n`` may be ``all``.
                ``emotion``, ``not`` and ``under`` may be lists of texts. An empty text counts as not given.
            today: what ``yesterday`` and ``30d`` are counted from. Default: the day on this machine's clock.

        Raises:
            ValueError: there is no such parameter, or its value is not allowed.
        """
        fields = fields_of(params, today or date.today())
        return cls(**fields.query, filters=Filters(**fields.filters))
