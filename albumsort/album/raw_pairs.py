"""Pairs: a RAW file and the JPEG that the camera wrote into the same folder are one photo."""

from __future__ import annotations

import os
from collections.abc import Iterable

from albumsort.album.formats import RAW_SUFFIXES

#: Suffixes of the pictures that cameras write next to a RAW file. If there are several, the first suffix here counts.
_BESIDE = (".jpg", ".jpeg", ".jpe", ".heic", ".heif", ".hif")


def jpegs_of_raws(paths: Iterable[str]) -> dict[str, str]:
    """The path of the JPEG or HEIF that belongs to each RAW file, by the path of the RAW file.

    Both are in the same folder, and their names differ only in suffix and capitals. Their contents are not compared.
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
