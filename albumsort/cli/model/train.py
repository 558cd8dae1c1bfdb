"""albumsort model train."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.complete import recipe_names
from albumsort.cli.help import DATA, MODEL, OUTPUT
from albumsort.cli.model.curves import draw_history
from albumsort.cli.model.labelled import check_votes, load_faces
from albumsort.cli.options import Precision


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

    If it is stopped, the same command continues after the last whole epoch.

    Runs on any backend of Keras: KERAS_BACKEND=tensorflow, torch or jax.

    Examples:
        albumsort model train --data fer2013.csv --ferplus fer2013new.csv
        albumsort model train --data fer2013.csv --recipe mason-2019 --out mine
    """
    from albumsort.training import recipe_file
    from albumsort.vision.engine import quiet_backend

    chosen = recipe_file.find(os.path.expanduser(recipe))
    faces, ferplus = load_faces(data, ferplus)
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

    folder = out or Path(chosen.name)
    chosen = chosen.with_precision(precision) if precision else with_run_precision(chosen, folder)
    command += precision_option(chosen)
    teachers = {file.stem: file for file in teacher or []}
    print(train_model(chosen, faces, folder, command, draw_history, description, teachers))
