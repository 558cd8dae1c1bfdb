"""Explains why a list is empty (the index, the filters, the threshold or the model), and names the closest photo."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from albumsort.emotions import faces_that
from albumsort.index.filters import Filters
from albumsort.index.place import scan_command
from albumsort.index.rows import to_column
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
    roots = [printable(root) for root in _nearest(index, *filters.folders[:1])]
    if not index.connection.execute("SELECT EXISTS (SELECT 1 FROM photos)").fetchone()[0]:
        where = f"; scanned so far: {', '.join(roots)}" if roots else ""
        command = scan_command(index.path)
        return f"{printable(str(index.path))}: the index has no photos{where}; scan some with: {command}"
    wrong = folders_without_photos(index, filters)
    if not wrong or len(wrong) < len(filters.folders):
        return None
    return "; ".join([*wrong, f"scanned so far: {', '.join(roots)}"])


def folders_without_photos(index: Index, filters: Filters) -> list[str]:
    """Say of each folder of a filter from which the index has no photo what is wrong with it."""

    def has_photos(folder: str) -> bool:
        below = Filters(under=folder)
        question = f"SELECT EXISTS (SELECT 1 FROM photos p WHERE TRUE {below.conditions()})"
        return bool(index.connection.execute(question, below.values()).fetchone()[0])

    return [_what_is_wrong(folder) for folder in filters.folders if not has_photos(folder)]


def _what_is_wrong(folder: str) -> str:
    if os.path.isdir(folder):
        return f"{printable(folder)}: no photo below this folder is in the index"
    return f"{printable(folder)}: {'not a' if os.path.lexists(folder) else 'no such'} folder"


def _nearest(index: Index, folder: str = "") -> list[str]:
    """Some roots with photos, first those that share the most folders with a folder, with dots for the rest."""
    parts = folder.split(os.sep)

    def shared(root: str) -> int:
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(parts, root.split(os.sep), strict=False)))

    every = index.roots()
    tops = tuple(root.rstrip(os.sep) + os.sep for root in every)
    roots = {root for root in every if not root.rstrip(os.sep).startswith(tops)}  # not below another
    ordered = sorted(set(filter(partial(_has_photos, index), roots)) or roots, key=lambda root: (-shared(root), root))
    return ordered[:_NAMED] + ["..."] * (len(ordered) > _NAMED)


def _has_photos(index: Index, root: str) -> bool:
    """Whether the index has a photo at a path or below it. Unlike a filter, this does not look at each photo."""
    below = root.rstrip(os.sep)
    question = "SELECT EXISTS (SELECT 1 FROM photos WHERE path = ? OR (path > ? AND path < ?))"
    values = map(to_column, (root, below + os.sep, below + chr(ord(os.sep) + 1)))
    return bool(index.connection.execute(question, tuple(values)).fetchone()[0])


def why_empty(index: Index, query: Query, closest: str | None = None) -> str:
    """Say in one line why the list of a query is empty.

    Args:
        index: the index that was searched.
        query: names at least one emotion.
        closest: the command that lists the closest photos. Default: ``top`` with these emotions.
    """
    filters, emotions = query.filters, query.emotions
    if reason := why_nothing(index, filters):
        return reason
    if filters != Filters(with_copies=filters.with_copies) and not _any_with_faces(index, query):
        return f"{NOTHING_PASSES}{_about_dates(index, filters)}"
    who = "photo in which everyone" if query.everyone else "face"
    nobody = f"no {who} surely {faces_that(emotions)}"
    if nearest := index.search(replace(query, n=1, closest=True)):
        (row,) = nearest
        name, score = printable(os.path.basename(row.photo.path)), row.score or 0.0
        how_close = f"{score:.0%}" if score >= 0.01 else "under 1%"
        bar = f"(--threshold {index.settled(query).certain:g})"
        more = closest or f"albumsort top {' '.join(emotions)} --closest"
        return f"{nobody} {bar}; the closest: {name} ({how_close}). List more: {more}"
    known = index.labels()
    if known and not set(emotions) & set(known):
        which = " or ".join(emotions) if len(emotions) < 4 else "any of these emotions"
        return f"the model of the last scan does not know {which}; it tells apart {', '.join(known)}"
    if query.everyone and index.search(replace(query, n=1, everyone=False, closest=True)):
        return f"{nobody}; leave out --everyone"
    return f"{nobody}, and none comes close"


def _any_with_faces(index: Index, query: Query) -> bool:
    """Whether a photo with a face passes the filters of a query."""
    filters, least = query.filters, max(1, query.filters.min_faces or 0)
    if filters.max_faces is not None and filters.max_faces < least:
        return False
    about_all = replace(query, emotions=(), n=1, filters=replace(filters, min_faces=least))
    return next(index.photos(about_all, landmarks=False), None) is not None


def _about_dates(index: Index, filters: Filters) -> str:
    """What the dates of a filter are, which a person may have named otherwise, and from when the photos are."""
    if filters.since is None and filters.until is None:
        return ""
    first, last = index.connection.execute("SELECT min(taken_at), max(taken_at) FROM photos").fetchone()
    dates = {"since": filters.since, "until": filters.until}
    asked = " ".join(f"{word} {day}" for word, day in dates.items() if day)
    if first is None:
        return f" ({asked}); no photo has a date: add --undated"
    return f" ({asked}); the photos are from {first[:10]} to {last[:10]}"
