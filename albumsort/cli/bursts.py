"""albumsort bursts."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.options import Db, Json, Threshold, filtered, index_path, known_emotion
from albumsort.culling.best_shot import WEIGHTS, judged
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.report.as_json import burst_as_dict
from albumsort.report.tables import burst_lines


def _weights(text: str | None) -> dict[str, float]:
    """What ``--weights`` says, ``emotion=3,sharpness=1``; what it does not name weighs nothing.

    Raises:
        typer.BadParameter: an unknown name, one twice, or no number.
    """
    if text is None:
        return dict(WEIGHTS)
    found: dict[str, float] = {}
    for item in text.split(","):
        name, _, value = (part.strip() for part in item.partition("="))
        if name in found:
            raise typer.BadParameter(f"{name}: weighed twice")
        try:
            found[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{item!r}: write it like emotion=3,sharpness=1") from None
    wrong = [name for name, value in found.items() if name not in WEIGHTS or not 0 <= value < float("inf")]
    if wrong or not any(found.values()):
        raise typer.BadParameter(f"weights of 0 or more, not all 0, for {', '.join(WEIGHTS)}")
    return found


@filtered
def bursts(
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="Only bursts below this folder.")] = None,
    emotion: Annotated[str, typer.Option(callback=known_emotion, help="What the best frame should show.")] = "happy",
    n: Annotated[int | None, typer.Option("-n", min=1, help="Bursts at most, the latest left out.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="NAME=N,...", help=f"What counts, of {', '.join(WEIGHTS)}; see the README."),
    ] = None,
    db: Db = None,
    threshold: Threshold = None,
    as_json: Json = False,
    *,
    filters: Filters,
) -> None:
    """List bursts, photos of one moment, by time; of each the best frame first."""
    chosen = _weights(weights)
    if path and filters.under:
        raise typer.BadParameter("PATH and --under both name the folder; give one of them")
    filters = replace(filters, under=os.path.abspath(path)) if path else filters
    with Index(index_path(db)) as index:
        query = Query(n=n, threshold=threshold, filters=filters)
        found = [judged(burst, emotion, chosen) for burst in index.bursts(query)]
        has_others = not found and next(index.bursts(), None) is not None
    if as_json:
        print(json.dumps([burst_as_dict(burst) for burst in found], indent=1))
        return
    for number, burst in enumerate(found, 1):
        print(burst_lines(number, burst), end="")
    if has_others:
        sys.stderr.write("no burst passes these filters\n")
    elif not found:
        sys.stderr.write("no bursts: no two photos that look alike were taken within seconds by one camera\n")
