"""Labelled faces without the votes of FER+: nothing is said of FER+."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """The same faces as class folders, ``folders``, and as a table, ``fer2013.csv``."""
    pixels = np.random.default_rng(0).integers(0, 255, (14, 48, 48), dtype=np.uint8)
    lines = ["emotion,pixels,Usage"]
    for number, face in enumerate(pixels):
        path = tmp_path / "folders" / EMOTIONS[number % 7] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
        lines.append(f"{number % 7},{' '.join(map(str, face.ravel()))},PublicTest")
    (tmp_path / "fer2013.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize("data", ["folders", "fer2013.csv"])
@pytest.mark.parametrize("command", ["data", pytest.param("evaluate", marks=pytest.mark.slow)])
@pytest.mark.parametrize("options", [(), ("--json",), ("--plots", "plots")])
def test_nothing_is_said_of_fer_plus_without_its_votes(
    labelled: Path, call: Any, command: str, data: str, options: tuple[str, ...]
) -> None:
    done = call("model", command, data, *options)
    assert done.returncode == 0, done.stderr
    said = (done.stdout + done.stderr + " ".join(path.name for path in labelled.rglob("*"))).lower()
    assert "fer+" not in said and "ferplus" not in said and "votes" not in said and "voters" not in said


#: A recipe with one head, by name.
RECIPE = """
name = "{}"
labels = "six"
[network]
layers = ["rescale", "flatten"]
[fit]
optimiser = "adam"
batch = 2
hold_out = 0.25
[[cycles]]
stages = [[1, 48]]
augment = false
"""


@pytest.fixture
def split(labelled: Path) -> Path:
    """The same faces in the splits train, 8 faces, and test, 6 faces: ``splits``."""
    for number, path in enumerate(sorted((labelled / "folders").rglob("*.png"))):
        target = labelled / "splits" / ("test" if number % 7 < 3 else "train") / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return labelled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "options", "measured"),
    [
        ("splits", (), "fer2013, test: 6 faces"),  # the only one that is not learnt from
        ("splits", ("--split", "test"), "fer2013, test: 6 faces"),
        ("splits", ("--split", "PrivateTest"), "fer2013, test: 6 faces"),
        ("splits", ("--split", "Train"), "fer2013, train: 8 faces"),
        ("fer2013.csv", (), "fer2013, PublicTest: 14 faces"),
        ("fer2013.csv", ("--split", "validation"), "fer2013, PublicTest: 14 faces"),
    ],
)
def test_splits_are_train_validation_and_test(
    split: Path, call: Any, data: str, options: tuple[str, ...], measured: str
) -> None:
    done = call("model", "evaluate", data, *options)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, measured)


def test_a_split_that_is_not_there_says_which_are(split: Path, call: Any) -> None:
    done = call("model", "evaluate", "splits", "--split", "validation")
    words = "albumsort: no faces of split 'validation'; there are train, test\n"
    assert (done.returncode, done.stderr) == (1, words)
    done = call("model", "evaluate", "fer2013.csv", "--split", "test")
    assert (done.returncode, done.stderr) == (1, "albumsort: no faces of split 'test'; there are PublicTest\n")
    done = call("model", "evaluate", "splits", "--split", "tset")
    assert (done.returncode, "--split tset: write train, validation or test" in done.stderr) == (2, True)


def test_the_splits_of_class_folders_are_counted_under_their_own_names(split: Path, call: Any) -> None:
    lines = call("model", "data", "splits").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["train", "test"]
    lines = call("model", "data", "fer2013.csv").stdout.splitlines()
    assert lines[1].split()[0] == "PublicTest"


@pytest.mark.slow
def test_a_model_with_one_head_is_measured_once_and_only_on_its_emotions(split: Path, call: Any) -> None:
    (split / "mine.toml").write_text(RECIPE.format("mine"))
    done = call("model", "train", "--recipe", "mine.toml", "--data", "splits")
    assert done.returncode == 0, done.stderr
    done = call("model", "evaluate", "splits", "--model", "mine/mine.keras", "--plots", "plots")
    lines = done.stdout.splitlines()
    assert lines[0] == "test: 6 faces" and "perceived" not in done.stdout + done.stderr
    emotions = ["angry or disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert [line[2:18].strip() for line in lines[2:]] == emotions
    assert not list((split / "plots").glob("perceived*"))


@pytest.mark.parametrize("words", ["train --recipe folders.toml", "train -o folders/happy", "compare -o folders"])
def test_no_model_is_written_among_the_data(labelled: Path, call: Any, words: str) -> None:
    (labelled / "folders.toml").write_text(RECIPE.format("folders"))
    before = sorted(labelled.rglob("*"))
    done = call("model", *words.split(), "--data", "folders")
    assert (done.returncode, "the folder of the data; name another one for models with -o" in done.stderr) == (2, True)
    assert sorted(labelled.rglob("*")) == before


def test_a_table_of_faces_is_not_joined_by_a_model_of_the_name_of_its_folder(labelled: Path, call: Any) -> None:
    (labelled / "data").mkdir()
    (labelled / "fer2013.csv").rename(labelled / "data" / "fer2013.csv")
    (labelled / "data.toml").write_text(RECIPE.format("data"))
    for data in ("data", "data/fer2013.csv"):
        done = call("model", "train", "--recipe", "data.toml", "--data", data)
        assert (done.returncode, "data: the folder of the data" in done.stderr) == (2, True)
    assert [path.name for path in (labelled / "data").iterdir()] == ["fer2013.csv"]


@pytest.mark.parametrize("command", ["recipes NAME", "train --recipe NAME --data x", "compare --recipes NAME --data x"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [("mason-2109", "mason-2019"), ("zhu", "zhu-2020"), ("HO", "ho-2016"), ("teacher", "teacher-2 or teacher-1")],
)
def test_a_wrong_name_of_a_recipe_is_wrong_usage(call: Any, command: str, name: str, meant: str) -> None:
    done = call("model", *command.replace("NAME", name).split())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name}: no such recipe or file; there are emotion, " in done.stderr
    assert f"Did you mean {meant}? Usage: " in done.stderr


def test_a_name_like_none_suggests_none(call: Any) -> None:
    assert "Did you mean" not in call("model", "recipes", "resnet50.toml").stderr


@pytest.mark.parametrize("command", ["data", "evaluate", "train --recipe zhu-2020 --data"])
def test_who_has_no_fer2013_is_told_where_it_is(call: Any, command: str) -> None:
    done = call("model", *command.split(), "fer2013.csv")
    words = "fer2013.csv: no such file; fer2013.csv comes from Kaggle's competition"
    title = '"Challenges in Representation Learning: Facial Expression Recognition Challenge"'
    assert (done.returncode, done.stderr) == (1, f"albumsort: {words} {title}\n")


def test_the_shipped_model_is_named_in_words(call: Any) -> None:
    already = "scans use the model that ships with albumsort already; there is nothing to do\n"
    assert call("model", "use", "shipped").stdout == already
    wrong = call("model", "use", "shiped")
    assert (wrong.returncode, "shiped: not there. Did you mean shipped?" in wrong.stderr) == (2, True)


def test_going_back_to_the_shipped_model_says_to_read_the_photos_again(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albumsort.vision.models.user_models", lambda: tmp_path)
    (tmp_path / "in-use.txt").write_text("tuned.keras\n")
    lines = call("model", "use", "shipped").stdout.splitlines()
    assert lines[0] == "scans use from now on: the model that ships with albumsort (emotion)"
    assert lines[1] == "read your photos again with: albumsort scan --rescan FOLDER"


def test_a_large_table_is_named_while_it_is_read(labelled: Path, call: Any) -> None:
    with (labelled / "fer2013.csv").open("a") as table:
        table.write("\n".join(["", *["," * 99] * 210_000]))
    done = call("model", "data", "fer2013.csv")
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "reading fer2013.csv, 21.1 MB…")
