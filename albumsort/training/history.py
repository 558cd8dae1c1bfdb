"""Histories: what training runs wrote of each epoch, read again."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from albumsort.album.walk import printable
from albumsort.training.datasets import DataError

HISTORY = "history.csv"


def named_histories(runs: Sequence[Path]) -> dict[str, list[dict[str, str]]]:
    """The lines of several runs' histories, each under a name that tells it from the others.

    Args:
        runs: folders as ``model train --out`` writes them, the folders ``run`` in these, or files.

    Raises:
        DataError: there is no history, or it is none.
    """
    files = [_file(run) for run in runs]
    folders = [file.absolute().parent for file in files]
    folders = [folder.parent if folder.name == "run" else folder for folder in folders]
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(run) for run in runs]
    return {printable(name): _lines(file) for name, file in zip(names, files, strict=True)}


def _file(run: Path) -> Path:
    there = [path for path in (run, run / HISTORY, run / "run" / HISTORY) if path.is_file()]
    if not there:
        raise DataError(f"{printable(str(run))}: no {HISTORY} there; name a folder that model train wrote")
    return there[0]


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
