"""Pairs: a RAW file and the JPEG that the camera wrote beside it are one photo."""

from __future__ import annotations

import os
from collections.abc import Iterable

from albumsort.album.formats import RAW_SUFFIXES

#: Suffixes of what cameras write beside a RAW file. If there are several such files, the first suffix here counts.
_BESIDE = (".jpg", ".jpeg", ".jpe", ".heic", ".heif", ".hif")


def jpegs_of_raws(paths: Iterable[str]) -> dict[str, str]:
    """The path of each RAW file that has a JPEG or HEIF beside it, with the path of that.

    The two are in one folder and have the same name but for suffix and capitals. Their contents are not compared.
    """
    raws: list[tuple[str, tuple[str, str]]] = []
    jpegs: dict[tuple[str, str], tuple[int, str]] = {}
    for path in paths:
        stem, suffix = os.path.splitext(path)
        folder, name = os.path.split(stem)
        photo, suffix = (folder, name.lower()), suffix.lower()
        if suffix in RAW_SUFFIXES:
            raws.append((path, photo))
        elif suffix in _BESIDE:
            candidate = (_BESIDE.index(suffix), path)
            jpegs[photo] = min(jpegs.get(photo, candidate), candidate)
    return {path: jpegs[photo][1] for path, photo in raws if photo in jpegs}
