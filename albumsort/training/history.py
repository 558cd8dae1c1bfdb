"""Histories: reads the figures that training runs have written for each epoch."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from albumsort.emotions import EMOTIONS, labels_of
from albumsort.text import printable
from albumsort.training.datasets import DataError
from albumsort.training.recipe_file import read_run

HISTORY, SETTINGS = "history.csv", "recipe.json"


def named_histories(runs: Sequence[Path]) -> dict[str, list[dict[str, str]]]:
    """The lines of several histories, by a unique name for each run.

    If a run tells fewer than seven emotions apart, or has another loss than softmax, its name says so: its figures
    cannot be compared directly with those of other runs.

    Args:
        runs: folders that ``model train`` or ``compare`` wrote, the folders ``run`` inside them, or history files.

    Raises:
        DataError: there is no history; a file is not a history; or a run is named twice.
    """
    files_of_runs = [(run, _files(run)) for run in runs]
    files = [file for _, several in files_of_runs for file in several]
    names = [_name(file.absolute().parent) for file in files]
    if len(set(names)) < len(names):  # the paths may differ even if the names of the folders do not
        names = [str(run if len(several) == 1 else file) for run, several in files_of_runs for file in several]
    if len(set(names)) < len(names):
        raise DataError("a run is named twice")
    return {printable(name) + _note(file): _lines(file) for name, file in zip(names, files, strict=True)}


def _name(folder: Path) -> str:
    """What to call the run whose history is in a folder: as the folder of its model, or the only model beside it."""
    if folder.name == "run":
        return folder.parent.name
    models = [path.stem for path in folder.glob("*.keras") if not path.stem.startswith("checkpoint-")]
    return models[0] if len(models) == 1 else folder.name


def epochs_done(folder: Path) -> int:
    """How many epochs of the runs of a model are done.

    Args:
        folder: the folder of the model.
    """
    return sum(max(0, len(file.read_text().splitlines()) - 1) for file in folder.glob(f"run*/{HISTORY}"))


def figures_in_words(figures: Mapping[str, object]) -> str:
    """The figures of an epoch, or of some of them, such as ``loss 1.38, accuracy 47.1%, validation accuracy 44.0%``.

    Args:
        figures: columns of the history.
    """
    parts = [f"loss {_number(figures['loss']):#.3g}"] if "loss" in figures else []
    parts += [f"accuracy {_number(figures['in_training']):.1%}"] if "in_training" in figures else []
    heads = [head for head in ("fer2013", "perceived") if head in figures]
    names = [f" ({head})" if len(heads) > 1 else "" for head in heads]
    shares = [f"{_number(figures[head]):.1%}{name}" for head, name in zip(heads, names, strict=True)]
    return ", ".join([*parts, f"validation accuracy {', '.join(shares)}"])


def _number(value: object) -> float:
    return float(str(value))


def _files(run: Path) -> list[Path]:
    existing = [path for path in (run, run / HISTORY, run / "run" / HISTORY) if path.is_file()]
    files = existing[:1] or sorted(run.glob(f"*/run/{HISTORY}"))
    if not files:
        raise DataError(f"{printable(str(run))}: no {HISTORY} there; name a folder that model train or compare wrote")
    return files


def _note(file: Path) -> str:
    """What makes a run's figures different from those of most runs; '' if nothing does or the recipe is unknown."""
    path = file.parent / SETTINGS
    if not path.exists():
        return ""
    try:
        recipe, _ = read_run(path)
    except DataError:  # the curves are right even without it
        return " (its recipe cannot be read)"
    labels, loss = len(labels_of(recipe.labels)), recipe.fit.loss
    notes = [f"{labels} emotions"] * (labels < len(EMOTIONS)) + [f"{loss} loss"] * (loss != "softmax")
    return f" ({', '.join(notes)})" if notes else ""


def _lines(file: Path) -> list[dict[str, str]]:
    name = printable(str(file))
    try:
        with open(file, newline="", encoding="utf-8") as opened:
            lines = list(csv.DictReader(opened, strict=True))
        if not lines or "epoch" not in lines[0] or len(lines[0]) < 2:
            raise ValueError("no line with an epoch and a figure")
        for line in lines:
            int(line["epoch"])
            if not all(math.isfinite(float(value)) or value == "nan" for value in line.values() if value):
                raise ValueError("a figure that is not finite")
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{name}: not the history of a training run ({error})") from error
    return lines
