"""What the tests of training share: a few labelled faces in the published formats, and a small trained network."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from albumsort.training.datasets import Faces, load
from albumsort.training.recipe import Recipe
from albumsort.training.recipe_file import read

if TYPE_CHECKING:
    from albumsort.training.fit import Epoch, Progress

#: Columns of ``fer2013new.csv`` as published.
VOTES = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"]
RECIPE = """
name = "tiny"
seed = 3

[network]
stem = 4
widths = [8]
blocks = 1

[fit]
batch = 8
hold_out = 0.25

[[cycles]]
stages = [[1, 32], [1, 48]]
"""

CsvWriter = Callable[..., Path]


def row(label: int | str, pixels: Iterable[int], usage: str = "Training") -> str:
    """A row of ``fer2013.csv``."""
    return f"{label},{' '.join(map(str, pixels))},{usage}"


@pytest.fixture
def fer2013(tmp_path: Path) -> CsvWriter:
    """Writes a ``fer2013.csv`` of lines below a header."""

    def write(lines: Iterable[str], header: str = "emotion,pixels,Usage") -> Path:
        path = tmp_path / "fer2013.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


@pytest.fixture
def ferplus(tmp_path: Path) -> CsvWriter:
    """Writes a ``fer2013new.csv`` of votes, ten numbers a face in the order of its columns."""

    def write(votes: Iterable[Iterable[int]]) -> Path:
        path = tmp_path / "fer2013new.csv"
        lines = [f"Training,fer{k:07d}.png,{','.join(map(str, counts))}" for k, counts in enumerate(votes)]
        path.write_text("\n".join([",".join(["Usage", "Image name", *VOTES]), *lines]) + "\n")
        return path

    return write


@pytest.fixture
def face_rows() -> Callable[..., list[str]]:
    """Rows of faces that can be told apart: every pixel of face ``k`` is ``k``."""

    def make(count: int, usage: str = "Training") -> list[str]:
        return [row(k % 7, [k] * 2304, usage) for k in range(count)]

    return make


@dataclass(frozen=True)
class FewFaces:
    """A folder with the two files and a recipe."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "fer2013.csv"

    @property
    def votes(self) -> Path:
        return self.folder / "fer2013new.csv"

    @property
    def recipe(self) -> Path:
        return self.folder / "tiny.toml"


@pytest.fixture(scope="session")
def few_faces(composer: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> FewFaces:
    """64 faces cut out of the two portraits of the example album, each a little differently, in three splits."""
    folder, rng = tmp_path_factory.mktemp("few-faces"), np.random.default_rng(0)
    lines, votes = ["emotion,pixels,Usage"], [",".join(["Usage", "Image name", *VOTES])]
    for number in range(64):
        name, label, seen = ((composer.HAPPY, 3, 1), (composer.NEUTRAL, 6, 0))[number % 2]
        x, y, w, h = composer.FACES[name]
        left, top = x + rng.uniform(-0.1, 0.1) * w, y + rng.uniform(-0.1, 0.1) * h
        tile = composer.portrait(name).convert("L").resize((48, 48), box=(left, top, left + w, top + h))
        usage = "Training" if number < 48 else "PublicTest" if number < 58 else "PrivateTest"
        lines.append(row(label, np.asarray(tile).ravel().tolist(), usage))
        votes.append(f"{usage},fer{number:07d}.png," + ",".join("8" if k == seen else "0" for k in range(10)))
    few = FewFaces(folder)
    few.data.write_text("\n".join(lines) + "\n")
    few.votes.write_text("\n".join(votes) + "\n")
    few.recipe.write_text(RECIPE)
    return few


@pytest.fixture(scope="session")
def recipe(few_faces: FewFaces) -> Recipe:
    """The recipe of the few faces."""
    return read(few_faces.recipe)


@pytest.fixture(scope="session")
def faces(few_faces: FewFaces) -> Faces:
    """The few faces themselves."""
    return load(few_faces.data, few_faces.votes)


@pytest.fixture(scope="session")
def trained(few_faces: FewFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of ``albumsort model train`` on the few faces; its folder holds the run too. Read only."""
    from albumsort.cli.model.train import train

    out = tmp_path_factory.mktemp("trained")
    with redirect_stdout(io.StringIO()) as printed:
        train(few_faces.data, out, few_faces.votes, str(few_faces.recipe))
    assert printed.getvalue() == f"{out / 'tiny.keras'}\n"
    return out / "tiny.keras"


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The messages that training logs while the test runs."""
    handler, logger = _Messages(), logging.getLogger("albumsort.training")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler.messages
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.fixture(scope="session")
def stop_after() -> Callable[[int], Progress]:
    """``stop_after(2)``, as the progress callback of a run, interrupts the run after its second epoch."""

    def make(number: int) -> Progress:
        def progress(epoch: Epoch) -> None:
            if epoch.is_done and epoch.number == number:
                raise KeyboardInterrupt

        return progress

    return make


@pytest.fixture(scope="module")
def eagerly() -> Iterator[None]:
    """TensorFlow does not compile: for a few batches of a tiny network, that takes longer than training."""
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)
