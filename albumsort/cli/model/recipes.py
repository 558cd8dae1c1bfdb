"""albumsort model recipes."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from albumsort.cli.options import Json


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Print the file of this one, to change in a copy.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes that come with albumsort: those of its own models, and those of five published write-ups."""
    from albumsort.emotions import labels_of
    from albumsort.training import recipe_file as recipes_

    files = recipes_.shipped()
    if name and name not in files:
        raise typer.BadParameter(f"{name}: there are {', '.join(files)}")
    if name and not as_json:
        print(files[name].read_text(encoding="utf-8"), end="")
        return
    known = {one: recipes_.read(path) for one, path in files.items() if name in (None, one)}
    if as_json:
        rows = [
            {
                "name": one,
                "network": recipe.network.in_words,
                "parameters": recipe.parameters(),
                "labels": labels_of(recipe.labels),
                "reported": recipe.reported or None,
            }
            for one, recipe in known.items()
        ]
        print(json.dumps(rows))
        return
    for one, recipe in known.items():
        size = f"{recipe.parameters() / 1e6:.1f} M weights"
        print(f"{one:16}{recipe.network.in_words:32}{size:15}{recipe.labels:7}{recipe.reported or 'ours'}")
    print("train one with: albumsort model train --recipe NAME --data fer2013.csv")
    print("change one with: albumsort model recipes NAME > mine.toml, then --recipe mine.toml")
