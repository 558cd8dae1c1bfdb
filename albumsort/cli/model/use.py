"""albumsort model use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def use(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A tuned model's file, or: shipped.")],
) -> None:
    """Choose the model that scans use: one that was tuned, or the one that ships."""
    from albumsort.vision import models

    if not model:
        raise typer.BadParameter("a tuned model's file, or: shipped")
    chosen = None if model == "shipped" else Path(model)
    models.use(chosen)
    print(f"in use from now on: {chosen or models.shipped_model()}")
