"""albumsort bursts: photos of one moment, the best frame first."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import Annotated

import typer

from albumsort.cli import last_list
from albumsort.cli.complete import emotions
from albumsort.cli.help import FACES
from albumsort.cli.options import Db, Json, index_path
from albumsort.cli.output import warn_of_folders
from albumsort.cli.query_options import asks, how_many
from albumsort.cli.values import emotions_and_folder, known_emotions
from albumsort.culling.best_shot import WEIGHTS, BurstShot, rank_burst
from albumsort.index.explain import why_nothing
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.report.as_json import burst_as_dict
from albumsort.report.tables import burst_lines


def _weights(text: str | None) -> dict[str, float]:
    """Read the weights from text such as ``emotion=3,sharpness=1``. A part that is not named has the weight 0.

    Raises:
        typer.BadParameter: a name is unknown or given twice, or a weight is not a number.
    """
    if text is None:
        return dict(WEIGHTS)
    found: dict[str, float] = {}
    for item in text.split(","):
        name, _, value = (part.strip() for part in item.partition("="))
        if name in found:
            raise typer.BadParameter(f"{name}: given twice")
        try:
            found[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{item!r}: write it like emotion=3,sharpness=1") from None
    wrong = [name for name, value in found.items() if name not in WEIGHTS or not 0 <= value < float("inf")]
    if wrong or not any(found.values()):
        raise typer.BadParameter(f"weights of 0 or more, not all 0, for {', '.join(WEIGHTS)}")
    return found


@asks(how_many(None, "The number of bursts at most, the earliest first. Default: all."))
def bursts(
    query: Query,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EMOTION...",
            autocompletion=emotions,
            help="The emotion that the best frame should show. Those of several are added up. Default: happy.",
        ),
    ] = None,
    folder: Annotated[str | None, typer.Argument(metavar="FOLDER", help="Only bursts below this folder.")] = None,
    emotion: Annotated[
        list[str] | None,
        typer.Option(
            callback=known_emotions,
            autocompletion=emotions,
            metavar="EMOTION",
            rich_help_panel=FACES,
            help="The same as the argument EMOTION.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=NUMBER,...",
            rich_help_panel=FACES,
            help=f"The weights of the parts of a score: {', '.join(WEIGHTS)}. "
            "A part that is not named has the weight 0. examples/finding.md explains the parts.",
        ),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List bursts, which are photos of one moment, by time. The best frame of each comes first.

    This is the frame that top and export choose for the same emotion, if it shows the emotion.

    Examples:
        albumsort bursts ~/Photos
        albumsort bursts surprise --weights emotion=3,sharpness=1
    """
    chosen = _weights(weights)
    named, below = emotions_and_folder(words or (), folder)
    wanted = [*named, *(emotion or ())] or ["happy"]
    if below and query.filters.under:
        raise typer.BadParameter("FOLDER and --under both name the folder; give only one of them")
    if below:
        query = replace(query, filters=replace(query.filters, under=os.path.abspath(os.path.expanduser(below))))
    with Index(index_path(db)) as index:
        found = [rank_burst(burst, wanted, chosen) for burst in index.bursts(query)]
        _print(found, as_json)
        warn_of_folders(index, query.filters)
        if not as_json:
            last_list.keep(index.path, [burst[0].photo.path for burst in found])
        if not found:
            sys.stderr.write(f"{_why_none(index, query)}\n")


def _why_none(index: Index, query: Query) -> str:
    if reason := why_nothing(index, query.filters):
        return reason
    if next(index.bursts(), None) is not None:
        return "no burst passes these filters"
    return "no bursts: no two photos that look alike were taken within seconds by the same camera"


def _print(found: list[list[BurstShot]], as_json: bool) -> None:
    if as_json:
        print(json.dumps([burst_as_dict(burst) for burst in found], indent=1))
        return
    for number, burst in enumerate(found, 1):
        print(burst_lines(number, burst), end="")
