"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from albumsort.cli.help import FACES, MODEL, OUTPUT, PHOTOS, SPEED
from albumsort.cli.values import (
    named,
)
from albumsort.index.place import usual_place
from albumsort.report.tables import Format

Device = Annotated[
    Literal["auto", "cpu", "gpu"],
    typer.Option(metavar="DEVICE", rich_help_panel=SPEED, help="Where the networks run: auto, cpu or gpu."),
]
Precision = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(
        metavar="PRECISION",
        rich_help_panel=SPEED,
        help="The precision of the arithmetic: float32, or bfloat16, which is faster on processors that support it. "
        "Default: the precision of the recipe.",
        show_default=False,
    ),
]

Db = Annotated[
    Path | None,
    typer.Option(
        "--db",
        envvar="ALBUMSORT_DB",
        metavar="FILE",
        help="The index. Default: $ALBUMSORT_DB, or a file in your user-data folder.",
    ),
]
MinFace = Annotated[
    float,
    typer.Option(
        min=0.5,
        max=100.0,
        metavar="PERCENT",
        rich_help_panel=FACES,
        help="The smallest face to find, in percent of the photo's long side.",
    ),
]
Folders = Annotated[
    list[Path], typer.Argument(metavar="FOLDER...", help="Folders with everything below them, and photos.")
]
MaxMegapixels = Annotated[
    float,
    typer.Option(min=1.0, metavar="NUMBER", rich_help_panel=PHOTOS, help="Photos with more megapixels are not read."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        rich_help_panel=PHOTOS,
        help="Leave out names and paths that match this pattern, such as *.png. May be given more than once.",
    ),
]
IncludeHidden = Annotated[
    bool,
    typer.Option(
        "--include-hidden",
        rich_help_panel=PHOTOS,
        help="Also read hidden, deleted and temporary files, exported copies, and what other programs keep.",
    ),
]
FollowLinks = Annotated[bool, typer.Option("--follow-links", rich_help_panel=PHOTOS, help="Follow symbolic links.")]
Detail = Annotated[
    int,
    typer.Option(
        min=256,
        max=8192,
        metavar="PIXELS",
        rich_help_panel=SPEED,
        help="Photos are decoded to at most this many pixels on the long side.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        min=0,
        max=256,
        metavar="NUMBER",
        rich_help_panel=SPEED,
        help="The number of decoder processes; 0 means one per core.",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="FILE", rich_help_panel=MODEL, help="The emotion model. Default: the model in use."
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", rich_help_panel=OUTPUT, help="Replace the file if there is one, unless it is a photo."),
]
ForcePlots = Annotated[
    bool,
    typer.Option("--force", rich_help_panel=OUTPUT, help="Replace plots that are there. Default: numbered names."),
]


def output_file(text: str, *suffixes: str, also: str | None = None) -> Any:
    """Make the option ``-o``, which names a file to write.

    Args:
        text: the help.
        suffixes: those that its name may have; none if any will do.
        also: another name of the option.
    """
    names = [also] if also else []
    check = named(*suffixes) if suffixes else None
    return typer.Option(*names, "--output", "-o", callback=check, metavar="FILE", rich_help_panel=OUTPUT, help=text)


Json = Annotated[bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print JSON.")]
ListFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        metavar="FORMAT",
        rich_help_panel=OUTPUT,
        help=f"How to print the list: {', '.join(get_args(Format))}.",
    ),
]
#: The threshold for commands without an index, from which it would come otherwise.
CertainFrom = Annotated[
    float,
    typer.Option(
        "--threshold",
        min=0.0,
        max=1.0,
        metavar="PROBABILITY",
        rich_help_panel=FACES,
        help="Faces with a lower probability are uncertain.",
    ),
]


def index_path(db: Path | None) -> Path:
    """The path of the index: ``--db``, else ``$ALBUMSORT_DB``, else a file in the platform's user-data folder."""
    return usual_place() if db is None else db
