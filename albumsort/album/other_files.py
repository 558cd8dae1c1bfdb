"""Says what is in a folder in which there are no photos."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from albumsort.album.walk import NotPhoto, PassedOver, WalkProblem, walk
from albumsort.text import count, printable

#: The number of suffixes that are named.
_NAMED = 4


def without_photos(
    root: str, exclude: Iterable[str] = (), follow_links: bool = False, include_hidden: bool = False
) -> str | None:
    """Say in one line what is at a root instead of photos.

    Args:
        root: a folder or a file.
        exclude: as for ``walk``.
        follow_links: likewise.
        include_hidden: likewise.

    Returns:
        None if there is a photo, or if there is nothing but problems, which a scan reports.
    """
    suffixes: Counter[str] = Counter()
    passed_over = problems = 0
    exclude = tuple(exclude)
    for item in walk([root], exclude, follow_links, include_hidden=include_hidden):
        if isinstance(item, NotPhoto):
            suffixes[PurePath(item.file.path).suffix.lower()] += 1
        elif isinstance(item, PassedOver):
            passed_over += 1
        elif isinstance(item, WalkProblem):
            problems += 1
        else:
            return None
    name = printable(root)
    if not os.path.isdir(root):
        return None if problems else f"{name}: not a picture"
    there = []
    if suffixes:
        there.append(f"{count(suffixes.total(), 'other file')} ({_by_suffix(suffixes)})")
    if passed_over:
        there.append(f"{passed_over} passed over")
    if not follow_links and (links := _links(root)):
        there.append(f"{count(links, 'link')} not followed")
    if there:
        return f"{name}: no photos there, but {', '.join(there)}"
    if problems:
        return None
    return f"{name}: no photos there; {'--exclude leaves out what there is' if exclude else 'it holds no files'}"


def _by_suffix(suffixes: Counter[str]) -> str:
    most = suffixes.most_common(_NAMED)
    words = [f"{number} {printable(suffix) or 'without a suffix'}" for suffix, number in most]
    if rest := suffixes.total() - sum(number for _, number in most):
        words.append(f"{rest} more")
    return ", ".join(words)


def _links(root: str) -> int:
    """The number of symbolic links below a folder."""
    return sum(
        os.path.islink(os.path.join(folder, name))
        for folder, folders, files in os.walk(root)
        for name in (*folders, *files)
    )
