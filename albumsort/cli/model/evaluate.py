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
from albumsort.emotions import SCHEMES, in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from albumsort.training.datasets import Faces
    from albumsort.vision.models import ModelCard

_log = logging.getLogger("albumsort.cli")


def evaluate(
    data: Data,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            rich_help_panel=DATA,
            help="train, validation or test; in fer2013.csv these are Training, PublicTest and PrivateTest. "
            "Default: validation if there is one, else test.",
        ),
    ] = None,
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
        albumsort model evaluate fer2013.csv --split test --plots plots
    """
    from albumsort.emotions import scheme_of
    from albumsort.training.evaluate import figures
    from albumsort.training.splits import split_named
    from albumsort.vision.classifier import EmotionClassifier
    from albumsort.vision.models import model_in_use, read_card

    if split and split_named(split) is None:
        raise typer.BadParameter(f"--split {split}: write train, validation or test")
    model = model or model_in_use()
    card = read_card(model)
    everything, _ = load_faces(data, ferplus)
    faces = everything.split(split or everything.test_split)
    scheme = scheme_of(card.labels)
    truths = _truths(faces, scheme, card)
    _describe(card, scheme, truths)
    heads = {name: "fer2013" if name == "fer2013" else "perceived" for name in truths}
    probabilities = {
        name: read_faces(EmotionClassifier(model, head, device), faces.pixels) for name, head in heads.items()
    }
    result = {name: figures(probabilities[name], truth) for name, truth in truths.items()}
    measured_on = everything.split_name(str(faces.usage[0])) or "all"
    if plots:
        from albumsort.training.plots.figures import targets

        names = [path.name for name in result for path in targets(name, plots, plot_format)]
        title = f"the model {card.name} on {measured_on}{'' if everything.has_splits else ' faces'}"
        with plots_into(plots, names, data, ferplus, force) as folder:
            _draw(folder, plot_format, title, scheme, result, faces, probabilities, truths)
    if as_json:
        print(json.dumps(result))
        return
    is_only = len(result) == 1 and faces.is_of_folders
    for name, values in result.items():
        _print_figures(measured_on if is_only else f"{name}, {measured_on}", values, scheme)


def _describe(card: ModelCard, scheme: str, truths: Mapping[str, NDArray[np.int64]]) -> None:
    """Say what is to be known of a model to understand its figures."""
    if scheme != "seven":
        left_out = "; other faces do not count" if None in SCHEMES[scheme] else ""
        _log.info("%s tells apart %s%s", card.name, ", ".join(in_words(scheme).values()), left_out)
    if "perceived" in truths:
        _log.info("%s has two heads: fer2013, as FER2013 labels faces, and perceived, as people see them", card.name)
    recipe = card.training.get("recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("fit"), dict) and recipe["fit"].get("faces") == "all":
        _log.info(
            "%s has learnt from faces of all splits: if these are among them, the figures are too good; "
            "albumsort model info --model FILE has those on held-out faces",
            card.name,
        )


def _truths(faces: Faces, scheme: str, card: ModelCard) -> dict[str, NDArray[np.int64]]:
    """The true code of each face by FER2013's labels and, if there are votes, by FER+'s majority; -1 for none.

    The names of class folders are what each head of a model is compared with, under the name of the head.
    """
    from albumsort.training.datasets import in_scheme

    truths = {"fer2013": faces.labels}
    if faces.has_votes:
        truths["ferplus"] = faces.majority
    elif faces.is_of_folders and "perceived" in card.temperatures:
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


def _print_figures(measured_on: str, values: dict[str, Any], scheme: str) -> None:
    print(f"{measured_on}: {values['n']} faces")
    if not values["n"]:
        return
    print("  " + summary(values))
    words = in_words(scheme)
    width = max(9, *map(len, words.values()))
    for emotion, word in words.items():
        scores = values["per_emotion"][emotion]
        shown = "  ".join(
            f"{key} {scores[key]:6.1%}" if scores[key] is not None else f"{key}    -  "
            for key in ("precision", "recall", "f1")
        )
        print(f"  {word:{width}}{scores['n']:6d}  {shown}")
