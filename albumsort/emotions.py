"""The emotions, and their names in the two label sets of FER2013 and in the label schemes of the literature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

#: The seven emotions in the order and spelling of FER2013 (Goodfellow et al. 2013, arXiv:1307.0414);
#: an emotion's index here is its code in ``fer2013.csv``.
Emotion = Literal["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)

#: The vote columns of FER+'s ``fer2013new.csv`` (Barsoum et al. 2016, arXiv:1608.01041) by emotion. FER+ adds contempt.
#: Its columns ``unknown`` and ``NF`` (not a face) are votes, not emotions.
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

#: The classes of the network's perceived head: the seven emotions, then contempt. Contempt is trained so that sneers do
#: not distort the other seven. It is left out of all results: the seven probabilities are renormalised without it.
PERCEIVED: tuple[str, ...] = tuple(FERPLUS_COLUMNS)

#: The label schemes of the literature on FER2013. Each gives, for the seven emotions in order, the emotion that it
#: counts as, or None where faces with this emotion are left out.
SCHEMES: dict[str, tuple[Emotion | None, ...]] = {
    "seven": EMOTIONS,
    "six": ("angry", "angry", "fear", "happy", "sad", "surprise", "neutral"),
    "four": ("angry", None, None, "happy", "sad", None, "neutral"),
}


#: The emotions whose names are nouns: a face shows fear, and looks happy.
_NOUNS = ("disgust", "fear", "surprise")


def faces_that(emotions: Sequence[str]) -> str:
    """What a face does that has one of some emotions: ``looks happy or sad``, ``looks angry or shows fear``."""
    if len(emotions) > 3:
        return "shows any of these emotions"
    looks = " or ".join(emotion for emotion in emotions if emotion not in _NOUNS)
    shows = " or ".join(emotion for emotion in emotions if emotion in _NOUNS)
    return " or ".join(f"{verb} {what}" for verb, what in (("looks", looks), ("shows", shows)) if what)


def labels_of(scheme: str) -> tuple[Emotion, ...]:
    """The emotions that a scheme of ``SCHEMES`` distinguishes, in the order of ``EMOTIONS``."""
    return tuple(emotion for emotion in EMOTIONS if emotion in SCHEMES[scheme])


def shares_in_scheme(parts: Sequence[Any], scheme: str, unit: int, rounded: Callable[[Any], Any] = round) -> list[Any]:
    """Probabilities of the seven emotions as those of each label of a scheme.

    In ``six``, *angry* has the probabilities of angry and disgust together. In ``four``, the probabilities of the four
    are divided by their sum; all are 0 where nothing is left of the four.

    Args:
        parts: one whole number, or array of whole numbers, for each of ``EMOTIONS``, in parts of ``unit``.
        scheme: a key of ``SCHEMES``.
        unit: what stands for a probability of 1.
        rounded: rounds a share to a whole number.

    Returns:
        one such number or array for each of ``labels_of(scheme)``.
    """
    sums = []
    for label in labels_of(scheme):
        first, *more = (part for part, counts_as in zip(parts, SCHEMES[scheme], strict=True) if counts_as == label)
        sums.append(sum(more, first))
    if scheme != "four":
        return sums
    total = sum(sums[1:], sums[0])
    share = unit / (total + (total == 0))  # nothing is left where the model is certain of another emotion
    return [rounded(part * share) for part in sums]


def in_words(scheme: str) -> dict[str, str]:
    """The emotions that count as each emotion of a scheme, in words such as ``angry or disgust``."""
    counts_as = list(zip(EMOTIONS, SCHEMES[scheme], strict=True))
    return {
        label: " or ".join(emotion for emotion, target in counts_as if target == label) for label in labels_of(scheme)
    }


def scheme_of(labels: Iterable[str]) -> str:
    """The scheme that has exactly these emotions, in this order.

    Raises:
        ValueError: there is no such scheme.
    """
    wanted = tuple(labels)
    for scheme in SCHEMES:
        if labels_of(scheme) == wanted:
            return scheme
    raise ValueError(f"labels {' '.join(wanted)}: no scheme has exactly these emotions")
