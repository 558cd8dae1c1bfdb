"""What tests of options share: a folder to work in, and commands whose work is watched."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pkgutil
import select
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer

from albumsort import ScanSummary
from albumsort.cli import app
from albumsort.index.writer import IndexWriter
from albumsort.records import Box, Face, Photo, PhotoFile, PhotoResult, ReadPhoto, mtime_ns
from albumsort.scanning.bench import Bench
from albumsort.vision.models import shipped_model

#: Options of every command, which tests/cli/test_logs.py tries.
SHARED = {"--verbose", "--traceback", "--help"}


@dataclass
class Outcome:
    """What a command did."""

    code: int
    stdout: str
    stderr: str
    folder: Path  # where it ran
    before: set[str]  # the names that were there before
    calls: list[SimpleNamespace]  # what the work was given each time, by the names of its parameters
    calls_of: dict[str, list[SimpleNamespace]]  # likewise, of other work

    @property
    def is_json(self) -> bool:
        """Whether it printed JSON, or JSON lines."""
        try:
            return [json.loads(line) for line in self.stdout.splitlines()] != []
        except ValueError:
            return self.stdout.startswith("[\n")

    def exists(self, name: str) -> bool:
        return (self.folder / name).exists()

    def clear(self) -> None:
        """Remove what the command wrote."""
        for path in self.folder.iterdir():
            if path.name not in self.before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def files(self, below: str = "out") -> list[str]:
        folder = self.folder / below
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


READ = ReadPhoto(
    Photo("/photos/a.jpg", 1, 1, width=400, height=300),
    tuple(Face(Box(0, 0, 90, 90), 1.0, (), 1.0, (0.0, 0.0, 0.0, p, 1 - p, 0.0, 0.0)) for p in (0.9, 0.8)),
    crops=np.stack([np.full((48, 48), number, np.uint8) for number in (1, 2)]),
)
STAGES = ("reading", "decoding", "detection", "classification")
MEASURED = Bench(1, 0.1, 0.1, 1.0, dict.fromkeys(STAGES, 1.0), dict.fromkeys(STAGES, 0.25), 1.0, False, 1.0, 1.0, 1)
#: Work that is not done, and what it gives instead. All other work is done, and watched.
NOT_DONE: dict[str, Any] = {
    "albumsort.scanning.scan.scan": ScanSummary(),
    "albumsort.scanning.watch.Scans": SimpleNamespace(give_back=None),
    "albumsort.scanning.watch.watch": None,
    "albumsort.scanning.predict.predict": [READ],
    "albumsort.scanning.bench.bench": MEASURED,
    "albumsort.report.sheet.draw_sheet": 0,
    "albumsort.report.sheet_html.write_html_sheet": 0,
    "albumsort.report.drawing.draw_faces": None,
    "albumsort.album.thumbnails.thumbnails": [SimpleNamespace(pixels=np.zeros((4, 4, 3), np.uint8), scale=1.0)],
}


@pytest.fixture
def place(tmp_path, album, face_of, labelled_faces):
    """A folder with photos, their index, an index of one other face, labelled faces and a model."""
    for name in ("photos", "comparison", "mine"):
        (tmp_path / name).mkdir()
    faces = {
        "a": (("happy", 0.9), ("happy", 0.6)),
        "b": (("happy", 0.8),),
        "c": (("sad", 0.9),),
        "d": (("surprise", 0.9),),
        "e": (("surprise", 0.8),),
    }
    results = []
    for number, (name, found) in enumerate(faces.items()):
        path = tmp_path / "photos" / f"{name}.jpg"
        path.write_bytes((album / "dim.jpg").read_bytes() + name.encode())
        status, digest = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
        taken_at = f"2024-05-17T12:{0 if name in 'de' else number}0:0{number}"  # d and e are a burst
        phash = "00ff" * 4 if name in "de" else f"{number}" * 16
        photo = Photo(
            str(path), status.st_size, mtime_ns(status), digest, 512, 512, taken_at, "Example", phash, None, 0.5
        )
        results.append(PhotoResult(photo, tuple(face_of(*face) for face in found)))
    raw = tmp_path / "photos" / "a.nef"
    raw.write_bytes(b"what a sensor saw")
    for name, kept in (("index.db", results), ("other.db", [replace(results[0], faces=results[0].faces[:1])])):
        with IndexWriter(tmp_path / name) as writer:
            scan = writer.start_scan({"paths": [str(tmp_path)], "threshold": 0.5})
            writer.write(scan, kept)
            writer.pair(scan, [(PhotoFile(str(raw), 17, mtime_ns(raw.stat())), str(tmp_path / "photos" / "a.jpg"))])
            writer.finish_scan(scan)
    labelled_faces(tmp_path)
    (tmp_path / "labels.csv").write_text("path,box,emotion\nphotos/a.jpg,10 20 80 100,sad\n")
    for suffix in (".keras", ".json"):
        shutil.copy(shipped_model().with_suffix(suffix), tmp_path / f"mine{suffix}")
    return tmp_path


@pytest.fixture
def outcome(place, call, monkeypatch):
    """Runs a command and says what came of it: ``outcome("top happy", work, not_done)``."""

    def run(words: str, work: str, not_done: dict[str, Any]) -> Outcome:
        before = {path.name for path in place.iterdir()}
        with monkeypatch.context() as patch:
            calls = {target: watch(patch, target, not_done) for target in dict.fromkeys((work, *not_done))}
            environment = {**os.environ, "ALBUMSORT_DB": "index.db"}
            done = call(*words.split(), env=environment)
        return Outcome(done.returncode, done.stdout, done.stderr, place, before, calls[work], calls)

    return run


def watch(patch: pytest.MonkeyPatch, target: str, not_done: dict[str, Any]) -> list[SimpleNamespace]:
    """Keep what a function is given, by the names of its parameters; do its work unless ``not_done`` has its result."""
    work = pkgutil.resolve_name(target)
    calls = []

    def watched(*args: Any, **values: Any) -> Any:
        bound = inspect.signature(work).bind(*args, **values)
        bound.apply_defaults()
        calls.append(SimpleNamespace(**bound.arguments))
        if target not in not_done:
            return work(*args, **values)
        if isinstance(not_done[target], Exception):
            raise not_done[target]
        return not_done[target]

    patch.setattr(target, watched)
    return calls


def seen(look: str | Callable[[Outcome], Any], done: Outcome) -> Any:
    """What there is to see: an attribute of what the work was given, such as ``settings.device``, or anything else."""
    return reduce(getattr, look.split("."), done.calls[0]) if isinstance(look, str) else look(done)


@pytest.fixture
def check_option(outcome):
    """Checks that an option reaches the work: ``check_option(command, words, work, option, value, look, expected)``."""

    def check(command, words, work, option, value, look, expected, not_trained=None):
        not_done = {**NOT_DONE, **(not_trained or {})}
        words = f"{command} {words}"
        if value is None:  # the words have it already
            done = outcome(words, work, not_done)
        else:
            without = outcome(words, work, not_done)
            if without.code == 0:
                assert seen(look, without) != expected, "it is so without the option, too"
            without.clear()
            done = outcome(f"{words} {option if option.startswith('-') else ''} {value}", work, not_done)
        assert done.code in (0, 1), done.stderr
        assert seen(look, done) == (expected.format(here=done.folder) if isinstance(expected, str) else expected)

    return check


@pytest.fixture
def all_options() -> set[tuple[str, str]]:
    """Each option and argument of each command; an argument by the name of its parameter."""

    def of(group: Any, before: str) -> Iterator[tuple[str, str]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from of(command, f"{before}{name} ")
                continue
            for parameter in command.params:
                is_option = parameter.opts[-1].startswith("-")
                yield before + name, max(parameter.opts, key=len) if is_option else parameter.name.upper()

    return {(command, option) for command, option in of(typer.main.get_command(app), "") if option not in SHARED}


@pytest.fixture
def on_a_terminal() -> Callable[..., tuple[int, str]]:
    """Runs a command on a pseudo-terminal, and types an answer once there is a question; gives exit code and output."""

    def run(*args: object, answer: str, cwd: Path) -> tuple[int, str]:
        import fcntl
        import pty
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "albumsort", *map(str, args)], stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd
        )
        os.close(theirs)
        printed, is_answered = b"", False
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if not select.select([ours], [], [], 0.05)[0]:
                continue
            try:
                printed += os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not is_answered and b"[y/N]" in printed:
                os.write(ours, f"{answer}\n".encode())
                is_answered = True
        os.close(ours)
        return process.wait(), printed.decode()

    return run
