"""albumsort model evaluate."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albumsort.cli.help import DATA, OUTPUT
from albumsort.cli.model.figures import summary
from albumsort.cli.model.labelled import Data, FerPlus, PlotFormat, load_faces, plots_into
from albumsort.cli.model.progress import read_faces
from albumsort.cli.options import Device, ForcePlots, Json, Model
from albumsort.cli.values import folder_of_plots

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from albumsort.training.datasets import Faces

_log = logging.getLogger("albumsort.cli")


def evaluate(
    data: Data,
    split: Annotated[
        str, typer.Option(metavar="SPLIT", rich_help_panel=DATA, help="Training, PublicTest or PrivateTest.")
    ] = "PublicTest",
    ferplus: FerPlus = None,
    model: Model = None,
    device: Device = "auto",
    plots: Annotated[
        Path | None,
        typer.Option(
            callback=folder_of_plots,
            metavar="FOLDER",
            rich_help_panel=OUTPUT,
            help="Folder for plots: confusion, reliability, scores and predictions.",
        ),
    ] = None,
    plot_format: PlotFormat = "png",
    force: ForcePlots = False,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled faces.

    The faces are compared with FER2013's labels and with the votes of FER+. If the model tells fewer than seven
    emotions apart, only the faces of its emotions count.

    Examples:
        albumsort model evaluate fer2013.csv
        albumsort model evaluate fer2013.csv --split PrivateTest --plots plots
    """
    from albumsort.emotions import SCHEMES, in_words, scheme_of
    from albumsort.training.evaluate import figures
    from albumsort.vision.classifier import EmotionClassifier
    from albumsort.vision.models import model_in_use, read_card

    model = model or model_in_use()
    card = read_card(model)
    everything, _ = load_faces(data, ferplus)
    faces = everything.split(split)
    scheme = scheme_of(card.labels)
    if scheme != "seven":
        left_out = "; other faces do not count" if None in SCHEMES[scheme] else ""
        _log.info("%s tells apart %s%s", card.name, ", ".join(in_words(scheme).values()), left_out)
    truths = _truths(faces, scheme)
    heads = {"fer2013": "fer2013", "ferplus": "perceived", "perceived": "perceived"}
    probabilities = {name: read_faces(EmotionClassifier(model, heads[name], device), faces.pixels) for name in truths}
    result = {name: figures(probabilities[name], truth) for name, truth in truths.items()}
    shown_split = split if everything.has_splits else "all"
    if plots:
        from albumsort.training.plots.figures import targets

        measured_on = f"{card.name} on {split if everything.has_splits else 'all faces'}"
        names = [path.name for name in result for path in targets(name, plots, plot_format)]
        with plots_into(plots, names, data, ferplus, force) as folder:
            _draw(folder, plot_format, measured_on, scheme, result, faces, probabilities, truths)
    if as_json:
        print(json.dumps(result))
        return
    for name, values in result.items():
        _print_figures(name, shown_split, values)


def _truths(faces: Faces, scheme: str) -> dict[str, NDArray[np.int64]]:
    """The true code of each face by FER2013's labels and, if there are votes, by FER+'s majority; -1 for none.

    The names of class folders are what both heads of a model are compared with, each under its own name.
    """
    from albumsort.training.datasets import in_scheme

    truths = {"fer2013": faces.labels}
    if faces.has_votes:
        truths["ferplus"] = faces.majority
    elif faces.is_of_folders:
        truths["perceived"] = faces.labels
    return {name: in_scheme(truth, scheme) for name, truth in truths.items()}


def _draw(
    folder: Path,
    form: str,
    measured_on: str,
    scheme: str,
    result: Mapping[str, dict[str, Any]],
    faces: Faces,
    probabilities: Mapping[str, NDArray[np.float32]],
    truths: Mapping[str, NDArray[np.int64]],
) -> None:
    from albumsort.training.plots.figures import plot_figures, plot_predictions

    for name, values in result.items():
        if not values["n"]:
            _log.info("%s: none of the faces counts, so nothing is drawn", name)
            continue
        plot_figures(name, values, folder, measured_on, scheme, form)
        plot_predictions(name, faces.pixels, probabilities[name], truths[name], folder, measured_on, scheme, form)


def _print_figures(name: str, split: str, values: dict[str, Any]) -> None:
    print(f"{name}, {split}: {values['n']} faces")
    if not values["n"]:
        return
    print("  " + summary(values))
    for emotion, scores in values["per_emotion"].items():
        shown = "  ".join(
            f"{key} {scores[key]:6.1%}" if scores[key] is not None else f"{key}    -  "
            for key in ("precision", "recall", "f1")
        )
        print(f"  {emotion:9}{scores['n']:6d}  {shown}")
