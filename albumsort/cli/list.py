"""albumsort list: all photos that match."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from albumsort.cli.options import (
    Db,
    Scheme,
    Threshold,
    filtered,
    in_scheme,
    index_path,
)
from albumsort.cli.output import print_photos
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.report.tables import Format


@filtered
def list_photos(
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many at most. Unless told, all.")] = None,
    no_faces: Annotated[bool, typer.Option("--no-faces", help="Only photos on which no face was found.")] = False,
    uncertain: Annotated[bool, typer.Option("--uncertain", help="Only photos with an uncertain face.")] = False,
    db: Db = None,
    threshold: Threshold = None,
    scheme: Scheme = "seven",
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
    *,
    filters: Filters,
) -> None:
    """List all photos that match, by path."""
    in_scheme(filters.without, scheme)
    with Index(index_path(db)) as index:
        query = index.settled(Query(n=n, threshold=threshold, scheme=scheme, filters=filters))
        found = index.photos(query, no_faces=no_faces, uncertain=uncertain, landmarks=False)
        printed = print_photos(found, query.certain, form)
    if not printed:
        sys.stderr.write("no photo matches\n")
