"""``--json`` and ``--format json``: a command declares one of them, and the command line takes both."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Literal

import typer

from albumsort.cli.help import OUTPUT
from albumsort.cli.options import Json

_FORMAT = Parameter(
    "form",
    Parameter.KEYWORD_ONLY,
    annotation=Annotated[
        Literal["table", "json", "ndjson", "jsonl"],
        typer.Option(
            "--format",
            metavar="FORMAT",
            rich_help_panel=OUTPUT,
            help="How to print the result: table, json, or ndjson or jsonl, which are one JSON object per line.",
        ),
    ],
    default="table",
)
_JSON = Parameter("as_json", Parameter.KEYWORD_ONLY, annotation=Json, default=False)


@contextmanager
def _one_a_line() -> Iterator[None]:
    """Print what is printed as one JSON text inside the block as one object per line, those of a list each."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        if text := printed.getvalue():
            content = json.loads(text)
            for item in content if isinstance(content, list) else [content]:
                print(json.dumps(item))


def with_both(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--format json`` to a command that has ``--json``, and ``--json`` to a command that has ``--format``.

    Args:
        command: ``--json`` is its parameter ``as_json``, a bool; ``--format`` is ``form``, one of whose values is
            ``json``. A command with neither is returned as it is.
    """
    own = [
        parameter.replace(kind=Parameter.KEYWORD_ONLY)
        for parameter in signature(command, eval_str=True).parameters.values()
    ]
    names = {parameter.name for parameter in own}
    if not names & {"as_json", "form"}:
        return command
    other = _FORMAT if "as_json" in names else _JSON

    @wraps(command)
    def run(as_json: bool, form: str, **given: Any) -> None:
        if as_json and form not in ("table", "json"):
            raise typer.BadParameter(f"--json and --format {form} contradict each other; give one of them")
        if "as_json" in names:
            with _one_a_line() if form in ("ndjson", "jsonl") else nullcontext():
                command(as_json=as_json or form != "table", **given)
        else:
            command(form="json" if as_json else form, **given)

    run.__signature__ = Signature([*own, other])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, other)}
    return run
