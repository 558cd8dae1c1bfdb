"""albumsort model curves, and the curves that are drawn during training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.options import Force, index_path, output_file
from albumsort.cli.output import writing
from albumsort.cli.replacing import free_name
from albumsort.cli.values import DRAWING
from albumsort.text import printable

if TYPE_CHECKING:
    from albumsort.training.fit import Epoch


def curves(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders that train or compare wrote, or their history.csv."),
    ],
    output: Annotated[
        Path | None,
        output_file("The .png, .jpg, .webp, .pdf or .svg to write. Default: curves.png.", *DRAWING),
    ] = None,
    force: Force = False,
) -> None:
    """Draw the histories of training runs in one picture.

    Examples:
        albumsort model curves emotion
        albumsort model curves comparison/* -o comparison.png
    """
    from albumsort.training.history import named_histories
    from albumsort.training.plots.figures import plot_curves

    target = output or free_name(Path("curves.png"), force)
    with writing(target, index_path(None), [*runs, *(run / "history.csv" for run in runs)], force=force) as file:
        plot_curves(named_histories(runs), file)
    print(printable(str(target)))


def draw_history(epoch: Epoch) -> None:
    """Draw the history of a run up to an epoch that is done as ``history.png`` in the run's folder."""
    from albumsort.training.plots.figures import plot_history

    plot_history(epoch.history, epoch.folder / "history.png")
