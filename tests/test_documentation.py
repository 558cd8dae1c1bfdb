"""Every command and every option is documented in examples/commands.md, in the words of the help.

python tests/test_documentation.py    # writes the page anew
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from albumsort.cli import app
from albumsort.cli.help import text_of, usage_of

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = EXAMPLES / "commands.md"
#: Options of every command, documented once.
SHARED = ("--verbose", "--traceback")
#: Filters, documented once.
FILTERS = (
    *("--threshold", "--under", "--since", "--until", "--year", "--month", "--undated"),
    *("--camera", "--min-faces", "--max-faces", "--not", "--min-face", "--min-detection"),
)
BEGIN = """# Commands

What `albumsort COMMAND --help` prints, on one page. `python tests/test_documentation.py` writes this page from the help
texts. The [README](../README.md) shows the commands at work.

After `albumsort --install-completion` and in a new terminal, the Tab key completes commands, options, emotions,
formats, cameras, recipes and names of files.
"""


@dataclass
class Documented:
    """An argument or option."""

    name: str  # as the command line has it: FOLDER, -n, --threshold
    usage: str  # with what follows it: --threshold PROBABILITY
    text: str


def commands(group: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each command with its full name."""
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def parameters(command: Any) -> list[Documented]:
    return [
        Documented(usage_of(parameter).split(", ")[-1].split()[0], usage_of(parameter), text_of(parameter))
        for parameter in command.params
    ]


def has_filters(command: Any) -> bool:
    return set(FILTERS) <= {parameter.name for parameter in parameters(command)}


def table(rows: list[Documented]) -> str:
    cells = [(f"`{row.usage}`".replace("|", "\\|"), row.text.replace("|", "\\|")) for row in rows]
    return "\n".join(["| | |", "|---|---|", *(f"| {usage} | {text} |" for usage, text in cells)])


def page() -> str:
    parts = [BEGIN]
    known = dict(commands())
    shared = [row for row in parameters(known["top"]) if row.name in SHARED]
    own = [row for row in parameters(get_command(app)) if row.name not in SHARED]
    parts.append(f"## albumsort\n\n{table(own)}\n")
    parts.append(f"## Every command\n\n{table(shared)}\n")
    filters = [row for row in parameters(known["top"]) if row.name in FILTERS]
    users = [f"`{name}`" for name, command in known.items() if has_filters(command)]
    who = f"{', '.join(users[:-1])} and {users[-1]} have these options beside their own."
    parts.append(f"## Filters\n\n{who}\n\n{table(filters)}\n")
    for name, command in known.items():
        left_out = (*SHARED, *(FILTERS if has_filters(command) else ()))
        own = [row for row in parameters(command) if row.name not in left_out]
        text = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
        examples = "".join(f"    {line}\n" for line in command.epilog.splitlines())
        parts.append(f"## albumsort {name}\n\n{text}\n\n{examples}" + (f"\n{table(own)}\n" if own else ""))
    return "\n".join(parts)


def test_the_page_of_commands_says_what_their_help_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/test_documentation.py writes the page anew"


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_a_command_and_all_its_options_have_a_help_text(name, command):
    assert command.help
    assert [row.name for row in parameters(command) if not row.text] == []


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_the_readme_or_a_page_shows_every_command_at_work(name):
    pages = "\n".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *EXAMPLES.glob("*.md")])
    assert re.search(rf"(?m)^ {{4}}(\$ )?albumsort {name}\b", pages)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
