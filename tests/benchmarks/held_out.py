"""The accuracy of trained models on faces held out at random, as write-ups measure it, and on faces they learnt from.

    python tests/benchmarks/held_out.py fer2013.csv zhu-2020/zhu-2020.keras ...

Some held-out faces have an exact copy among the faces learnt from. Each line has the accuracy with and without them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from albumsort.training.datasets import Faces, load
from albumsort.training.evaluate import figures
from albumsort.training.recipe_file import from_dict
from albumsort.training.train import run_splits
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import read_card


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path, help="fer2013.csv")
    parser.add_argument("models", type=Path, nargs="+", help="model files by albumsort model train or compare")
    given = parser.parse_args()
    faces = load(given.data)
    for model in given.models:
        card = read_card(model)
        recipe = from_dict(card.training["recipe"], str(model))
        classifier = EmotionClassifier(model, "fer2013")

        def measured(part: Faces, classifier: EmotionClassifier = classifier) -> dict:
            return figures(classifier.probabilities(part.pixels), part.labels)

        split = next(run_splits(recipe, faces.in_scheme(recipe.labels), Path()))
        parts = {"held out": split.held_out, "without copies": split.unseen, "learnt from": split.training}
        results = {name: measured(part) for name, part in parts.items()}
        print(card.name, *(f"{name} {each['accuracy']:.1%} of {each['n']}" for name, each in results.items()), sep="  ")
        scores = results["without copies"]["per_emotion"]
        print("   recall", *(f"{emotion} {scores[emotion]['recall']:.0%}" for emotion in card.labels), sep="  ")


if __name__ == "__main__":
    main()
