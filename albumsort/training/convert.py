"""Conversion: a trained network becomes the model that ships, a ``.keras`` file with its card."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import labels_of
from albumsort.files import sha256
from albumsort.training import calibrate, evaluate, recipe_file, teach
from albumsort.training.augment import classes_of
from albumsort.training.datasets import DataError, Faces
from albumsort.training.fit import Progress, fit
from albumsort.training.fit import check as check_fit
from albumsort.training.network import logits, shorten, without_training
from albumsort.training.read import read
from albumsort.training.recipe import Recipe
from albumsort.training.run import folder_of

_log = logging.getLogger("albumsort.training")

#: Faces of a fold on which its epochs are measured.
_SOME = 1000


def train(
    recipe: Recipe,
    faces: Faces,
    folder: Path,
    command: str,
    progress: Progress | None = None,
    data: str = "unnamed data",
    teachers: Mapping[str, Path] | None = None,
) -> Path:
    """Train on the recipe's faces, calibrate on a held-out part of them, measure on the test splits, write the model.

    Args:
        recipe: what to do.
        faces: all of the data set; with what people perceive, for the head of that name.
        data: what the faces are, for the card.
        folder: gets ``NAME.keras``, its card ``NAME.json``, its recipe ``NAME.toml`` and the run's checkpoint and
            history; a run that was stopped goes on. Of a recipe with folds also ``NAME.npz``: of each face, what the
            network says that has not learnt from it.
        command: how this was called, for the card.
        teachers: by name, the files of those that the recipe wants: models, or answers of folds.
        progress: called after each epoch.

    Returns:
        the model file.

    Raises:
        DataError: as ``fit`` does; or no held-out face has a majority.
    """
    faces = faces.in_scheme(recipe.labels)
    folds = []
    for training, held_out, unseen, run in runs(recipe, faces, folder):
        copies = f", {len(held_out) - len(unseen)} of which are copies that do not count" * (
            len(unseen) < len(held_out)
        )
        _log.info(f"{len(training)} faces to learn from, {len(held_out)} held out{copies}")
        trained = fit(recipe, training, _watched(unseen, recipe), run, progress, teachers)
        network = without_training(trained, recipe)
        _even_out(network, unseen, recipe)
        shorten(network)  # what is used is what is measured
        folds.append(_Fold(network, len(training), held_out, *_calibrated(network, unseen, recipe)))
    if len(folds) > 1:
        right = [fold.measured["fer2013"]["accuracy"] for fold in folds]
        _log.info(
            f"{len(folds)} folds: {np.mean(right):.1%} right in the mean, with a deviation of {np.std(right):.1%}"
        )
        _write_answers(folds, folder / f"{recipe.name}{teach.ANSWERS}")
    # Each part's model would do: to take the one with the best figures would be to choose by luck.
    kept = folds[0]
    tests = {name: faces.split(name) for name in ("PublicTest", "PrivateTest") if name in faces.usage}
    if recipe.fit.faces == "all":
        tests = {}  # the network has seen faces of theirs
    card = {
        "recipe": recipe.as_dict(),
        "command": command,
        "backend": f"{keras.backend.backend()}, Keras {keras.__version__}",
        "data": f"{data}, {kept.learnt} faces",
        **({"teachers": teach.named(recipe, teachers)} if teachers else {}),
        "held_out": kept.measured,
        **({"folds": [fold.measured for fold in folds]} if len(folds) > 1 else {}),
        "tests": {name: _measured(kept.network, test, recipe, kept.temperatures) for name, test in tests.items()},
    }
    return write(kept.network, recipe, kept.temperatures, card, folder)


def check(recipe: Recipe, faces: Faces, folder: Path, teachers: Mapping[str, Path] | None = None) -> None:
    """Make sure that ``train`` of the same could begin, or go on.

    Raises:
        DataError: as ``train``, but for what only training shows.
    """
    for training, _, unseen, run in runs(recipe, faces.in_scheme(recipe.labels), folder):
        check_fit(recipe, training, _watched(unseen, recipe), run, teachers or {})


def learns_from(recipe: Recipe, faces: Faces) -> int:
    """From how many of the faces ``train`` learns, in the first run of several."""
    return len(_parted(recipe, _learning(recipe, faces.in_scheme(recipe.labels)), 0)[0])


def precision_told(recipe: Recipe) -> str:
    """The option that a command needs for the precision of a recipe."""
    return f" --precision {recipe.fit.precision}" if recipe.names_precision else ""


def runs(recipe: Recipe, faces: Faces, folder: Path) -> Iterator[tuple[Faces, Faces, Faces, Path]]:
    """(to learn from, held out, of these not among the former as copies, where the run is), fold by fold."""
    learning = _learning(recipe, faces)
    for fold in range(max(1, recipe.fit.folds)):
        training, held_out = _parted(recipe, learning, fold)
        unseen = _unseen(held_out, training)
        if "perceived" in recipe.heads and len(unseen) and not (unseen.majority >= 0).any():
            raise DataError(f"none of the {len(unseen)} held-out faces is one that people agree on; raise hold_out")
        yield training, held_out, unseen, folder_of(folder, fold)


@dataclass(frozen=True)
class _Fold:
    """A trained network, how many faces it learnt from, those that were held out, and what they say of it."""

    network: keras.Model
    learnt: int
    held_out: Faces
    temperatures: dict[str, float]
    measured: dict[str, dict[str, Any]]


def _learning(recipe: Recipe, faces: Faces) -> Faces:
    return faces if recipe.fit.faces == "all" else faces.split("Training")


def _parted(recipe: Recipe, faces: Faces, fold: int) -> tuple[Faces, Faces]:
    """(to learn from, held out) of one run."""
    if recipe.fit.folds:
        return faces.fold(fold, recipe.fit.folds, recipe.seed)
    return faces.hold_out(recipe.fit.hold_out, recipe.seed)


def _unseen(held_out: Faces, training: Faces) -> Faces:
    """The held-out faces without those that are among the others, too, pixel by pixel: FER2013 has many twice."""
    learnt = {face.tobytes() for face in training.pixels}
    return held_out.where(np.array([face.tobytes() not in learnt for face in held_out.pixels], bool))


def _watched(held_out: Faces, recipe: Recipe) -> Faces:
    """The held-out faces on which epochs are measured: of a fold, by which nothing is decided, some are enough."""
    decides = not recipe.fit.folds or recipe.fit.stop or recipe.fit.plateau
    return held_out if decides else held_out.where(np.arange(min(len(held_out), _SOME)))


def _write_answers(folds: Sequence[_Fold], path: Path) -> None:
    """Write down what the network of each fold says of the faces that it has not learnt from, calibrated on them."""
    said = [teach.said(fold.network, fold.held_out, fold.temperatures) for fold in folds]
    asked = np.concatenate([fold.held_out.pixels for fold in folds])
    teach.write_answers(path, asked, {head: np.concatenate([one[head] for one in said]) for head in said[0]})


def _even_out(network: keras.Model, held_out: Faces, recipe: Recipe) -> None:
    """Make the matrices that a recipe asks for a part of the heads' last layers."""
    said, classes = logits(network, held_out), len(labels_of(recipe.labels))
    for head, truth in _truths(held_out, recipe).items():
        if head in recipe.fit.matrix:
            right = classes_of(truth, recipe.labels)
            answers, right = said[head][right >= 0, :classes], right[right >= 0]
            temperature = calibrate.temperature(answers, right)
            matrix, addend = calibrate.matrix(answers / temperature, right)
            layer = network.get_layer(head)
            kernel, bias = (np.array(weights, np.float64) for weights in layer.get_weights())
            kernel[:, :classes] = kernel[:, :classes] @ matrix
            bias[:classes] = bias[:classes] @ matrix + addend * temperature
            layer.set_weights([kernel, bias])


