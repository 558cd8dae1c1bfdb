"""albumsort sheet: the best photos of an emotion on one page."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.help import OUTPUT
from albumsort.cli.options import ALL, EMOTION_ARGUMENTS, EVERYONE, SCHEME, Db, asks, how_many, index_path
from albumsort.cli.output import NOT_PLACED, writing
from albumsort.errors import AlbumsortError
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.text import count, printable


def _sheet_name(target: Path | None) -> Path | None:
    """Return the name of a file if its suffix says which kind of sheet to write.

    Raises:
        typer.BadParameter: it does not.
    """
    if target is not None and target.suffix.lower() not in (".jpg", ".jpeg", ".png", ".html"):
        raise typer.BadParameter("a sheet is a .jpg, .png or .html")
    return target


@asks(EMOTION_ARGUMENTS, how_many(40, "The number of photos, at most 500.", most=500), EVERYONE, ALL, SCHEME)
def sheet(
    query: Query,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=_sheet_name,
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="The .jpg, .png or .html to write. Default: EMOTION-sheet.jpg.",
        ),
    ] = None,
    db: Db = None,
) -> None:
    """Draw the photos that show an emotion best on one sheet.

    There are boxes around the faces. The command never overwrites a file.

    Examples:
        albumsort sheet happy
        albumsort sheet happy neutral -n 100 -o party.html
    """
    target = output or Path(f"{'-'.join(query.emotions)}-sheet.jpg")
    with writing(target):
        with Index(index_path(db)) as index:
            query = index.settled(query)
            ranking = index.search(query)
            if not ranking:
                raise AlbumsortError(why_empty(index, query))
        if not any(os.path.lexists(row.photo.path) for row in ranking):
            missing_all = f"{count(len(ranking), 'photo')} missing, such as {printable(ranking[0].photo.path)}"
            raise AlbumsortError(f"{missing_all}; {NOT_PLACED['missing']}")

        from tqdm import tqdm

        from albumsort.album.thumbnails import megapixels, thumbnails
        from albumsort.report.sheet import Sheet, draw_sheet
        from albumsort.report.sheet_html import SIDE, write_html_sheet

        title = " or ".join(query.emotions) + (", everyone" if query.everyone else "")
        page = Sheet(title, ranking, query.certain)
        is_html = target.suffix.lower() == ".html"
        pictures = tqdm(
            thumbnails(
                [row.photo.path for row in ranking],
                SIDE if is_html else page.thumbnail_side,
                megapixels([row.photo for row in ranking]),
            ),
            total=len(ranking),
            unit=" photos",
            disable=not sys.stderr.isatty(),
        )
        missing = (write_html_sheet if is_html else draw_sheet)(page, pictures, target)
    if missing:
        sys.stderr.write(f"{count(missing, 'photo')} cannot be shown; the sheet says why\n")
    print(f"{printable(str(target))}: {count(len(ranking), 'photo')}")
