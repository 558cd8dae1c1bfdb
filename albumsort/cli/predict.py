"""albumsort predict and show: single photos, without or beside the index."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.options import Db, Device, MinFace, Model, index_path
from albumsort.cli.output import writing
from albumsort.errors import AlbumsortError
from albumsort.text import printable

#: Pixels on the long side of a drawing's photo.
_DRAWN = 1600

if TYPE_CHECKING:
    from albumsort.records import PhotoResult, ReadPhoto


def predict(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Photos, not folders.")],
    cropped: Annotated[bool, typer.Option("--cropped", help="Each picture is one face already.")] = False,
    crops: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the 48 x 48 crops there, for a look.")] = None,
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Faces less sure than this are uncertain.")] = 0.5,
    min_face: MinFace = 2.5,
    device: Device = "auto",
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Read the faces of single photos, without an index."""
    from albumsort.report.as_json import result_as_dict
    from albumsort.report.tables import describe
    from albumsort.scanning import batches as reading
    from albumsort.settings import ScanSettings

    files = [os.path.abspath(image) for image in images]
    settings = ScanSettings(min_face=min_face, device=device, model=str(model.absolute()) if model else None)
    for number, read in enumerate(reading.predict(files, settings, cropped=cropped)):
        if crops:
            _keep_crops(read, crops, number)
        if as_json:
            print(json.dumps(result_as_dict(read, threshold)), flush=True)
        else:
            print(describe(read, threshold), end="")


def show(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo, scanned or not.")],
    output: Annotated[Path | None, typer.Option("-o", metavar="FILE.png", help="The picture to write.")] = None,
    db: Db = None,
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Faces less sure than this are uncertain.")] = 0.5,
) -> None:
    """Draw a photo with its faces boxed, and a bar chart a face."""
    from albumsort.album.thumbnails import megapixels, thumbnails
    from albumsort.export.folders import fitting_name
    from albumsort.report.drawing import draw_faces
    from albumsort.text import count

    path = os.path.abspath(photo)
    target = output or Path(fitting_name("", photo.name, "-faces", ".png"))
    with writing(target):
        result = _known(path, db) or _read(path)
        if result.photo.error and not result.faces:
            raise AlbumsortError(f"{printable(path)}: {result.photo.error}")
        (picture,) = thumbnails([result.photo.path], _DRAWN, megapixels([result.photo]))
        if picture.pixels is None:
            raise AlbumsortError(f"{printable(path)}: {picture.error}")
        draw_faces(picture.pixels, picture.scale, result.faces, threshold, printable(os.path.basename(path)), target)
    print(f"{printable(str(target))}: {count(len(result.faces), 'face')}")


def _known(path: str, db: Path | None) -> PhotoResult | None:
    """What the index knows of a photo that has not changed since; of a RAW file, of the JPEG beside it."""
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
    from albumsort.scanning import batches as reading

    (read,) = reading.predict([path])
    return read


def _keep_crops(reading: ReadPhoto, folder: Path, number: int) -> None:
    """Write the crops as PNG; a name is never used twice."""
    from PIL import Image

    from albumsort.export.folders import fitting_name
    from albumsort.files import new_file

    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = os.path.basename(reading.photo.path)
        for place, (face, crop) in enumerate(zip(reading.faces, reading.crops, strict=True), 1):
            words = f"_face{place}_{face.emotion}_{face.confidence * 100:03.0f}"
            target = folder / fitting_name(f"{number + 1:04d}_", name, words, ".png")
            with new_file(target) as file:
                Image.fromarray(crop).save(file, format="PNG")
    except OSError as error:
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {error.strerror or error}") from error
