"""albumsort model data."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from albumsort.cli.help import OUTPUT
from albumsort.cli.model.labelled import Data, FerPlus, PlotFormat, load_faces, plots_into
from albumsort.cli.options import ForcePlots, Json
from albumsort.cli.values import folder_of_plots
from albumsort.emotions import EMOTIONS

_log = logging.getLogger("albumsort.cli")


def data(
    data: Data,
    ferplus: FerPlus = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            callback=folder_of_plots,
            metavar="FOLDER",
            rich_help_panel=OUTPUT,
            help="Folder for plots: classes, samples, mean faces, copies.",
        ),
    ] = None,
    plot_format: PlotFormat = "png",
    force: ForcePlots = False,
    as_json: Json = False,
) -> None:
    """Count the faces of a data set by split and emotion.

    It also finds broken rows and copies, and compares labels with votes.

    Examples:
        albumsort model data fer2013.csv
        albumsort model data fer2013.csv --ferplus fer2013new.csv --plots plots
    """
    from albumsort.training.explore import explore, mean_faces

    faces, _ = load_faces(data, ferplus)
    _log.info("comparing %d faces with each other", len(faces))
    result = explore(faces)
    if plots:
        from albumsort.training.plots.exploration import plot_exploration, targets

        with plots_into(plots, [path.name for path in targets(plots, plot_format)], data, ferplus, force) as folder:
            plot_exploration(faces, result, mean_faces(faces), folder, plot_format)
    if as_json:
        print(json.dumps(result))
    else:
        _print_exploration(result)


def _print_exploration(result: dict[str, Any]) -> None:
    width = max(10, *map(len, result["splits"]))
    print(f"{'':{width}}" + "".join(f"{emotion:>10}" for emotion in EMOTIONS) + f"{'all':>10}")
    for split, counts in result["splits"].items():
        line = "".join(f"{number:10d}" for number in (*counts.values(), sum(counts.values())))
        print(f"{split:{width}}{line}")
    print(f"{sum(result['broken'].values())} rows are broken and left out")
    for kind, copies in result["duplicates"].items():
        words = "exactly" if kind == "exact" else "with slightly different pixels"
        across = ", ".join(f"{number} of {split}" for split, number in copies["across_splits"].items() if number)
        print(f"{copies['faces']} faces are there {words} more than once, {copies['other_label']} with another label;")
        both = f"; with another label there: {copies['across_splits_other_label']}" if across else ""
        print(f"  in another split: {across or 'none'}{both}")
    if "ferplus" in result:
        votes = result["ferplus"]
        print(f"{votes['n']} faces have a majority of FER+'s votes, {votes['no_majority']} have none; "
              f"of the former, {votes['agreement']:.1%} are labelled so by FER2013")  # fmt: skip
        print(f"{'label':9}" + "".join(f"{emotion:>10}" for emotion in EMOTIONS) + "  by most voters")
        for emotion, row in zip(EMOTIONS, votes["matrix"], strict=True):
            print(f"{emotion:9}" + "".join(f"{number:10d}" for number in row))
