"""The query that is made from a command's options: which photos, which faces, how they are ranked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial, wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from albumsort.cli.complete import cameras_of, emotions
from albumsort.cli.help import FACES, PHOTOS
from albumsort.cli.options import index_path
from albumsort.cli.values import (
    check_in_scheme,
    check_ranges,
    first_day,
    known_emotions,
    last_day,
    number,
    year_or_month,
)
from albumsort.emotions import EMOTIONS, labels_of
from albumsort.index.filters import Filters
from albumsort.index.query import Query


def _cameras(context: typer.Context, incomplete: str) -> list[str]:
    """The cameras that a shell offers: those of the index that is asked."""
    db = context.params.get("db")
    return cameras_of(index_path(Path(os.path.expanduser(db)) if db else None), incomplete)


def how_many(default: int | None, text: str = "The number of photos, or all.", most: int | None = None) -> Parameter:
    """Make the option ``-n``, which is the ``n`` of a query. Its ``all`` is None, or ``most`` if there is a maximum."""
    kind: Any = int | None
    option = typer.Option(
        *("-n", "--limit"), parser=partial(number, most=most), metavar="NUMBER", rich_help_panel=PHOTOS, help=text
    )
    return _option("n", Annotated[kind, option], default)


def _option(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation, default=default)


def _flag(name: str, option: str, panel: str, text: str) -> Parameter:
    return _option(name, Annotated[bool, typer.Option(option, rich_help_panel=panel, help=text)], False)


#: Parts of a query that ``asks`` takes: the emotions, as arguments or as an option, and three other options.
EMOTION_ARGUMENTS = _option(
    "emotion",
    Annotated[
        list[str],
        typer.Argument(
            callback=known_emotions,
            autocompletion=emotions,
            metavar="EMOTION...",
            help=f"One or more of {', '.join(EMOTIONS)}. The probabilities of several are added up.",
        ),
    ],
)
EMOTION_OPTION = _option(
    "emotion",
    Annotated[
        list[str] | None,
        typer.Option(
            callback=known_emotions,
            autocompletion=emotions,
            metavar="EMOTION",
            rich_help_panel=FACES,
            help="Only this emotion. May be given more than once.",
        ),
    ],
    None,
)
EVERYONE = _flag(
    "everyone", "--everyone", FACES, "Rank each photo by the person who shows the emotion least, not most."
)
CLOSEST = _flag(
    "closest",
    "--closest",
    FACES,
    "Also list photos in which no face shows the emotion for certain, by its probability, whatever --threshold is.",
)
ALL = _flag("with_copies", "--all", PHOTOS, "List copies, all frames of a burst and RAW files, too.")
SCHEME = _option(
    "scheme",
    Annotated[
        Literal["seven", "six", "four"],
        typer.Option(
            "--label-scheme",
            metavar="SCHEME",
            rich_help_panel=FACES,
            help="Which emotions are told apart: seven; six, where disgust counts as angry; "
            "or four, only angry, happy, sad and neutral, whose probabilities are scaled to add up to 1.",
        ),
    ],
    "seven",
)
_THRESHOLD = _option(
    "threshold",
    Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="PROBABILITY",
            rich_help_panel=FACES,
            help="Faces with a lower probability are uncertain. Default: the threshold of the last scan.",
        ),
    ],
    None,
)


def _filters(
    under: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=PHOTOS,
            help="Only photos below this folder. May be given more than once.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            callback=first_day,
            metavar="DATE",
            rich_help_panel=PHOTOS,
            help="Only photos since then: 2024, 2024-05, 2024-05-17, 2024-05-17T10:30, 'last month', 30d, 1y.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            callback=last_day,
            metavar="DATE",
            rich_help_panel=PHOTOS,
            help="Only photos until then; 2024 includes the whole year.",
        ),
    ] = None,
    year: Annotated[
        str | None, typer.Option(metavar="YEAR", rich_help_panel=PHOTOS, help="Only photos of this year.")
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(
            metavar="MONTH",
            rich_help_panel=PHOTOS,
            help="Only photos of this month: 2024-05, 'May 2024', 'last month'.",
        ),
    ] = None,
    undated: Annotated[
        bool,
        typer.Option(
            "--undated",
            rich_help_panel=PHOTOS,
            help="With --since, --until, --year or --month: include photos without a date.",
        ),
    ] = False,
    camera: Annotated[
        str | None,
        typer.Option(
            metavar="CAMERA",
            rich_help_panel=PHOTOS,
            autocompletion=_cameras,
            help="Only photos from cameras whose name contains this.",
        ),
    ] = None,
    min_faces: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="NUMBER", rich_help_panel=PHOTOS, help="Only photos with at least this many faces."
        ),
    ] = None,
    max_faces: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", rich_help_panel=PHOTOS, help="Only photos with at most this many faces."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--not",
            callback=known_emotions,
            autocompletion=emotions,
            metavar="EMOTION",
            rich_help_panel=PHOTOS,
            help="No photos in which a face shows this emotion. May be given more than once.",
        ),
    ] = None,
    min_face: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=100.0,
            metavar="PERCENT",
            rich_help_panel=FACES,
            help="Ignore faces that are smaller than this, in percent of the photo's long side.",
        ),
    ] = None,
    min_detection: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="PROBABILITY",
            rich_help_panel=FACES,
            help="Ignore faces detected less surely than this.",
        ),
    ] = None,
) -> Filters:
    if (year, month) != (None, None):
        if since or until:
            raise typer.BadParameter("--year and --month stand for --since and --until; give only one of the pairs")
        since = until = year_or_month(year, month)
    check_ranges(since, until, min_faces, max_faces)
    return Filters(
        under=tuple(map(os.path.abspath, under or ())),
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


def asks(*parts: Parameter) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options that make up a query to a command whose first parameter is ``query``.

    Each such command has ``--threshold`` and the filters. The command's own parameters come after the emotions and the
    number of photos, and before the other options of the query.

    Args:
        parts: further parts of the query, such as ``EVERYONE``.
    """
    first = [part for part in parts if part.name in ("emotion", "n")]
    last = [part for part in parts if part not in first]
    with_all = [*first, *last, _THRESHOLD, *signature(_filters, eval_str=True).parameters.values()]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        _, *own = signature(command, eval_str=True).parameters.values()
        named = [*first, *own, *(part for part in with_all if part not in first)]
        named = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in named]
        # In Python the parameters may be given in this order, too.
        in_order = sorted(named, key=lambda parameter: parameter.default is not Parameter.empty)
        order = Signature([parameter.replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for parameter in in_order])

        @wraps(command)
        def run(*args: Any, **given: Any) -> None:
            bound = order.bind(*args, **given)
            bound.apply_defaults()
            values = bound.arguments
            command(_query({part.name: values.pop(part.name) for part in with_all}), **values)

        run.__signature__ = Signature(named)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in order.parameters.values()}
        return run

    return decorate


def _query(values: dict[str, Any]) -> Query:
    """Make a query from the options of a command.

    Raises:
        typer.BadParameter: options contradict each other.
    """
    scheme = values.pop("scheme", "seven")
    emotions: Iterable[str] = ()
    if "emotion" in values:
        emotions = values.pop("emotion") or labels_of(scheme)
    own = {name: values.pop(name) for name in ("n", "threshold", "everyone", "closest") if name in values}
    with_copies = values.pop("with_copies", False)
    filters = replace(_filters(**values), with_copies=with_copies)
    check_in_scheme((*emotions, *filters.without), scheme)
    return Query(tuple(emotions), scheme=scheme, filters=filters, **own)
