"""Pairs: a RAW file and the JPEG that the camera wrote beside it are one photo."""

from __future__ import annotations

import os
from collections.abc import Iterable

from albumsort.album.formats import RAW_SUFFIXES

#: What cameras write beside a RAW file; of several, the first.
_BESIDE = (".jpg", ".jpeg", ".jpe", ".heic", ".heif", ".hif")


def jpegs_of_raws(paths: Iterable[str]) -> dict[str, str]:
    """Each RAW file that has a JPEG or HEIF in its folder, with the path of that.

    They have the same name but for suffix and capitals; what is in them is not compared.
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
            this = (_BESIDE.index(suffix), path)
            jpegs[photo] = min(jpegs.get(photo, this), this)
    return {path: jpegs[photo][1] for path, photo in raws if photo in jpegs}
