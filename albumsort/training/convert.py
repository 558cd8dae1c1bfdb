"""Conversion: a trained network becomes the model that ships, a ``.keras`` file with its card."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.training import calibrate, evaluate
from albumsort.training.datasets import DataError, Faces
from albumsort.training.fit import fit, logits
from albumsort.training.network import without_training
from albumsort.training.recipe import Recipe
from albumsort.vision.models import read_card


def train(
    recipe: Recipe,
    faces: Faces,
    folder: Path,
    command: str,
    report: Callable[[str], None] = lambda line: None,
    data: str = "unnamed data",
    teacher: Path | None = None,
) -> Path:
    """Train on the Training split, calibrate on a held-out part of it, measure on the test splits, write what ships.

    Args:
        recipe: what to do.
        faces: with what people perceive, for the head of that name.
        data: what the faces are, for the card.
        folder: gets ``NAME.keras``, its card ``NAME.json`` and the run's checkpoint and history; a run that was stopped
            goes on.
        command: how this was called, for the card.
        teacher: a model file, for a recipe that wants one.
        report: called with one line an epoch.

    Returns:
        the model file.

    Raises:
        DataError: as ``fit`` does; or no held-out face has a majority.
    """
    training, held_out = faces.split("Training").hold_out(recipe.fit.hold_out, recipe.seed)
    report(f"{len(training)} faces to learn from, {len(held_out)} held out")
    if len(held_out) and not (held_out.majority >= 0).any():
        raise DataError(f"none of the {len(held_out)} held-out faces is one that people agree on; raise hold_out")
    trained = fit(recipe, training, held_out, folder / "run", report, teacher)
    network = without_training(trained, recipe.network)  # what ships is what is measured
    said = logits(network, held_out)
    temperatures = {
        head: calibrate.temperature(said[head][truth >= 0, : len(EMOTIONS)], truth[truth >= 0])
        for head, truth in _truths(held_out).items()
    }
    measured = _measured(said, held_out, temperatures)
    for head, uncalibrated in _measured(said, held_out, dict.fromkeys(temperatures, 1.0)).items():
        measured[head]["ece_before"] = uncalibrated["ece"]
    tests = {name: faces.split(name) for name in ("PublicTest", "PrivateTest") if name in faces.usage}
    card = {
        "recipe": recipe.as_dict(),
        "command": command,
        "backend": f"{keras.backend.backend()}, Keras {keras.__version__}",
        "data": f"{data}, {len(training)} faces",
        **({"teacher": read_card(teacher).digest} if teacher else {}),
        "held_out": measured,
        "tests": {name: _measured(logits(network, test), test, temperatures) for name, test in tests.items()},
    }
    return write(network, recipe.name, temperatures, card, folder)


#: Figures that a card keeps.
_ON_CARD: tuple[str, ...] = ("n", "accuracy", "top2", "mean_recall", "ece")


def _truths(faces: Faces) -> dict[str, NDArray[np.int64]]:
    """The right answer of each head, -1 where there is none."""
    return {"fer2013": faces.labels, "perceived": faces.majority}


def _measured(
    said: dict[str, NDArray[np.float32]], faces: Faces, temperatures: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """The figures of each head that fit on a card."""
    done = {}
    for head, truth in _truths(faces).items():
        answers = calibrate.softmax(said[head][:, : len(EMOTIONS)] / temperatures[head])
        result = evaluate.figures(answers, truth)
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
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(
    network: keras.Model, name: str, temperatures: dict[str, float], training: dict[str, Any], folder: Path
) -> Path:
    """Write a network that is ready for use, and the card that says what it is."""
    path = folder / f"{name}.keras"
    digest = save(network, path)
    card = {
        "name": name,
        "digest": digest,
        "labels": list(EMOTIONS),
        "temperatures": temperatures,
        "training": training,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return path
