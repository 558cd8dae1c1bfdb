"""Exploration: what a data set holds, what is in it twice, and how far its two sets of labels agree."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.training.datasets import FACE_SIZE, Faces

#: Two tiles are nearly the same when their means over a grid of so many cells a side correlate at least so much. Of ten
#: pairs of FER2013 drawn at 0.95 to 0.96, all show one photo, with other light, a watermark or shifted by a pixel; of
#: ten at 0.94 to 0.95, eight do.
_CELLS, _ALIKE = 16, 0.95
#: Rows that are compared with all others at once, so that memory grows with the faces and not with their square.
_ROWS = 512
#: Pairs that are listed at most.
LISTED = 1000


def explore(faces: Faces) -> dict[str, Any]:
    """Counts of a data set, and what is wrong with it.

    Returns:
        ``n``; ``broken``, number of rows left out by reason; ``splits``, number of faces by split and emotion;
        ``duplicates``, of ``exact`` and ``near`` ones (same picture, other pixels): ``faces`` that have such a copy,
        ``across_splits``, by split, those that have one in another split, ``other_label``, those that have one with
        another label; ``conflicts``, up to ``LISTED`` pairs of copies of either kind with different labels, as numbers
        of faces counted from 0 without the broken ones; with the votes of FER+ ``ferplus``: ``n`` faces with a
        majority, ``no_majority``, the others, ``agreement``, share of faces whose label is the majority, ``matrix``
        ``(7, 7)``, rows labels, columns majorities.
    """
    duplicates, conflicts = _duplicates(faces)
    splits = sorted(set(faces.usage.tolist()), key=_order)
    found: dict[str, Any] = {
        "n": len(faces),
        "broken": dict(faces.broken),
        "splits": {split or "all": _by_emotion(faces.labels[faces.usage == split]) for split in splits},
        "duplicates": duplicates,
        "conflicts": conflicts,
    }
    voted = faces.majority >= 0
    if voted.any():
        size = len(EMOTIONS)
        cells = np.bincount(faces.labels[voted] * size + faces.majority[voted], minlength=size * size)
        found["ferplus"] = {
            "n": int(voted.sum()),
            "no_majority": int((~voted).sum()),
            "agreement": float((faces.labels == faces.majority)[voted].mean()),
            "matrix": cells.reshape(size, size).tolist(),
        }
    return found


def mean_faces(faces: Faces) -> dict[str, NDArray[np.float64]]:
    """The mean of all faces, then of those of each emotion that there is, ``(48, 48)`` on the 0-255 scale."""
    there = {"all": faces.pixels} | {
        emotion: faces.pixels[faces.labels == code] for code, emotion in enumerate(EMOTIONS)
    }
    return {name: pixels.mean(0) for name, pixels in there.items() if len(pixels)}


def _order(split: str) -> tuple[bool, str]:
    return split != "Training", {"PublicTest": "1", "PrivateTest": "2"}.get(split, split)


def _by_emotion(labels: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(EMOTIONS, np.bincount(labels, minlength=len(EMOTIONS)).tolist(), strict=True))


def _duplicates(faces: Faces) -> tuple[dict[str, Any], list[list[int]]]:
    """What is there twice, exactly and nearly, and the pairs among it whose labels differ."""
    numbers: dict[bytes, int] = {}
    digests = (hashlib.sha256(tile.tobytes()).digest() for tile in faces.pixels)
    picture = np.array([numbers.setdefault(digest, len(numbers)) for digest in digests])
    _, split = np.unique(faces.usage, return_inverse=True)
    looks = _looks(faces.pixels)
    flags = {kind: np.zeros((4, len(faces)), bool) for kind in ("exact", "near")}
    conflicts: list[list[int]] = []
    for start in range(0, len(faces), _ROWS):
        rows, later = slice(start, start + _ROWS), slice(start, None)
        same = picture[rows, None] == picture[None, later]
        near = (looks[rows] @ looks[later].T >= _ALIKE) & ~same
        for pairs in (same, near):  # each pair once, and no face with itself
            pairs[:, : len(pairs)] = np.triu(pairs[:, : len(pairs)], 1)
        other_split = split[rows, None] != split[None, later]
        other_label = faces.labels[rows, None] != faces.labels[None, later]
        for kind, pairs in (("exact", same), ("near", near)):
            across = pairs & other_split
            masks = (pairs, across, pairs & other_label, across & other_label)
            for flag, mask in zip(flags[kind], masks, strict=True):
                flag[rows] |= mask.any(1)
                flag[later] |= mask.any(0)
        if len(conflicts) < LISTED:
            found = np.argwhere((same | near) & other_label)[: LISTED - len(conflicts)]
            conflicts += (found + start).tolist()
    names = sorted(set(faces.usage.tolist()), key=_order)
    found_of = {
        kind: {
            "faces": int(copied.sum()),
            "across_splits": {name: int((across & (faces.usage == name)).sum()) for name in names if name},
            "other_label": int(conflicting.sum()),
            "across_splits_other_label": int(both.sum()),
        }
        for kind, (copied, across, conflicting, both) in flags.items()
    }
    return found_of, conflicts


def _looks(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Of each tile a vector ``(256,)`` of length 1 whose product with that of another is their correlation."""
    side = FACE_SIZE // _CELLS
    cells = pixels.reshape(len(pixels), _CELLS, side, _CELLS, side).mean((2, 4), dtype=np.float32)
    looks = cells.reshape(len(pixels), -1)
    looks -= looks.mean(1, keepdims=True)
    # A tile of one grey is like no other: that is told by its pixels.
    return np.asarray(looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-3), np.float32)
