"""albumsort list: all photos that match."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer

from albumsort.cli import typed_line
from albumsort.cli.complete import emotions
from albumsort.cli.help import PHOTOS
from albumsort.cli.options import Db, ListFormat, index_path
from albumsort.cli.output import print_photos, warn_of_folders
from albumsort.cli.query_options import SCHEME, asks, how_many
from albumsort.cli.values import check_in_scheme, known_emotions
from albumsort.index.explain import why_empty, why_nothing
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import RankedPhoto
from albumsort.text import printable


@asks(how_many(None, "The number of photos at most. Default: all."), SCHEME)
def list_photos(
    query: Query,
    shown: Annotated[
        list[str] | None,
        typer.Argument(
            callback=known_emotions,
            autocompletion=emotions,
            metavar="EMOTION...",
            help="Only photos with a face that shows this emotion, or one of several. Default: all.",
        ),
    ] = None,
    no_faces: Annotated[
        bool, typer.Option("--no-faces", rich_help_panel=PHOTOS, help="Only photos on which no face was found.")
    ] = False,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", rich_help_panel=PHOTOS, help="Only photos with an uncertain face.")
    ] = False,
    corrected: Annotated[
        bool,
        typer.Option(
            "--corrected",
            rich_help_panel=PHOTOS,
            help="Only photos with corrections; the table names each of them.",
        ),
    ] = False,
    db: Db = None,
    form: ListFormat = "table",
) -> None:
    """List all photos that match, by path.

    Examples:
        albumsort list happy --year 2024
        albumsort list --no-faces --under ~/Photos/Party --format paths
    """
    check_in_scheme(shown or (), query.scheme)
    with Index(index_path(db)) as index:
        query = index.settled(replace(query, emotions=tuple(shown or ())))
        photos = index.photos(query, no_faces=no_faces, uncertain=uncertain, corrected=corrected, landmarks=False)
        if corrected and form == "table":
            lines = [line for photo in photos for line in _corrections(index, photo)]
            sys.stdout.writelines(lines)
            is_any = bool(lines)
        else:
            is_any = print_photos(photos, query.certain, form, index.path)
        warn_of_folders(index, query.filters)
        if not is_any:
            is_plain = query.emotions and not (no_faces or uncertain or corrected)
            closest = typed_line.with_option("--closest", "albumsort top")
            why = why_empty(index, query, closest) if is_plain else why_nothing(index, query.filters)
            sys.stderr.write(f"{why or 'no photo matches'}\n")


def _corrections(index: Index, photo: RankedPhoto) -> Iterator[str]:
    """A line for each correction of a photo."""
    for number, correction in index.corrections_of(photo):
        face = f"face {number}" if number else "a face that the last scan did not find"
        read = f"the model said {correction.predicted.emotion} {correction.predicted.confidence:.0%}"
        yield f"{printable(photo.photo.path)}, {face}: {correction.emotion or 'not a face'} ({read})\n"
