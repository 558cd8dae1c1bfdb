"""Training: makes a calibrated model with its card from a recipe and a data set."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import labels_of
from albumsort.training import calibrate, evaluate
from albumsort.training.augment import class_indices
from albumsort.training.datasets import DataError, Faces
from albumsort.training.fit import Progress, fit
from albumsort.training.fit import check as check_fit
from albumsort.training.model_file import write
from albumsort.training.network import for_inference, logits, round_to_float16
from albumsort.training.predict import predict
from albumsort.training.recipe import Recipe
from albumsort.training.run import run_folder
from albumsort.training.teachers import PREDICTIONS, mirrored_probabilities, teacher_digests, write_predictions

_log = logging.getLogger("albumsort.training")

#: The largest number of faces on which the epochs of a fold are measured, unless a decision depends on the figures.
_MEASURED_IN_FOLD = 1000
#: The figures that go into a card.
_ON_CARD: tuple[str, ...] = ("n", "accuracy", "top2", "top3", "mean_recall", "ece")


class RunSplit(NamedTuple):
    """How the faces are split for one run.

    Attributes:
        training: the faces that the run learns from.
        held_out: the faces that it does not learn from.
        unseen: the held-out faces without exact copies of training faces. Figures are measured on these.
        folder: where the run is.
    """

    training: Faces
    held_out: Faces
    unseen: Faces
    folder: Path


@dataclass(frozen=True)
class _TrainedRun:
    """The network of one run.

    Attributes:
        network: for inference, not yet divided by the temperatures.
        learnt: how many faces it learnt from.
        held_out: the faces that it did not learn from.
        temperatures: by head.
        measured: figures on unseen held-out faces, by head.
    """

    network: keras.Model
    learnt: int
    held_out: Faces
    temperatures: dict[str, float]
    measured: dict[str, dict[str, Any]]


def train(
    recipe: Recipe,
    faces: Faces,
    folder: Path,
    command: str,
    progress: Progress | None = None,
    data: str = "unnamed data",
    teachers: Mapping[str, Path] | None = None,
) -> Path:
    """Train by a recipe, calibrate on held-out faces, measure on the test splits, and write the model.

    If the folder holds an interrupted run of the same recipe on the same faces, the run continues.

    Args:
        recipe: the recipe.
        faces: the whole data set. A recipe with the head ``perceived`` needs the votes of FER+.
        folder: gets ``NAME.keras``, its card ``NAME.json``, its recipe ``NAME.toml``, and the run with its checkpoint
            and history. A recipe with folds also writes ``NAME.npz``, the out-of-fold predictions: the probabilities of
            each face from the network that did not learn from it.
        command: the command line, for the card.
        progress: called as epochs go on.
        data: a description of the faces, for the card.
        teachers: the file of each teacher in the recipe, by name: a model, or out-of-fold predictions.

    Returns:
        the model file.

    Raises:
        DataError: as for ``fit``; or no held-out face has a majority of votes; or the folder holds a model of this name
            that was not trained in it.
    """
    other = folder / f"{recipe.name}.keras"
    if other.exists() and not run_folder(folder).exists():
        raise DataError(f"{other}: a model that was not trained here is kept; choose another folder: --out DIR")
    faces = faces.in_scheme(recipe.labels)
    runs = []
    for fold, split in enumerate(run_splits(recipe, faces, folder), 1):
        if recipe.fit.folds:
            _log.info("fold %d of %d:", fold, recipe.fit.folds)
        runs.append(_train_run(recipe, split, progress, teachers))
    if len(runs) > 1:
        accuracies = [run.measured["fer2013"]["accuracy"] for run in runs]
        mean, deviation = np.mean(accuracies), np.std(accuracies)
        _log.info(f"{len(runs)} folds: {mean:.1%} right on average, with a deviation of {deviation:.1%}")
        _write_out_of_fold(runs, folder / f"{recipe.name}{PREDICTIONS}")
    # Any fold's model would do. The model with the best figures would only be the luckiest one.
    kept = runs[0]
    _log.info("measuring the model…")
    tests = {name: faces.split(name) for name in ("PublicTest", "PrivateTest") if name in faces.usage}
    if recipe.fit.faces == "all":
        tests = {}  # the network has learnt from these faces
    card = {
        "recipe": recipe.as_dict(),
        "command": command,
        "backend": f"{keras.backend.backend()}, Keras {keras.__version__}",
        "data": f"{data}, {kept.learnt} faces",
        **({"teachers": teacher_digests(recipe, teachers)} if teachers else {}),
        "held_out": kept.measured,
        **({"folds": [run.measured for run in runs]} if len(runs) > 1 else {}),
        "tests": {name: _measured(kept.network, test, recipe, kept.temperatures) for name, test in tests.items()},
    }
    return write(kept.network, recipe, kept.temperatures, card, folder)


def check(recipe: Recipe, faces: Faces, folder: Path, teachers: Mapping[str, Path] | None = None) -> None:
    """Check that ``train`` with these arguments could begin or continue.

    Raises:
        DataError: as for ``train``, except for errors that only training can show.
    """
    for split in run_splits(recipe, faces.in_scheme(recipe.labels), folder):
        check_fit(recipe, split.training, _measured_in_epochs(split.unseen, recipe), split.folder, teachers or {})


def training_size(recipe: Recipe, faces: Faces) -> int:
    """The number of faces that ``train`` learns from; for a recipe with folds, in the first fold."""
    return len(_parted(recipe, _learning(recipe, faces.in_scheme(recipe.labels)), 0)[0])


def precision_option(recipe: Recipe) -> str:
    """The option ``--precision`` for a command line that trains this recipe; '' if the default will do."""
    return f" --precision {recipe.fit.precision}" if recipe.names_precision else ""


def run_splits(recipe: Recipe, faces: Faces, folder: Path) -> Iterator[RunSplit]:
    """The split of each run: one for each fold, or a single one for a recipe without folds.

    Args:
        recipe: what to do.
        faces: the data set, in the recipe's label scheme.
        folder: the folder of the model.

    Raises:
        DataError: the recipe has the head ``perceived``, but no unseen face has a majority of votes.
    """
    learning = _learning(recipe, faces)
    for fold in range(max(1, recipe.fit.folds)):
        training, held_out = _parted(recipe, learning, fold)
        unseen = _unseen(held_out, training)
        if "perceived" in recipe.heads and len(unseen) and not (unseen.majority >= 0).any():
            raise DataError(f"people agree on none of the {len(unseen)} held-out faces; raise hold_out")
        yield RunSplit(training, held_out, unseen, run_folder(folder, fold))


def apply_matrices(network: keras.Model, held_out: Faces, recipe: Recipe) -> None:
    """Fit the calibration matrices that a recipe names, and fold each into the last layer of its head.

    Args:
        network: is changed in place.
        held_out: the faces to fit on.
        recipe: ``fit.matrix`` names the heads.
    """
    predicted, classes = logits(network, held_out), len(labels_of(recipe.labels))
    for head, truth in _truths(held_out, recipe).items():
        if head in recipe.fit.matrix:
            indices = class_indices(truth, recipe.labels)
            is_known = indices >= 0
            head_logits = predicted[head][is_known, :classes]
            temperature = calibrate.fit_temperature(head_logits, indices[is_known])
            matrix, addend = calibrate.fit_matrix(head_logits / temperature, indices[is_known])
            layer = network.get_layer(head)
            kernel, bias = (np.array(weights, np.float64) for weights in layer.get_weights())
            kernel[:, :classes] = kernel[:, :classes] @ matrix
            bias[:classes] = bias[:classes] @ matrix + addend * temperature
            layer.set_weights([kernel, bias])


def _train_run(
    recipe: Recipe, split: RunSplit, progress: Progress | None, teachers: Mapping[str, Path] | None
) -> _TrainedRun:
    count, unseen = len(split.held_out), len(split.unseen)
    copies = f", {count - unseen} of which are copies that do not count" if unseen < count else ""
    _log.info(f"{len(split.training)} faces to learn from, {count} held out{copies}")
    measured = _measured_in_epochs(split.unseen, recipe)
    trained = fit(recipe, split.training, measured, split.folder, progress, teachers)
    network = for_inference(trained, recipe)
    apply_matrices(network, split.unseen, recipe)
    round_to_float16(network)  # before the network is measured, so that the figures are those of the file
    temperatures, figures = _calibrated(network, split.unseen, recipe)
    return _TrainedRun(network, len(split.training), split.held_out, temperatures, figures)


def _learning(recipe: Recipe, faces: Faces) -> Faces:
    """The faces that may be learnt from, including those to hold out."""
    return faces if recipe.fit.faces == "all" else faces.split("Training")


def _parted(recipe: Recipe, faces: Faces, fold: int) -> tuple[Faces, Faces]:
    """The faces of one run as (training, held out); folds count from 0."""
    if recipe.fit.folds:
        return faces.fold(fold, recipe.fit.folds, recipe.seed)
    return faces.hold_out(recipe.fit.hold_out, recipe.seed)


def _unseen(held_out: Faces, training: Faces) -> Faces:
    """The held-out faces without copies among the training faces: FER2013 has many faces twice."""
    learnt = {face.tobytes() for face in training.pixels}
    return held_out.where(np.array([face.tobytes() not in learnt for face in held_out.pixels], bool))


def _measured_in_epochs(unseen: Faces, recipe: Recipe) -> Faces:
    """The faces on which each epoch is measured; in a fold, some are enough if no decision depends on the figures."""
    decides = not recipe.fit.folds or recipe.fit.stop or recipe.fit.plateau
    return unseen if decides else unseen.where(np.arange(min(len(unseen), _MEASURED_IN_FOLD)))


def _write_out_of_fold(runs: Sequence[_TrainedRun], path: Path) -> None:
    """Write the calibrated probabilities of all faces, each from the network that did not learn from that face."""
    by_fold = [mirrored_probabilities(run.network, run.held_out, run.temperatures) for run in runs]
    pixels = np.concatenate([run.held_out.pixels for run in runs])
    write_predictions(path, pixels, {head: np.concatenate([fold[head] for fold in by_fold]) for head in by_fold[0]})


def _calibrated(
    network: keras.Model, unseen: Faces, recipe: Recipe
) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """The temperature of each head, and the head's figures on the faces on which it was fitted."""
    predicted, labels = logits(network, unseen), labels_of(recipe.labels)
    temperatures = {}
    for head, truth in _truths(unseen, recipe).items():
        indices = class_indices(truth, recipe.labels)
        is_known = indices >= 0
        temperatures[head] = calibrate.fit_temperature(predicted[head][is_known, : len(labels)], indices[is_known])
    measured = _measured(network, unseen, recipe, temperatures)
    for head, uncalibrated in _measured(network, unseen, recipe, dict.fromkeys(temperatures, 1.0)).items():
        measured[head]["ece_before"] = uncalibrated["ece"]
    return temperatures, measured


def _truths(faces: Faces, recipe: Recipe) -> dict[str, NDArray[np.int64]]:
    """The true FER2013 codes ``(n,)`` for each head of the recipe, -1 where a face has none."""
    truths = {"fer2013": faces.labels, "perceived": faces.majority}
    return {head: truth for head, truth in truths.items() if head in recipe.heads}


def _measured(
    network: keras.Model, faces: Faces, recipe: Recipe, temperatures: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """The figures that go into a card, by head."""
    probabilities = predict(network, faces, labels_of(recipe.labels), temperatures, recipe.is_mirrored)
    measured = {}
    for head, truth in _truths(faces, recipe).items():
        result = evaluate.figures(probabilities[head], truth)
        measured[head] = {name: result[name] for name in _ON_CARD if name in result}
    return measured
