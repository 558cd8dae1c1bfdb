"""The vocabulary: the emotions every room speaks of, and how the two label sets of FER2013 write them."""

from __future__ import annotations

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
