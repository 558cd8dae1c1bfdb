"""The command line: each command parses its options, calls the package and prints the result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from logging import INFO
from typing import Annotated, NoReturn

import typer

import albumsort
from albumsort.cli import (
    bench,
    bursts,
    correct,
    export,
    forget,
    predict,
    problems,
    prune,
    scan,
    sheet,
    show,
    stats,
    top,
)
from albumsort.cli import list as list_
from albumsort.cli.command import Traceback, Verbose, add_command, keep_options
from albumsort.cli.interrupt import stop
from albumsort.cli.model.app import app as model
from albumsort.cli.streams import open_streams

app = typer.Typer(
    name="albumsort",
    help="Finds every face in your photos, reads its emotion, and ranks the photos by it, all on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"albumsort {albumsort.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    verbose: Verbose = 0,
    traceback: Traceback = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    keep_options(context, verbose, traceback)


add_command(app, scan.scan, level=INFO)
add_command(app, top.top)
add_command(app, list_.list_photos, "list")
add_command(app, bursts.bursts)
add_command(app, sheet.sheet)
add_command(app, export.export)
add_command(app, predict.predict)
add_command(app, show.show)
add_command(app, correct.correct)
add_command(app, stats.stats)
add_command(app, problems.problems)
add_command(app, prune.prune)
add_command(app, forget.forget)
add_command(app, bench.bench, level=INFO)

app.add_typer(model, name="model")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line.

    Args:
        arguments: without the name of the program; None for those of this process.

    Raises:
        SystemExit: with 0 when all went well, 1 when the command failed, 2 when it was used wrongly, 130 when it was
            stopped by Ctrl-C.
    """
    open_streams()
    stop.listen()
    app(arguments)
    sys.exit()
