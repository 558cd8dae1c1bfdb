"""albumsort top: the photos that show an emotion best."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.help import OUTPUT
from albumsort.cli.options import ALL, EMOTION_ARGUMENTS, EVERYONE, SCHEME, Db, ListFormat, asks, how_many, index_path
from albumsort.cli.output import print_photos
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.text import count, printable


@asks(EMOTION_ARGUMENTS, how_many(20), EVERYONE, ALL, SCHEME)
def top(
    query: Query,
    db: Db = None,
    form: ListFormat = "table",
    copy_to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", rich_help_panel=OUTPUT, help="Also copy the photos into this folder."),
    ] = None,
) -> None:
    """List the photos that show an emotion best, best first.

    Examples:
        albumsort top happy
        albumsort top happy surprise --everyone -n 50 --since 2024
    """
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
