"""Words that people use for emotions."""

from __future__ import annotations

import pytest

from albumsort.emotion_words import SYNONYMS, emotion_named, emotions_named, nearest_emotion
from albumsort.emotions import EMOTIONS, FERPLUS_COLUMNS


@pytest.mark.parametrize(
    ("words", "emotions"),
    [
        ("happy Happy HAPPY happiness joy joyous smile smiling laugh Laughter", ("happy",)),
        ("anger angrily mad furious rage", ("angry",)),
        ("disgusted disgusting revolted yuck", ("disgust",)),
        ("afraid scared fearful frightened terrified anxious", ("fear",)),
        ("sadness sadly unhappy crying tears", ("sad",)),
        ("surprised surprising astonished shocked amazed", ("surprise",)),
        ("calm none neutrally blank expressionless", ("neutral",)),
        ("happy,sad", ("happy", "sad")),
        ("happy, sad", ("happy", "sad")),
        (" sad ;happy/fear + joy ", ("sad", "happy", "fear")),
        ("happy or sad and angry", ("happy", "sad", "angry")),
        ("'Happy!'", ("happy",)),
        (["happy,", "sad"], ("happy", "sad")),
        ([], ()),
    ],
)
def test_a_word_names_its_emotion(words, emotions):
    assert emotions_named(words) == emotions


def test_each_word_has_one_meaning():
    words = [word for emotion in EMOTIONS for word in (emotion, *SYNONYMS[emotion].split())]
    assert sorted(set(words)) == sorted(words)
    assert all(emotion_named(word) in EMOTIONS for word in words)


def test_the_names_of_fer_plus_are_known():
    names = {emotion: name for emotion, name in FERPLUS_COLUMNS.items() if emotion in EMOTIONS}
    assert {emotion: emotion_named(name) for emotion, name in names.items()} == {name: name for name in EMOTIONS}


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("hapy", "happy"),
        ("Happpy", "happy"),
        ("smling", "happy"),
        ("suprised", "surprise"),
        ("nuetral", "neutral"),
        ("agry", "angry"),
        ("digust", "disgust"),
        ("feear", "fear"),
        ("unhapy", "sad"),
        ("ahppy", "happy"),
        ("lucky", None),
        ("party", None),
        ("stars", None),
        ("photos", None),
        ("contempt", None),
        ("happy" * 1000, None),
    ],
)
def test_a_slip_of_the_finger_is_understood_but_asked_about(typo, meant):
    assert nearest_emotion(typo) == meant
    with pytest.raises(ValueError, match="is not one of angry, disgust, fear, happy, sad, surprise, neutral") as error:
        emotions_named(f"sad,{typo}")
    question = str(error.value).partition("neutral")[2]
    assert question == (f". Did you mean {meant}?" if meant else "")


@pytest.mark.parametrize("words", ["", " ", ",", "''"])
def test_no_word_names_no_emotion(words):
    with pytest.raises(ValueError, match="is not one of angry"):
        emotions_named(words)


def test_an_emotion_that_a_label_scheme_lacks_is_neither_taken_nor_suggested():
    with pytest.raises(ValueError, match=r"^'disgusted' is not one of angry, happy$"):
        emotions_named("disgusted", ("angry", "happy"))


def test_one_emotion_is_not_two():
    assert emotion_named("joy, smile") == "happy"
    with pytest.raises(ValueError, match="'happy, sad' names 2 emotions; name one"):
        emotion_named("happy, sad")
