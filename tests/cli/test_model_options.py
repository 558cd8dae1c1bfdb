"""Each option of each command of ``albumsort model`` reaches the work, as tests/cli/test_options.py has it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from albumsort.errors import AlbumsortError

pytestmark = pytest.mark.slow
DEVICE = {"--device": ("cpu", "device", "cpu")}


def is_json(done) -> bool:
    return done.is_json


def first_line_of_title(done) -> str:
    return done.calls_of["albumsort.training.plots.saliency.plot_explanation"][0].title.splitlines()[0]


def drawn(done) -> list[str]:
    return done.files("plots") if done.exists("plots") else []


#: As in tests/cli/test_options.py.
JSON = {"--json": ("", is_json, True), "--format": ("json", is_json, True)}
#: Likewise.
COMMANDS: dict[str, tuple[str, str, dict[str, tuple]]] = {
    "model train": (
        "--data fer2013.csv --recipe mason-2019",
        "albumsort.training.train.train",
        {
            "--data": (None, lambda done: len(done.calls[0].faces), 42),
            "--recipe": ("zhu-2020", "recipe.name", "zhu-2020"),
            "--ferplus": ("fer2013new.csv", lambda done: "FER+" in done.calls[0].data, True),
            "--output": ("mine", "folder", Path("mine")),
            "--teacher": ("t.npz", "teachers", {"t": Path("t.npz")}),
            "--precision": ("bfloat16", "recipe.fit.precision", "bfloat16"),
        },
    ),
    "model evaluate": (
        "fer2013.csv",
        "albumsort.vision.classifier.EmotionClassifier",
        {
            **DEVICE,
            "DATA": (None, lambda done: "14 faces" in done.stdout, True),
            "--split": ("Training", lambda done: "fer2013, Training" in done.stdout, True),
            "--ferplus": ("fer2013new.csv", lambda done: "ferplus" in done.stdout, True),
            "--model": ("mine.keras", "model", Path("mine.keras")),
            "--plots": ("plots", lambda done: len(done.files("plots")) > 2, True),
            "--plot-format": ("svg --plots plots", lambda done: {Path(name).suffix for name in drawn(done)}, {".svg"}),
            **JSON,
        },
    ),
    "model info": (
        "",
        "albumsort.vision.models.read_card",
        {"--model": ("mine.keras", "model", Path("mine.keras")), **JSON},
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
        {"MODEL": (None, "model", None)},
    ),
    "model recipes": (
        "",
        "albumsort.training.recipe_file.shipped",
        {"NAME": ("zhu-2020", lambda done: "[network]" in done.stdout, True), **JSON},
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
            "--output": ("mine", "folder", Path("mine")),
            "--precision": ("bfloat16", lambda done: done.calls[0].recipes[0].fit.precision, "bfloat16"),
            **JSON,
        },
    ),
    "model export": (
        "-o out.tflite --format tflite",
        "albumsort.training.export.export",
        {
            "--output": ("mine.tflite", "target", Path("mine.tflite")),
            "--format": ("onnx", "kind", "onnx"),
            "--quantize": ("int8 --data fer2013.csv", "quantized", True),
            "--labels": ("fer2013", "labels", "fer2013"),
            "--data": ("fer2013.csv", lambda done: done.calls[0].data and len(done.calls[0].data), 42),
            "--ferplus": (
                "fer2013new.csv --data fer2013.csv",
                lambda done: done.calls[0].data is not None and bool((done.calls[0].data.majority >= 0).any()),
                True,
            ),
            "--model": ("mine.keras", "model", Path("mine.keras")),
        },
    ),
    "model convert": (
        "converted",
        "albumsort.vision.convert.convert",
        {
            "FOLDER": (None, lambda done: done.calls[0].target.parent, Path("converted")),
            "--model": ("mine.keras", "model", Path("mine.keras")),
        },
    ),
    "model data": (
        "fer2013.csv",
        "albumsort.training.explore.explore",
        {
            "DATA": (None, lambda done: len(done.calls[0].faces), 42),
            "--ferplus": ("fer2013new.csv", lambda done: "by most voters" in done.stdout, True),
            "--plots": ("plots", lambda done: len(done.files("plots")) > 2, True),
            "--plot-format": ("svg --plots plots", lambda done: {Path(name).suffix for name in drawn(done)}, {".svg"}),
            **JSON,
        },
    ),
    "model look": (
        "photos/a.jpg",
        "albumsort.vision.saliency.explain",
        {
            **DEVICE,
            # The name has a line of its own: from right to left, it would turn the words on its line around.
            "PICTURE": (None, first_line_of_title, "a.jpg"),
            "--output": ("mine.png", lambda done: done.stdout, "mine.png\n"),
            "--cropped": ("", lambda done: done.calls_of["albumsort.scanning.predict.predict"][0].cropped, True),
            "--face": ("2", lambda done: int(done.calls[0].crop[0, 0]), 2),
            "--emotion": ("sad", "emotion", "sad"),
            "--labels": ("fer2013", "labels", "fer2013"),
            "--model": ("mine.keras", "model", Path("mine.keras")),
        },
    ),
    "model curves": (
        "one",
        "albumsort.training.history.named_histories",
        {
            "RUNS": ("two", "runs", [Path("one"), Path("two")]),
            "--output": ("mine.png", lambda done: done.stdout, "mine.png\n"),
        },
    ),
}
NOT_TRAINED: dict[str, Any] = {
    "albumsort.vision.classifier.EmotionClassifier": SimpleNamespace(
        probabilities=lambda pixels: np.full((len(pixels), 7), 1 / 7, np.float32)
    ),
    "albumsort.vision.models.use": None,
    "albumsort.vision.convert.convert": None,
    "albumsort.vision.saliency.explain": None,
    "albumsort.training.train.train": "trained",
    "albumsort.training.tune.tune": AlbumsortError("not tuned"),
    "albumsort.training.compare.compare": [],
    "albumsort.training.compare.as_markdown": "",
    "albumsort.training.plots.comparison.plot_comparison": None,
    "albumsort.training.plots.saliency.plot_explanation": None,
    "albumsort.training.plots.figures.plot_curves": None,
    "albumsort.training.history.named_histories": {},
    "albumsort.training.export.export": SimpleNamespace(size=1, faces=1, difference=0.0, agreement=1.0, accuracy=None),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param((command, words, work, option, *case), id=f"{command} {option}")
        for command, (words, work, cases) in COMMANDS.items()
        for option, case in cases.items()
    ],
)
def test_an_option_reaches_the_work(check_option, case):
    check_option(*case, NOT_TRAINED)


def test_the_table_has_every_option_of_every_command(all_options):
    tried = {(command, option) for command, (_, _, cases) in COMMANDS.items() for option in cases}
    # It needs a file that is there: test_replacing.py and test_plots.py.
    commands = ("look", "curves", "export", "data", "evaluate")
    tried |= {(f"model {name}", "--force") for name in commands}
    assert {(command, option) for command, option in all_options if command.startswith("model ")} == tried
