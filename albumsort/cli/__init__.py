"""The command line: each command parses its options, calls the package and prints the result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from logging import INFO, WARNING
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

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
    watch,
)
from albumsort.cli import list as list_
from albumsort.cli.command import Traceback, Verbose, add_command, keep_options
from albumsort.cli.help import Group, in_one_line
from albumsort.cli.interrupt import stop
from albumsort.cli.model.app import app as model
from albumsort.cli.streams import open_streams, shows_escapes

app = typer.Typer(
    name="albumsort",
    cls=Group,
    help="Finds every face in your photos, reads its emotion, and ranks the photos by it, all on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:  # which is how words are completed
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


for panel, commands in {
    "Start here": (scan.scan, top.top, export.export),
    "See more": (list_.list_photos, sheet.sheet, show.show, bursts.bursts, stats.stats, predict.predict),
    "Keep in order": (watch.watch, correct.correct, problems.problems, prune.prune, forget.forget),
    "Go deeper": (bench.bench,),
}.items():
    for command in commands:
        name = "list" if command is list_.list_photos else None
        level = INFO if command in (scan.scan, watch.watch, predict.predict, bench.bench) else WARNING
        add_command(app, command, name, level, panel)

app.add_typer(model, name="model", rich_help_panel="Go deeper")


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
    try:
        color = None if shows_escapes(sys.stdout) else False  # Typer itself does not know NO_COLOR
        code = get_command(app).main(arguments, prog_name="albumsort", standalone_mode=False, color=color)
    except typer.TyperException as error:
        sys.stderr.write(in_one_line(error))
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.stderr.write("albumsort: stopped; nothing was done\n")
        sys.exit(1)
    sys.exit(code)
