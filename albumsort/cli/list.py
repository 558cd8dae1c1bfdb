"""albumsort list: all photos that match."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from albumsort.cli.options import SCHEME, Db, asks, how_many, index_path
from albumsort.cli.output import print_photos
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.report.tables import Format


@asks(how_many(None, "The number of photos at most. Default: all."), SCHEME)
def list_photos(
    query: Query,
    no_faces: Annotated[bool, typer.Option("--no-faces", help="Only photos on which no face was found.")] = False,
    uncertain: Annotated[bool, typer.Option("--uncertain", help="Only photos with an uncertain face.")] = False,
    db: Db = None,
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
) -> None:
    """List all photos that match, by path."""
    with Index(index_path(db)) as index:
        query = index.settled(query)
        photos = index.photos(query, no_faces=no_faces, uncertain=uncertain, landmarks=False)
        is_any = print_photos(photos, query.certain, form)
    if not is_any:
        sys.stderr.write("no photo matches\n")
