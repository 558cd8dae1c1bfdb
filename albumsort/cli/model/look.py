"""albumsort model look."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from albumsort.cli.options import Device, Model, known_emotion
from albumsort.cli.output import writing
from albumsort.errors import AlbumsortError
from albumsort.text import printable


def look(
    picture: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo, or with --cropped a face.")],
    output: Annotated[Path | None, typer.Option("-o", metavar="FILE.png", help="The picture to write.")] = None,
    cropped: Annotated[bool, typer.Option("--cropped", help="The picture is one face already.")] = False,
    face: Annotated[int, typer.Option(min=1, metavar="N", help="Which face of the photo, the largest first.")] = 1,
    emotion: Annotated[str | None, typer.Option(help="What to look for; unless told, the most probable.")] = None,
    labels: Annotated[Literal["perceived", "fer2013"], typer.Option(help="In whose sense to answer.")] = "perceived",
    model: Model = None,
    device: Device = "auto",
) -> None:
    """Draw what the model makes of one face: probabilities, which parts speak for them (Grad-CAM), feature maps."""
    from albumsort.scanning import batches as reading
    from albumsort.settings import ScanSettings
    from albumsort.training.plots.saliency import plot_look
    from albumsort.vision.models import model_in_use, read_card
    from albumsort.vision.saliency import look as look_inside

    wanted = known_emotion(emotion) if emotion else None
    path, target = os.path.abspath(picture), output or Path(f"{picture.stem}-look.png")
    with writing(target):
        settings = ScanSettings(device=device, model=str(model.absolute()) if model else None)
        (read,) = reading.predict([path], settings, cropped=cropped)
        if not len(read.crops):
            raise AlbumsortError(f"{printable(path)}: {read.photo.error or 'no face found'}")
        if face > len(read.crops):
            raise typer.BadParameter(f"--face {face}: there are {len(read.crops)}")
        seen = look_inside(read.crops[face - 1], model, labels, wanted, device)
        which = f", face {face} of {len(read.crops)}" if len(read.crops) > 1 else ""
        card = read_card(model or model_in_use())
        reader = f", read by {card.name} in the sense of {card.head(labels)}"
        plot_look(seen, printable(os.path.basename(path)) + which + reader, target)
    print(printable(str(target)))
