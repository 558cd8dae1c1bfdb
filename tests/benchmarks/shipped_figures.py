"""Figures of the card of the shipped model that ``model evaluate`` has not: the best hundred, four emotions, speed.

    python tests/benchmarks/shipped_figures.py fer2013.csv fer2013new.csv

Of the hundred PublicTest faces with the highest probability of an emotion, how many are of it by the majority of FER+'s
voters; of the faces that FER2013 labels angry, happy, sad or neutral, how many are right when only these may be
answered; and faces a second, as a multiple of a plain network of 117 million multiply-adds a face in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from albumsort import EmotionClassifier
from albumsort.emotions import EMOTIONS
from albumsort.training.datasets import in_scheme, load
from albumsort.training.evaluate import figures, restricted

#: Faces in a call of the plain network.
BATCH = 256


def plain_network() -> Callable[[np.ndarray], Any]:
    """Eight convolutions with batch norm, two each of 32 to 256 channels, on faces ``(n, 48, 48)``; not trained."""
    import keras
    import tensorflow as tf

    face = x = keras.Input((48, 48, 1))
    for width in (32, 64, 128, 256):
        for _ in range(2):
            x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
        x = keras.layers.MaxPooling2D()(x)
    answer = keras.layers.Dense(8, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    network = tf.function(keras.Model(face, answer))

    def answers(faces: np.ndarray) -> None:
        for start in range(0, len(faces), BATCH):
            network(faces[start : start + BATCH, ..., None].astype(np.float32), training=False)

    return answers


def seconds(call: Callable[[np.ndarray], Any], faces: np.ndarray) -> float:
    """Of the middle one of three calls, after one that compiles."""
    times = []
    for _ in range(4):
        start = time.perf_counter()
        call(faces)
        times.append(time.perf_counter() - start)
    return sorted(times[1:])[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("fer2013new", type=Path)
    args = parser.parse_args()
    test = load(args.fer2013, args.fer2013new).split("PublicTest")
    perceived, fer2013 = EmotionClassifier(), EmotionClassifier(labels="fer2013")
    said = perceived.probabilities(test.pixels)
    for place, emotion in enumerate(EMOTIONS):
        print(f"{emotion:9}{(test.majority[np.argsort(-said[:, place])[:100]] == place).sum():4d} of the best hundred")
    of_four = figures(restricted(fer2013.probabilities(test.pixels), "four"), in_scheme(test.labels, "four"))
    print(f"four emotions: {of_four['accuracy']:.1%} of {of_four['n']} faces")
    whole = test.pixels[: len(test.pixels) // BATCH * BATCH]
    ratio = seconds(plain_network(), whole) / seconds(perceived.probabilities, whole)
    print(f"speed: {ratio:.2f} times that of the plain network")


if __name__ == "__main__":
    main()
