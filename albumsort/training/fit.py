"""Fitting: trains a network by its recipe. An interrupted run continues after its last complete epoch."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.text import count
from albumsort.training.augment import AugmentedFaces, class_indices
from albumsort.training.datasets import DataError, Faces
from albumsort.training.history import figures_in_words
from albumsort.training.network import logits
from albumsort.training.recipe import ITSELF, Cycle, Plateau, Recipe, Stop
from albumsort.training.run import Run, claim, watched_values
from albumsort.training.run import check as check_folder
from albumsort.training.teachers import (
    PREDICTIONS,
    mirrored_probabilities,
    teacher_digests,
    teacher_probabilities,
    write_predictions,
)

_log = logging.getLogger("albumsort.training")


@dataclass(frozen=True)
class Epoch:
    """How far an epoch is: begun, so many batches on, or done, which means trained, measured and saved.

    Attributes:
        number: counted from 1 over the whole run.
        folder: the run's folder, which holds ``checkpoint-NUMBER.keras`` once the epoch is done.
        history: all lines of ``history.csv``; the last one is this epoch's if the epoch is done.
        recipe: the recipe of the run.
        batch: how many batches are done.
        batches: how many batches the epoch has.
        left: the work that is left after this epoch, in epochs like it; less if the run stops early.
    """

    number: int
    folder: Path
    history: Sequence[Mapping[str, str]]
    recipe: Recipe
    batch: int
    batches: int
    left: float

    @property
    def is_done(self) -> bool:
        """Whether the epoch is trained, measured and saved."""
        return len(self.history) >= self.number


#: Called when an epoch begins, after each batch, and when it is done. An exception that it raises ends the run, which
#: can continue later.
Progress = Callable[[Epoch], None]


class _Batches(keras.callbacks.Callback):
    """Tells a progress callback how many batches are done."""

    def __init__(self, epoch: Epoch, progress: Progress) -> None:
        super().__init__()
        self._epoch, self._tell = epoch, progress

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self._tell(replace(self._epoch, batch=batch + 1))


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
        recipe: the recipe.
        training: the faces to learn from, in the recipe's label scheme.
        validation: the faces that each epoch is measured on. The network never learns from them.
        folder: created if it does not exist.
        progress: called as epochs go on.
        teachers: the file of each teacher in the recipe, by name: a model, or out-of-fold predictions.

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
        _log.info(_done_in_words(run))
    for number in range(1, len(recipe.cycles) + 1):
        if run.is_past(number) and not run.lines(number):
            continue  # the cycle had nothing to learn
        _fit_cycle(run, number, training, validation, teachers, progress)
        run.keep(number)
    run.go_to(run.kept)
    if recipe.cycles[-1].averaged and run.lines(len(recipe.cycles)):
        run.go_to_mean(recipe.cycles[-1].averaged)
        _measure_norms(run, training)
        _log.info(f"averaged over the last epochs: {figures_in_words(_measured(run.model, validation, recipe))}")
    return run.model


def _fit_cycle(
    run: Run,
    number: int,
    training: Faces,
    validation: Faces,
    teachers: Mapping[str, Path],
    progress: Progress | None,
) -> None:
    """Train those epochs of a cycle that are not done yet; cycles count from 1."""
    recipe, cycle, lines = run.recipe, run.recipe.cycles[number - 1], run.lines(number)
    if _is_over(cycle, recipe.fit.stop, lines):
        return
    run.go_to(run.epochs if lines else run.kept)
    chosen = _misread_faces(cycle, number, run, training)
    if chosen is not None and not len(chosen):
        _log.info("cycle %d: the network misreads none of the faces; there is nothing to learn", number)
        return
    faces = training if chosen is None else training.where(chosen)
    taught = _mean_of_teachers(teachers, cycle, number, run, training)
    if chosen is not None:
        taught = {head: probabilities[chosen] for head, probabilities in taught.items()}
    if not lines:
        if cycle.averaged:
            run.save_start()
        compile_model(run.model, recipe, cycle, recipe.fit.batches(len(faces)) * (cycle.horizon or cycle.epochs))
    while not _is_over(cycle, recipe.fit.stop, lines):
        batches = AugmentedFaces(faces, recipe, cycle, cycle.side(len(lines)), run.epochs, taught)
        left = _work_left(recipe, number, len(lines))
        epoch = Epoch(run.epochs + 1, run.folder, tuple(run.history), recipe, 0, len(batches), left)
        if progress:
            progress(epoch)
        callbacks = [_Batches(epoch, progress)] if progress else []
        run.add_epoch(number, _fit_epoch(run, batches, validation, cycle, lines, callbacks))
        if progress:
            progress(replace(epoch, history=tuple(run.history), batch=len(batches)))
        lines = run.lines(number)


def _fit_epoch(
    run: Run,
    batches: AugmentedFaces,
    validation: Faces,
    cycle: Cycle,
    lines: Sequence[dict[str, str]],
    callbacks: list[keras.callbacks.Callback],
) -> dict[str, float]:
    """Train one more epoch of a cycle whose history is ``lines``; returns the figures for its line."""
    _seed_dropout(run.model, run.recipe.seed, run.epochs)
    if plateau := run.recipe.fit.plateau:
        run.model.optimizer.learning_rate.assign(rate_after(cycle.peak_rate, plateau, lines))
    record = run.model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks).history
    if not np.isfinite(record["loss"]).all():
        raise DataError(
            f"the loss of epoch {run.epochs + 1} is {record['loss'][-1]}: training ran away; lower peak_rate"
        )
    in_training = next(values[-1] for name, values in record.items() if name.endswith("accuracy"))
    return {"loss": record["loss"][-1], "in_training": in_training, **_measured(run.model, validation, run.recipe)}


def check(recipe: Recipe, training: Faces, validation: Faces, folder: Path, teachers: Mapping[str, Path]) -> None:
    """Check that ``fit`` with these arguments could begin or continue.

    Raises:
        DataError: as for ``fit``, except for errors that only training can show.
    """
    check_folder(folder, recipe, _origin(recipe, training, validation, teachers))


def _origin(recipe: Recipe, training: Faces, validation: Faces, teachers: Mapping[str, Path]) -> dict[str, Any]:
    """What a run starts from, to be stored in its settings.

    Raises:
        DataError: there are too few faces for the recipe, or the teachers are not those that it names.
    """
    if not len(validation):
        raise DataError(f"of {len(training)} faces, a share of {recipe.fit.hold_out} is none; raise hold_out")
    if len(training) < recipe.fit.batch:
        raise DataError(f"{len(training)} faces are fewer than one batch of {recipe.fit.batch}")
    digests = teacher_digests(recipe, teachers)
    return {"faces": len(training), "data": training.digest("perceived" in recipe.heads), "teachers": digests}


def _measure_norms(run: Run, training: Faces) -> None:
    """Recompute the running statistics of the batch norms: their mean over one epoch with the current weights."""
    cycle = run.recipe.cycles[-1]
    batches = AugmentedFaces(training, run.recipe, cycle, cycle.side(-1), run.epochs)
    norms = [layer for layer in run.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momentum = [norm.momentum for norm in norms]
    _seed_dropout(run.model, run.recipe.seed, run.epochs)
    for number in range(len(batches)):
        for norm in norms:
            norm.momentum = number / (number + 1)  # a plain mean: the first batch replaces the old statistics
        run.model(keras.ops.convert_to_tensor(batches[number][0]), training=True)
    for norm, usual in zip(norms, momentum, strict=True):
        norm.momentum = usual


def _done_in_words(run: Run) -> str:
    """How far a run is that was begun before."""
    recipe, last = run.recipe, len(run.recipe.cycles)
    if _is_over(recipe.cycles[-1], recipe.fit.stop, run.lines(last)):
        if run.epochs < recipe.epochs:
            return f"trained already: it stopped early, after {run.epochs} of at most {recipe.epochs} epochs"
        return f"trained already, for {count(run.epochs, 'epoch')}"
    return f"continues after epoch {run.epochs} of {recipe.epochs}"


def _work_left(recipe: Recipe, number: int, done: int) -> float:
    """The work that is left after an epoch, in epochs like it. The work of an epoch grows with the area of its faces.

    Args:
        recipe: the recipe.
        number: the cycle of the epoch; cycles count from 1.
        done: how many epochs of the cycle are done before it.
    """
    areas = [[cycle.side(epoch) ** 2 for epoch in range(cycle.epochs)] for cycle in recipe.cycles[number - 1 :]]
    return (sum(map(sum, areas)) - sum(areas[0][: done + 1])) / areas[0][done]


def _is_over(cycle: Cycle, stop: Stop | None, lines: Sequence[dict[str, str]]) -> bool:
    """Whether a cycle with this history is complete."""
    if len(lines) >= cycle.epochs:
        return True
    if not stop or not lines:
        return False
    return len(lines) - 1 - int(np.argmax(watched_values(lines, stop.watch))) >= stop.patience


def rate_after(rate: float, plateau: Plateau, lines: Sequence[dict[str, str]]) -> float:
    """The learning rate after a cycle's history.

    Args:
        rate: at the beginning of the cycle.
        plateau: says when and by how much the rate falls.
        lines: the history of the cycle.
    """
    best, stale = -np.inf, 0
    for value in watched_values(lines, plateau.watch):
        stale = 0 if value > best else stale + 1
        best = max(best, value)
        if stale == plateau.patience:
            rate, stale = rate * plateau.factor, 0
    return rate


def _misread_faces(cycle: Cycle, number: int, run: Run, training: Faces) -> NDArray[np.int64] | None:
    """The indices of the faces that a cycle learns from, if it learns only from misread faces; else None.

    They are chosen when the cycle begins, and saved for a run that is interrupted.
    """
    if not cycle.hard:
        return None
    path = run.folder / f"hard-{number}.json"
    if not run.lines(number):
        predicted = logits(run.model, training)["fer2013"].argmax(1)
        misread = np.flatnonzero(predicted != class_indices(training.labels, run.recipe.labels))
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(misread.tolist()))
        partial.replace(path)
    return np.array(json.loads(path.read_text()), np.int64)


def _mean_of_teachers(
    teachers: Mapping[str, Path], cycle: Cycle, number: int, run: Run, training: Faces
) -> dict[str, NDArray[np.float32]]:
    """The mean probabilities of a cycle's teachers, by head; empty for a cycle without teachers.

    The probabilities of the network itself, if it is one of its teachers, are computed when the cycle begins, and saved
    for a run that is interrupted.
    """
    by_teacher = [teacher_probabilities(teachers[name], training) for name in cycle.taught_by if name != ITSELF]
    if ITSELF in cycle.taught_by:
        path = run.folder / f"taught-{number}{PREDICTIONS}"
        if not run.lines(number):
            partial = path.with_suffix(".partial")
            write_predictions(partial, training.pixels, mirrored_probabilities(run.model, training))
            partial.replace(path)
        by_teacher.append(teacher_probabilities(path, training))
    heads = by_teacher[0] if by_teacher else {}
    return {head: np.mean([probabilities[head] for probabilities in by_teacher], 0) for head in heads}


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Seed the dropout layers by epoch, so that a resumed run draws the same numbers: checkpoints lack their state."""
    # A dropout of 0 has no generator.
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout) and layer.rate > 0]
    for number, layer in enumerate(dropouts):
        layer.seed_generator.state.assign([seed + epoch, number])


