"""Each option of each command reaches the work that the command starts, or changes what it prints or writes."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pkgutil
import shutil
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
from albumsort.errors import AlbumsortError
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

    def clear(self) -> None:
        """Remove what the command wrote."""
        for path in self.folder.iterdir():
            if path.name not in self.before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def files(self, below: str = "out") -> list[str]:
        folder = self.folder / below
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


Look = Callable[[Outcome], Any]


def given(path: str) -> Look:
    """What the work was given: ``given("settings.device")``."""
    return lambda done: reduce(getattr, path.split("."), done.calls[0])


def is_json(done: Outcome) -> bool:
    try:
        return [json.loads(line) for line in done.stdout.splitlines()] != []
    except ValueError:
        return done.stdout.startswith("[\n")


def exists(name: str) -> Look:
    return lambda done: (done.folder / name).exists()


def best_frame(done: Outcome) -> dict[str, Any]:
    return json.loads(done.stdout)[0]["frames"][0] if is_json(done) else {}


def query(name: str, values: str, path: str, expected: Any) -> dict[str, tuple]:
    return {name: (values, given(f"query.{path}"), expected)}


FILTERS = {
    **query("--threshold", "0.7", "threshold", 0.7),
    **query("--under", "photos", "filters.under", "{here}/photos"),
    **query("--since", "2023", "filters.since", "2023"),
    **query("--until", "2025-06", "filters.until", "2025-06"),
    **query("--undated", "", "filters.undated", True),
    **query("--camera", "Exam", "filters.camera", "Exam"),
    **query("--min-faces", "1", "filters.min_faces", 1),
    **query("--max-faces", "9", "filters.max_faces", 9),
    **query("--not", "fear", "filters.without", ("fear",)),
    **query("--min-face", "0.5", "filters.min_face", 0.5),
    **query("--min-detection", "0.25", "filters.min_detection", 0.25),
}
SCHEME = query("--label-scheme", "four", "scheme", "four")
RANKED = {
    **FILTERS,
    **SCHEME,
    **query("-n", "1", "n", 1),
    **query("--everyone", "", "everyone", True),
    **query("--all", "", "filters.with_copies", True),
    "--db": ("other.db", given("self.path"), Path("other.db")),
    "EMOTION": ("sad", given("query.emotions"), ("happy", "sad")),
}
DB = {"--db": ("other.db", given("self.path"), Path("other.db"))}
DEVICE_OF_CLASSIFIER = {"--device": ("cpu", given("device"), "cpu")}
DEVICE = {"--device": ("cpu", given("settings.device"), "cpu")}
MIN_FACE = {"--min-face": ("5", given("settings.min_face"), 5.0)}

#: Each command: its words, the work that it starts, and for each option its value, where to look, and what is there.
COMMANDS: dict[str, tuple[str, str, dict[str, tuple]]] = {
    "scan": (
        "photos",
        "albumsort.scanning.scan.scan",
        {
            **DEVICE,
            **MIN_FACE,
            "PATHS": ("photos/a.jpg", given("paths"), ["photos", "photos/a.jpg"]),
            "--db": ("other.db", given("index"), Path("other.db")),
            "--threshold": ("0.7", given("settings.threshold"), 0.7),
            "--detail": ("1024", given("settings.detail"), 1024),
            "--max-megapixels": ("50", given("settings.max_megapixels"), 50.0),
            "--exclude": ("*.png", given("settings.exclude"), ("*.png",)),
            "--follow-links": ("", given("settings.follow_links"), True),
            "--workers": ("3", given("settings.workers"), 3),
            "--rescan": ("", given("settings.rescan"), True),
            "--rescore": ("", given("settings.rescore"), True),
            "--model": ("mine.keras", given("settings.model"), "{here}/mine.keras"),
            "--json": ("", is_json, True),
        },
    ),
    "top": (
        "happy",
        "albumsort.index.reader.Index.search",
        {
            **RANKED,
            "--format": ("json", lambda done: json.loads(done.stdout)[0]["score"] if is_json(done) else "", 0.9),
            "--copy-to": ("out", lambda done: done.files(), ["001_090_a.jpg", "002_080_b.jpg"]),
        },
    ),
    "list": (
        "",
        "albumsort.index.reader.Index.photos",
        {
            **FILTERS,
            **SCHEME,
            **DB,
            **query("-n", "1", "n", 1),
            "--no-faces": ("", given("no_faces"), True),
            "--uncertain": ("", given("uncertain"), True),
            "--format": ("json", is_json, True),
        },
    ),
    "bursts": (
        "",
        "albumsort.index.reader.Index.bursts",
        {
            **FILTERS,
            **DB,
            **query("-n", "1", "n", 1),
            **query("PATH", "photos", "filters.under", "{here}/photos"),
            "--emotion": (
                "surprise --json",
                lambda done: best_frame(done).get("parts", {}).get("emotion", 0) > 0.5,
                True,
            ),
            "--weights": ("exposure=1 --json", lambda done: best_frame(done).get("score"), 0.5),
            "--json": ("", is_json, True),
        },
    ),
    "sheet": (
        "happy",
        "albumsort.index.reader.Index.search",
        {**RANKED, "-o": ("mine.html", lambda done: done.stdout.startswith("mine.html: 2 photos"), True)},
    ),
    "export": (
        "out",
        "albumsort.index.reader.Index.search",
        {
            **FILTERS,
            **SCHEME,
            **DB,
            **query("-n", "1", "n", 1),
            "DEST": (None, exists("out"), True),
            "--threshold": (
                "0.85",
                lambda done: [name for name in done.files() if "happy" in name],
                ["happy/001_090_a.jpg"],
            ),
            "--everyone": ("", lambda done: "happy/001_080_b.jpg" in done.files(), True),
            "--emotion": ("sad", lambda done: done.files()[1:], ["sad/001_090_c.jpg"]),
            "--mode": ("symlink", lambda done: (done.folder / "out/happy/001_090_a.jpg").is_symlink(), True),
            "--layout": ("flat", exists("out/happy_001_090_a.jpg"), True),
            "--raw": ("", exists("out/happy/001_090_a.nef"), True),
            "--sidecar": ("xmp", exists("out/happy/001_090_a.jpg.xmp"), True),
            "--tag-originals": ("--sidecar xmp", exists("photos/a.jpg.xmp"), True),
            "--undo": ("", lambda done: "no albumsort-export.json there" in done.stderr, True),
            "--dry-run": (
                "--sidecar xmp --tag-originals",
                lambda done: (done.files(), (done.folder / "photos/a.jpg.xmp").exists()),
                ([], False),
            ),
            "--json": ("", is_json, True),
        },
    ),
    "predict": (
        "photos/a.jpg",
        "albumsort.scanning.predict.predict",
        {
            **DEVICE,
            **MIN_FACE,
            "IMAGES": (
                "photos/b.jpg",
                lambda done: [Path(path).name for path in done.calls[0].images],
                ["a.jpg", "b.jpg"],
            ),
            "--cropped": ("", given("cropped"), True),
            "--crops": ("out", lambda done: len(done.files()), 2),
            "--threshold": ("0.95 --json", lambda done: '"emotion": null' in done.stdout, True),
            "--model": ("mine.keras", given("settings.model"), "{here}/mine.keras"),
            "--json": ("", is_json, True),
        },
    ),
    "show": (
        "photos/a.jpg",
        "albumsort.report.drawing.draw_faces",
        {
            "PHOTO": (None, given("target"), Path("a-faces.png")),
            "-o": ("mine.png", given("target"), Path("mine.png")),
            "--db": ("other.db", lambda done: len(done.calls[0].faces), 1),
            "--threshold": ("0.7", given("threshold"), 0.7),
        },
    ),
    "correct": (
        "photos/a.jpg --face 1",
        "albumsort.index.writer.IndexWriter.correct",
        {
            "PHOTO": ("sad", given("path"), "{here}/photos/a.jpg"),
            "EMOTION": ("sad", given("emotion"), "sad"),
            "--face": ("2 sad", given("number"), 2),
            "--not-a-face": ("", given("emotion"), None),
            "--db": ("other.db sad", given("self.path"), Path("other.db")),
        },
    ),
    "correct photos/a.jpg --undo": (
        "",
        "albumsort.index.writer.IndexWriter.uncorrect",
        {"--undo": (None, given("path"), "{here}/photos/a.jpg")},
    ),
    "stats": (
        "",
        "albumsort.index.reader.Index.stats",
        {**FILTERS, **SCHEME, **DB, "--plot": ("plot.png", exists("plot.png"), True), "--json": ("", is_json, True)},
    ),
    "problems": ("", "albumsort.index.reader.Index.problems", {**DB, "--json": ("", is_json, True)}),
    "prune": ("", "albumsort.index.writer.IndexWriter.prune", {**DB}),
    "forget": (
        "photos/a.jpg",
        "albumsort.index.writer.IndexWriter.forget",
        {**DB, "PATH": (None, given("path"), "{here}/photos/a.jpg")},
    ),
    "bench": (
        "photos",
        "albumsort.scanning.bench.bench",
        {
            **DEVICE,
            **MIN_FACE,
            "PATH": (None, given("path"), Path("photos")),
            "--photos": ("7", given("photos"), 7),
            "--detail": ("1024", given("settings.detail"), 1024),
            "--workers": ("3", given("settings.workers"), 3),
            "--json": ("", is_json, True),
        },
    ),
}

TRAINING: dict[str, tuple[str, str, dict[str, tuple]]] = {
    "model train": (
        "--data fer2013.csv --recipe mason-2019",
        "albumsort.training.convert.train",
        {
            "--data": (None, lambda done: len(done.calls[0].faces), 42),
            "--recipe": ("zhu-2020", given("recipe.name"), "zhu-2020"),
            "--ferplus": ("fer2013new.csv", lambda done: "FER+" in done.calls[0].data, True),
            "--out": ("mine", given("folder"), Path("mine")),
            "--teacher": ("t.npz", given("teachers"), {"t": Path("t.npz")}),
            "--precision": ("bfloat16", given("recipe.fit.precision"), "bfloat16"),
        },
    ),
    "model evaluate": (
        "fer2013.csv",
        "albumsort.vision.classifier.EmotionClassifier",
        {
            **DEVICE_OF_CLASSIFIER,
            "DATA": (None, lambda done: "14 faces" in done.stdout, True),
            "--split": ("Training", lambda done: "fer2013, Training" in done.stdout, True),
            "--ferplus": ("fer2013new.csv", lambda done: "ferplus" in done.stdout, True),
            "--model": ("mine.keras", given("model"), Path("mine.keras")),
            "--plots": ("plots", lambda done: len(done.files("plots")) > 2, True),
            "--json": ("", is_json, True),
        },
    ),
    "model info": (
        "",
        "albumsort.vision.models.read_card",
        {"--model": ("mine.keras", given("model"), Path("mine.keras")), "--json": ("", is_json, True)},
    ),
    "model tune": (
        "",
        "albumsort.training.tune.tune",
        {
            "--db": ("other.db", lambda done: len(done.calls[0].faces), 1),
            "--labels": ("labels.csv", lambda done: len(done.calls[0].faces), 7),
            "--remember": ("2", lambda done: len(done.calls[0].faces), 2),
        },
    ),
    "model use": (
        "shipped",
        "albumsort.vision.models.use",
        {"MODEL": (None, given("model"), None)},
    ),
    "model recipes": (
        "",
        "albumsort.training.recipe_file.shipped",
        {"NAME": ("zhu-2020", lambda done: "[network]" in done.stdout, True), "--json": ("", is_json, True)},
    ),
    "model compare": (
        "--data fer2013.csv --recipes zhu-2020",
        "albumsort.training.compare.compare",
        {
            "--data": (None, lambda done: len(done.calls[0].faces), 42),
            "--ferplus": ("fer2013new.csv", lambda done: bool((done.calls[0].faces.majority >= 0).any()), True),
            "--recipes": (
                "mason-2019,ho-2016",
                lambda done: [recipe.name for recipe in done.calls[0].recipes],
                ["mason-2019", "ho-2016"],
            ),
            "--out": ("mine", given("folder"), Path("mine")),
            "--precision": ("bfloat16", lambda done: done.calls[0].recipes[0].fit.precision, "bfloat16"),
            "--json": ("", is_json, True),
        },
    ),
    "model export": (
        "-o out.tflite --format tflite",
        "albumsort.training.export.export",
        {
            "-o": ("mine.tflite", given("target"), Path("mine.tflite")),
            "--format": ("onnx", given("kind"), "onnx"),
            "--quantize": ("int8 --data fer2013.csv", given("quantized"), True),
            "--labels": ("fer2013", given("labels"), "fer2013"),
            "--data": ("fer2013.csv", lambda done: done.calls[0].data and len(done.calls[0].data), 42),
            "--ferplus": (
                "fer2013new.csv --data fer2013.csv",
                lambda done: done.calls[0].data is not None and bool((done.calls[0].data.majority >= 0).any()),
                True,
            ),
            "--model": ("mine.keras", given("model"), Path("mine.keras")),
        },
    ),
    "model data": (
        "fer2013.csv",
        "albumsort.training.explore.explore",
        {
            "DATA": (None, lambda done: len(done.calls[0].faces), 42),
            "--ferplus": ("fer2013new.csv", lambda done: "by most voters" in done.stdout, True),
            "--plots": ("plots", lambda done: len(done.files("plots")) > 2, True),
            "--json": ("", is_json, True),
        },
    ),
    "model look": (
        "photos/a.jpg",
        "albumsort.vision.saliency.look",
        {
            **DEVICE_OF_CLASSIFIER,
            "PICTURE": (None, lambda done: "a-look.png" in done.stdout, True),
            "-o": ("mine.png", lambda done: done.stdout, "mine.png\n"),
            "--cropped": ("", lambda done: done.calls_of["albumsort.scanning.predict.predict"][0].cropped, True),
            "--face": ("2", lambda done: int(done.calls[0].crop[0, 0]), 2),
            "--emotion": ("sad", given("emotion"), "sad"),
            "--labels": ("fer2013", given("labels"), "fer2013"),
            "--model": ("mine.keras", given("model"), Path("mine.keras")),
        },
    ),
    "model curves": (
        "one",
        "albumsort.training.history.named_histories",
        {
            "RUNS": ("two", given("runs"), [Path("one"), Path("two")]),
            "-o": ("mine.png", lambda done: done.stdout, "mine.png\n"),
        },
    ),
}


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
    "albumsort.scanning.predict.predict": [READ],
    "albumsort.scanning.bench.bench": MEASURED,
    "albumsort.report.sheet.draw_sheet": 0,
    "albumsort.report.sheet_html.write_html_sheet": 0,
    "albumsort.report.drawing.draw_faces": None,
    "albumsort.album.thumbnails.thumbnails": [SimpleNamespace(pixels=np.zeros((4, 4, 3), np.uint8), scale=1.0)],
}
NOT_TRAINED: dict[str, Any] = {
    **NOT_DONE,
    "albumsort.vision.classifier.EmotionClassifier": SimpleNamespace(
        probabilities=lambda pixels: np.full((len(pixels), 7), 1 / 7, np.float32)
    ),
    "albumsort.vision.models.use": None,
    "albumsort.vision.saliency.look": None,
    "albumsort.training.convert.train": "trained",
    "albumsort.training.tune.tune": AlbumsortError("not tuned"),
    "albumsort.training.compare.compare": [],
    "albumsort.training.compare.as_markdown": "",
    "albumsort.training.plots.comparison.plot_comparison": None,
    "albumsort.training.plots.saliency.plot_look": None,
    "albumsort.training.plots.figures.plot_curves": None,
    "albumsort.training.history.named_histories": {},
    "albumsort.training.export.export": SimpleNamespace(size=1, faces=1, difference=0.0, agreement=1.0, accuracy=None),
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


def rows(commands: dict[str, tuple[str, str, dict[str, tuple]]]) -> list:
    return [
        pytest.param(command, words, work, option, *case, id=f"{command} {option}")
        for command, (words, work, cases) in commands.items()
        for option, case in cases.items()
    ]


def check(outcome, not_done, command, words, work, option, value, look, expected):
    """Run a command with an option and without it; what is looked at is as expected with it, and only then."""
    words = f"{command} {words}"
    if value is None:  # the words have it already
        done = outcome(words, work, not_done)
    else:
        without = outcome(words, work, not_done)
        if without.code == 0:
            assert look(without) != expected, "it is so without the option, too"
        without.clear()
        done = outcome(f"{words} {option if option.startswith('-') else ''} {value}", work, not_done)
    assert done.code in (0, 1), done.stderr
    assert look(done) == (expected.format(here=done.folder) if isinstance(expected, str) else expected)


@pytest.mark.parametrize(("command", "words", "work", "option", "value", "look", "expected"), rows(COMMANDS))
def test_an_option_reaches_the_work(outcome, command, words, work, option, value, look, expected):
    check(outcome, NOT_DONE, command, words, work, option, value, look, expected)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "words", "work", "option", "value", "look", "expected"), rows(TRAINING))
def test_an_option_of_model_reaches_the_work(outcome, command, words, work, option, value, look, expected):
    check(outcome, NOT_TRAINED, command, words, work, option, value, look, expected)


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


def test_the_tables_have_every_option_of_every_command():
    tried = {
        (command.partition(" photos/")[0], option)
        for command, (_, _, cases) in {**COMMANDS, **TRAINING}.items()
        for option in cases
    }
    assert all_options() == tried
