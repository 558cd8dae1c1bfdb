"""albumsort model compare."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.complete import recipe_names
from albumsort.cli.help import DATA, MODEL, OUTPUT
from albumsort.cli.model.labelled import check_apart, check_votes, known_recipe, load_faces
from albumsort.cli.model.progress import TrainingProgress, telling_what_is_kept
from albumsort.cli.options import Json, Precision
from albumsort.text import printable

_log = logging.getLogger("albumsort.cli")


def compare(
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE", rich_help_panel=DATA, help="fer2013.csv as Kaggle publishes it, or class folders."
        ),
    ],
    ferplus: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=DATA, help="The votes of FER+, to measure by these, too: fer2013new.csv."
        ),
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            autocompletion=recipe_names,
            rich_help_panel=MODEL,
            help="Recipe names or files. Default: those of the write-ups.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--output",
            "-o",
            metavar="FOLDER",
            rich_help_panel=OUTPUT,
            help="Folder for the table, the chart, and a folder for each recipe.",
        ),
    ] = Path("comparison"),
    precision: Precision = None,
    as_json: Json = False,
) -> None:
    """Train the recipes of the write-ups, and measure them.

    The figures are those on PublicTest, or else on the test split, beside those of the shipped model. All recipes
    learn from the Training split alone. If the command is stopped, the same command continues. Models that are
    already in FOLDER are not trained again. Runs on any backend of Keras: KERAS_BACKEND=tensorflow, torch or jax.

    Examples:
        albumsort model compare --data fer2013.csv --out comparison
        albumsort model compare --data fer2013.csv --recipes ho-2016,zhu-2020
    """
    from albumsort.training import recipe_file
    from albumsort.training.plots.comparison import plot_comparison
    from albumsort.vision.tensorflow import quiet_backend

    names = recipe_file.write_ups() if recipes is None else [name.strip() for name in recipes.split(",")]
    if not all(names):
        raise typer.BadParameter(f"--recipes {recipes!r}: a name is missing")
    chosen = [known_recipe(name) for name in names]
    if len({recipe.name for recipe in chosen}) < len(chosen):
        raise typer.BadParameter("two recipes have the same name; each recipe needs a folder of its own")
    check_apart(out, data, is_named=True)
    faces, _ = load_faces(data, ferplus)
    quiet_backend()
    from albumsort.training import compare as comparing
    from albumsort.training.run import with_run_precision

    chosen = [
        recipe.with_precision(precision) if precision else with_run_precision(recipe, out / recipe.name)
        for recipe in chosen
    ]
    to_train = [
        recipe
        for recipe in map(comparing.on_training_split, chosen)
        if not comparing.finished_model(recipe, faces, out / recipe.name)
    ]
    for recipe in to_train:
        if recipe.teachers:
            reason = f"{recipe.name} learns from {' and '.join(recipe.teachers)}, which compare does not have"
            raise typer.BadParameter(f"{reason}; train it with albumsort model train --out DIR/{recipe.name}")
    check_votes(to_train, faces)
    votes = f" --ferplus {ferplus.name}" if ferplus else ""
    recipe_names = ",".join(Path(name).name for name in names)
    command = f"albumsort model compare --data {data.name}{votes} --recipes {recipe_names} --out DIR"
    with telling_what_is_kept(out), TrainingProgress(sys.stderr, sys.stderr.isatty()) as progress:
        rows = comparing.compare(chosen, faces, out, command, progress)
    table = comparing.as_markdown(rows)
    (out / "comparison.md").write_text(table, encoding="utf-8")
    (out / "comparison.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    plot_comparison(rows, out / "comparison.png", faces.split_name(faces.test_split))
    _log.info("%s: comparison.md, .json and .png are written", printable(str(out)))
    print(json.dumps(rows) if as_json else table.rstrip())
