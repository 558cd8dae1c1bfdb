"""Conversion: a trained network becomes the model that ships, a ``.keras`` file with its card."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from albumsort.emotions import EMOTIONS
from albumsort.training import calibrate, evaluate
from albumsort.training.datasets import Faces
from albumsort.training.fit import fit, logits
from albumsort.training.network import without_training
from albumsort.training.recipe import Recipe


def train(
    recipe: Recipe, faces: Faces, folder: Path, command: str, report: Callable[[str], None] = lambda line: None
) -> Path:
    """Train on the Training split, calibrate on the part of it that is held out, and write what ships.

    Args:
        recipe: what to do.
        faces: with FER+ votes.
        folder: gets ``NAME.keras``, its card ``NAME.json`` and the run's checkpoint and history; a run that was stopped
            goes on.
        command: how this was called, for the card.
        report: called with one line an epoch.

    Returns:
        the model file.

    Raises:
        DataError: as ``fit`` does.
    """
    training, held_out = faces.split("Training").hold_out(recipe.fit.hold_out, recipe.seed)
    report(f"{len(training)} faces to learn from, {len(held_out)} held out")
    trained = fit(recipe, training, held_out, folder / "run", report)
    said = logits(trained, held_out)
    truth = {"fer2013": held_out.labels, "perceived": held_out.majority}
    temperatures, measured = {}, {}
    for head, codes in truth.items():
        answers, known = said[head][:, : len(EMOTIONS)], codes >= 0
        temperatures[head] = calibrate.temperature(answers[known], codes[known])
        result = evaluate.figures(calibrate.softmax(answers / temperatures[head]), codes)
        before = evaluate.figures(calibrate.softmax(answers), codes)["ece"]
        measured[head] = {
            "n": result["n"], "accuracy": result["accuracy"], "ece": result["ece"], "ece_before": before
        }  # fmt: skip
    card = {
        "recipe": recipe.as_dict(),
        "command": command,
        "backend": f"{keras.backend.backend()}, Keras {keras.__version__}",
        "data": f"FER2013 Training with FER+ votes, {len(training)} faces",
        "held_out": measured,
    }
    return write(trained, recipe, temperatures, card, folder)


def _drop_empty_options(path: Path) -> None:
    """Take options that are None out of a ``.keras`` file's description.

    Each version of Keras adds some, None by default, and refuses those that it does not know: without them, any Keras 3
    that knows the layers can load the file.
    """

    def drop(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: drop(value) for key, value in node.items() if value is not None}
        return [drop(value) for value in node] if isinstance(node, list) else node

    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    description = json.loads(parts["config.json"])
    for layer in description["config"]["layers"]:
        layer["config"] = drop(layer["config"])
    parts["config.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)


def write(
    trained: keras.Model, recipe: Recipe, temperatures: dict[str, float], training: dict[str, Any], folder: Path
) -> Path:
    """Write a network without what only training needs, and the card that says what it is."""
    network = without_training(trained, recipe.network)
    path = folder / f"{recipe.name}.keras"
    network.save(path)
    _drop_empty_options(path)
    card = {
        "name": recipe.name,
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
        "labels": list(EMOTIONS),
        "temperatures": temperatures,
        "training": training,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return path
