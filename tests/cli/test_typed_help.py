"""What people type to learn how a command is used, and what stands where: help, wrong usage, completion, lists."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from albumsort.cli import app
from albumsort.cli.help import usage_of
from albumsort.emotions import EMOTIONS

#: What is typed, the exit code, what standard output begins with, and what standard error is.
TYPED = [
    ("--help", 0, "Usage: albumsort COMMAND [OPTIONS]\n", ""),
    ("-h", 0, "Usage: albumsort COMMAND [OPTIONS]\n", ""),
    ("top -h", 0, "Usage: albumsort top EMOTION... [OPTIONS]\n", ""),
    ("correct --help", 0, "Usage: albumsort correct PHOTO [EMOTION] [OPTIONS]\n", ""),
    ("model --help", 0, "Usage: albumsort model COMMAND [OPTIONS]\n", ""),
    ("model train --help", 0, "Usage: albumsort model train --data FILE [OPTIONS]\n", ""),
    ("--version", 0, "albumsort 0", ""),
    (
        *("topp happy", 2, ""),
        "No such command 'topp'. Did you mean 'top'? Usage: albumsort COMMAND [OPTIONS]. Help: albumsort --help",
    ),
    (
        "top",
        2,
        "",
        "Missing argument 'EMOTION...'. Name an emotion, which is angry, disgust, fear, happy, sad, surprise or "
        "neutral, such as: albumsort top happy. Usage: albumsort top EMOTION... [OPTIONS]. Help: albumsort top --help",
    ),
    (
        *("top happy --undr .", 2, ""),
        "No such option: --undr. Did you mean --under? "
        "Usage: albumsort top EMOTION... [OPTIONS]. Help: albumsort top --help",
    ),
    (
        *("top happy --since", 2, ""),
        "Option '--since' requires an argument. Usage: albumsort top EMOTION... [OPTIONS]. Help: albumsort top --help",
    ),
    (
        *("top happy --threshold 2", 2, ""),
        "--threshold: give a number from 0 to 1. Usage: albumsort top EMOTION... [OPTIONS]. Help: albumsort top --help",
    ),
    (
        *("list --min-faces two", 2, ""),
        "--min-faces: give a whole number of 0 or more. "
        "Usage: albumsort list [EMOTION...] [OPTIONS]. Help: albumsort list --help",
    ),
    (
        *("scan . --workers 1.5", 2, ""),
        "--workers: give a whole number from 0 to 256. "
        "Usage: albumsort scan FOLDER... [OPTIONS]. Help: albumsort scan --help",
    ),
    (
        *("stats --label-scheme five", 2, ""),
        "--label-scheme: 'five' is not one of 'seven', 'six', 'four'. "
        "Usage: albumsort stats [OPTIONS]. Help: albumsort stats --help",
    ),
    (
        *("top happy --limit none", 2, ""),
        "-n, --limit: 'none' is not a number of 1 or more, or all. "
        "Usage: albumsort top EMOTION... [OPTIONS]. Help: albumsort top --help",
    ),
    (
        *("top hapy", 2, ""),
        "EMOTION: 'hapy' is not one of angry, disgust, fear, happy, sad, surprise, neutral. Did you mean happy? "
        "Usage: albumsort top EMOTION... [OPTIONS]. Help: albumsort top --help",
    ),
    (
        *("export out --tag-originals", 2, ""),
        "--tag-originals: also needs --sidecar xmp. "
        "Usage: albumsort export [EMOTION...] FOLDER [OPTIONS]. Help: albumsort export --help",
    ),
    (
        *("model use", 2, ""),
        "Missing argument 'FILE'. For example: albumsort model use shipped. "
        "Usage: albumsort model use FILE [OPTIONS]. Help: albumsort model use --help",
    ),
]
#: What is typed before the Tab key, and what is offered; nothing where the shell is to offer the names of files.
COMPLETED = [
    ("sc", ["scan"]),
    ("model ev", ["evaluate"]),
    ("top ", list(EMOTIONS)),
    ("top ha", ["happy"]),
    ("top Ha", ["Happy"]),
    ("top happy,s", ["happy,sad", "happy,surprise"]),
    ("top happy --not fe", ["fear"]),
    ("top happy --label-scheme s", ["seven", "six"]),
    ("list --format pa", ["paths", "paths0"]),
    ("export out --mode ", ["copy", "hardlink", "symlink"]),
    ("correct photo.jpg su", ["surprise"]),
    ("bursts --emotion n", ["neutral"]),
    ("model train --recipe ma", ["mason-2019"]),
    ("model compare --recipes emotion,ho", ["emotion,ho-2016"]),
    ("model recipes te", ["teacher-2", "teacher-1"]),
    ("top happy --und", ["--under", "--undated"]),
    ("top happy --camera ", ["Example", r"Exotic\ X\ 100"]),
    ("top happy --camera exo", [r"exotic\ X\ 100"]),
    (r"top happy --camera Exotic\ X", [r"Exotic\ X\ 100"]),
    ("top happy --db none.db --camera E", []),
    ("scan ", []),
    ("show ph", []),
    ("export hap", ["happy"]),
    ("export ~/So", []),
    ("model use ", []),
]


def every_command(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[Any]:
    """Each command and group, as its words and itself."""
    group = group or get_command(app)
    yield pytest.param(words, group, id=" ".join(words) or "albumsort")
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, (*words, name))
        else:
            yield pytest.param((*words, name), command, id=" ".join((*words, name)))


COMMANDS = list(every_command())
GROUPS = [case for case in COMMANDS if hasattr(case.values[1], "commands")]
RUNNABLE = [case for case in COMMANDS if case not in GROUPS]


@pytest.mark.parametrize(("words", "code", "stdout", "stderr"), TYPED, ids=[typed[0] for typed in TYPED])
def test_what_is_typed_gives_what_it_should(call, words, code, stdout, stderr):
    done = call(*shlex.split(words))
    assert done.returncode == code
    assert done.stdout.startswith(stdout) and bool(done.stdout) == bool(stdout)
    assert done.stderr == (f"albumsort: {stderr}\n" if stderr else "")


@pytest.mark.parametrize("group", ["", "model"])
def test_a_group_alone_prints_its_help_as_an_error(call, group):
    done = call(*group.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == call(*group.split(), "--help").stdout


@pytest.mark.parametrize(("words", "command"), COMMANDS)
@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_help_in_a_pipe_is_plain_text_that_fits(call, words, command, columns):
    done = call(*words, "--help", env={**os.environ, "COLUMNS": columns})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii() and done.stdout.replace("\n", "").isprintable()
    text, _, examples = done.stdout.partition("Examples:\n")
    assert max(map(len, text.splitlines())) <= min(int(columns), 80)
    assert all(len(line) <= 80 for line in examples.splitlines())  # which are not cut, so that they can be copied
    noise = re.compile(r"TEXT|INTEGER|RANGE|<\w+>|x>=|\bNone\b|\[(default|required|env var)")
    assert not noise.search(done.stdout), noise.search(done.stdout)


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_each_option_says_in_a_word_what_follows_it(words, command):
    taking = [parameter for parameter in command.params if not getattr(parameter, "is_flag", False)]
    without = [usage_of(parameter) for parameter in taking if not parameter.metavar and parameter.name != "verbose"]
    assert without == []


@pytest.mark.parametrize(("words", "group"), GROUPS)
def test_the_list_of_commands_has_the_whole_first_sentence_of_each_on_a_line(call, words, group):
    printed = call(*words, "--help", env={**os.environ, "COLUMNS": "80"}).stdout.splitlines()
    for name, command in group.commands.items():
        sentence = " ".join(command.help.split()).partition(". ")[0].rstrip(".") + "."
        assert f"  {name:{max(map(len, group.commands))}}  {sentence}" in printed


def test_commands_and_options_stand_in_groups_with_the_first_steps_first(call):
    headings = [line for line in call("--help").stdout.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Start here:", "See more:", "Keep in order:", "Go deeper:", "General:"]
    lines = call("--help").stdout.splitlines()
    first = [line.split()[0] for line in lines[lines.index("Start here:") + 1 :][:3]]
    assert first == ["scan", "top", "export"]
    headings = [line for line in call("top", "--help").stdout.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Arguments:", "Which photos:", "Which faces:", "Output:", "General:", "Examples:"]


@pytest.mark.parametrize(("words", "command"), RUNNABLE)
def test_each_command_has_two_examples_which_are_right_usage(call, words, command):
    """That they do what they should is tested with the blocks of examples/commands.md, which has all of them."""
    lines = command.epilog.splitlines()
    assert len(lines) == 2
    assert call(*words, "--help").stdout.endswith(f"\nExamples:\n  {lines[0]}\n  {lines[1]}\n")
    for line in lines:
        typed = shlex.split(line)
        assert typed[: len(words) + 1] == ["albumsort", *words]
        with command.make_context(line, typed[len(words) + 1 :]) as context:  # raises an error for wrong usage
            assert context.params


def test_help_has_colour_in_a_terminal_only(call, on_a_terminal, tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    code, printed = on_a_terminal("top", "--help", answer="", cwd=tmp_path)
    assert code == 0 and "\x1b[1m" in printed and "\x1b[36m" in printed
    plain = re.sub(r"\x1b\[\d*m", "", printed).replace("\r\n", "\n")
    assert plain == call("top", "--help").stdout


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_asks_for_none_gets_no_escapes(on_a_terminal, scanned, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    for words in (("--help",), ("top", "happy", "--db", scanned), ("--install-completion", "bash")):
        code, printed = on_a_terminal(*words, answer="", cwd=tmp_path)
        assert code == 0 and printed and "\x1b" not in printed


@pytest.mark.parametrize(
    ("command", "columns"),
    [(("top", "happy"), "rank score taken on faces photo"), (("list", "-n", "3"), "rank taken on faces photo")],
)
def test_a_list_has_a_header_and_links_in_a_terminal_and_neither_in_a_pipe(
    call, on_a_terminal, scanned, tmp_path, monkeypatch, command, columns
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    piped = call(*command, "--db", scanned).stdout
    assert "\x1b" not in piped and "photo\n" not in piped
    code, printed = on_a_terminal(*command, "--db", scanned, answer="", cwd=tmp_path)
    header, *lines = printed.replace("\r\n", "\n").splitlines(keepends=True)
    assert (code, header.split()) == (0, columns.split())
    links = re.findall(r"\x1b]8;;file://(/[^\x1b]*)\x1b\\([^\x1b]*)\x1b]8;;\x1b\\", "".join(lines))
    assert len(links) == len(lines) and all(url == path for url, path in links)
    assert re.sub(r"\x1b]8;;[^\x1b]*\x1b\\", "", "".join(lines)) == piped


def test_a_link_leads_to_the_file_whatever_its_name_is(on_a_terminal, index_of, tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    name = os.fsdecode(os.fsencode(tmp_path) + b"/a b\x1b#caf\xe9.jpg")
    index = index_of({name: [("happy", 0.9)]})
    _, printed = on_a_terminal("top", "happy", "--db", index, answer="", cwd=tmp_path)
    assert f"\x1b]8;;file://{tmp_path}/a%20b%1B%23caf%E9.jpg\x1b\\" in printed


@pytest.mark.parametrize("words", ["--help", "top --help", "--version", "model --help"])
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_help_that_is_cut_off_ends_with_0_and_without_a_traceback(words, reader):
    script = f"set -o pipefail; {shlex.quote(sys.executable)} -m albumsort {words} | {reader}"
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def cameras(index_of, tmp_path) -> Path:
    """An index with two cameras."""
    index = index_of({tmp_path / f"{number}.jpg": [("happy", 0.9)] for number in range(3)})
    with closing(sqlite3.connect(index, isolation_level=None)) as connection:
        connection.execute("UPDATE photos SET camera = 'Exotic X 100' WHERE id = 2")
    return index


@pytest.mark.parametrize(("typed", "offered"), COMPLETED, ids=[typed for typed, _ in COMPLETED])
def test_tab_completes_words_and_leaves_files_to_the_shell(call, cameras, typed, offered):
    environment = {
        **os.environ,
        "ALBUMSORT_DB": str(cameras),
        "_ALBUMSORT_COMPLETE": "complete_bash",
        "COMP_WORDS": f"albumsort {typed}",
        "COMP_CWORD": str(len(re.split(r"(?<!\\) ", typed))),
    }
    done = call(env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n") == [*offered, ""] or (not offered and not done.stdout.strip())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_quote_themselves(call, cameras, shell):
    environment = {
        **os.environ,
        "_ALBUMSORT_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": f"albumsort list --db {cameras} --camera Exo",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    assert "Exotic X 100" in call(env=environment).stdout


def test_bash_completes_with_the_script_that_it_is_given(call, cameras, tmp_path):
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script = call("--show-completion", "bash", env=environment).stdout
    program = tmp_path / "albumsort"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m albumsort "$@"\n')
    program.chmod(0o755)
    typed = f"""{script}
COMP_WORDS=(albumsort list --db {cameras} --camera E) COMP_CWORD=5
$(complete -p albumsort | sed -E 's/.*-F ([^ ]+) .*/\\1/') albumsort
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", typed], capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout.splitlines(), done.stderr) == (["Example", r"Exotic\ X\ 100"], "")


def test_completion_is_installed_where_the_shell_looks_for_it(call, tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    (tmp_path / ".bashrc").write_text("alias ll='ls -l'\n")
    done = call("--install-completion", "bash", env=environment)
    assert done.returncode == 0
    assert (tmp_path / ".bashrc").read_text().startswith("alias ll='ls -l'\n")
    assert "_albumsort_completion" in (tmp_path / ".bash_completions" / "albumsort.sh").read_text()


def test_help_loads_no_library_for_pretty_printing():
    command = [sys.executable, "-X", "importtime", "-m", "albumsort", "--help"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert not re.search(r"\| +(rich|pydantic|numpy)\b", loaded)
