"""Label schemes: a face as it reads in one."""

from __future__ import annotations

from dataclasses import replace

from albumsort.emotions import EMOTIONS, SCHEMES, labels_of
from albumsort.records import Face


def in_scheme(face: Face, scheme: str) -> Face:
    """A face with its probabilities in a scheme, as ``Crowd`` reads it; None for emotions that it does not have."""
    if scheme == "seven":
        return face
    sums = dict.fromkeys(labels_of(scheme), 0.0)
    for label, probability in zip(SCHEMES[scheme], face.probabilities, strict=True):
        if label is not None:
            sums[label] += probability or 0.0
    # Of the four nothing may be left, where the model is certain of another emotion.
    total = (sum(sums.values()) or 1.0) if scheme == "four" else 1.0
    # To the six decimals to which probabilities are kept: a sum of .1 and .7 is .8, and certain from there.
    return replace(face, probabilities=tuple(round(sums[e] / total, 6) if e in sums else None for e in EMOTIONS))
