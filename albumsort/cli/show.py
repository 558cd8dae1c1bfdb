"""albumsort show: draw a photo with its faces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.last_list import photo_named
from albumsort.cli.options import CertainFrom, Db, Force, index_path, output_file
from albumsort.cli.output import writing
from albumsort.cli.replacing import free_name
from albumsort.cli.values import DRAWING
from albumsort.errors import AlbumsortError
from albumsort.text import count, printable

if TYPE_CHECKING:
    from albumsort.records import PhotoResult

#: Pixels on the long side of the photo in a drawing.
_DRAWN = 1600
#: What to do about a photo of a list that is no longer at its place.
_MOVED = "; plug in the disk that holds it, or scan the folder again that it is in now"


def show(
    photo: Annotated[
        Path, typer.Argument(metavar="PHOTO", help="A photo, scanned or not, or its rank in the last list.")
    ],
    output: Annotated[
        Path | None,
        output_file("The .png, .jpg, .webp, .pdf or .svg to write. Default: PHOTO-faces.png.", *DRAWING),
    ] = None,
    force: Force = False,
    db: Db = None,
    threshold: CertainFrom = 0.5,
) -> None:
    """Draw a photo with a box and a bar chart for each face.

    Examples:
        albumsort show party.jpg
        albumsort show party.jpg -o faces.png --threshold 0.3
    """
    from albumsort.album.presence import existing
    from albumsort.album.thumbnails import megapixels, thumbnails
    from albumsort.export.names import fitting_name
    from albumsort.report.drawing import draw_faces

    typed, photo = photo, photo_named(photo, index_path(db))
    path = existing(os.path.abspath(photo))
    target = output or free_name(Path(fitting_name("", photo.name, "-faces", ".png")), force)
    with writing(target, index_path(db), [Path(path)], force=force) as file:
        result = _known(path, db) or _read(path)
        if result.photo.error and not result.faces:
            moved = "" if os.path.lexists(path) or photo == typed else _MOVED
            raise AlbumsortError(f"{printable(path)}: {result.photo.error}{moved}")
        (picture,) = thumbnails([result.photo.path], _DRAWN, megapixels([result.photo]))
        if picture.pixels is None:
            raise AlbumsortError(f"{printable(path)}: {picture.error}")
        draw_faces(picture.pixels, picture.scale, result.faces, threshold, printable(os.path.basename(path)), file)
    named = "" if photo == typed else f" of {printable(path)}"  # a rank does not say which photo it is
    corrected = sum(face.corrected for face in result.faces)
    told = f" ({corrected} corrected)" if corrected else ""
    print(f"{printable(str(target))}: {count(len(result.faces), 'face')}{named}{told}")


def _known(path: str, db: Path | None) -> PhotoResult | None:
    """What the index knows about a photo, if it has not changed since the scan.

    For a RAW file with a JPEG beside it, this is what the index knows about the JPEG.
    """
    from albumsort.album.presence import is_as_scanned
    from albumsort.index.reader import Index

    index_file = index_path(db)
    if not index_file.exists() or not os.path.exists(path):
        return None
    with Index(index_file) as index:
        found = index.photo(path)
    if found is None or not os.path.exists(found.photo.path) or not is_as_scanned(found.photo):
        return None
    return found


def _read(path: str) -> PhotoResult:
    from albumsort.scanning.predict import predict

    (read,) = predict([path])
    return read
