"""The words that people use for emotions, and the one of the seven that each of them means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from albumsort.arguments import shown
from albumsort.emotions import EMOTIONS, Emotion

#: What each emotion is called, too. FER+ and other data sets use the nouns. A word that could mean two of the seven, or
#: none of them, is left out.
SYNONYMS: dict[Emotion, str] = {
    "angry": """
        anger angered angrier angriest angrily annoyance annoyed annoying enraged fuming furious furiously fury
        hostile hostility indignant irate irritated irritation livid mad outrage outraged rage raging scowl scowling
        scowls wrath""",
    "disgust": """
        aversion disgusted disgustedly disgusting disgusts distaste grossed loathing nausea nauseated nauseous
        repelled repulsed repulsion revolted revulsion yuck yucky""",
    "fear": """
        afraid alarmed anxiety anxious anxiously dread fearful fearfully fearing fears fright frightened frightening
        frightful horrified horror nervous nervously panic panicked panicking panicky petrified scare scared scares
        scary terrified terrifying terror worried worry""",
    "happy": """
        amused amusement beaming cheer cheerful cheerfully cheery chuckle chuckling delight delighted ecstatic elated
        elation giggle giggling glad gladness glee gleeful grin grinned grinning grins happier happiest happily
        happiness jolly joy joyous joys jubilant laugh laughed laughing laughs laughter merry
        overjoyed pleased pleasure smile smiled smiler smiles smiley smiling smilingly""",
    "sad": """
        cried cries cry crying dejected depressed depression disappointed disappointment gloomy glum grief grieving
        heartbroken joyless melancholic melancholy miserable misery mournful mourning saddened sadder saddest sadly
        sadness sorrow sorrowful tearful tears unhappily unhappiness unhappy upset weep weeping weeps wept""",
    "surprise": """
        amazed amazement astonished astonishing astonishment astounded shock shocked startle startled stunned
        surprised surprises surprising surprisingly wow""",
    "neutral": """
        blank calm calmly calmness composed deadpan emotionless expressionless impassive indifference indifferent
        neutrality neutrally none plain relaxed serene serenity serious unemotional unsmiling""",
}
_MEANING: dict[str, Emotion] = {
    word: emotion for emotion, words in SYNONYMS.items() for word in (emotion, *words.split())
}
#: Between two emotions, and around one.
_BETWEEN = re.compile(r"(?:[\s,;/+|&]|\b(?:and|or)\b)+")
_AROUND = "'\"`.!?()[]"
#: How alike a word and a known one must be for a suggestion, 0..1. At 0.6, the default of difflib, ``stress`` is fear.
_ALIKE = 0.8


def emotions_named(words: str | Iterable[str], allowed: Sequence[Emotion] = EMOTIONS) -> tuple[Emotion, ...]:
    """The emotions that words name, each once, in the order of the words.

    Upper and lower case are alike. One text may name several emotions, such as ``happy, sad``.

    Args:
        words: such as ``happy``, ``Joy`` or ``smiling``.
        allowed: the emotions of a label scheme.

    Raises:
        ValueError: a word means none of the allowed emotions, or a text names no emotion.
    """
    found: dict[Emotion, None] = {}
    for text in (words,) if isinstance(words, str) or not isinstance(words, Iterable) else words:
        if not isinstance(text, str):
            raise ValueError(f"{shown(text)} is not one of {', '.join(allowed)}")
        parts = [part for word in _BETWEEN.split(text.casefold()) if (part := word.strip(_AROUND))]
        if not parts:
            raise ValueError(f"{shown(text)} is not one of {', '.join(allowed)}")
        for part in parts:
            emotion = _MEANING.get(part)
            if emotion is None or emotion not in allowed:
                raise ValueError(f"{shown(part)} is not one of {', '.join(allowed)}{_suggestion(part, allowed)}")
            found[emotion] = None
    return tuple(found)


def emotion_named(word: str, allowed: Sequence[Emotion] = EMOTIONS) -> Emotion:
    """The one emotion that a word names.

    Raises:
        ValueError: it names none of the allowed emotions, or several.
    """
    first, *more = emotions_named(word, allowed)
    if more:
        raise ValueError(f"{shown(word)} names {1 + len(more)} emotions; name one")
    return first


def nearest_emotion(word: str) -> Emotion | None:
    """The emotion that a word with a slip of the finger is meant for; None if it looks like none of them."""
    from difflib import get_close_matches

    if len(word) >= 25:  # the longest word is 16 letters long; much longer ones are not slips, and take time
        return None
    word = word.casefold()
    # Few slips are in the first letter, and another one often makes another word: lucky is not meant for yucky.
    known = [name for name in _MEANING if name[0] == word[:1] or name in EMOTIONS]
    near = get_close_matches(word, known, 1, _ALIKE)
    return _MEANING[near[0]] if near else None


def _suggestion(word: str, allowed: Sequence[Emotion]) -> str:
    near = nearest_emotion(word)
    return f". Did you mean {near}?" if near in allowed else ""