def compile_model(model: keras.Model, recipe: Recipe, cycle: Cycle, steps: int) -> None:
    """Give a network its losses and its optimiser for a cycle.

    Args:
        model: a network from ``network.build``.
        recipe: the recipe of the run.
        cycle: the cycle that begins.
        steps: the number of batches over which the learning rate falls to 0.
    """
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
    """The loss of the FER2013 head."""
    kinds = {"softmax": keras.losses.CategoricalCrossentropy, "sigmoid": keras.losses.BinaryCrossentropy}
    return kinds[recipe.fit.loss](from_logits=True, label_smoothing=recipe.fit.label_smoothing)


def _measured(model: keras.Model, faces: Faces, recipe: Recipe) -> dict[str, float]:
    """The figures of an epoch on held-out faces, as columns of the history.

    ``fer2013`` is the accuracy over all faces, ``perceived`` the accuracy over the faces with a majority of votes, and
    ``held_out_loss`` the loss of the FER2013 head.
    """
    predicted = logits(model, faces)
    classes = class_indices(faces.labels, recipe.labels)
    line = {"fer2013": float((predicted["fer2013"].argmax(1) == classes).mean())}
    if "perceived" in predicted:
        voted = faces.majority >= 0
        is_right = predicted["perceived"][:, : len(EMOTIONS)].argmax(1) == faces.majority
        line["perceived"] = float(is_right[voted].mean()) if voted.any() else float("nan")
    wanted = keras.utils.to_categorical(classes, predicted["fer2013"].shape[1])
    line["held_out_loss"] = float(_loss(recipe)(wanted, predicted["fer2013"]))
    return line
