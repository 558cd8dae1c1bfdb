"""What ``--help`` prints: usage, options in groups, examples. It has colour in a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from albumsort.cli.output import nobody_reads
from albumsort.cli.streams import shows_escapes
from albumsort.text import printable

#: The groups of options, in the order in which they are printed. Options without a group are general ones.
PHOTOS, FACES, DATA, MODEL, OUTPUT, SPEED, GENERAL = (
    *("Which photos", "Which faces", "Data", "Model", "Output", "Speed", "General"),
)
#: What was typed behind the name of the command, in the ``meta`` of its context.
TYPED = "albumsort.typed"
_PANELS = (PHOTOS, FACES, DATA, MODEL, OUTPUT, SPEED, GENERAL)

Parameter = TyperArgument | TyperOption


def usage_of(parameter: Parameter) -> str:
    """How a parameter is written: ``EMOTION...`` or ``-n, --limit NUMBER``."""
    if isinstance(parameter, TyperArgument) or parameter.is_flag or parameter.count:
        return _names_of(parameter)
    return f"{_names_of(parameter)} {parameter.metavar}"


def _names_of(parameter: Parameter) -> str:
    if isinstance(parameter, TyperArgument):
        return parameter.metavar or parameter.name.upper()
    return ", ".join(sorted(parameter.opts, key=lambda name: (name.startswith("--"), name)))


def text_of(parameter: Parameter) -> str:
    """What a parameter means, with its default and its range unless these go without saying."""
    parts, default = [parameter.help or ""], parameter.default
    if parameter.max is not None:  # that a number of photos is not negative goes without saying
        parts.append(f"{_range_of(parameter).removeprefix(' of').strip().capitalize()}.")
    if isinstance(parameter.show_default, str):
        default = parameter.show_default
    if parameter.show_default and default not in (None, False, ()) and not callable(default):
        parts.append(f"Default: {default:g}." if isinstance(default, float) else f"Default: {default}.")
    return " ".join(parts)


class _WithPanels:
    """Prints the help of a command or group. The class beside this one is one of Typer's."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().make_context(*args, **extra)  # type: ignore[misc]
        except OSError as error:  # from what --help or --version printed: `| head -1` is no failure
            if isinstance(error, BrokenPipeError) and nobody_reads():
                raise typer.Exit(0) from None
            sys.stderr.write(f"albumsort: standard output: {error.strerror}\n")
            raise typer.Exit(1) from None

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        ctx.meta[TYPED] = typed = list(args)
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc]
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:
                error.ctx = ctx  # type: ignore[attr-defined]  # for ``in_one_line``
            error.typed = typed  # type: ignore[attr-defined]  # likewise
            raise

    def collect_usage_pieces(self: Any, ctx: Any) -> list[str]:
        required = [parameter for parameter in self.params if parameter.required and _is_option(parameter)]
        arguments = [parameter for parameter in self.params if isinstance(parameter, TyperArgument)]
        words = [usage_of(argument) if argument.required else f"[{usage_of(argument)}]" for argument in arguments]
        words += [f"{min(option.opts, key=len)} {option.metavar}" for option in required]
        return [*words, *(["COMMAND"] if isinstance(self, TyperGroup) else []), "[OPTIONS]"]

    def format_help_text(self: Any, ctx: Any, formatter: Any) -> None:
        for paragraph in self.help.split("\n\n"):
            formatter.write("\n" + "".join(f"  {line}\n" for line in _wrapped(paragraph, formatter.width - 2)))

    def format_options(self: Any, ctx: Any, formatter: Any) -> None:
        shown = [parameter for parameter in self.get_params(ctx) if not parameter.hidden]
        if isinstance(self, TyperGroup):
            self.format_commands(ctx, formatter)
        panels = {"Arguments": [parameter for parameter in shown if isinstance(parameter, TyperArgument)]}
        for panel in _PANELS:
            panels[panel] = [
                parameter
                for parameter in shown
                if _is_option(parameter) and (parameter.rich_help_panel or GENERAL) == panel
            ]
        for panel, parameters in panels.items():
            _section(formatter, panel, [(usage_of(parameter), text_of(parameter)) for parameter in parameters])

    def format_epilog(self: Any, ctx: Any, formatter: Any) -> None:
        if self.epilog:
            formatter.write(f"\n{_heading('Examples')}:\n")
            formatter.write("".join(f"  {line}\n" for line in self.epilog.splitlines()))


