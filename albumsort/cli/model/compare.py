"""albumsort model compare."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.model.curves import draw_history
from albumsort.cli.model.labelled import check_votes, load_faces
from albumsort.cli.options import Json, Precision
from albumsort.text import printable

_log = logging.getLogger("albumsort.cli")


def compare(
    data: Annotated[Path, typer.Option(metavar="DATA", help="fer2013.csv as Kaggle publishes it.")],
    ferplus: Annotated[
        Path | None, typer.Option(metavar="fer2013new.csv", help="The votes of FER+, to measure against these, too.")
    ] = None,
    recipes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Names, or files. Unless told, those of the write-ups.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Gets a folder a recipe, the table and the chart.")] = Path(
        "comparison"
    ),
    precision: Precision = None,
    as_json: Json = False,
) -> None:
    """Train the recipes of the write-ups and measure them beside the model that ships, all on PublicTest.

    What DIR, ./comparison unless told, already holds is not trained again; when stopped, the same command goes on. All
    learn from the Training split alone. Runs on any backend of Keras: KERAS_BACKEND=tensorflow, torch or jax.
    """
    from albumsort.training import recipe_file as recipes_
    from albumsort.training.plots.comparison import plot_comparison
    from albumsort.vision.engine import quiet_backend

    names = recipes_.write_ups() if recipes is None else [name.strip() for name in recipes.split(",")]
    if not all(names):
        raise typer.BadParameter(f"--recipes {recipes!r}: a name is missing")
    chosen = [recipes_.find(name) for name in names]
    if len({recipe.name for recipe in chosen}) < len(chosen):
        raise typer.BadParameter("two recipes of one name; each gets a folder of its name")
    faces, _ = load_faces(data, ferplus)
    quiet_backend()
    from albumsort.training import compare as comparing
    from albumsort.training.run import as_begun

    chosen = [one.in_precision(precision) if precision else as_begun(one, out / one.name) for one in chosen]
    to_train = [one for one in map(comparing.as_measured, chosen) if not comparing.finished(one, faces, out / one.name)]
    for recipe in to_train:
        if recipe.teachers:
            one = f"{recipe.name} learns from {' and '.join(recipe.teachers)}, which compare has not"
            raise typer.BadParameter(f"{one}; train it with albumsort model train, into a folder {recipe.name} of DIR")
    check_votes(to_train, faces)
    votes = f" --ferplus {ferplus.name}" if ferplus else ""
    of_these = ",".join(Path(name).name for name in names)
    command = f"albumsort model compare --data {data.name}{votes} --recipes {of_these} --out DIR"
    rows = comparing.compare(chosen, faces, out, command, draw_history)
    table = comparing.as_markdown(rows)
    (out / "comparison.md").write_text(table, encoding="utf-8")
    (out / "comparison.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    plot_comparison(rows, out / "comparison.png")
    _log.info("%s: comparison.md, .json and .png are written", printable(str(out)))
    print(json.dumps(rows) if as_json else table.rstrip())
