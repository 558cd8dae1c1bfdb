"""albumsort sheet."""

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
from albumsort.cli.output import writing
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.explain import why_empty
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.text import printable


def _sheet_name(target: Path | None) -> Path | None:
    """A name that says what to write.

    Raises:
        typer.BadParameter: it does not.
    """
    if target is not None and target.suffix.lower() not in (".jpg", ".jpeg", ".png", ".html"):
        raise typer.BadParameter("a sheet is a .jpg, .png or .html")
    return target


@filtered
def sheet(
    emotion: Annotated[
        list[str],
        typer.Argument(
            callback=known_emotions, metavar="EMOTION", help=f"Of {', '.join(EMOTIONS)}; several are added up."
        ),
    ],
    n: Annotated[int, typer.Option("-n", min=1, max=500, help="How many photos.")] = 40,
    output: Annotated[
        Path | None,
        typer.Option("-o", callback=_sheet_name, metavar="FILE", help="What to write: a .jpg, .png or .html."),
    ] = None,
    db: Db = None,
    threshold: Threshold = None,
    everyone: Everyone = False,
    with_copies: All = False,
    scheme: Scheme = "seven",
    *,
    filters: Filters,
) -> None:
    """Draw the photos that show an emotion best on one sheet, with boxes around the faces.

    Never overwrites a file. Without -o the sheet is EMOTION-sheet.jpg.
    """
    in_scheme([*emotion, *filters.without], scheme)
    wanted = " or ".join(emotion)
    target = output or Path(f"{'-'.join(emotion)}-sheet.jpg")
    query = Query(tuple(emotion), n, threshold, everyone, scheme, replace(filters, with_copies=with_copies))
    with writing(target):
        with Index(index_path(db)) as index:
            query = index.settled(query)
            ranking = index.search(query)
            if not ranking:
                raise AlbumsortError(why_empty(index, query))

        from tqdm import tqdm

        from albumsort.album.thumbnails import megapixels, thumbnails
        from albumsort.report.sheet import Sheet, draw_sheet
        from albumsort.report.sheet_html import SIDE, write_html_sheet
        from albumsort.text import count

        page = Sheet(f"{wanted}, everyone" if everyone else wanted, ranking, query.certain)
        is_html = target.suffix.lower() == ".html"
        pictures = tqdm(
            thumbnails(
                [row.photo.path for row in ranking],
                SIDE if is_html else page.decoded,
                megapixels([row.photo for row in ranking]),
            ),
            total=len(ranking),
            unit=" photos",
            disable=not sys.stderr.isatty(),
        )
        missing = (write_html_sheet if is_html else draw_sheet)(page, pictures, target)
    if missing:
        sys.stderr.write(f"{count(missing, 'photo')} cannot be shown: the sheet says why\n")
    print(f"{printable(str(target))}: {count(len(ranking), 'photo')}")
