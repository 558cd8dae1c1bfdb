"""Fitting: trains a network by its recipe, epoch by epoch. An interrupted run continues after its last whole epoch."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.training.augment import AugmentedFaces, classes_of
from albumsort.training.datasets import DataError, Faces
from albumsort.training.network import logits
from albumsort.training.recipe import ITSELF, Cycle, Plateau, Recipe, Stop
from albumsort.training.run import Run, claim, watched
from albumsort.training.run import check as check_folder
from albumsort.training.teach import ANSWERS, named, said_by, write_answers
from albumsort.training.teach import said as said_of

_log = logging.getLogger("albumsort.training")


@dataclass(frozen=True)
class Epoch:
    """An epoch that is trained, measured and saved.

    Attributes:
        number: counted from 1 over the whole run.
        folder: the run's folder, which holds ``checkpoint-NUMBER.keras``.
        history: all lines of ``history.csv``; the last one is this epoch's.
    """

    number: int
    folder: Path
    history: Sequence[Mapping[str, str]]


#: Called after each epoch. An exception that it raises ends the run, which can continue later.
Progress = Callable[[Epoch], None]


def fit(
    recipe: Recipe,
    training: Faces,
    validation: Faces,
    folder: Path,
    progress: Progress | None = None,
    teachers: Mapping[str, Path] | None = None,
) -> keras.Model:
    """Train by ``recipe`` in a folder.

    After each epoch the folder holds a checkpoint with the optimiser's state, and ``history.csv`` has one more line. If
    the folder already holds a run of the same recipe, that run continues, and sees the same faces as it would have seen
    without the interruption.

    Args:
        recipe: what to do.
        training: the faces to learn from, in the recipe's label scheme.
        validation: the faces that each epoch is measured on. The network never learns from them.
        folder: is made if it does not exist.
        progress: called after each epoch.
        teachers: the file of each teacher that the recipe names, by name: a model, or out-of-fold predictions.

    Returns:
        the network after the last epoch, or after the best one if the recipe stops early.

    Raises:
        DataError: the teachers are not those that the recipe names; the folder holds a run of another recipe, or a
            damaged one; there are fewer faces than one batch; or the loss became infinite.
    """
    teachers = teachers or {}
    claim(folder, recipe, _origin(recipe, training, validation, teachers))
    keras.utils.set_random_seed(recipe.seed)
    run = Run(folder, recipe)
    if run.epochs:
        _log.info("goes on after epoch %d of %d", run.epochs, recipe.epochs)
    for number in range(1, len(recipe.cycles) + 1):
        if run.is_past(number) and not run.lines(number):
            continue  # the cycle had nothing to learn
        _fit_cycle(run, number, training, validation, teachers, progress)
        run.keep(number)
    run.go_to(run.kept)
    if recipe.cycles[-1].averaged and run.lines(len(recipe.cycles)):
        run.go_to_mean(recipe.cycles[-1].averaged)
        _measure_norms(run, training)
        measured = _held_out(run.model, validation, recipe)
        _log.info("  ".join(["averaged", *(f"{name} {value:.5g}" for name, value in measured.items())]))
    return run.model


def _fit_cycle(
    run: Run,
    number: int,
    training: Faces,
    validation: Faces,
    teachers: Mapping[str, Path],
    progress: Progress | None,
) -> None:
    """Train the epochs of a cycle that are not done yet; cycles count from 1."""
    recipe, cycle, lines = run.recipe, run.recipe.cycles[number - 1], run.lines(number)
    if _is_over(cycle, recipe.fit.stop, lines):
        return
    run.go_to(run.epochs if lines else run.kept)
    chosen = _misread(cycle, number, run, training)
    if chosen is not None and not len(chosen):
        _log.info("cycle %d: the network misreads none of the faces; there is nothing to learn", number)
        return
    faces = training if chosen is None else training.where(chosen)
    taught = _taught(teachers, cycle, number, run, training)
    if chosen is not None:
        taught = {head: probabilities[chosen] for head, probabilities in taught.items()}
    if not lines:
        if cycle.averaged:
            run.keep_start()
        compile_model(run.model, recipe, cycle, recipe.fit.batches(len(faces)) * (cycle.horizon or cycle.epochs))
    while not _is_over(cycle, recipe.fit.stop, lines):
        run.count(number, _fit_epoch(run, faces, validation, cycle, lines, taught))
        _log.info("  ".join(f"{name} {value}" for name, value in run.history[-1].items()))
        if progress:
            progress(Epoch(run.epochs, run.folder, tuple(run.history)))
        lines = run.lines(number)


def _fit_epoch(
    run: Run,
    faces: Faces,
    validation: Faces,
    cycle: Cycle,
    lines: Sequence[dict[str, str]],
    taught: dict[str, NDArray],
) -> dict[str, float]:
    """Train one more epoch of a cycle whose history is ``lines``; returns the figures for its line."""
    batches = AugmentedFaces(faces, run.recipe, cycle, cycle.side(len(lines)), run.epochs, taught)
    _seed_dropout(run.model, run.recipe.seed, run.epochs)
    if plateau := run.recipe.fit.plateau:
        run.model.optimizer.learning_rate.assign(rate_after(cycle.peak_rate, plateau, lines))
    record = run.model.fit(batches, shuffle=False, verbose=0).history
    if not np.isfinite(record["loss"]).all():
        raise DataError(
            f"the loss of epoch {run.epochs + 1} is {record['loss'][-1]}: training ran away; lower peak_rate"
        )
    in_training = next(values[-1] for name, values in record.items() if name.endswith("accuracy"))
    return {"loss": record["loss"][-1], "in_training": in_training, **_held_out(run.model, validation, run.recipe)}


def check(recipe: Recipe, training: Faces, validation: Faces, folder: Path, teachers: Mapping[str, Path]) -> None:
    """Make sure that ``fit`` of the same could begin, or go on.

    Raises:
        DataError: as ``fit``, but for what only training shows.
    """
    check_folder(folder, recipe, _origin(recipe, training, validation, teachers))


def _origin(recipe: Recipe, training: Faces, validation: Faces, teachers: Mapping[str, Path]) -> dict[str, Any]:
    """What a run goes out from; raises DataError when there are too few faces for a recipe, or not its teachers."""
    if not len(validation):
        raise DataError(f"of {len(training)} faces, a share of {recipe.fit.hold_out} held out is none; raise hold_out")
    if len(training) < recipe.fit.batch:
        raise DataError(f"{len(training)} faces are fewer than one batch of {recipe.fit.batch}")
    digests = named(recipe, teachers)
    return {"faces": len(training), "data": training.digest("perceived" in recipe.heads), "teachers": digests}


def _measure_norms(run: Run, training: Faces) -> None:
    """Let the batch norms have the mean over an epoch's batches, as it is with the weights that the network has now."""
    cycle = run.recipe.cycles[-1]
    batches = AugmentedFaces(training, run.recipe, cycle, cycle.side(-1), run.epochs)
    norms = [layer for layer in run.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momentum = [norm.momentum for norm in norms]
    _seed_dropout(run.model, run.recipe.seed, run.epochs)
    for number in range(len(batches)):
        for norm in norms:
            norm.momentum = number / (number + 1)  # the first batch replaces what was there
        run.model(keras.ops.convert_to_tensor(batches[number][0]), training=True)
    for norm, usual in zip(norms, momentum, strict=True):
        norm.momentum = usual


def _is_over(cycle: Cycle, stop: Stop | None, lines: Sequence[dict[str, str]]) -> bool:
    """Whether a cycle with this history has come to its end."""
    if len(lines) >= cycle.epochs:
        return True
    if not stop or not lines:
        return False
    return len(lines) - 1 - int(np.argmax(watched(lines, stop.watch))) >= stop.patience


def rate_after(rate: float, plateau: Plateau, lines: Sequence[dict[str, str]]) -> float:
    """What a rate has become after a cycle's history."""
    best, stale = -np.inf, 0
    for value in watched(lines, plateau.watch):
        stale = 0 if value > best else stale + 1
        best = max(best, value)
        if stale == plateau.patience:
            rate, stale = rate * plateau.factor, 0
    return rate


def _misread(cycle: Cycle, number: int, run: Run, training: Faces) -> NDArray[np.int64] | None:
    """Places of the faces that a cycle learns from, where those are not all.

    They are chosen when it begins, and written down for when it goes on.
    """
    if not cycle.hard:
        return None
    path = run.folder / f"hard-{number}.json"
    if not run.lines(number):
        said = logits(run.model, training)["fer2013"].argmax(1)
        misread = np.flatnonzero(said != classes_of(training.labels, run.recipe.labels))
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(misread.tolist()))
        partial.replace(path)
    return np.array(json.loads(path.read_text()), np.int64)


