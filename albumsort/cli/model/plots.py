"""albumsort model data, look and curves: what a model learns from, what it sees, how it learnt."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from albumsort.cli.model.labelled import Data, FerPlus, load_faces, say
from albumsort.cli.options import Device, Json, Model, known_emotion
from albumsort.cli.output import writing
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.text import printable


def data(
    data: Data,
    ferplus: FerPlus = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw classes, samples, mean faces, copies there, as PNG.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what labelled faces there are: by split and emotion, broken, there twice, and as FER+'s voters saw them."""
    from albumsort.training.explore import explore, mean_faces

    if plots:
        from albumsort.training.plots.exploration import plot_exploration, targets

        for path in filter(Path.exists, targets(plots)):
            raise AlbumsortError(f"{printable(str(path))}: there already; choose another folder")
    faces, _ = load_faces(data, ferplus)
    say(f"{len(faces)} faces are compared with each other")
    found = explore(faces)
    if plots:
        for path in plot_exploration(faces, found, mean_faces(faces), plots):
            say(f"{printable(str(path))}: drawn")
    if as_json:
        print(json.dumps(found))
    else:
        _print_exploration(found)


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


def curves(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that train or compare wrote, or their history.csv.")
    ],
    output: Annotated[Path, typer.Option("-o", metavar="FILE.png", help="The picture to write.")] = Path("curves.png"),
) -> None:
    """Draw how training runs went, one over the other."""
    from albumsort.training.history import named_histories
    from albumsort.training.plots.figures import plot_curves

    with writing(output):
        plot_curves(named_histories(runs), output)
    print(printable(str(output)))


def _print_exploration(found: dict[str, Any]) -> None:
    width = max(10, *map(len, found["splits"]))
    print(f"{'':{width}}" + "".join(f"{emotion:>10}" for emotion in EMOTIONS) + f"{'all':>10}")
    for split, counts in found["splits"].items():
        line = "".join(f"{number:10d}" for number in (*counts.values(), sum(counts.values())))
        print(f"{split:{width}}{line}")
    print(f"{sum(found['broken'].values())} rows are broken and left out")
    for kind, copies in found["duplicates"].items():
        words = "exactly" if kind == "exact" else "nearly, in other pixels,"
        across = ", ".join(f"{number} of {split}" for split, number in copies["across_splits"].items() if number)
        print(f"{copies['faces']} faces are there {words} more than once, {copies['other_label']} with another label;")
        both = f"; with another label there: {copies['across_splits_other_label']}" if across else ""
        print(f"  in another split: {across or 'none'}{both}")
    if "ferplus" in found:
        votes = found["ferplus"]
        print(f"{votes['n']} faces have a majority of FER+'s votes, {votes['no_majority']} have none; "
              f"of the former, {votes['agreement']:.1%} are labelled so by FER2013")  # fmt: skip
        print(f"{'label':9}" + "".join(f"{emotion:>10}" for emotion in EMOTIONS) + "  by most voters")
        for emotion, row in zip(EMOTIONS, votes["matrix"], strict=True):
            print(f"{emotion:9}" + "".join(f"{number:10d}" for number in row))
