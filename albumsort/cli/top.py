"""albumsort top: the photos that show an emotion best."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli import typed_line
from albumsort.cli.help import OUTPUT
from albumsort.cli.options import Db, ListFormat, index_path
from albumsort.cli.output import NOT_PLACED, check_any_placed, print_photos, warn_of_folders
from albumsort.cli.query_options import ALL, CLOSEST, EMOTION_ARGUMENTS, EVERYONE, SCHEME, asks, how_many
from albumsort.cli.undo import about_scans, how_to_undo
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import RankedPhoto
from albumsort.text import count, printable

#: The number of copies that are named because they were there already.
_NAMED = 5


@asks(EMOTION_ARGUMENTS, how_many(20), EVERYONE, CLOSEST, ALL, SCHEME)
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
        print_photos(ranking, query.certain, form, index.path)
        if not ranking:
            sys.stderr.write(why_empty(index, query, typed_line.with_option("--closest")) + "\n")
        warn_of_folders(index, query.filters)
        roots = index.roots() if copy_to else set()
    if copy_to and ranking:
        _copy(ranking, copy_to, roots)


def _copy(ranking: list[RankedPhoto], folder: Path, roots: set[str]) -> None:
    """Copy the photos of a list into a folder, and say on standard error what became of each.

    Args:
        ranking: the list.
        folder: the folder.
        roots: what scans were given by name.

    Raises:
        AlbumsortError: no photo is there afterwards.
    """
    from albumsort.export.folders import ExportOptions, place

    name = printable(str(folder))
    is_any = any(os.path.isfile(row.photo.path) for row in ranking)
    done = place(ranking, folder, ExportOptions(dry_run=not is_any))  # no folder is made for nothing
    check_any_placed(done, f"{name}: nothing was copied")
    for item in done:
        if item.action in NOT_PLACED:
            sys.stderr.write(f"{item.action}: {printable(item.source)}\n")
    written = sum(item.action == "written" for item in done)
    there = [printable(os.path.basename(item.target)) for item in done if item.action == "present"]
    words = f"{count(written, 'photo')} copied to {name}" if written else f"{name}: nothing new to copy"
    if there:
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        words += f"; {len(there)} there already: {', '.join(there[:_NAMED])}{more}"
    sys.stderr.write(f"{words}\n")
    if written:
        note = about_scans(roots, folder, [row.photo.path for row in ranking])
        sys.stderr.write(f"{note}{how_to_undo(folder)}\n")
