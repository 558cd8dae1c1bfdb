"""albumsort model data."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
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
        _print_exploration(result, faces.split_name)


def _print_exploration(result: dict[str, Any], split_name: Callable[[str], str]) -> None:
    width = max(10, *map(len, result["splits"]))
    print(f"{'':{width}}" + "".join(f"{emotion:>10}" for emotion in EMOTIONS) + f"{'all':>10}")
    for split, counts in result["splits"].items():
        line = "".join(f"{number:10d}" for number in (*counts.values(), sum(counts.values())))
        print(f"{split_name(split):{width}}{line}")
    reasons = "".join(f"; {number}: {reason}" for reason, number in result["broken"].items())
    print(f"{sum(result['broken'].values())} rows are broken and left out{reasons}")
    print(f"\n{'faces with':12}{'a copy':>10}{'another label':>16}{'another split':>16}{'both':>8}")
    for kind, copies in result["duplicates"].items():
        numbers = copies["other_label"], sum(copies["across_splits"].values()), copies["across_splits_other_label"]
        print(
            f"{kind:12}{copies['faces']:10d}" + "".join(f"{n:{w}d}" for n, w in zip(numbers, (16, 16, 8), strict=True))
        )
    print("exact: a copy with the same pixels; near: the same picture with slightly different pixels.")
    print("The other columns count those whose copy has another label, is in another split, or both.")
    if "ferplus" in result:
        votes = result["ferplus"]
        print(f"\n{votes['n']} of {result['n']} faces have a majority of FER+'s votes.")
        print(f"For {votes['agreement']:.1%} of these, FER2013's label is the same.")
        print("FER2013's label is on the left, and the emotion by most voters above:")
        print(f"{'':9}" + "".join(f"{emotion:>10}" for emotion in EMOTIONS))
        for emotion, row in zip(EMOTIONS, votes["matrix"], strict=True):
            print(f"{emotion:9}" + "".join(f"{number:10d}" for number in row))
