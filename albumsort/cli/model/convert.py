"""albumsort model convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.options import Model
from albumsort.errors import AlbumsortError
from albumsort.text import printable


def convert(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The folder for the ONNX files. Older ones are replaced."),
    ],
    model: Model = None,
) -> None:
    """Write the networks as files for ONNX Runtime.

    They are the emotion model and the three networks of the detector. This command has made the files that come with
    albumsort. The detector's are made from the weights in the package mtcnn. You do not need it for a model of your
    own, which is converted when it is first used.

    Examples:
        albumsort model convert models
        albumsort model convert converted --model mine.keras
    """
    from albumsort.files import new_file
    from albumsort.vision.convert import convert as convert_model
    from albumsort.vision.convert import onnx_file
    from albumsort.vision.models import model_in_use, read_card

    model = model or model_in_use()
    digest = read_card(model).digest
    written = folder / onnx_file(model).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        convert_model(model, digest, written)
        print(printable(str(written)))
        from albumsort.training.mtcnn_onnx import networks  # its packages come with those of the other conversion

        for name, content in networks().items():
            written = folder / f"{name}.onnx"
            with new_file(written, replace=True) as file:
                file.write(content)
            print(printable(str(written)))
    except OSError as error:
        raise AlbumsortError(f"{printable(str(error.filename or folder))}: {error.strerror or error}") from error
