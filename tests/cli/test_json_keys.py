"""examples/the-index.md explains each key that a command prints as JSON, and no other."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

from albumsort.cli import app
from albumsort.emotions import EMOTIONS
from albumsort.records import Photo, ReadPhoto
from albumsort.scanning.bench import Bench

PAGE = Path(__file__).parents[2] / "examples" / "the-index.md"
#: Keys whose values the page does not take apart: options, a recipe, and figures that stand in another table.
WHOLE = {"last_scan.settings", "recipe", "held_out.HEAD", "tests.SPLIT", "LABELS.FIGURE", "ours.LABELS.FIGURE"}
#: What ``model info`` has only for a model that has learnt from others.
OPTIONAL = {"model info": {"teachers.TEACHER"}}
STAGES = dict.fromkeys(("reading", "decoding", "detection", "classification"), 0.25)


def documented() -> dict[str, set[str]]:
    """The keys in the tables of the page, by the command whose heading is above them."""
    found: dict[str, set[str]] = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n### ")[1:]:
        keys = re.findall(r"(?m)^\| `([^`]+)` \| \S", section)
        assert len(keys) == len(set(keys))
        for command in re.findall(r"`([\w ]+?)(?: (?:--undo))? --json`", section.splitlines()[0]):
            name = f"{command} --undo" if "--undo" in section.splitlines()[0] else command
            found[name] = set(keys)
    return found


def printed_keys(value: Any, path: str = "") -> Iterator[str]:
    """The keys of a JSON value by their whole path, such as ``faces[].box``."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from printed_keys(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from printed_keys(item, f"{path}[]" if path else "")
    elif path:
        yield path


def pattern(key: str) -> str:
    parts = [
        f"({'|'.join(EMOTIONS)})" if part == "EMOTION" else r"[^.\[\]]+" if part.isupper() else re.escape(part)
        for part in key.split(".")
    ]
    return r"\.".join(parts) + (r"(\..*|\[\].*)?" if key in WHOLE else "")


def check(command: str, *outputs: str) -> None:
    """Check that the keys which a command printed are those of its table."""
    keys = documented()[command]
    values = [
        json.loads(line) for output in outputs for line in ([output] if output[0] == "[" else output.splitlines())
    ]
    printed = {key for value in values for key in printed_keys(value)}
    assert printed, "nothing was printed"
    # A list or an object that is empty in one output is not in another.
    printed = {key for key in printed if not any(re.match(rf"{re.escape(key)}(\.|\[\])", other) for other in printed)}
    assert [key for key in sorted(printed) if not any(re.fullmatch(pattern(name), key) for name in keys)] == []
    unused = {name for name in keys if not any(re.fullmatch(pattern(name), key) for key in printed)}
    assert unused <= OPTIONAL.get(command, set())


def commands(group: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def test_each_command_that_prints_json_has_a_table():
    able = {name for name, one in commands() if any("--json" in parameter.opts for parameter in one.params)}
    assert able == {name.removesuffix(" --undo") for name in documented()}


@pytest.fixture
def ask(place: Path, call: Callable) -> Callable[..., str]:
    """Gives what a command prints as JSON about an index with all that there can be: ``ask("stats")``."""

    def run(*words: object) -> str:
        done = call(*words, "--json", env={**os.environ, "ALBUMSORT_DB": str(place / "index.db")})
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return run


def test_the_keys_of_lists_and_counts(ask, place):
    check("top", ask("top", "happy"))
    check("list", ask("list"))
    check("stats", ask("stats"))
    check("bursts", ask("bursts"))
    broken = place / "album"
    broken.mkdir()
    (broken / "broken.jpg").write_bytes(b"\xff\xd8\xff" + b"no picture")
    (broken / ".hidden.jpg").write_bytes(b"\xff\xd8\xff" + b"no picture")
    check("scan", ask("scan", broken))
    check("problems", ask("problems"))
    check("forget", ask("forget", place / "photos" / "a.jpg"))
    shutil.rmtree(place / "photos")
    check("prune", ask("prune", "--yes"))


def test_the_keys_of_exports(ask, place):
    check("export", ask("export", place / "Sorted", "--sidecar", "xmp"))
    check("export --undo", ask("export", place / "Sorted", "--undo"))


def test_the_keys_of_predictions_and_measurements(outcome, face_of):
    read = ReadPhoto(Photo("/a.jpg", 1, 1), (face_of("happy", 0.9),), crops=np.zeros((1, 48, 48), np.uint8))
    for command, work, result in (
        ("predict", "albumsort.scanning.predict.predict", [read]),
        ("bench", "albumsort.scanning.bench.bench", Bench(1, 1.0, 1.0, 1.0, STAGES, STAGES, 1, True, 1, 1, 1)),
    ):
        check(command, outcome(f"{command} photos --json", work, {work: result}).stdout)


@pytest.mark.slow
def test_the_keys_of_models(ask, place):
    from albumsort.training import compare
    from albumsort.training.datasets import load

    check("model info", ask("model", "info"))
    check("model recipes", ask("model", "recipes"))
    votes = ("--ferplus", place / "fer2013new.csv")
    csv = place / "fer2013.csv"
    csv.write_text(re.sub(r"(?m)^(\d,)[\d ]+(,Training)$", r"\1 1 2 3\2", csv.read_text(), count=1))  # a broken row
    check("model data", ask("model", "data", csv, *votes))
    check("model evaluate", ask("model", "evaluate", csv, *votes))
    faces = load(csv, place / "fer2013new.csv")
    check("model compare", json.dumps(compare.compare([], faces, place, "test", timed=8)))
