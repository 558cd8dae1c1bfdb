"""How often trained models are right on faces held out at random, as write-ups measure, and on those they learnt from.

    python tests/benchmarks/held_out.py fer2013.csv zhu-2020/zhu-2020.keras ...

Some held-out faces have an exact copy among those learnt from; a line has all of them, and those without a copy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from albumsort.training.convert import runs
from albumsort.training.datasets import Faces, load
from albumsort.training.evaluate import figures
from albumsort.training.recipe_file import from_dict
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import read_card


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path, help="fer2013.csv")
    parser.add_argument("models", type=Path, nargs="+", help="of albumsort model train or compare")
    given = parser.parse_args()
    faces = load(given.data)
    for model in given.models:
        card = read_card(model)
        recipe = from_dict(card.training["recipe"], str(model))
        classifier = EmotionClassifier(model, "fer2013")

        def measured(some: Faces, classifier: EmotionClassifier = classifier) -> dict:
            return figures(classifier.probabilities(some.pixels), some.labels)

        learnt, held_out, unseen, _ = next(runs(recipe, faces.in_scheme(recipe.labels), Path()))
        of_each = (("held out", held_out), ("without copies", unseen), ("learnt from", learnt))
        said = {name: measured(some) for name, some in of_each}
        print(card.name, *(f"{name} {one['accuracy']:.1%} of {one['n']}" for name, one in said.items()), sep="  ")
        scores = said["without copies"]["per_emotion"]
        print("   recall", *(f"{emotion} {scores[emotion]['recall']:.0%}" for emotion in card.labels), sep="  ")


if __name__ == "__main__":
    main()
