"""Labelled faces as the commands of models take them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from albumsort.training.datasets import Faces
    from albumsort.training.recipe import Recipe

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="fer2013.csv, a folder with it, or a folder of class folders.")
]
FerPlus = Annotated[Path | None, typer.Option(metavar="fer2013new.csv", help="The votes of FER+.")]


def load_faces(data: Path, ferplus: Path | None) -> tuple[Faces, Path | None]:
    """The faces of a data set, and the votes that belong to it. Rows that are broken are reported."""
    from albumsort.training import datasets

    if data.is_dir() and (data / "fer2013.csv").exists():
        votes = data / "fer2013new.csv"
        ferplus = ferplus or (votes if votes.exists() else None)
        data = data / "fer2013.csv"
    if data.is_dir() and ferplus:
        raise typer.BadParameter("--ferplus goes with fer2013.csv; class folders are taken as they are named")
    faces = datasets.load_folder(data) if data.is_dir() else datasets.load(data, ferplus)
    for reason, number in faces.broken.items():
        say(f"left out {number}: {reason}")
    return faces, ferplus


def check_votes(recipes: Sequence[Recipe], faces: Faces) -> None:
    """Make sure that there are votes where one of the recipes learns from them."""
    if (wanted := next((r.name for r in recipes if "perceived" in r.heads), "")) and not (faces.majority >= 0).any():
        raise typer.BadParameter(f"{wanted} learns what people perceive from votes: --ferplus fer2013new.csv")


def say(line: str) -> None:
    """Tell how it goes, beside the results."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
