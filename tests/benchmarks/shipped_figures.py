"""Figures of the shipped model in models/README.md that ``model evaluate`` does not print.

    python tests/benchmarks/shipped_figures.py fer2013.csv fer2013new.csv

It prints how many of the hundred PublicTest faces with the highest probability of an emotion have it by the majority of
FER+'s votes; the accuracy on the faces that FER2013 labels angry, happy, sad or neutral, restricted to these four; and
the speed, as a multiple of that of a plain network with 117 million multiply-adds per face in the same run.
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

#: Number of faces per call of the plain network.
BATCH = 256


def plain_network() -> Callable[[np.ndarray], Any]:
    """An untrained network for faces ``(n, 48, 48)``: eight convolutions with batch norm, of 32 to 256 channels."""
    import keras
    import tensorflow as tf

    face = x = keras.Input((48, 48, 1))
    for width in (32, 64, 128, 256):
        for _ in range(2):
            x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
        x = keras.layers.MaxPooling2D()(x)
    probabilities = keras.layers.Dense(8, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    network = tf.function(keras.Model(face, probabilities))

    def predict(faces: np.ndarray) -> None:
        for start in range(0, len(faces), BATCH):
            network(faces[start : start + BATCH, ..., None].astype(np.float32), training=False)

    return predict


def seconds(call: Callable[[np.ndarray], Any], faces: np.ndarray) -> float:
    """The median of three calls, after one that compiles."""
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
    probabilities = perceived.probabilities(test.pixels)
    for code, emotion in enumerate(EMOTIONS):
        best = np.argsort(-probabilities[:, code])[:100]
        print(f"{emotion:9}{(test.majority[best] == code).sum():4d} of the best hundred")
    four = figures(restricted(fer2013.probabilities(test.pixels), "four"), in_scheme(test.labels, "four"))
    print(f"four emotions: {four['accuracy']:.1%} of {four['n']} faces")
    whole = test.pixels[: len(test.pixels) // BATCH * BATCH]
    ratio = seconds(plain_network(), whole) / seconds(perceived.probabilities, whole)
    print(f"speed: {ratio:.2f} times that of the plain network")


if __name__ == "__main__":
    main()