def _calibrated(
    network: keras.Model, held_out: Faces, recipe: Recipe
) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """The temperature of each head, and its figures on the faces by which that was chosen."""
    said, labels = logits(network, held_out), labels_of(recipe.labels)
    temperatures = {}
    for head, truth in _truths(held_out, recipe).items():
        classes = classes_of(truth, recipe.labels)
        temperatures[head] = calibrate.temperature(said[head][classes >= 0, : len(labels)], classes[classes >= 0])
    measured = _measured(network, held_out, recipe, temperatures)
    for head, uncalibrated in _measured(network, held_out, recipe, dict.fromkeys(temperatures, 1.0)).items():
        measured[head]["ece_before"] = uncalibrated["ece"]
    return temperatures, measured


#: Figures that a card keeps.
_ON_CARD: tuple[str, ...] = ("n", "accuracy", "top2", "top3", "mean_recall", "ece")


def _truths(faces: Faces, recipe: Recipe) -> dict[str, NDArray[np.int64]]:
    """The right answer of each head, -1 where there is none."""
    truths = {"fer2013": faces.labels, "perceived": faces.majority}
    return {head: truth for head, truth in truths.items() if head in recipe.heads}


def _measured(
    network: keras.Model, faces: Faces, recipe: Recipe, temperatures: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """The figures of each head that fit on a card."""
    answers = read(network, faces, labels_of(recipe.labels), temperatures, recipe.is_mirrored)
    done = {}
    for head, truth in _truths(faces, recipe).items():
        result = evaluate.figures(answers[head], truth)
        done[head] = {name: result[name] for name in _ON_CARD if name in result}
    return done


def _make_lasting(path: Path) -> None:
    """Take out of a ``.keras`` file what depends on the version of Keras and on the clock.

    Each version of Keras adds options, None by default, and refuses those that it does not know: without them, any
    Keras 3 that knows the layers can load the file. Without dates, the same network is the same file, with one digest.
    """

    def drop(node: Any) -> Any:
        if isinstance(node, dict):
            # Shared objects are named by where they lay in memory; ours share nothing that a loader must know.
            return {key: drop(value) for key, value in node.items() if value is not None and key != "shared_object_id"}
        return [drop(value) for value in node] if isinstance(node, list) else node

    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    description = json.loads(parts["config.json"])
    for layer in description["config"]["layers"]:
        layer["config"] = drop(layer["config"])
    parts["config.json"] = json.dumps(description).encode()
    metadata = json.loads(parts["metadata.json"])
    parts["metadata.json"] = json.dumps({"keras_version": metadata["keras_version"]}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # dated 1980, as each of them


def save(network: keras.Model, path: Path) -> str:
    """Write a network so that any Keras 3 that knows its layers can load it; returns the file's SHA-256."""
    network.save(path)
    _make_lasting(path)
    return sha256(path)


def write(
    network: keras.Model, recipe: Recipe, temperatures: dict[str, float], training: dict[str, Any], folder: Path
) -> Path:
    """Write a network that is ready for use, the card that says what it is, and its recipe."""
    path = folder / f"{recipe.name}.keras"
    digest = save(network, path)
    card = {
        "name": recipe.name,
        "digest": digest,
        "labels": list(labels_of(recipe.labels)),
        "temperatures": temperatures,
        "is_mirrored": recipe.is_mirrored,
        "training": training,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    recipe_file.write(recipe, path.with_suffix(".toml"))
    return path
