"""The comparison: recipes trained on the same faces and measured on the same others."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
import typer
from PIL import Image

from albumsort.cli.model.compare import compare
from albumsort.training import compare as comparing
from albumsort.training.datasets import DataError, Faces, load
from albumsort.training.evaluate import figures, restricted
from albumsort.training.model_file import write
from albumsort.training.network import build, for_inference
from albumsort.training.plots.comparison import plot_comparison
from albumsort.training.recipe import Cycle, FitRecipe, NetworkRecipe, Recipe
from albumsort.training.recipe_file import find
from albumsort.training.train import train, training_size
from albumsort.vision.models import read_card

pytestmark = pytest.mark.slow

FOUR = Recipe(
    name="four",
    reported="a lot",
    labels="four",
    network=NetworkRecipe(layers=("rescale", "conv 4 3", "max_pool 6 6", "flatten")),
    fit=FitRecipe(optimiser="adam", batch=8, hold_out=0.25, faces="all"),
    cycles=(Cycle(stages=((1, 48),), peak_rate=1e-3, augment=None),),
)


@pytest.fixture(scope="module")
def faces() -> Faces:
    """35 faces of Training and 14 of PublicTest, with votes."""
    rng, labels = np.random.default_rng(0), np.arange(49) % 7
    usage = np.array(["Training"] * 35 + ["PublicTest"] * 14)
    perceived = np.eye(8, dtype=np.float32)[labels]
    return Faces(rng.integers(0, 256, (49, 48, 48)).astype(np.uint8), labels, usage, perceived, labels)


@pytest.fixture
def installed_fer(tmp_path, monkeypatch) -> None:
    """A package of the name of ``fer`` with a model where that has its own."""
    (tmp_path / "site" / "fer" / "data").mkdir(parents=True)
    (tmp_path / "site" / "fer" / "__init__.py").write_text("raise RuntimeError('run')")
    (tmp_path / "site" / "fer-25.1.dist-info").mkdir()
    (tmp_path / "site" / "fer-25.1.dist-info" / "METADATA").write_text("Name: fer\nVersion: 25.1\n")
    face = keras.Input((64, 64, 1))
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(face))
    network = keras.Model(face, keras.layers.Dense(7, activation="softmax")(pooled))
    network.save(tmp_path / "site" / "fer" / "data" / "emotion_model.hdf5")
    monkeypatch.syspath_prepend(tmp_path / "site")


def test_models_are_measured_on_the_same_faces_beside_ours(faces, tmp_path, installed_fer, logged):
    rows = comparing.compare([FOUR], faces, tmp_path, "test", timed=8)
    assert [row["name"] for row in rows] == ["four", "fer 25.1", "emotion"]
    four, fer, ours = rows
    # Its own recipe would learn from some of the faces that it is measured by here.
    assert any("15 faces to learn from, 5 held out" in line for line in logged)
    assert [row["fer2013"]["n"] for row in rows] == [8, 14, 14]
    assert four["labels"] == ["angry", "happy", "sad", "neutral"] and four["reported"] == "a lot"
    assert four["ours"]["fer2013"]["n"] == 8
    assert ours["ours"]["fer2013"]["per_emotion"] == ours["fer2013"]["per_emotion"]
    assert (four["parameters"], fer["parameters"]) == (40 + 4 * 49 * 4 + 4, 16 * 7 + 7)
    assert all(row["faces_per_second"] > 0 and row["ferplus"]["n"] == row["fer2013"]["n"] for row in rows)

    before = (tmp_path / "four" / "four.keras").read_bytes()
    logged.clear()
    assert comparing.compare([FOUR], faces, tmp_path, "test", timed=8)[0]["fer2013"] == four["fer2013"]
    assert any("trained already, for 1 epoch" in line for line in logged)
    assert (tmp_path / "four" / "four.keras").read_bytes() == before

    table = [line.strip("| ").split(" | ") for line in comparing.as_markdown(rows).splitlines() if line]
    assert table[0][:4] == ["model", "labels", "faces", "right"] and "right by FER+" in table[0]
    assert [line[:3] for line in table[2:6]] == [
        ["four", "4", "8"], ["emotion", "4", "8"], ["fer 25.1", "7", "14"], ["emotion", "7", "14"]
    ]  # fmt: skip
    assert table[3][3] == f"{four['ours']['fer2013']['accuracy']:.1%}"
    assert table[8][0] == "four, 4" and sum(bool(value.strip()) for value in table[8][1:]) == 4
    plot_comparison(rows, tmp_path / "comparison.png")
    assert min(Image.open(tmp_path / "comparison.png").size) > 300


def test_what_is_not_installed_is_left_out_with_a_line(faces, tmp_path, monkeypatch, logged):

    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    (row,) = comparing.compare([], replace(faces, majority=np.full(49, -1)), tmp_path, "test", timed=8)
    assert row["name"] == "emotion" and "ferplus" not in row
    assert any("fer is not installed" in line for line in logged)


def test_faces_without_splits_cannot_be_compared_on(faces, tmp_path):
    for usage in ("", "Training"):
        with pytest.raises(DataError, match="others to measure by: PublicTest"):
            comparing.compare([FOUR], replace(faces, usage=np.array([usage] * 49)), tmp_path, "test", timed=8)
    assert not list(tmp_path.iterdir())


def test_a_model_of_seven_may_be_held_to_fewer_emotions():
    # Columns: angry disgust fear happy sad surprise neutral.
    probabilities = np.array([[0.1, 0.3, 0.2, 0.25, 0.05, 0.0, 0.1]])
    six, four = restricted(probabilities, "six")[0], restricted(probabilities, "four")[0]
    assert six[[0, 2, 3]] == pytest.approx([0.4, 0.2, 0.25]) and np.isnan(six[1])
    assert four[[0, 3, 4, 6]] == pytest.approx([0.2, 0.5, 0.1, 0.2]) and np.isnan(four[[1, 2, 5]]).all()
    assert figures(probabilities, np.array([0]))["accuracy"] == 0
    assert figures(restricted(probabilities, "six"), np.array([0]))["accuracy"] == 1
    assert figures(restricted(probabilities, "four"), np.array([6]))["top3"] == 1


def test_the_command_prints_the_table_and_draws_the_chart(call, few_faces, tmp_path):
    out = tmp_path / "out"
    options = ["--data", few_faces.data, "--ferplus", few_faces.votes, "--out", out, "--recipes", few_faces.recipe]
    done = call("model", "compare", *options)
    assert done.returncode == 0, done.stderr
    table = done.stdout.splitlines()
    assert [line.split(" | ")[0] for line in table[2:4]] == ["| tiny", "| emotion"]
    assert "right by FER+" in table[0] and f"{out}: comparison.md" in done.stderr
    assert (out / "tiny" / "tiny.keras").exists() and min(Image.open(out / "comparison.png").size) > 200
    rows = json.loads(call("model", "compare", *options, "--json").stdout)
    assert json.loads((out / "comparison.json").read_text())[0]["fer2013"] == rows[0]["fer2013"]
    assert (out / "comparison.md").read_text().splitlines()[:2] == table[:2]
    assert [row["name"] for row in rows] == ["tiny", "emotion"]
    other = call("model", "compare", *options, "--precision", "bfloat16")
    assert other.returncode == 1 and "fit.precision is 'float32', not 'bfloat16'" in other.stderr


@pytest.mark.parametrize(
    ("recipes", "words"),
    [
        ("teacher-1,teacher-1", "two recipes have the same name"),
        ("", "a name is missing"),
        ("mason-2019,", "a name is missing"),
        ("mason-2019,emotion", "emotion learns from teacher-2, which compare does not have"),
        ("mason-2019,teacher-1", "teacher-1 learns from votes, so it needs --ferplus"),
    ],
)
def test_what_cannot_be_trained_is_wrong_usage_before_anything_is(few_faces, tmp_path, recipes, words):
    with pytest.raises(typer.BadParameter, match=words):
        compare(few_faces.data, recipes=recipes, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_trained_where_a_later_recipe_cannot_be(faces, tmp_path):
    (tmp_path / "other" / "run").mkdir(parents=True)
    (tmp_path / "other" / "run" / "recipe.json").write_text(json.dumps({"fit": {"batch": 7}}))
    with pytest.raises(DataError, match="another recipe"):
        comparing.compare([FOUR, replace(FOUR, name="other")], faces, tmp_path, "test", timed=8)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_model_without_its_run_is_loaded_when_it_learnt_the_same(faces, tmp_path):
    official = replace(FOUR, fit=replace(FOUR.fit, faces="Training", precision="bfloat16"))
    model = train(official, faces, tmp_path / "four", "test", data="FER2013 Training")
    shutil.rmtree(tmp_path / "four" / "run")
    before = model.stat()
    rows = comparing.compare([FOUR], faces, tmp_path, "test", timed=8)
    assert rows[0]["name"] == "four" and not (tmp_path / "four" / "run").exists()
    assert (before.st_ino, before.st_mtime_ns) == (model.stat().st_ino, model.stat().st_mtime_ns)
    with pytest.raises(DataError, match=r"a model of another recipe \(fit\.batch is 8, not 4\)"):
        comparing.compare([replace(FOUR, fit=replace(FOUR.fit, batch=4))], faces, tmp_path, "test", timed=8)
    matrix = replace(FOUR, fit=replace(FOUR.fit, matrix=("fer2013",)))
    with pytest.raises(
        DataError, match=r"fit\.matrix has 0, not 1"
    ):  # it decides nothing in training, but here it does
        comparing.compare([matrix], faces, tmp_path, "test", timed=8)
    with pytest.raises(DataError, match="learnt from FER2013 Training, 15 faces, not from FER2013 Training, 14 faces"):
        comparing.compare([FOUR], faces.where(np.arange(1, 49)), tmp_path, "test", timed=8)
    card = model.with_suffix(".json")
    card.write_text(card.read_text().replace("FER2013 Training", "FER2013 all"))
    with pytest.raises(DataError, match="has learnt from FER2013 all"):
        comparing.compare([FOUR], faces, tmp_path, "test", timed=8)


def test_a_run_goes_on_in_the_precision_that_it_began_in(run, call, few_faces, tmp_path):
    options = ["--data", few_faces.data, "--ferplus", few_faces.votes]
    out = tmp_path / "out" / "tiny"
    train_it = ["model", "train", *options, "--recipe", few_faces.recipe, "--out", out]
    first, again = run(*train_it, "--precision", "bfloat16"), call(*train_it)
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    ours = r"\d+ faces to learn from|epoch \d+ of|left out \d+|measuring the model|accuracy \(\w+\): |Next: "
    assert [line for line in first.stderr.splitlines() if not re.match(ours, line)] == []
    assert "trained already" in again.stderr
    assert read_card(out / "tiny.keras").training["recipe"]["fit"]["precision"] == "bfloat16"
    compared = call("model", "compare", *options, "--recipes", few_faces.recipe, "--out", tmp_path / "out")
    assert compared.returncode == 0 and "trained already" in compared.stderr, compared.stderr
    training = read_card(out / "tiny.keras").training
    assert training["recipe"]["fit"]["precision"] == "bfloat16" and training["command"].endswith("--precision bfloat16")
    refused = call(*train_it, "--precision", "float32")
    assert refused.returncode == 1 and "fit.precision is 'bfloat16', not 'float32'" in refused.stderr


def test_a_recipe_that_names_its_precision_does_not_go_on_in_another(call, few_faces, tmp_path):
    options = ["model", "train", "--data", few_faces.data, "--ferplus", few_faces.votes, "--out", tmp_path / "out"]
    assert call(*options, "--recipe", few_faces.recipe).returncode == 0
    recipe = few_faces.recipe.read_text().replace("[fit]", '[fit]\nprecision = "bfloat16"')
    (tmp_path / "tiny.toml").write_text(recipe)
    refused = call(*options, "--recipe", tmp_path / "tiny.toml")
    assert refused.returncode == 1 and "fit.precision is 'float32', not 'bfloat16'" in refused.stderr


def test_a_model_with_teachers_is_measured_once_it_is_there(few_faces, tmp_path, capsys, logged):
    recipe = few_faces.recipe.read_text().replace("[[cycles]]", '[[cycles]]\ntaught_by = ["other"]')
    recipe = recipe.replace('"tiny"', '"taught"').replace("[fit]", "[fit]\nteacher_share = 0.5")
    (tmp_path / "taught.toml").write_text(recipe)
    made = find(str(tmp_path / "taught.toml"))
    network = for_inference(build(made), made)
    faces = load(few_faces.data)
    training = {"recipe": made.as_dict(), "data": f"FER2013 Training, {training_size(made, faces)} faces"}
    (tmp_path / "out" / "taught" / "run").mkdir(parents=True)
    write(network, made, {"fer2013": 1.0, "perceived": 1.0}, training, tmp_path / "out" / "taught")
    compare(few_faces.data, recipes=str(tmp_path / "taught.toml"), out=tmp_path / "out")  # and without votes
    assert any("taught.keras exists, and is measured as it is" in message for message in logged)
    assert "| taught |" in capsys.readouterr().out
