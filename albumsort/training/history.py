"""Histories: what training runs wrote of each epoch, read again."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

from albumsort.album.walk import printable
from albumsort.emotions import EMOTIONS, labels_of
from albumsort.training.datasets import DataError

HISTORY, SETTINGS = "history.csv", "recipe.json"


def named_histories(runs: Sequence[Path]) -> dict[str, list[dict[str, str]]]:
    """The lines of several runs' histories, each under a name that tells it from the others.

    A name also says how many emotions a run tells apart where not seven, and its loss where not softmax's: its figures
    are higher or lower for that alone.

    Args:
        runs: folders as ``model train`` or ``compare`` write them, the folders ``run`` in these, or files.

    Raises:
        DataError: there is no history, or it is none, or the recipe beside it is none.
    """
    files = [file for run in runs for file in _files(run)]
    folders = [file.absolute().parent for file in files]
    folders = [folder.parent if folder.name == "run" else folder for folder in folders]
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(file.parent) for file in files]
    return {printable(name) + _apart(file): _lines(file) for name, file in zip(names, files, strict=True)}


def _files(run: Path) -> list[Path]:
    there = [path for path in (run, run / HISTORY, run / "run" / HISTORY) if path.is_file()]
    there = there[:1] or sorted(run.glob(f"*/run/{HISTORY}"))
    if not there:
        raise DataError(f"{printable(str(run))}: no {HISTORY} there; name a folder that model train or compare wrote")
    return there


def _apart(file: Path) -> str:
    """What of a run's recipe makes its figures others; '' for nothing, or where no recipe lies beside its history."""
    path = file.parent / SETTINGS
    if not path.exists():
        return ""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        labels, loss = len(labels_of(kept["labels"])), kept["fit"]["loss"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{printable(str(path))}: not the recipe of a run ({error})") from error
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
