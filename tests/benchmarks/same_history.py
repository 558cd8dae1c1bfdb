"""Trains the recipe of each write-up twice on a few faces, and compares the histories.

    python tests/benchmarks/same_history.py fer2013.csv [--faces 2000] [--epochs 2]

EPOCHS is the number of epochs per cycle. Prints a line for each recipe, and fails if two histories differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from albumsort.training import recipe_file as recipes
from albumsort.training.datasets import Faces, load
from albumsort.training.history import HISTORY
from albumsort.training.train import train


def histories(recipe: recipes.Recipe, faces: Faces, folder: Path) -> list[str]:
    """The histories of two runs of a recipe."""
    runs = [folder / recipe.name / number for number in ("first", "second")]
    for run in runs:
        train(recipe, faces, run, "same_history.py")
    return [(run / "run" / HISTORY).read_text() for run in runs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    faces = load(args.fer2013).split("Training").where(np.arange(args.faces))
    differ = False
    for name in recipes.write_ups():
        recipe = recipes.find(name)
        cycles = tuple(replace(cycle, stages=((args.epochs, 48),)) for cycle in recipe.cycles)
        short = replace(recipe, cycles=cycles, fit=replace(recipe.fit, steps=min(recipe.fit.steps, 8)))
        with tempfile.TemporaryDirectory() as folder:
            first, second = histories(short, faces, Path(folder))
        differ |= first != second
        print(
            f"{name:16} {len(first.splitlines()) - 1} epochs: {'the same' if first == second else 'NOT the same'}",
            flush=True,
        )
    sys.exit(differ)


if __name__ == "__main__":
    main()
