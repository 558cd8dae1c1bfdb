"""Labelled faces: the options of the commands that read them, and how they are loaded."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from albumsort.cli.help import DATA, OUTPUT
from albumsort.cli.options import index_path
from albumsort.cli.replacing import files_into
from albumsort.text import printable, size

if TYPE_CHECKING:
    from albumsort.training.datasets import Faces
    from albumsort.training.recipe import Recipe

#: A table of more bytes takes seconds to read.
_LARGE = 20_000_000
_log = logging.getLogger("albumsort.cli")

Data = Annotated[
    Path, typer.Argument(metavar="FILE", help="fer2013.csv, a folder with it, or a folder of class folders.")
]
FerPlus = Annotated[
    Path | None, typer.Option(metavar="FILE", rich_help_panel=DATA, help="The votes of FER+: fer2013new.csv.")
]
PlotFormat = Annotated[
    Literal["png", "jpg", "webp", "pdf", "svg"],
    typer.Option(
        "--plot-format",
        metavar="FORMAT",
        rich_help_panel=OUTPUT,
        help="The format of the plots: png, jpg, webp, pdf or svg.",
    ),
]


def load_faces(data: Path, ferplus: Path | None) -> tuple[Faces, Path | None]:
    """Load a data set, and log how many of its rows are broken.

    Returns:
        the faces, and the file with the votes that belong to them, if there is one.

    Raises:
        typer.BadParameter: votes were named for a folder of class folders.
        DataError: the files cannot be read.
    """
    from albumsort.training import datasets

    if data.is_dir() and (data / "fer2013.csv").exists():
        votes = data / "fer2013new.csv"
        ferplus = ferplus or (votes if votes.exists() else None)
        data = data / "fer2013.csv"
    if data.is_dir() and ferplus:
        raise typer.BadParameter("--ferplus works only with fer2013.csv; the names of class folders are the labels")
    if data.is_file() and data.stat().st_size > _LARGE:
        _log.info("reading %s, %s…", printable(str(data)), size(data.stat().st_size))
    faces = datasets.load_folder(data) if data.is_dir() else datasets.load(data, ferplus)
    for reason, number in faces.broken.items():
        _log.info("left out %d: %s", number, reason)
    return faces, ferplus


def known_recipe(name: str) -> Recipe:
    """The recipe of a name or a file.

    Raises:
        typer.BadParameter: there is none.
        DataError: the file is no recipe.
    """
    from albumsort.training.recipe_file import UnknownRecipeError, find

    try:
        return find(os.path.expanduser(name))
    except UnknownRecipeError as error:
        raise typer.BadParameter(str(error)) from None


def check_apart(out: Path, data: Path, *, is_named: bool) -> None:
    """Make sure that a folder for models is not the folder of the data, nor inside class folders.

    Args:
        out: the folder for models.
        data: a file of faces, or a folder.
        is_named: whether somebody named ``out``. If so, it may be the folder of a file.

    Raises:
        typer.BadParameter: it is.
    """
    if not data.is_dir() and is_named:
        return
    folder, target = (data if data.is_dir() else data.parent).resolve(), out.resolve()
    is_inside = data.is_dir() and not (data / "fer2013.csv").exists() and folder in target.parents
    if target == folder or is_inside:
        raise typer.BadParameter(f"{printable(str(out))}: the folder of the data; name another one for models with -o")


def check_votes(recipes: Sequence[Recipe], faces: Faces) -> None:
    """Make sure that the faces have votes if one of the recipes learns from votes.

    Raises:
        typer.BadParameter: they have no votes.
    """
    if (wanted := next((r.name for r in recipes if "perceived" in r.heads), "")) and not (faces.majority >= 0).any():
        raise typer.BadParameter(
            f"{wanted} learns from votes, so it needs --ferplus fer2013new.csv; mason-2019 and others need none"
        )


@contextmanager
def plots_into(folder: Path, names: Sequence[str], data: Path, ferplus: Path | None, force: bool) -> Iterator[Path]:
    """Write plots of a data set into a folder, under numbered names if there are plots already, and say which.

    Args:
        folder: made if it does not exist.
        names: those of the files that may be written.
        data: the data set.
        ferplus: its votes.
        force: whether to replace what is there.

    Yields:
        an empty folder to write the plots into.

    Raises:
        AlbumsortError: a file must not be replaced, or cannot be written.
    """
    inputs = [data, data / "fer2013.csv", *filter(None, [ferplus])]
    with files_into(folder, names, index_path(None), inputs, force=force) as (temporary, written):
        yield temporary
    for path in written:
        _log.info("%s: drawn", printable(str(path)))
