"""albumsort top: the photos that show an emotion best."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.options import (
    All,
    Db,
    Everyone,
    Scheme,
    Threshold,
    filtered,
    in_scheme,
    index_path,
    known_emotions,
)
from albumsort.cli.output import print_photos
from albumsort.emotions import EMOTIONS
from albumsort.index.explain import why_empty
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.report.tables import Format
from albumsort.text import count, printable


@filtered
def top(
    emotion: Annotated[
        list[str],
        typer.Argument(
            callback=known_emotions, metavar="EMOTION", help=f"Of {', '.join(EMOTIONS)}; several are added up."
        ),
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many photos.")] = 20,
    db: Db = None,
    threshold: Threshold = None,
    everyone: Everyone = False,
    with_copies: All = False,
    scheme: Scheme = "seven",
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
    copy_to: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy the photos there, too.")] = None,
    *,
    filters: Filters,
) -> None:
    """List the photos that show an emotion best, best first."""
    in_scheme([*emotion, *filters.without], scheme)
    query = Query(tuple(emotion), n, threshold, everyone, scheme, replace(filters, with_copies=with_copies))
    with Index(index_path(db)) as index:
        query = index.settled(query)
        ranking = index.search(query)
        print_photos(ranking, query.certain, form)
        if not ranking:
            sys.stderr.write(why_empty(index, query) + "\n")
    if copy_to:
        from albumsort.export.folders import place

        done = place(ranking, copy_to)
        written = sum(item.action == "written" for item in done)
        sys.stderr.write(f"{count(written, 'photo')} copied to {printable(str(copy_to))}\n")
