"""Exploration: what a data set contains, which faces it has twice, and how well its labels agree with its votes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.training.datasets import FACE_SIZE, Faces

#: Two faces are near copies if the means of their 16 x 16 cells correlate by at least 0.95. Of ten pairs of FER2013
#: with 0.95 to 0.96, all show the same photo, in other light, with a watermark or shifted by a pixel; of ten pairs with
#: 0.94 to 0.95, eight do.
_CELLS, _ALIKE = 16, 0.95
#: The number of faces that are compared with all others at once, so that memory grows with the number of faces, not
#: with its square.
_ROWS = 512
#: The largest number of conflicting pairs to list.
LISTED = 1000


def explore(faces: Faces, rows: int = _ROWS, listed: int = LISTED) -> dict[str, Any]:
    """Count what a data set contains, and find its problems.

    Args:
        faces: the data set.
        rows: how many faces are compared with all others at once; more take more memory.
        listed: the largest number of pairs in ``conflicts``.

    Returns:
        ``n`` faces; ``broken``, by reason, the number of rows that were left out; ``splits``, the number of faces by
        split and emotion; ``duplicates``; ``conflicts``, pairs of copies, exact or near, with different labels, as
        indices of faces; and, if there are votes, ``ferplus``.

        ``duplicates`` has two entries: ``exact``, and ``near`` for the same picture in other pixels. Each has the
        number of ``faces`` with such a copy; ``across_splits``, by split, those with a copy in another split;
        ``other_label``, those with a copy that is labelled differently; and ``across_splits_other_label``, those with a
        copy of both kinds in one.

        ``ferplus`` has ``n``, the faces with a majority; ``no_majority``, the others; ``agreement``, the share of the
        ``n`` whose label is the majority; and ``matrix`` ``(7, 7)``, rows labels, columns majorities.
    """
    duplicates, conflicts = _duplicates(faces, rows, listed)
    splits = sorted(set(faces.usage.tolist()), key=_order)
    result: dict[str, Any] = {
        "n": len(faces),
        "broken": dict(faces.broken),
        "splits": {split or "all": _by_emotion(faces.labels[faces.usage == split]) for split in splits},
        "duplicates": duplicates,
        "conflicts": conflicts,
    }
    if faces.has_votes:
        voted = faces.majority >= 0
        size = len(EMOTIONS)
        cells = np.bincount(faces.labels[voted] * size + faces.majority[voted], minlength=size * size)
        result["ferplus"] = {
            "n": int(voted.sum()),
            "no_majority": int((~voted).sum()),
            "agreement": float((faces.labels == faces.majority)[voted].mean()),
            "matrix": cells.reshape(size, size).tolist(),
        }
    return result


def mean_faces(faces: Faces) -> dict[str, NDArray[np.float64]]:
    """The mean of all faces, then of the faces of each emotion in the data: float64 ``(48, 48)``, 0 to 255."""
    groups = {"all": faces.pixels} | {
        emotion: faces.pixels[faces.labels == code] for code, emotion in enumerate(EMOTIONS)
    }
    return {name: pixels.mean(0) for name, pixels in groups.items() if len(pixels)}


def _order(split: str) -> tuple[bool, str]:
    return split != "Training", {"PublicTest": "1", "PrivateTest": "2"}.get(split, split)


def _by_emotion(labels: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(EMOTIONS, np.bincount(labels, minlength=len(EMOTIONS)).tolist(), strict=True))


def _duplicates(faces: Faces, rows_at_once: int, listed: int) -> tuple[dict[str, Any], list[list[int]]]:
    """The counts of exact and near copies, and the pairs of copies with different labels."""
    numbers: dict[bytes, int] = {}
    digests = (hashlib.sha256(tile.tobytes()).digest() for tile in faces.pixels)
    picture = np.array([numbers.setdefault(digest, len(numbers)) for digest in digests])
    _, split = np.unique(faces.usage, return_inverse=True)
    vectors = _cell_vectors(faces.pixels)
    flags = {kind: np.zeros((4, len(faces)), bool) for kind in ("exact", "near")}
    conflicts: list[list[int]] = []
    for start in range(0, len(faces), rows_at_once):
        rows, later = slice(start, start + rows_at_once), slice(start, None)
        same = picture[rows, None] == picture[None, later]
        near = (vectors[rows] @ vectors[later].T >= _ALIKE) & ~same
        for pairs in (same, near):  # each pair once, and no face paired with itself
            pairs[:, : len(pairs)] = np.triu(pairs[:, : len(pairs)], 1)
        other_split = split[rows, None] != split[None, later]
        other_label = faces.labels[rows, None] != faces.labels[None, later]
        for kind, pairs in (("exact", same), ("near", near)):
            across = pairs & other_split
            masks = (pairs, across, pairs & other_label, across & other_label)
            for flag, mask in zip(flags[kind], masks, strict=True):
                flag[rows] |= mask.any(1)
                flag[later] |= mask.any(0)
        if len(conflicts) < listed:
            pairs = np.argwhere((same | near) & other_label)[: listed - len(conflicts)]
            conflicts += (pairs + start).tolist()
    names = sorted(set(faces.usage.tolist()), key=_order)
    counts = {
        kind: {
            "faces": int(copied.sum()),
            "across_splits": {name: int((across & (faces.usage == name)).sum()) for name in names if name},
            "other_label": int(conflicting.sum()),
            "across_splits_other_label": int(both.sum()),
        }
        for kind, (copied, across, conflicting, both) in flags.items()
    }
    return counts, conflicts


def _cell_vectors(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A unit vector for each face, float32 ``(n, 256)``; the product of two is the correlation of their cells."""
    side = FACE_SIZE // _CELLS
    cells = pixels.reshape(len(pixels), _CELLS, side, _CELLS, side).mean((2, 4), dtype=np.float32)
    vectors = cells.reshape(len(pixels), -1)
    vectors -= vectors.mean(1, keepdims=True)
    # A face of a single grey gets a vector of zeros: only its pixels can show that it is a copy.
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-3), np.float32)
