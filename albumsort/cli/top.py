"""albumsort top: the photos that show an emotion best."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.options import ALL, EMOTION_ARGUMENTS, EVERYONE, SCHEME, Db, asks, how_many, index_path
from albumsort.cli.output import print_photos
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.report.tables import Format
from albumsort.text import count, printable


@asks(EMOTION_ARGUMENTS, how_many(20), EVERYONE, ALL, SCHEME)
def top(
    query: Query,
    db: Db = None,
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
    copy_to: Annotated[Path | None, typer.Option(metavar="DIR", help="Also copy the photos into this folder.")] = None,
) -> None:
    """List the photos that show an emotion best, best first."""
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
