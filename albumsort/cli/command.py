"""What all commands have in common: ``-v``, ``--traceback``, and errors in one line."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import sys
import traceback as tracebacks
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, Signature, getdoc, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from albumsort.cli import typed_line
from albumsort.cli.help import TYPED, Command, split_examples
from albumsort.cli.json_option import with_both
from albumsort.cli.logs import configure
from albumsort.cli.output import nobody_reads
from albumsort.errors import AlbumsortError, explain_import
from albumsort.text import printable

Verbose = Annotated[
    int,
    typer.Option("--verbose", "-v", count=True, show_default=False, help="Show more messages; -vv shows all."),
]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where in the code an error occurred.")]


def add_command(
    app: typer.Typer,
    command: Callable[..., None],
    name: str | None = None,
    level: int = logging.WARNING,
    panel: str | None = None,
) -> None:
    """Register a command, with the options that all commands have.

    Args:
        app: the command line, or one of its groups.
        command: a function whose parameters are Typer's arguments and options. Its docstring is the help; the lines of
            the section ``Examples:`` are printed at its end.
        name: the name of the command; None for the name of the function.
        level: the level of ``logging`` from which the package's messages are shown without ``-v``.
        panel: the heading under which the list of commands has it.
    """
    command = with_both(command)
    own = signature(command, eval_str=True).parameters.values()
    shared = signature(keep_options, eval_str=True).parameters.values()

    @wraps(command)
    def run(context: typer.Context, verbose: int, traceback: bool, **given: Any) -> None:
        before = context.obj or (0, False)  # the options before the name of the command
        verbosity, traceback = verbose + before[0], traceback or before[1]
        configure(verbosity, level)
        typed = context.meta.get(TYPED, ())
        with typed_line.kept(context.command_path, typed), _errors_in_one_line(verbosity, traceback, typed):
            command(**{name: in_home(value) for name, value in given.items()})
            nobody_reads()  # Python would complain at its end; another error is one like any other

    run.__signature__ = Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in (*own, *shared)]
    )
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *shared)}
    text, examples = split_examples(getdoc(command) or "")
    summary = text.split("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".") + "."
    app.command(name, cls=Command, help=text, short_help=summary, epilog=examples, rich_help_panel=panel)(run)


def keep_options(context: typer.Context, verbose: Verbose = 0, traceback: Traceback = False) -> None:
    """Keep the options before the name of a command, as in ``albumsort -v top happy``."""
    before = context.obj or (0, False)
    context.obj = (verbose + before[0], traceback or before[1])


def in_home(value: Any) -> Any:
    """A path, or each path of a list, with the home folder in place of a leading ``~``; other values stay as they are.

    A shell replaces ``~`` only at the start of a word. In ``--db=~/index.db`` and in an environment variable of a
    service it does not, and a folder with the name ``~`` would be made.
    """
    if isinstance(value, Path):
        return Path(os.path.expanduser(value))  # Path.expanduser raises an error if there is no such user
    return [in_home(part) for part in value] if isinstance(value, list) else value


@contextmanager
def _errors_in_one_line(verbosity: int, traceback: bool, typed: Sequence[str]) -> Iterator[None]:
    """Print an error from inside the block as one line on standard error, and exit with code 1.

    If the user can solve the problem, the line says what is wrong. Any other error is a bug, and the line asks for a
    report.

    Raises:
        typer.Exit: there was an error.
    """
    try:
        yield
        return
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except (AlbumsortError, sqlite3.Error, OSError, ImportError) as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            # With status 0, as ripgrep ends: a reader that has enough, such as `| head -1`, is no failure, and must not
            # be one for a script that sets `pipefail`.
            if nobody_reads():
                raise typer.Exit(0) from None
            raise
        message = _in_words(error)
        from albumsort.cli.advice import about_blanks

        if advice := about_blanks(typed):
            message += f". {advice}"
        if traceback:
            tracebacks.print_exc()
    except Exception as error:
        details = tracebacks.format_exception_only(error)[-1].strip()
        message = f"this is a bug in albumsort ({details}); please report it, together with the output of -v"
        if traceback or verbosity:
            tracebacks.print_exc()
    sys.stderr.write(f"albumsort: {printable(message)}\n")
    raise typer.Exit(1)


def _in_words(error: AlbumsortError | sqlite3.Error | OSError | ImportError) -> str:
    if isinstance(error, sqlite3.Error):
        return f"the index: {error}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return explain_import(error) if isinstance(error, ImportError) else str(error)
