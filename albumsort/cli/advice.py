"""What a person may have meant by a command line that is wrong: a sentence, often with a command to copy."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from albumsort.album.formats import SUFFIXES
from albumsort.emotion_words import emotions_named, nearest_emotion
from albumsort.emotions import EMOTIONS
from albumsort.index.dates import period
from albumsort.text import printable

#: How alike an option that is offered must be to what was typed, 0..1.
_ALIKE = 0.75
#: The options whose values are dates, and the suffixes of files that commands write.
_DATES = ("--since", "--until", "--month")
_WRITTEN = (".jpg", ".jpeg", ".png", ".webp", ".pdf", ".html", ".htm", ".svg")
#: The commands that are never offered with what was typed: they write into a folder, or forget it.
_NOT_OFFERED = ("export", "forget")
#: The commands that are offered, by what their arguments are.
_OF_EMOTION, _OF_FOLDER, _OF_PHOTO = "top", "scan", "predict"


def near(word: str, known: Iterable[str]) -> list[str]:
    """The options of which a word may be a slip of the finger, or the beginning."""
    names = {name.lstrip("-"): name for name in known if name.startswith("--")}
    bare = word.lstrip("-")
    begun = [name for name in names if len(bare) > 2 and name.startswith(bare)]
    alike = get_close_matches(bare, names, 3, _ALIKE)
    return [names[name] for name in dict.fromkeys((*begun, *alike))]


def names_emotions(words: Iterable[str]) -> bool:
    """Whether each word names an emotion."""
    try:
        return bool(emotions_named(words))
    except ValueError:
        return False


def about_blanks(words: Sequence[str]) -> str:
    """A sentence about the first name with blanks that was typed without quotes; empty if there is none.

    Args:
        words: what was typed behind the name of the command. Some that follow each other name no file, but one does if
            there are blanks between them.
    """
    for first in range(len(words)):
        for last in range(len(words), first + 1, -1):
            parts = words[first:last]
            name = " ".join(parts)
            if not any(map(_is_there, parts)) and _is_there(name):
                return f"Put quotes around a name with blanks: {printable(shlex.quote(name))}"
    return ""


def _is_there(name: str) -> bool:
    try:
        return os.path.lexists(os.path.expanduser(name))
    except ValueError:  # a null character
        return False


def advice(error: typer.TyperException, typed: Sequence[str]) -> str:
    """A sentence on what to type instead, without a full stop; empty if nothing is known.

    Args:
        error: a wrong usage, whose ``ctx`` is that of a command or group.
        typed: what stood behind the name of that command or group.
    """
    context: Any = getattr(error, "ctx", None)
    if sentence := about_blanks(typed) or _about_dates(typed) or _about_order(context, typed):
        return sentence
    kind = type(error).__name__
    if kind == "MissingParameter":
        return _about_missing(context, typed, getattr(error, "param", None))
    if kind == "NoSuchOption":
        return _about_option(context, getattr(error, "option_name", ""), typed)
    if kind == "UsageError" and hasattr(context.command, "commands"):
        return _about_command(context, typed)
    if kind == "UsageError" and (words := [word for word in typed if names_emotions([word])]):
        command = _first_that_takes(context, typed, [_OF_EMOTION]) or f"albumsort {_OF_EMOTION} {words[0]}"
        return f"{context.command_path} takes no emotion; the photos that show it: {command}"
    return ""


def _about_dates(typed: Sequence[str]) -> str:
    """A sentence about the first date with blanks that was typed without quotes; empty if there is none."""
    for place, option in enumerate(typed):
        for end in (place + 4, place + 3) if option in _DATES else ():
            date_typed = " ".join(typed[place + 1 : end])
            if end <= len(typed) and _is_period(date_typed):
                return f"Put quotes around a date with blanks: {option} {shlex.quote(date_typed)}"
    return ""


def _is_period(text: str) -> bool:
    try:
        return bool(period(text, date.today()))
    except ValueError:
        return False


def _about_order(context: Any, typed: Sequence[str]) -> str:
    """The line that was meant, if ``-n``, ``-o`` or ``--model`` is missing, or an emotion stands before the photo."""
    if context.parent is None or context.command.name in _NOT_OFFERED:
        return ""
    for place, word in enumerate(typed):
        before, behind = typed[:place], typed[place + 1 :]
        if re.fullmatch("-[0-9]+", word):
            words = [*before, "-n", word[1:], *behind]
        elif Path(word).suffix.lower() in _WRITTEN and not word.startswith("-") and not _is_there(word):
            words = [*before, "-o", word, *behind]
        elif word.endswith(".keras"):
            words = [*before, "--model", word, *behind]
        elif names_emotions([word]) and behind:
            words = [*before, behind[0], word, *behind[1:]]
        else:
            continue
        if command := _first_that_takes(context, words, [context.command.name]):
            return f"Did you mean: {command}"
    return ""


def _about_missing(context: Any, typed: Sequence[str], parameter: Any) -> str:
    if not str(getattr(parameter, "metavar", "")).startswith("EMOTION"):
        example = (context.command.epilog or "").partition("\n")[0]
        return f"For example: {example}" if example else ""
    which = f"{', '.join(EMOTIONS[:-1])} or {EMOTIONS[-1]}"
    return f"Name an emotion, which is {which}, such as: {_line(context.command_path, ['happy', *typed])}"


def _about_option(context: Any, option: str, typed: Sequence[str]) -> str:
    """The commands that have an option, if the one that was typed has none like it."""
    if context.parent is None or near(option, _options_of(context.command)):
        return ""
    commands = _siblings(context)
    having = [name for name, command in commands.items() if option in _options_of(command)]
    having.sort(key=lambda name: _takes(commands[name]) != _takes(context.command))  # else scan is first
    if not having:
        return ""
    is_rank = _takes(context.command) == "PHOTO" and any(map(str.isdecimal, typed))  # which other commands do not take
    offered = [name for name in having if name not in _NOT_OFFERED and not is_rank]
    if command := _first_that_takes(context, typed, offered):
        return f"Another command has it: {command}"
    return f"These commands have it: {', '.join(having[:4])}"


def _about_command(context: Any, typed: Sequence[str]) -> str:
    """What a word stands for that is no command: an emotion, a folder or a photo."""
    if context.parent is not None or not typed:
        return ""
    word, emotion = typed[0], None
    groups = [name for name, group in context.command.commands.items() if word in getattr(group, "commands", ())]
    if groups or word in ("help", "version"):
        meant = [groups[0], *typed] if groups else [*typed[1:], f"--{word}"]
        return f"Did you mean: {_line('albumsort', meant)}"
    if names_emotions([word]) or (emotion := nearest_emotion(word)):
        return f"The photos that show it: {_line(f'albumsort {_OF_EMOTION}', [emotion or word, *typed[1:]])}"
    path = os.path.expanduser(word)
    if os.path.isdir(path):
        return f"To read the photos in this folder: {_line(f'albumsort {_OF_FOLDER}', typed)}"
    if os.path.isfile(path) and Path(path).suffix.lower() in SUFFIXES:
        return f"To read the faces of this photo: {_line(f'albumsort {_OF_PHOTO}', typed)}"
    return ""


def _siblings(context: Any) -> dict[str, Any]:
    return {name: command for name, command in context.parent.command.commands.items() if not command.hidden}


def _options_of(command: Any) -> set[str]:
    return {name for parameter in getattr(command, "params", ()) for name in parameter.opts}


def _takes(command: Any) -> str:
    """What the first argument of a command is, such as PHOTO; empty if it has none."""
    metavars = (parameter.metavar or "" for parameter in command.params if parameter.param_type_name == "argument")
    return next(metavars, "").strip(".")


def _first_that_takes(context: Any, typed: Sequence[str], names: Iterable[str]) -> str:
    """The first of some commands, with the words that were typed, that is no wrong usage."""
    commands = _siblings(context)
    for name in names:
        try:
            commands[name].make_context(name, list(typed), parent=context.parent)
        except (typer.TyperException, typer.Exit, KeyError):
            continue
        return _line(f"{context.parent.command_path} {name}", typed)
    return ""


def _line(command: str, words: Sequence[str]) -> str:
    return f"{command} {printable(shlex.join(words))}".strip()
