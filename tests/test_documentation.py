"""Every command and every option is documented in examples/commands.md, in the words of the help.

python tests/test_documentation.py    # writes the page anew
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter, signature
from pathlib import Path
from typing import get_args

import pytest
import typer

from albumsort.cli import app

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = EXAMPLES / "commands.md"
#: Options of every command, documented once.
SHARED = ("--verbose", "--traceback")
#: Filters, documented once.
FILTERS = (
    *("--threshold", "--under", "--since", "--until", "--undated", "--camera"),
    *("--min-faces", "--max-faces", "--not", "--min-face", "--min-detection"),
)
BEGIN = """# Commands

What `albumsort COMMAND --help` prints, on one page. `python tests/test_documentation.py` writes this page from the help
texts. The [README](../README.md) shows the commands at work.
"""


@dataclass
class Documented:
    """An argument or option."""

    name: str  # as the command line has it: DEST, -n, --threshold
    usage: str  # with what follows it: --threshold P
    text: str


def commands(group: typer.Typer = app, before: str = "") -> Iterator[tuple[str, Callable[..., None]]]:
    """Each command's full name and function."""
    for command in group.registered_commands:
        assert command.callback
        yield before + (command.name or command.callback.__name__), command.callback
    for below in group.registered_groups:
        assert below.typer_instance
        yield from commands(below.typer_instance, f"{below.name} ")


def parameters(command: Callable[..., None]) -> list[Documented]:
    found = []
    for parameter in signature(command).parameters.values():
        if parameter.annotation is typer.Context:
            continue
        kind, info = get_args(parameter.annotation)
        # In an Annotated type, Typer takes the first name of an option for its default at first.
        names = [name for name in (info.default, *(info.param_decls or ())) if isinstance(name, str)]
        names = sorted(names or [f"--{parameter.name.replace('_', '-')}"], key=len)
        text = info.help or ""
        if hasattr(info, "prompt"):  # an option
            usage = ", ".join(names)
            if kind is not bool and not info.count:
                choices = [choice for part in (kind, *get_args(kind)) for choice in get_args(part) if part is not kind]
                choices = choices or [choice for choice in get_args(kind) if isinstance(choice, str)]
                usage += f" {info.metavar or '|'.join(map(str, choices)) or 'N'}"
            default = info.show_default if isinstance(info.show_default, str) else parameter.default
            if info.show_default and default not in (None, False, Parameter.empty):
                text += f" Default: {default}."
        else:
            names = [info.metavar or parameter.name.upper()]
            usage = names[0]
        found.append(Documented(names[-1], usage, text))
    return found


def has_filters(command: Callable[..., None]) -> bool:
    return set(FILTERS) <= {parameter.name for parameter in parameters(command)}


def table(rows: list[Documented]) -> str:
    cells = [(f"`{row.usage}`".replace("|", "\\|"), row.text.replace("|", "\\|")) for row in rows]
    return "\n".join(["| | |", "|---|---|", *(f"| {usage} | {text} |" for usage, text in cells)])


def page() -> str:
    parts = [BEGIN]
    known = dict(commands())
    shared = [row for row in parameters(known["top"]) if row.name in SHARED]
    parts.append(f"## Every command\n\n{table(shared)}\n")
    filters = [row for row in parameters(known["top"]) if row.name in FILTERS]
    users = [f"`{name}`" for name, command in known.items() if has_filters(command)]
    who = f"{', '.join(users[:-1])} and {users[-1]} have these options beside their own."
    parts.append(f"## Filters\n\n{who}\n\n{table(filters)}\n")
    for name, command in known.items():
        left_out = (*SHARED, *(FILTERS if has_filters(command) else ()))
        own = [row for row in parameters(command) if row.name not in left_out]
        text = "\n\n".join(" ".join(part.split()) for part in (command.__doc__ or "").split("\n\n"))
        parts.append(f"## albumsort {name}\n\n{text}\n" + (f"\n{table(own)}\n" if own else ""))
    return "\n".join(parts)


def test_the_page_of_commands_says_what_their_help_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/test_documentation.py writes the page anew"


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_a_command_and_all_its_options_have_a_help_text(name, command):
    assert command.__doc__
    assert [row.name for row in parameters(command) if not row.text] == []


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_the_readme_or_a_page_shows_every_command_at_work(name):
    pages = "\n".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *EXAMPLES.glob("*.md")])
    assert re.search(rf"(?m)^ {{4}}(\$ )?albumsort {name}\b", pages)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
