"""A training run on the disk: its settings, its history, and its network after each epoch that is still needed."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.training.datasets import DataError
from albumsort.training.history import HISTORY, SETTINGS
from albumsort.training.network import build
from albumsort.training.recipe import Recipe
from albumsort.training.recipe_file import of_run

#: What is watched, as a column of the history and with the sign that makes more of it better.
_WATCHED = {"accuracy": ("fer2013", 1), "loss": ("held_out_loss", -1)}


def claim(folder: Path, recipe: Recipe, origin: dict[str, Any]) -> None:
    """Begin a run in a folder, or go on with it.

    Args:
        folder: made when it is not there.
        recipe: of the run.
        origin: how many ``faces`` there are, which ``data`` and ``teachers`` they are, as JSON has it.

    Raises:
        DataError: as ``check``.
    """
    check(folder, recipe, origin)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({**recipe.as_dict(), **origin}, indent=1), encoding="utf-8")
        partial.replace(path)


def check(folder: Path, recipe: Recipe, origin: dict[str, Any]) -> None:
    """Make sure that a folder holds no run, or the one of a recipe and an origin.

    Raises:
        DataError: it holds a run of a recipe that learns otherwise, or of another origin.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    try:
        kept, of_origin = of_run(path)
    except DataError as error:  # or of an older albumsort, whose recipes said other things
        raise DataError(
            f"{folder}: holds another recipe, or a damaged one; choose an empty folder ({error})"
        ) from error
    if difference := kept.training.unlike(recipe.training):
        raise DataError(f"{folder}: holds a run of another recipe ({difference}); choose an empty folder")
    if unknown := of_origin.keys() - origin.keys():
        raise DataError(
            f"{folder}: holds a run of another recipe ({', '.join(sorted(unknown))}); choose an empty folder"
        )
    others = [name for name, value in origin.items() if of_origin.get(name) != value]
    if others:
        what = "teachers" if others == ["teachers"] else "data"
        raise DataError(f"{folder}: holds a run of this recipe with other {what}; choose an empty folder")


def folder_of(folder: Path, fold: int = 0) -> Path:
    """Where the run, or that of a fold counted from 0, is in the folder of a model."""
    return folder / (f"run-{fold + 1}" if fold else "run")


def as_begun(recipe: Recipe, folder: Path) -> Recipe:
    """A recipe that names no precision, in that of the run in the folder of a model, if there is one."""
    path = folder_of(folder) / SETTINGS
    if recipe.names_precision or not path.exists():
        return recipe
    try:
        return recipe.in_precision(of_run(path)[0].fit.precision)
    except DataError:
        return recipe  # whoever goes on with the run says what is wrong with it


