"""albumsort sheet: the best photos of an emotion on one page."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli import typed_line
from albumsort.cli.bar import with_bar
from albumsort.cli.help import OUTPUT
from albumsort.cli.options import Db, Force, index_path, output_file
from albumsort.cli.output import NOT_PLACED, warn_of_folders, writing
from albumsort.cli.query_options import ALL, CLOSEST, EMOTION_ARGUMENTS, EVERYONE, SCHEME, asks, how_many
from albumsort.cli.replacing import free_name
from albumsort.errors import AlbumsortError
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import RankedPhoto
from albumsort.text import count, printable

if TYPE_CHECKING:
    from albumsort.report.sheet import Sheet

#: What a sheet can be; the suffix of its name decides.
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".pdf", ".html", ".htm")


@asks(EMOTION_ARGUMENTS, how_many(40, "The number of photos, at most 500.", most=500), EVERYONE, CLOSEST, ALL, SCHEME)
def sheet(
    query: Query,
    output: Annotated[
        Path | None,
        output_file("The .jpg, .png, .webp, .pdf or .html to write. Default: EMOTION-sheet.jpg.", *_SUFFIXES),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(
            metavar="TITLE", rich_help_panel=OUTPUT, help="The words above the photos. Default: the emotions."
        ),
    ] = None,
    no_boxes: Annotated[
        bool,
        typer.Option("--no-boxes", rich_help_panel=OUTPUT, help="Draw no boxes and no percentages on the photos."),
    ] = False,
    links: Annotated[
        bool,
        typer.Option(
            "--links",
            rich_help_panel=OUTPUT,
            help="In an .html: link each photo to its file, by its path from the sheet.",
        ),
    ] = False,
    force: Force = False,
    db: Db = None,
) -> None:
    """Draw the photos that show an emotion best on one sheet.

    There are boxes around the faces. Without -o and --force, a taken name gets a number.

    Examples:
        albumsort sheet happy
        albumsort sheet happy neutral -n 100 --title "Our party" -o party.html
    """
    target = output or free_name(Path(f"{'-'.join(query.emotions)}-sheet.jpg"), force)
    is_html = target.suffix.lower() in (".html", ".htm")
    if links and not is_html:
        raise typer.BadParameter("--links works only with a sheet that is an .html, such as -o sheet.html")
    if title is None:
        ways = {"everyone": query.everyone, "closest": query.closest}
        title = ", ".join([" or ".join(query.emotions), *(way for way, is_asked in ways.items() if is_asked)])
    with writing(target, index_path(db), force=force) as file:
        query, ranking = _ranking(query, db)
        from albumsort.report.sheet import Sheet

        missing = _draw(Sheet(title, ranking, query.certain, not no_boxes), file, is_html, links)
    if missing:
        sys.stderr.write(f"{count(missing, 'photo')} cannot be shown; the sheet says why\n")
    print(f"{printable(str(target))}: {count(len(ranking), 'photo')}")


def _ranking(query: Query, db: Path | None) -> tuple[Query, Sequence[RankedPhoto]]:
    """The query with the settings of the last scan, and its photos.

    Raises:
        AlbumsortError: there are none, or all of them are missing.
    """
    with Index(index_path(db)) as index:
        query = index.settled(query)
        ranking = index.search(query)
        if not ranking:
            raise AlbumsortError(why_empty(index, query, typed_line.with_option("--closest")))
        warn_of_folders(index, query.filters)
    if not any(os.path.lexists(row.photo.path) for row in ranking):
        missing_all = f"{count(len(ranking), 'photo')} missing, such as {printable(ranking[0].photo.path)}"
        raise AlbumsortError(f"{missing_all}; {NOT_PLACED['missing']}")
    return query, ranking


def _draw(page: Sheet, target: Path, is_html: bool, links: bool) -> int:
    """Write a sheet; returns the number of photos that could not be shown."""
    from albumsort.album.thumbnails import megapixels, thumbnails
    from albumsort.report.sheet import draw_sheet
    from albumsort.report.sheet_html import thumbnail_side, write_html_sheet

    photos = [row.photo for row in page.ranking]
    side = thumbnail_side(len(photos)) if is_html else page.thumbnail_side
    pictures = with_bar(thumbnails([photo.path for photo in photos], side, megapixels(photos)), len(photos), "photos")
    return write_html_sheet(page, pictures, target, links) if is_html else draw_sheet(page, pictures, target)
