"""albumsort predict: the faces of single photos, without an index."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from albumsort.cli.help import FACES, OUTPUT
from albumsort.cli.options import CertainFrom, Device, MinFace, Model
from albumsort.cli.replacing import free_name
from albumsort.errors import AlbumsortError
from albumsort.text import printable

if TYPE_CHECKING:
    from albumsort.records import ReadPhoto


def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Photos, and folders with everything below them.")
    ],
    cropped: Annotated[
        bool, typer.Option("--cropped", rich_help_panel=FACES, help="Each picture is a single face.")
    ] = False,
    crops: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=OUTPUT,
            help="Also write the 48 x 48 crops of the faces into this folder.",
        ),
    ] = None,
    threshold: CertainFrom = 0.5,
    min_face: MinFace = 2.5,
    device: Device = "auto",
    model: Model = None,
    form: Annotated[
        Literal["table", "json", "ndjson", "jsonl"],
        typer.Option(
            "--format",
            metavar="FORMAT",
            rich_help_panel=OUTPUT,
            help="How to print the result: table, or json, ndjson or jsonl, which are one JSON object per line.",
        ),
    ] = "table",
) -> None:
    """Read the faces of single photos, without an index.

    Examples:
        albumsort predict party.jpg
        albumsort predict party.jpg --crops faces --json
    """
    from albumsort.report.as_json import result_as_dict
    from albumsort.report.tables import describe
    from albumsort.scanning.predict import predict as read_photos
    from albumsort.settings import ScanSettings

    files = [file for image in images for file in _files(os.path.abspath(image))]
    settings = ScanSettings(min_face=min_face, device=device, model=str(model.absolute()) if model else None)
    is_any = False
    for number, read in enumerate(read_photos(files, settings, cropped=cropped)):
        is_any |= bool(read.faces) or read.photo.error is None
        if crops:
            _keep_crops(read, crops, number)
        if form != "table":
            print(json.dumps(result_as_dict(read, threshold)), flush=True)
        else:
            print(describe(read, threshold), end="")
    if not is_any:
        raise AlbumsortError("no photo could be read")


def _files(path: str) -> Iterator[str]:
    """A file, or the photos of a folder with everything below it."""
    from albumsort.album.other_files import without_photos
    from albumsort.album.walk import WalkProblem, walk
    from albumsort.records import PhotoFile

    if not os.path.isdir(path):
        yield path
        return
    for item in walk([path]):
        if isinstance(item, PhotoFile):
            yield item.path
        elif isinstance(item, WalkProblem):
            sys.stderr.write(f"{printable(item.path)}: {item.reason}\n")
    if words := without_photos(path):
        sys.stderr.write(f"{words}\n")


def _keep_crops(reading: ReadPhoto, folder: Path, number: int) -> None:
    """Write the crops of a photo's faces into a folder as PNG files. A name that is taken gets a number.

    Raises:
        AlbumsortError: a file cannot be written.
    """
    from PIL import Image

    from albumsort.export.names import fitting_name
    from albumsort.files import make_folder, new_file

    try:
        make_folder(folder)
        name = os.path.basename(reading.photo.path)
        for place, (face, crop) in enumerate(zip(reading.faces, reading.crops, strict=True), 1):
            words = f"_face{place}_{face.emotion}_{face.confidence * 100:03.0f}"
            target = folder / fitting_name(f"{number + 1:04d}_", name, words, ".png")
            content = BytesIO()
            Image.fromarray(crop).save(content, format="PNG")
            if target.is_file() and target.read_bytes() == content.getbuffer():
                continue  # the same command has written it before
            with new_file(free_name(target)) as file:
                file.write(content.getbuffer())
    except OSError as error:
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {error.strerror or error}") from error
