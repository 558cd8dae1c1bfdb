"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from albumsort.emotions import EMOTIONS, labels_of
from albumsort.index.filters import Filters, checked_date

Device = Annotated[Literal["auto", "cpu", "gpu"], typer.Option(help="Where the networks run.")]
Precision = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(
        help="Of the arithmetic, in place of the recipe's: bfloat16 is quicker where the processor has it.",
        show_default=False,
    ),
]

Db = Annotated[
    Path | None,
    typer.Option(
        "--db", envvar="ALBUMSORT_DB", metavar="FILE", help="The index. Unless told, in your user-data folder."
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Faces less sure than this are uncertain. Unless told, what the scan had."),
]
MinFace = Annotated[
    float, typer.Option(min=0.5, max=100.0, metavar="PERCENT", help="Smallest face, of the photo's long side.")
]
Detail = Annotated[
    int, typer.Option(min=256, max=8192, metavar="PIXELS", help="Long side to which photos are decoded.")
]
Workers = Annotated[int, typer.Option(min=0, max=256, help="Decoder processes; 0 for one a core.")]
Model = Annotated[Path | None, typer.Option("--model", metavar="FILE", help="Another model than the one in use.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def index_path(db: Path | None) -> Path:
    """The index that is meant: ``--db``, else ``$ALBUMSORT_DB``, else the platform's user-data folder."""
    if db is not None:
        return db
    from platformdirs import user_data_path

    return user_data_path("albumsort", appauthor=False) / "index.db"


def known_emotion(word: str) -> str:
    """One of our emotions.

    Raises:
        typer.BadParameter: it is none.
    """
    if word not in EMOTIONS:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(EMOTIONS)}")
    return word


def known_emotions(words: list[str] | None) -> list[str] | None:
    """As ``known_emotion``, each of them, once."""
    return [known_emotion(word) for word in dict.fromkeys(words)] if words else None


def day(text: str | None) -> str | None:
    """A date as people write it, as far as they write it.

    Raises:
        typer.BadParameter: it is none.
    """
    if text is None:
        return None
    try:
        return checked_date(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def png(target: Path | None) -> Path | None:
    """A name that says what is written there.

    Raises:
        typer.BadParameter: it says something else.
    """
    if target is not None and target.suffix.lower() != ".png":
        raise typer.BadParameter(f"{str(target)!r}: the plot is a PNG; give it a name with .png")
    return target


def _filters(
    under: Annotated[Path | None, typer.Option(metavar="DIR", help="Only photos below this folder.")] = None,
    since: Annotated[
        str | None, typer.Option(callback=day, metavar="DATE", help="2024, 2024-05 or 2024-05-17.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(callback=day, metavar="DATE", help="Likewise, that day included.")
    ] = None,
    undated: Annotated[
        bool, typer.Option("--undated", help="With --since or --until: photos without a date, too.")
    ] = False,
    camera: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only photos of a camera with this in its name.")
    ] = None,
    min_faces: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only photos with so many faces or more.")
    ] = None,
    max_faces: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only photos with no more faces than that.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--not", callback=known_emotions, metavar="EMOTION", help="No photos with a face of it. May be repeated."
        ),
    ] = None,
    min_face: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=100.0, metavar="PERCENT", help="Faces smaller than this, of the long side, are none."
        ),
    ] = None,
    min_detection: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, metavar="P", help="Faces found less surely than this are none.")
    ] = None,
) -> Filters:
    if since and until and since[: len(until)] > until:
        raise typer.BadParameter(f"--since {since} is after --until {until}")
    if min_faces is not None and max_faces is not None and min_faces > max_faces:
        raise typer.BadParameter(f"--min-faces {min_faces} is more than --max-faces {max_faces}")
    return Filters(
        under=os.path.abspath(under) if under else None,
        since=since,
        until=until,
        undated=undated,
        camera=camera,
        min_faces=min_faces,
        max_faces=max_faces,
        without=tuple(without or ()),
        min_face=min_face,
        min_detection=min_detection,
    )


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, whose last parameter is ``filters``, the options that these are made of in its place."""
    *own, filters = signature(command, eval_str=True).parameters.values()
    assert filters.name == "filters"  # noqa: S101 - for who writes a command
    options = list(signature(_filters, eval_str=True).parameters.values())

    @wraps(command)
    def run(*args: Any, **given: Any) -> None:
        chosen = {option.name: given.pop(option.name) for option in options if option.name in given}
        command(*args, filters=_filters(**chosen), **given)

    run.__signature__ = Signature([*own, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *options)}
    return run


Scheme = Annotated[
    Literal["seven", "six", "four"],
    typer.Option(
        "--label-scheme", help="six: disgust counts as angry; four: angry, happy, sad and neutral alone, as parts of 1."
    ),
]
Everyone = Annotated[bool, typer.Option("--everyone", help="Rank by the face in front that shows it least.")]
All = Annotated[bool, typer.Option("--all", help="List copies, all frames of a burst and RAW files, too.")]


def in_scheme(emotions: Iterable[str], scheme: str) -> None:
    """Refuse emotions that a label scheme does not have.

    Raises:
        typer.BadParameter: naming the first.
    """
    for emotion in emotions:
        if emotion not in labels_of(scheme):
            labels = ", ".join(labels_of(scheme))
            raise typer.BadParameter(f"{emotion!r} is not one of {labels}, which --label-scheme {scheme} has")
