"""albumsort model train."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.complete import recipe_names
from albumsort.cli.help import DATA, MODEL, OUTPUT
from albumsort.cli.model.labelled import check_apart, check_votes, known_recipe, load_faces
from albumsort.cli.model.progress import TrainingProgress, telling_what_is_kept
from albumsort.cli.options import Precision
from albumsort.text import printable

if TYPE_CHECKING:
    from albumsort.training.datasets import Faces
    from albumsort.training.recipe import Recipe

#: The splits that a recipe which learns from Training does not see.
TESTS = ("PublicTest", "PrivateTest")


def train(
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            rich_help_panel=DATA,
            help="fer2013.csv as Kaggle publishes it, or a folder of class folders.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--output",
            "-o",
            metavar="FOLDER",
            rich_help_panel=OUTPUT,
            help="Folder for the model and the run. Default: ./NAME, named after the recipe.",
        ),
    ] = None,
    ferplus: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=DATA,
            help="The votes of FER+ on fer2013.csv, as published: fer2013new.csv.",
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="RECIPE",
            autocompletion=recipe_names,
            rich_help_panel=MODEL,
            help="A name that albumsort model recipes lists, or a recipe file.",
        ),
    ] = "emotion",
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=MODEL,
            help="A teacher that the recipe names: NAME.keras or NAME.npz, made by the recipe NAME. May be repeated.",
        ),
    ] = None,
    precision: Precision = None,
) -> None:
    """Train a model by its recipe.

    Ctrl-C keeps the epochs that are done, and the same command continues after them. The default recipe needs the
    votes of FER+ and a teacher; recipes such as mason-2019 need only faces.

    Runs on any backend of Keras: KERAS_BACKEND=tensorflow, torch or jax.

    Examples:
        albumsort model train --data fer2013.csv --recipe mason-2019
        albumsort model train --data faces --recipe teacher-1 --out mine
    """
    from albumsort.vision.tensorflow import quiet_backend

    chosen = known_recipe(recipe)
    folder = out or Path(chosen.name)
    check_apart(folder, data, is_named=out is not None)
    with telling_what_is_kept(folder, chosen):
        given, (faces, ferplus) = ferplus, load_faces(data, ferplus)
        check_votes([chosen], faces)
        command = f"albumsort model train --data {data.name} --out DIR"
        command += f" --ferplus {ferplus.name}" if ferplus else ""
        command += f" --recipe {Path(recipe).name}"
        command += "".join(f" --teacher {file.name}" for file in teacher or [])
        votes = " with the votes of FER+" if ferplus else ""
        is_table = data.is_file() or (data / "fer2013.csv").exists()
        description = f"FER2013 {chosen.fit.faces}{votes}" if is_table else f"class folders of {data.name}"
        quiet_backend()
        from albumsort.training.run import with_run_precision
        from albumsort.training.train import precision_option
        from albumsort.training.train import train as train_model

        chosen = chosen.with_precision(precision) if precision else with_run_precision(chosen, folder)
        command += precision_option(chosen)
        teachers = {file.stem: file for file in teacher or []}
        with TrainingProgress(sys.stderr, sys.stderr.isatty()) as progress:
            model = train_model(chosen, faces, folder, command, progress, description, teachers)
    print(model, flush=True)
    _print_accuracy(model, faces.split_name)
    sys.stderr.write(f"Next: {_next_command(model, chosen, faces, data, given)}\n")


def _print_accuracy(model: Path, split_name: Callable[[str], str]) -> None:
    """Print to standard error how good a trained model is, one line per head."""
    from albumsort.vision.models import read_card

    training = read_card(model).training
    for head, held_out in training["held_out"].items():
        measured = {"held-out": held_out, **{split_name(name): test[head] for name, test in training["tests"].items()}}
        shares = [f"{each['accuracy']:.1%} on {each['n']} {name} faces" for name, each in measured.items() if each["n"]]
        which = f" ({head})" if len(training["held_out"]) > 1 else ""
        sys.stderr.write(f"accuracy{which}: {', '.join(shares)}\n")


def _next_command(model: Path, recipe: Recipe, faces: Faces, data: Path, ferplus: Path | None) -> str:
    """The command that measures a trained model on faces that it has not learnt from, or else describes it."""
    unseen = set(TESTS) & set(faces.usage.tolist()) if recipe.fit.faces == "Training" else set()
    words = ["albumsort", "model", "info"]
    if unseen:
        words = ["albumsort", "model", "evaluate", str(data), *(["--ferplus", str(ferplus)] if ferplus else [])]
    return printable(shlex.join([*words, "--model", str(model)]))
