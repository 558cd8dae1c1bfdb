"""The command line: each command parses, calls and prints; the work is done elsewhere."""

from __future__ import annotations

import sqlite3
import sys
from typing import Annotated

import typer

import albumsort
from albumsort.cli import bench, bursts, correct, export, forget, predict, problems, prune, scan, sheet, stats, top
from albumsort.cli import list as list_
from albumsort.cli.interrupt import stop
from albumsort.cli.model import export as model_export
from albumsort.cli.model import model, recipes
from albumsort.cli.model import plots as model_plots
from albumsort.errors import AlbumsortError, explain_import
from albumsort.text import printable

app = typer.Typer(
    name="albumsort",
    help="Finds every face in your photos, reads its emotion, and ranks the photos by it. On your own machine.",
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
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


app.command()(scan.scan)
app.command()(top.top)
app.command("list")(list_.list_photos)
app.command()(bursts.bursts)
app.command()(sheet.sheet)
app.command()(export.export)
app.command()(predict.predict)
app.command()(predict.show)
app.command()(correct.correct)
app.command()(stats.stats)
app.command()(problems.problems)
app.command()(prune.prune)
app.command()(forget.forget)
app.command()(bench.bench)
model.app.command()(recipes.recipes)
model.app.command()(recipes.compare)
model.app.command()(model_export.export)
model.app.command()(model_plots.data)
model.app.command()(model_plots.look)
model.app.command()(model_plots.curves)
app.add_typer(model.app, name="model")


def main() -> None:
    """Run the command line. What a person can mend is one line on standard error, and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # File names may hold any bytes, and must come out as they are.
            stream.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
    stop.listen()
    try:
        app()
    except AlbumsortError as error:
        message = str(error)
    except sqlite3.Error as error:
        message = f"the index: {error}"
    except OSError as error:
        message = f"{printable(str(error.filename))}: {error.strerror}" if error.filename else str(error)
    except ImportError as error:
        message = explain_import(error)
    sys.stderr.write(f"albumsort: {printable(message)}\n")
    sys.exit(1)
