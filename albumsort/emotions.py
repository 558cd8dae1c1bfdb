"""The vocabulary: the emotions every room speaks of, and how the two label sets of FER2013 write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

#: The seven emotions in the order and spelling of FER2013 (Goodfellow et al. 2013, arXiv:1307.0414);
#: an emotion's place here is its code in ``fer2013.csv``.
Emotion = Literal["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)

#: FER+ (Barsoum et al. 2016, arXiv:1608.01041) adds contempt. Its vote columns in ``fer2013new.csv``, renamed to the
#: words above; ``unknown`` and ``not a face`` (column ``NF``) are votes, not emotions.
FERPLUS_COLUMNS: dict[str, str] = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
    "contempt": "contempt",
}

#: What the perceived head of the network answers: the seven, then contempt. Contempt is learnt, so that sneers do not
#: pull the other seven about, and left out of every answer: the seven are renormalised without it.
PERCEIVED: tuple[str, ...] = tuple(FERPLUS_COLUMNS)

#: The label schemes of the literature on FER2013: for each of the seven, as which emotion a face of it counts; None
#: where such faces are left out.
SCHEMES: dict[str, tuple[Emotion | None, ...]] = {
    "seven": EMOTIONS,
    "six": ("angry", "angry", "fear", "happy", "sad", "surprise", "neutral"),
    "four": ("angry", None, None, "happy", "sad", None, "neutral"),
}


def labels_of(scheme: str) -> tuple[Emotion, ...]:
    """The emotions that a scheme of ``SCHEMES`` tells apart, in the order of the seven."""
    return tuple(emotion for emotion in EMOTIONS if emotion in SCHEMES[scheme])


def in_words(scheme: str) -> dict[str, str]:
    """The emotions that a scheme tells apart, each with the words for all that counts as it: ``angry or disgust``."""
    counts_as = list(zip(EMOTIONS, SCHEMES[scheme], strict=True))
    return {label: " or ".join(one for one, other in counts_as if other == label) for label in labels_of(scheme)}


def scheme_of(labels: Iterable[str]) -> str:
    """The scheme that tells apart just these emotions, in this order.

    Raises:
        ValueError: none does.
    """
    found = tuple(labels)
    for scheme in SCHEMES:
        if labels_of(scheme) == found:
            return scheme
    raise ValueError(f"labels {' '.join(found)}: no scheme of emotions has these")
