"""A training run on disk: its settings, its history, and checkpoints of the epochs that are still needed."""

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
from albumsort.training.recipe_file import read_run

#: The values that early stopping and plateaus watch: a column of the history, and the sign that makes larger values
#: better.
_WATCHED = {"accuracy": ("fer2013", 1), "loss": ("held_out_loss", -1)}
#: What to do if a folder holds another run: the folder is named after the recipe by default.
_ELSEWHERE = "choose an empty folder with --out, or give a recipe of your own another name"


def claim(folder: Path, recipe: Recipe, origin: dict[str, Any]) -> None:
    """Begin a run in a folder, or check that the run in it can continue.

    Args:
        folder: created if it does not exist.
        recipe: the recipe of the run.
        origin: what the run starts from, as JSON values: the number of ``faces``, and digests of ``data`` and
            ``teachers``.

    Raises:
        DataError: as for ``check``.
    """
    check(folder, recipe, origin)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({**recipe.as_dict(), **origin}, indent=1), encoding="utf-8")
        partial.replace(path)


def check(folder: Path, recipe: Recipe, origin: dict[str, Any]) -> None:
    """Check that a folder holds no run, or a run with this recipe and this origin.

    Raises:
        DataError: the folder holds a run with another origin, or one whose recipe trains in another way.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    try:
        run_recipe, run_origin = read_run(path)
    except DataError as error:  # perhaps it is from an older albumsort, whose recipes had other keys
        raise DataError(f"{folder}: holds another recipe, or a damaged one; {_ELSEWHERE} ({error})") from error
    if difference := run_recipe.for_training.first_difference(recipe.for_training):
        raise DataError(f"{folder}: holds a run of another recipe ({difference}); {_ELSEWHERE}")
    if unknown := run_origin.keys() - origin.keys():
        raise DataError(f"{folder}: holds a run of another recipe ({', '.join(sorted(unknown))}); {_ELSEWHERE}")
    differing = [name for name, value in origin.items() if run_origin.get(name) != value]
    if differing:
        what = "teachers" if differing == ["teachers"] else "data"
        raise DataError(f"{folder}: holds a run of this recipe with other {what}; choose an empty folder with --out")


def run_folder(folder: Path, fold: int = 0) -> Path:
    """The folder of a run inside the folder of its model; folds count from 0."""
    return folder / (f"run-{fold + 1}" if fold else "run")


def with_run_precision(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the precision of the run in a model's folder, if there is a run and the recipe names none."""
    path = run_folder(folder) / SETTINGS
    if recipe.names_precision or not path.exists():
        return recipe
    try:
        return recipe.with_precision(read_run(path)[0].fit.precision)
    except DataError:
        return recipe  # ``check`` will say what is wrong with the run


