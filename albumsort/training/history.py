"""Histories: reads the figures that training runs have written for each epoch."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
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
    folders = [file.absolute().parent for file in files]
    names = [(folder.parent if folder.name == "run" else folder).name for folder in folders]
    if len(set(names)) < len(names):  # the paths may differ even if the names of the folders do not
        names = [str(run if len(several) == 1 else file) for run, several in files_of_runs for file in several]
    if len(set(names)) < len(names):
        raise DataError("a run is named twice")
    return {printable(name) + _note(file): _lines(file) for name, file in zip(names, files, strict=True)}


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
