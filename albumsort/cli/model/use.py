"""albumsort model use."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from albumsort.text import printable


def use(
    model: Annotated[str, typer.Argument(metavar="FILE", help="The file of a tuned model, or: shipped.")],
) -> None:
    """Choose the model that scans use: a tuned one, or the shipped one.

    A model that you have trained can be tried with: albumsort scan FOLDER --db trial.db --model FILE.

    Examples:
        albumsort model use shipped
        albumsort model use mine.keras
    """
    from albumsort.vision import models

    if not model:
        raise typer.BadParameter("name the file of a tuned model, or: shipped")
    chosen = None if model == "shipped" else Path(os.path.expanduser(model))
    if chosen and not chosen.exists() and get_close_matches(model, ["shipped"]):
        raise typer.BadParameter(f"{model}: not there. Did you mean shipped?")
    was_shipped = models.is_shipped_in_use()
    models.use(chosen)
    if chosen is None and was_shipped:
        print("scans use the model that ships with albumsort already; there is nothing to do")
        return
    what = printable(str(chosen)) if chosen else f"the model that ships with albumsort ({models.shipped_model().stem})"
    print(f"scans use from now on: {what}")
    print("read your photos again with: albumsort scan --rescan FOLDER")
