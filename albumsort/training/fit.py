"""The fit: trains a network by its recipe, epoch by epoch, so that a run that is stopped goes on where it was."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from albumsort.report.plots import plot_history
from albumsort.training.augment import AugmentedFaces
from albumsort.training.calibrate import softmax
from albumsort.training.datasets import DataError, Faces
from albumsort.training.network import build
from albumsort.training.recipe import Cycle, FitRecipe, Recipe
from albumsort.vision.models import read_card

HISTORY, CURVES, SETTINGS = "history.csv", "history.png", "recipe.json"


def fit(
    recipe: Recipe,
    training: Faces,
    validation: Faces,
    run: Path,
    report: Callable[[str], None] = lambda line: None,
    teacher: Path | None = None,
) -> keras.Model:
    """Train by ``recipe`` in the folder ``run`` and return the network of the last epoch.

    After each epoch the folder holds a checkpoint with the optimiser's state, one more line of ``history.csv`` and the
    curves of that as ``history.png``. When it already holds a run of the same recipe, that run goes on; the faces it
    sees are those it would have seen.

    Args:
        recipe: what to do.
        training: the faces to learn from.
        validation: measured after each epoch, never learnt from.
        run: made when it is not there.
        report: called with one line an epoch.
        teacher: a model file, for a recipe that wants one.

    Raises:
        DataError: the recipe wants a teacher and there is none, or the other way round; the folder holds a run of
            another recipe, or there are fewer faces than one batch.
    """
    if bool(recipe.fit.teacher_share) != (teacher is not None):
        if teacher is None:
            raise DataError("the recipe wants a teacher; give one with --teacher MODEL")
        raise DataError("the recipe has teacher_share 0, and so no use for a teacher")
    if not len(validation):
        raise DataError(f"of {len(training)} faces, a share of {recipe.fit.hold_out} held out is none; raise hold_out")
    if len(training) < recipe.fit.batch:
        raise DataError(f"{len(training)} faces are fewer than one batch of {recipe.fit.batch}")
    run.mkdir(parents=True, exist_ok=True)
    origin = {"faces": len(training), "data": training.digest(), "teacher": teacher and read_card(teacher).digest}
    settings = json.dumps({**recipe.as_dict(), **origin}, indent=1)
    if (run / SETTINGS).exists() and (run / SETTINGS).read_text() != settings:
        raise DataError(f"{run}: holds a run of another recipe or other data; choose an empty folder")
    (run / SETTINGS).write_text(settings)

    taught = _taught(teacher, training) if teacher and len(_history(run / HISTORY)) < recipe.epochs else None
    keras.utils.set_random_seed(recipe.seed)
    history = _history(run / HISTORY)
    if history:
        model = keras.models.load_model(_checkpoint(run, len(history)))
        report(f"goes on after epoch {len(history)} of {recipe.epochs}")
    else:
        model = build(recipe.network, recipe.fit.weight_decay, recipe.fit.precision)
    for epoch in range(len(history), recipe.epochs):
        cycle, place = recipe.cycle(epoch)
        if place == 0:
            compile_model(model, recipe.fit, cycle, steps=len(training) // recipe.fit.batch * cycle.epochs)
        batches = AugmentedFaces(training, recipe, epoch, taught)
        _seed_dropout(model, recipe.seed, epoch)
        record = model.fit(batches, shuffle=False, verbose=0).history
        line = {"epoch": epoch + 1, "loss": record["loss"][-1], **accuracies(model, validation)}
        model.save(_checkpoint(run, epoch + 1))
        history.append({name: f"{value:.5g}" for name, value in line.items()})
        _write_history(run / HISTORY, history)  # from here on the epoch counts
        _checkpoint(run, epoch).unlink(missing_ok=True)
        plot_history(history, run / CURVES)
        report("  ".join(f"{name} {value}" for name, value in history[-1].items()))
    return model


def _taught(teacher: Path, training: Faces) -> dict[str, np.ndarray]:
    """What a teacher says of the faces as they are: probabilities of each head."""
    said = logits(keras.models.load_model(teacher, compile=False), training)
    return {head: softmax(of_head) for head, of_head in said.items()}


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Checkpoints do not hold the state of dropout's generators; seeded by epoch, a resumed run draws the same."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([seed + epoch, 0])


def compile_model(model: keras.Model, recipe: FitRecipe, cycle: Cycle, steps: int) -> None:
    """Give the network its losses and its optimiser for a cycle of ``steps`` batches in all."""
    warmup = min(cycle.warmup_steps, max(1, steps // 10))
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=cycle.peak_rate / 100,
        warmup_target=cycle.peak_rate,
        warmup_steps=warmup,
        decay_steps=max(1, steps - warmup),
    )
    optimizer = keras.optimizers.SGD(rate, momentum=recipe.momentum, nesterov=True)
    crossentropy = keras.losses.CategoricalCrossentropy
    model.compile(
        optimizer=optimizer,
        loss={
            "fer2013": crossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
            "perceived": crossentropy(from_logits=True),
        },
    )


def logits(model: keras.Model, faces: Faces, batch: int = 128) -> dict[str, np.ndarray]:
    """The logits of each head over all faces, float32 ``(n, classes)``: the mean of a face's and its mirror image's."""
    parts = []
    for start in range(0, len(faces), batch):
        views = faces.pixels[start : start + batch, ..., None].astype(np.float32)
        looks = model.predict_on_batch(views), model.predict_on_batch(views[:, :, ::-1].copy())
        parts.append({head: (looks[0][head] + looks[1][head]) / 2 for head in looks[0]})
    return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}


def accuracies(model: keras.Model, faces: Faces) -> dict[str, float]:
    """Share of right answers of the two heads: over all faces, and over those with a majority."""
    said = logits(model, faces)
    voted = faces.majority >= 0
    right = said["perceived"][:, :7].argmax(1) == faces.majority
    return {
        "fer2013": float((said["fer2013"].argmax(1) == faces.labels).mean()),
        "perceived": float(right[voted].mean()) if voted.any() else float("nan"),
    }


def _checkpoint(run: Path, epochs: int) -> Path:
    """The network and its optimiser after so many epochs."""
    return run / f"checkpoint-{epochs}.keras"


def _history(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def _write_history(path: Path, history: list[dict[str, str]]) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
    partial.replace(path)
