"""Each command that the README and the pages of examples/ show is run, in a home folder like a user's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoResult

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "examples").glob("*.md"))]
#: How commands begin that are not run here, and why.
NOT_RUN = {
    "python3 -m venv": "installs packages; .ci/run does it",
    "albumsort watch": "runs until it is stopped; tests/cli/test_watch.py stops it",
    "albumsort bench": "scans several times; tests/scanning/test_bench.py does",
    "albumsort model export": "takes a minute; tests/training/test_exported.py does it",
    "albumsort model tune": "needs twenty corrections and two hundred photos; tests/training/test_tune.py has them",
    "albumsort model train": "takes hours; tests/training trains small networks",
    "albumsort model compare": "takes hours; tests/training/test_compare.py compares small networks",
    "albumsort model curves": "needs finished training runs; tests/training/test_curves.py has them",
    "albumsort model convert converted --model mine.keras": "needs a model; tests/vision/test_convert.py has one",
    "albumsort model use mine.keras": "needs a trained model; tests/training/test_tune.py has one",
    "albumsort model evaluate fer2013.csv --model": "needs a trained model; tests/training has small ones",
    "albumsort model evaluate fer2013.csv --ferplus fer2013new.csv --model": "likewise",
    "albumsort model info --model": "likewise",
    "albumsort scan ~/Photos --db trial.db --model": "needs a trained model; tests/scanning has one",
}


def shell_blocks() -> list:
    """The indented blocks of the pages that hold commands, each as its lines."""
    found = []
    for page in PAGES:
        text = re.sub(r"(?ms)^```.*?^```$", lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))
        for match in re.finditer(r"(?m)^\n((?: {4}.*\n)+)", text):
            lines = [line[4:] for line in match[1].splitlines()]
            if not lines[0].startswith((" ", "files ")):  # a drawing is no command
                number = text.count("\n", 0, match.start()) + 2
                found.append(pytest.param(lines, id=f"{page.relative_to(ROOT)}:{number}"))
    return found


@pytest.fixture
def home(tmp_path, album, known_results, labelled_faces, monkeypatch):
    """A home folder with the example album in ~/Photos, some of it again in folders of its own, and labelled faces."""
    photos = tmp_path / "Photos"
    shutil.copytree(album, photos / "examples" / "album")
    for folder in ("Party", "Private", "Wedding"):
        shutil.copytree(album / "groups", photos / folder)
    shutil.copy(album / "groups" / "both.jpg", photos / "party.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("ALBUMSORT_DB", raising=False)
    index = tmp_path / "data" / "albumsort" / "index.db"
    index.parent.mkdir(parents=True)
    with IndexWriter(index) as writer:
        scan = writer.start_scan({"paths": [str(photos)], "threshold": 0.5})
        results = known_results(photos / "examples" / "album")
        writer.write(scan, results)
        writer.write(scan, [copy for result in results for copy in copies(result, photos)])
        writer.finish_scan(scan)
    labelled_faces(photos)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, command in (
        ("albumsort", f'exec {shlex.quote(sys.executable)} -m albumsort "$@"'),
        ("open", 'ls -d -- "$@"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{command}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return photos


def copies(result: PhotoResult, photos: Path) -> Iterator[PhotoResult]:
    """What a scan finds on the copies of a photo of the example album."""
    path = Path(result.photo.path)
    if path.parent.name == "groups":
        places = [photos / folder / path.name for folder in ("Party", "Private", "Wedding")]
        places += [photos / "party.jpg"] if path.name == "both.jpg" else []
        for place in places:
            yield replace(result, photo=replace(result.photo, path=str(place), mtime_ns=place.stat().st_mtime_ns))


@pytest.mark.parametrize("lines", shell_blocks())
def test_each_command_of_a_block_succeeds_and_prints_what_is_shown(lines, home, call):
    if lines[0].startswith("exiftool") and not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed")
    if lines[0].startswith(("exiftool", "find ~/Sorted")):
        call("export", home.parent / "Sorted", "--sidecar", "xmp", cwd=home)
    printed: list[str] = []
    for line in lines:
        if line.startswith("  "):  # what the command before prints
            assert printed.pop(0) == line.split()
            continue
        command = line.removeprefix("$ ")
        if command.startswith(tuple(NOT_RUN)):
            continue
        done = execute(command, call, home)
        assert done.returncode == 0, (command, done.stderr)
        printed = [row.replace(f"{home}{os.sep}", "").split() for row in done.stdout.splitlines()]


def execute(command: str, call, home: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command, comments=True)
    if words[0] == "albumsort" and not {"|", ">", "&&"} & set(words):
        return call(*map(os.path.expanduser, words[1:]), cwd=home)
    return subprocess.run(["bash", "-c", command], cwd=home, capture_output=True, text=True, check=False)


def test_commands_that_are_not_run_are_shown_somewhere():
    shown = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [command for command in NOT_RUN if f"    {command}" not in shown] == []
