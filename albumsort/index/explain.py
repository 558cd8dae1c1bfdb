"""Explains why a list is empty: because of the index, the filters, the threshold or the model."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from albumsort.index.filters import Filters
from albumsort.text import printable

if TYPE_CHECKING:
    from albumsort.index.query import Query
    from albumsort.index.reader import Index

#: The answer if the filters exclude every photo.
NOTHING_PASSES = "no photo with a face passes these filters"
#: The number of scanned folders that a message names.
_NAMED = 3


def why_nothing(index: Index, filters: Filters) -> str | None:
    """Say in one line why no photo at all can be found: the index is empty, or nothing below a folder was scanned.

    Returns:
        None if it is neither.
    """
    roots = [printable(root) for root in _nearest(index.roots(), *filters.folders[:1])]
    if not index.connection.execute("SELECT EXISTS (SELECT 1 FROM photos)").fetchone()[0]:
        where = f"; scanned so far: {', '.join(roots)}" if roots else ""
        return f"{printable(str(index.path))}: the index has no photos{where}; scan some with: albumsort scan FOLDER"
    folder = Filters(under=filters.under)
    question = f"SELECT EXISTS (SELECT 1 FROM photos p WHERE TRUE {folder.conditions()})"
    if not filters.folders or index.connection.execute(question, folder.values()).fetchone()[0]:
        return None
    return "; ".join([*map(_what_is_wrong, filters.folders), f"scanned so far: {', '.join(roots)}"])


def _what_is_wrong(folder: str) -> str:
    if os.path.isdir(folder):
        return f"{printable(folder)}: no photo below this folder is in the index"
    return f"{printable(folder)}: {'not a' if os.path.lexists(folder) else 'no such'} folder"


def _nearest(roots: Iterable[str], folder: str = "") -> list[str]:
    """Some roots, first those that share the most folders with a folder, with dots for the rest."""
    parts = folder.split(os.sep)

    def shared(root: str) -> int:
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(parts, root.split(os.sep), strict=False)))

    ordered = sorted(roots, key=lambda root: (-shared(root), root))
    return ordered[:_NAMED] + ["..."] * (len(ordered) > _NAMED)


def why_empty(index: Index, query: Query) -> str:
    """Say in one line why the list of a query is empty.

    Args:
        index: the index that was searched.
        query: names at least one emotion.
    """
    filters, emotions = query.filters, query.emotions
    if reason := why_nothing(index, filters):
        return reason
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
