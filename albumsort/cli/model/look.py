"""albumsort model look."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from albumsort.cli.complete import emotions
from albumsort.cli.help import FACES, MODEL
from albumsort.cli.last_list import photo_named
from albumsort.cli.options import Device, Force, Model, index_path, output_file
from albumsort.cli.output import writing
from albumsort.cli.replacing import free_name
from albumsort.cli.values import DRAWING, known_emotion
from albumsort.errors import AlbumsortError
from albumsort.text import printable


def look(
    picture: Annotated[
        Path,
        typer.Argument(
            metavar="PHOTO", help="A photo, or its rank in the last list; with --cropped, a picture of a face."
        ),
    ],
    output: Annotated[
        Path | None,
        output_file("The .png, .jpg, .webp, .pdf or .svg to write. Default: PHOTO-look.png.", *DRAWING),
    ] = None,
    force: Force = False,
    cropped: Annotated[
        bool, typer.Option("--cropped", rich_help_panel=FACES, help="The picture is a single face, edge to edge.")
    ] = False,
    face: Annotated[
        int,
        typer.Option(min=1, metavar="NUMBER", rich_help_panel=FACES, help="Which face of the photo: 1 is the largest."),
    ] = 1,
    emotion: Annotated[
        str | None,
        typer.Option(
            metavar="EMOTION",
            autocompletion=emotions,
            rich_help_panel=FACES,
            help="The emotion to explain. Default: the most probable one.",
        ),
    ] = None,
    labels: Annotated[
        Literal["perceived", "fer2013"],
        typer.Option(
            metavar="LABELS",
            rich_help_panel=MODEL,
            help="The head: perceived, as people see faces, or fer2013, as FER2013 labels them.",
        ),
    ] = "perceived",
    model: Model = None,
    device: Device = "auto",
) -> None:
    """Explain the prediction for one face in a picture.

    It shows the probabilities, the important parts of the face (Grad-CAM) and the feature maps.

    Examples:
        albumsort model look party.jpg
        albumsort model look party.jpg --face 2 --emotion sad -o sad.png
    """
    from albumsort.scanning.predict import predict
    from albumsort.settings import ScanSettings
    from albumsort.training.plots.saliency import plot_explanation
    from albumsort.vision.models import model_in_use, read_card
    from albumsort.vision.saliency import explain

    wanted = known_emotion(emotion)
    picture = photo_named(picture, index_path(None))
    path, target = os.path.abspath(picture), output or free_name(Path(f"{picture.stem}-look.png"), force)
    with writing(target, index_path(None), [Path(path)], force=force) as file:
        settings = ScanSettings(device=device, model=str(model.absolute()) if model else None)
        (read,) = predict([path], settings, cropped=cropped)
        if not len(read.crops):
            raise AlbumsortError(f"{printable(path)}: {read.photo.error or 'no face found'}")
        if face > len(read.crops):
            raise typer.BadParameter(f"--face {face}: there are {len(read.crops)}")
        seen = explain(read.crops[face - 1], model, labels, wanted, device)
        which = f"face {face} of {len(read.crops)}, " if len(read.crops) > 1 else ""
        card = read_card(model or model_in_use())
        reader = f"read by the model {card.name}, head {card.head(labels)}"
        # A name from right to left would turn the words around if they stood on its line.
        plot_explanation(seen, f"{printable(os.path.basename(path))}\n{which}{reader}", file)
    print(printable(str(target)))