def _taught(
    teachers: Mapping[str, Path], cycle: Cycle, number: int, run: Run, training: Faces
) -> dict[str, NDArray[np.float32]]:
    """What the teachers of a cycle say of the faces: the mean of their probabilities by head, none without any.

    What the network itself says when the cycle begins is written down for when it goes on.
    """
    said = [said_by(teachers[name], training) for name in cycle.taught_by if name != ITSELF]
    if ITSELF in cycle.taught_by:
        path = run.folder / f"taught-{number}{ANSWERS}"
        if not run.lines(number):
            partial = path.with_suffix(".partial")
            write_answers(partial, training.pixels, said_of(run.model, training))
            partial.replace(path)
        said.append(said_by(path, training))
    return {head: np.mean([one[head] for one in said], 0) for head in said[0]} if said else {}


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Checkpoints do not hold the state of dropout's generators; seeded by epoch, a resumed run draws the same."""
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(dropouts):
        layer.seed_generator.state.assign([seed + epoch, number])


def compile_model(model: keras.Model, recipe: Recipe, cycle: Cycle, steps: int) -> None:
    """Give the network its losses and its optimiser for a cycle of ``steps`` batches in all."""
    warmup = min(cycle.warmup_steps, max(1, steps // 10))
    optimizer: keras.optimizers.Optimizer
    if recipe.fit.optimiser == "adam":
        optimizer = keras.optimizers.Adam(cycle.peak_rate)
    else:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=cycle.peak_rate / 100,
            warmup_target=cycle.peak_rate,
            warmup_steps=warmup,
            decay_steps=max(1, steps - warmup),
        )
        optimizer = keras.optimizers.SGD(rate, momentum=recipe.fit.momentum, nesterov=True)
    losses = {"fer2013": _loss(recipe), "perceived": keras.losses.CategoricalCrossentropy(from_logits=True)}
    metrics = {"fer2013": [keras.metrics.CategoricalAccuracy(name="accuracy")]}
    model.compile(optimizer=optimizer, loss={head: losses[head] for head in recipe.heads}, metrics=metrics)


def _loss(recipe: Recipe) -> keras.losses.Loss:
    """Of the FER2013 head."""
    kinds = {"softmax": keras.losses.CategoricalCrossentropy, "sigmoid": keras.losses.BinaryCrossentropy}
    return kinds[recipe.fit.loss](from_logits=True, label_smoothing=recipe.fit.label_smoothing)


def _held_out(model: keras.Model, faces: Faces, recipe: Recipe) -> dict[str, float]:
    """Share of right answers of the heads, over all faces and over those with a majority, and the former's loss."""
    said = logits(model, faces)
    classes = classes_of(faces.labels, recipe.labels)
    line = {"fer2013": float((said["fer2013"].argmax(1) == classes).mean())}
    if "perceived" in said:
        voted = faces.majority >= 0
        right = said["perceived"][:, : len(EMOTIONS)].argmax(1) == faces.majority
        line["perceived"] = float(right[voted].mean()) if voted.any() else float("nan")
    wanted = keras.utils.to_categorical(classes, said["fer2013"].shape[1])
    line["held_out_loss"] = float(_loss(recipe)(wanted, said["fer2013"]))
    return line