class Run:
    """A training run on disk, and the network as it was after one of its epochs.

    Attributes:
        folder: the folder of the run.
        recipe: the recipe of the run.
        history: the lines of ``history.csv``. An epoch is done once it has a line.
        model: the network after the epoch that ``go_to`` was last called with.
        kept: the epoch whose network the next cycle begins with; 0 for a new network.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.history = _read_history(folder / HISTORY)
        self.model: keras.Model = None
        self.kept = 0
        self._epoch_of_model: int | None = None

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def is_past(self, cycle: int) -> bool:
        """Whether a later cycle has begun."""
        return any(int(line["cycle"]) > cycle for line in self.history)

    def lines(self, cycle: int) -> list[dict[str, str]]:
        """The history of a cycle; cycles count from 1."""
        return [line for line in self.history if line["cycle"] == str(cycle)]

    def go_to(self, epoch: int) -> None:
        """Make ``model`` the network as it was after an epoch; a new network for 0.

        Raises:
            DataError: the checkpoint is missing or damaged.
        """
        if self._epoch_of_model == epoch:
            return
        if epoch:
            self.model = self._loaded(self._checkpoint(epoch))
        else:
            self.model = build(self.recipe)
        self._epoch_of_model = epoch

    @staticmethod
    def _loaded(checkpoint: Path) -> keras.Model:
        try:
            return keras.models.load_model(checkpoint)
        except Exception as error:  # Keras raises all kinds of exceptions on a damaged file
            raise DataError(f"{checkpoint}: missing or damaged, so the run cannot continue; begin again") from error

    def keep(self, cycle: int) -> None:
        """End a cycle: the next cycle begins with the best epoch if the recipe stops early, else with the last one."""
        lines = self.lines(cycle)
        if lines:
            self.kept = self._best_of(lines)

    def add_epoch(self, cycle: int, figures: dict[str, float]) -> None:
        """Save the network after another epoch of a cycle, and add the epoch's figures to the history."""
        epoch = self.epochs + 1
        self.model.save(self._checkpoint(epoch))
        if self.recipe.cycles[cycle - 1].averaged:
            self._update_mean(epoch, len(self.lines(cycle)))
        values = {name: f"{value:.5g}" for name, value in figures.items()}
        self.history.append({"epoch": str(epoch), "cycle": str(cycle), **values})
        _write_history(self.folder / HISTORY, self.history)  # from here on the epoch is done
        self._epoch_of_model = epoch
        needed = {self._checkpoint(epoch), self._checkpoint(self._best_of(self.lines(cycle)))}
        for checkpoint in self.folder.glob("checkpoint-*.keras"):
            if checkpoint not in needed:
                checkpoint.unlink()
        self._mean(epoch - 1).unlink(missing_ok=True)

    def go_to_mean(self, share: float) -> None:
        """Mix the mean weights of the last cycle into the weights that the cycle began with.

        Args:
            share: the share of the mean, 0 to 1.
        """
        with np.load(self._mean(self.epochs), allow_pickle=False) as mean, np.load(self._start) as start:
            names = [f"arr_{k}" for k in range(len(mean.files))]
            self.model.set_weights([share * mean[name] + (1 - share) * start[name] for name in names])
        self._epoch_of_model = None

    def save_start(self) -> None:
        """Save the weights that the last cycle begins with."""
        partial = self._start.with_suffix(".partial")
        with open(partial, "wb") as file:
            np.savez(file, *self.model.get_weights())
        partial.replace(self._start)

    @property
    def _start(self) -> Path:
        return self.folder / "start.npz"

    def _update_mean(self, epoch: int, before: int) -> None:
        """Save the mean weights after an epoch and after the ``before`` earlier epochs of its cycle."""
        weights = self.model.get_weights()
        if before:
            with np.load(self._mean(epoch - 1), allow_pickle=False) as mean:
                weights = [(mean[f"arr_{k}"] * before + array) / (before + 1) for k, array in enumerate(weights)]
        with open(self._mean(epoch), "wb") as file:
            np.savez(file, *weights)

    def _mean(self, epoch: int) -> Path:
        """The file with the mean weights of a cycle up to an epoch."""
        return self.folder / f"mean-{epoch}.npz"

    def _best_of(self, lines: Sequence[dict[str, str]]) -> int:
        """The epoch that the cycle returns to if it ends with these lines."""
        stop = self.recipe.fit.stop
        return int(lines[int(np.argmax(watched_values(lines, stop.watch))) if stop else -1]["epoch"])

    def _checkpoint(self, epoch: int) -> Path:
        """The file with the network and its optimiser after an epoch."""
        return self.folder / f"checkpoint-{epoch}.keras"


def watched_values(lines: Sequence[dict[str, str]], watch: str) -> NDArray[np.float64]:
    """The watched value of each line, with a sign so that larger is better; minus infinity for NaN.

    These are the rounded values in the history, so that an interrupted run decides as it would have without the
    interruption.
    """
    column, sign = _WATCHED[watch]
    values = sign * np.array([float(line[column]) for line in lines])
    return np.where(np.isnan(values), -np.inf, values)


def _read_history(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    if any(
        [line.get("epoch"), (line.get("cycle") or "").isdecimal()] != [str(k), True]
        for k, line in enumerate(history, 1)
    ):
        raise DataError(f"{path}: not the history of a run, so the run cannot continue; begin again in an empty folder")
    return history


def _write_history(path: Path, history: list[dict[str, str]]) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)
    partial.replace(path)