class Run:
    """A training run on the disk, and the network as it was after an epoch.

    Attributes:
        history: the lines of ``history.csv``; an epoch counts once it has one.
        model: the network after the epoch that ``go_to`` went to last.
        kept: the epoch whose network the next cycle begins with; 0 for a new one.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.history = _history(folder / HISTORY)
        self.model: keras.Model = None
        self.kept = 0
        self._at: int | None = None

    @property
    def epochs(self) -> int:
        """That are done."""
        return len(self.history)

    def is_past(self, cycle: int) -> bool:
        """Whether a later cycle has begun."""
        return any(int(line["cycle"]) > cycle for line in self.history)

    def lines(self, cycle: int) -> list[dict[str, str]]:
        """The history of a cycle; cycles count from 1."""
        return [line for line in self.history if line["cycle"] == str(cycle)]

    def go_to(self, epoch: int) -> None:
        """Make ``model`` the network as it was after an epoch."""
        if self._at == epoch:
            return
        if epoch:
            self.model = self._loaded(self._checkpoint(epoch))
        else:
            self.model = build(self.recipe)
        self._at = epoch

    @staticmethod
    def _loaded(checkpoint: Path) -> keras.Model:
        try:
            return keras.models.load_model(checkpoint)
        except Exception as error:  # Keras raises anything on a file that is none
            raise DataError(f"{checkpoint}: gone or damaged, so that the run cannot go on; begin anew") from error

    def keep(self, cycle: int) -> None:
        """End a cycle: the next one begins with the network of its best epoch, or where none is chosen, its last."""
        lines = self.lines(cycle)
        if lines:
            self.kept = self._best_of(lines)

    def count(self, cycle: int, line: dict[str, float]) -> None:
        """Write down what an epoch of a cycle has made of the network."""
        epoch = self.epochs + 1
        self.model.save(self._checkpoint(epoch))
        if self.recipe.cycles[cycle - 1].averaged:
            self._count_in(epoch, len(self.lines(cycle)))
        values = {name: f"{value:.5g}" for name, value in line.items()}
        self.history.append({"epoch": str(epoch), "cycle": str(cycle), **values})
        _write_history(self.folder / HISTORY, self.history)  # from here on the epoch counts
        self._at = epoch
        needed = {self._checkpoint(epoch), self._checkpoint(self._best_of(self.lines(cycle)))}
        for checkpoint in self.folder.glob("checkpoint-*.keras"):
            if checkpoint not in needed:
                checkpoint.unlink()
        self._mean(epoch - 1).unlink(missing_ok=True)

    def go_to_mean(self, share: float) -> None:
        """Give ``model`` the mean weights of the last cycle to a share, and those that it began with."""
        with np.load(self._mean(self.epochs), allow_pickle=False) as mean, np.load(self._start) as start:
            names = [f"arr_{k}" for k in range(len(mean.files))]
            self.model.set_weights([share * mean[name] + (1 - share) * start[name] for name in names])
        self._at = None

    def keep_start(self) -> None:
        """Write down the weights that the last cycle begins with."""
        partial = self._start.with_suffix(".partial")
        with open(partial, "wb") as file:
            np.savez(file, *self.model.get_weights())
        partial.replace(self._start)

    @property
    def _start(self) -> Path:
        return self.folder / "start.npz"

    def _count_in(self, epoch: int, before: int) -> None:
        """Write down the mean of the weights after an epoch and after the ``before`` ones of its cycle."""
        weights = self.model.get_weights()
        if before:
            with np.load(self._mean(epoch - 1), allow_pickle=False) as mean:
                weights = [(mean[f"arr_{k}"] * before + one) / (before + 1) for k, one in enumerate(weights)]
        with open(self._mean(epoch), "wb") as file:
            np.savez(file, *weights)

    def _mean(self, epoch: int) -> Path:
        """The mean weights of a cycle up to an epoch."""
        return self.folder / f"mean-{epoch}.npz"

    def _best_of(self, lines: Sequence[dict[str, str]]) -> int:
        """The epoch that a cycle goes back to when it ends here."""
        stop = self.recipe.fit.stop
        return int(lines[int(np.argmax(watched(lines, stop.watch))) if stop else -1]["epoch"])

    def _checkpoint(self, epoch: int) -> Path:
        """The network and its optimiser after an epoch."""
        return self.folder / f"checkpoint-{epoch}.keras"


def watched(lines: Sequence[dict[str, str]], watch: str) -> NDArray[np.float64]:
    """By epoch, what is watched, so that more is better; as written down, so that a resumed run decides alike."""
    column, sign = _WATCHED[watch]
    values = sign * np.array([float(line[column]) for line in lines])
    return np.where(np.isnan(values), -np.inf, values)


def _history(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    if any(
        [line.get("epoch"), (line.get("cycle") or "").isdecimal()] != [str(k), True]
        for k, line in enumerate(history, 1)
    ):
        raise DataError(f"{path}: not the history of a run, which cannot go on; begin anew in an empty folder")
    return history


def _write_history(path: Path, history: list[dict[str, str]]) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
    partial.replace(path)
