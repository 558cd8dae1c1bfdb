"""albumsort model curves, and the curves that are drawn during training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.help import OUTPUT
from albumsort.cli.output import writing
from albumsort.cli.values import DRAWING, named
from albumsort.text import printable

if TYPE_CHECKING:
    from albumsort.training.fit import Epoch


def curves(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders that train or compare wrote, or their history.csv."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            callback=named(*DRAWING),
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="The .png, .jpg, .webp, .pdf or .svg to write.",
        ),
    ] = Path("curves.png"),
) -> None:
    """Draw the histories of training runs in one picture.

    Examples:
        albumsort model curves emotion
        albumsort model curves comparison/* -o comparison.png
    """
    from albumsort.training.history import named_histories
    from albumsort.training.plots.figures import plot_curves

    with writing(output):
        plot_curves(named_histories(runs), output)
    print(printable(str(output)))


def draw_history(epoch: Epoch) -> None:
    """Draw the history of a run up to an epoch as ``history.png`` in the run's folder."""
    from albumsort.training.plots.figures import plot_history

    plot_history(epoch.history, epoch.folder / "history.png")
