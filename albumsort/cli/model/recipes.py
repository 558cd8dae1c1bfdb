"""albumsort model recipes."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from albumsort.cli.complete import recipe_names
from albumsort.cli.model.labelled import known_recipe
from albumsort.cli.options import Json


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=recipe_names,
            help="Print the file of this recipe, as a start for your own.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes that come with albumsort.

    They are those of its own models, and those of five published write-ups.

    Examples:
        albumsort model recipes
        albumsort model recipes emotion
    """
    from albumsort.emotions import labels_of
    from albumsort.training import recipe_file

    files = recipe_file.shipped()
    if name and name not in files:
        known_recipe(name)
        raise typer.BadParameter(f"{name}: a file, and this command lists only the recipes that come with albumsort")
    if name and not as_json:
        print(files[name].read_text(encoding="utf-8"), end="")
        return
    chosen = {key: recipe_file.read(path) for key, path in files.items() if name in (None, key)}
    if as_json:
        rows = [
            {
                "name": key,
                "network": recipe.network.summary,
                "parameters": recipe.parameters(),
                "labels": labels_of(recipe.labels),
                "reported": recipe.reported or None,
            }
            for key, recipe in chosen.items()
        ]
        print(json.dumps(rows))
        return
    print(f"{'recipe':16}{'network':32}{'size':15}{'emotions':9}its author reported")
    for key, recipe in chosen.items():
        size = f"{recipe.parameters() / 1e6:.1f} M weights"
        print(f"{key:16}{recipe.network.summary:32}{size:15}{recipe.labels:9}{recipe.reported or '-'}")
    print("train one with: albumsort model train --recipe NAME --data fer2013.csv")
    print("change one with: albumsort model recipes NAME > mine.toml; give it a new name, then --recipe mine.toml")