class Command(_WithPanels, TyperCommand):
    """A command with its options in groups."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        has_folder = any(parameter.name == "folder" and parameter.required for parameter in self.params)
        return super().parse_args(ctx, _with_folder_last(args) if has_folder else args)


class Group(_WithPanels, TyperGroup):
    """A group of commands, which are printed in panels, too."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            error.typed = list(args)  # type: ignore[attr-defined]  # for ``in_one_line``
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands: list[Any] = [command for command in self.commands.values() if not command.hidden]
        for panel in dict.fromkeys(command.rich_help_panel for command in commands):
            of_panel = [command for command in commands if command.rich_help_panel == panel]
            width = max(len(command.name or "") for command in commands)
            _section(
                formatter,
                panel or "Commands",
                [(f"{command.name:{width}}", command.get_short_help_str(200)) for command in of_panel],
            )


def _with_folder_last(args: list[str]) -> list[str]:
    """The words of a command whose last argument is a folder, with the folder of ``-o`` there, as in other commands."""
    for place, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name in ("-o", "--output") and (equals or place + 1 < len(args)):
            rest = args[place + 1 :]
            return [*args[:place], *(rest if equals else rest[1:]), value if equals else rest[0]]
    return args


def _is_option(parameter: Any) -> bool:
    return isinstance(parameter, TyperOption)


def _section(formatter: Any, name: str, rows: Sequence[tuple[str, str]]) -> None:
    if not rows:
        return
    formatter.write(f"\n{_heading(name)}:\n")
    width = min(max(len(first) for first, _ in rows), 30) + 2
    for first, second in rows:
        lines = _wrapped(second, formatter.width - width - 2) or [""]
        formatter.write(f"  {_styled(first, fg='cyan')}")
        formatter.write(" " * (width - len(first)) if len(first) < width else f"\n  {'':{width}}")
        formatter.write(f"\n  {'':{width}}".join(lines) + "\n")


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, max(width, 10), break_on_hyphens=False)  # which would break the names of options and files


def _heading(text: str) -> str:
    return _styled(text, bold=True)


def _styled(text: str, **style: Any) -> str:
    return typer.style(text, **style) if shows_escapes(sys.stdout) else text


def split_examples(docstring: str) -> tuple[str, str]:
    """Split a docstring into its text and the lines of its section ``Examples:``."""
    text, _, examples = docstring.partition("Examples:\n")
    return text.strip(), "\n".join(line.strip() for line in examples.splitlines() if line.strip())


def in_one_line(error: typer.TyperException) -> str:
    """A wrong usage as one line that says what is wrong and what would be right; help, if that is all there is to say.

    Args:
        error: an error of Typer's, whose ``ctx`` is that of the command.
    """
    from albumsort.cli.advice import advice

    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"{error.format_message()}\n"
    if context is None:
        return f"albumsort: {printable(error.format_message())}\n"
    what = " ".join(_what_is_wrong(error).split()).rstrip(".")
    typed = getattr(error, "typed", None) or context.meta.get(TYPED, ())
    parts = [what, advice(error, typed), " ".join(context.get_usage().split())]
    said = " ".join(part if part.endswith("?") else f"{part}." for part in map(printable, parts) if part)
    return f"albumsort: {said} Help: {context.command_path} {context.help_option_names[-1]}\n"


def _what_is_wrong(error: typer.TyperException) -> str:
    from albumsort.cli.advice import near

    parameter, message = getattr(error, "param", None), error.message.removeprefix("Value error, ")
    if isinstance(error, typer.BadParameter) and message:
        if message.startswith("Input should be") and parameter:  # Pydantic's words
            message = f"give {'a whole number' if 'integer' in message else 'a number'}{_range_of(parameter)}"
        hint = error.param_hint or (parameter and _names_of(parameter).rstrip("."))
        return f"{hint}: {message}" if hint else message
    if alike := near(getattr(error, "option_name", ""), getattr(error, "possibilities", None) or ()):
        return f"{message}. Did you mean {' or '.join(alike)}?"
    return error.message if hasattr(error, "possibilities") else error.format_message()


def _range_of(parameter: Parameter) -> str:
    least, most = parameter.min, parameter.max
    if least is None or most is None:
        return "" if least is most else f" of {least:g} or more" if most is None else f" of at most {most:g}"
    return f" from {least:g} to {most:g}"
