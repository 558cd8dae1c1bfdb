"""Explains why a list is empty: because of the filters, the threshold or the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from albumsort.index.filters import Filters

if TYPE_CHECKING:
    from albumsort.index.query import Query
    from albumsort.index.reader import Index

#: The answer if the filters exclude every photo.
NOTHING_PASSES = "no photo with a face passes these filters"


def why_empty(index: Index, query: Query) -> str:
    """Say in one line why the list of a query is empty.

    Args:
        index: the index that was searched.
        query: names at least one emotion.
    """
    filters, emotions = query.filters, query.emotions
    if filters != Filters(with_copies=filters.with_copies):
        with_faces = replace(filters, min_faces=max(1, filters.min_faces or 0))
        about_all = replace(query, emotions=(), n=1, filters=with_faces)
        if next(index.photos(about_all, landmarks=False), None) is None:
            return NOTHING_PASSES
    is_few = len(emotions) < 4
    words = f"is {' or '.join(emotions)}" if is_few else "shows any of these emotions"
    if index.search(replace(query, n=1, threshold=0.0, everyone=False)):
        return f"no photo {words} with at least {index.settled(query).certain:.0%}; --threshold lowers the bar"
    known = index.labels()
    if known and not set(emotions) & set(known):
        which = " or ".join(emotions) if is_few else "any of these emotions"
        return f"the model of the last scan does not know {which}; it tells apart {', '.join(known)}"
    return f"no photo {words}, at any --threshold"
