"""A run on disk: it continues to the same end after an interruption; damaged or other runs are left alone."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from albumsort.training import recipe_file as recipes
from albumsort.training.datasets import DataError
from albumsort.training.history import HISTORY
from albumsort.training.train import train
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import read_card

pytestmark = pytest.mark.slow


def test_a_stopped_run_goes_on_to_the_same_end(trained, recipe, faces, tmp_path, stop_after, logged):
    with pytest.raises(KeyboardInterrupt):
        train(recipe, faces, tmp_path, "test", stop_after(1))
    assert not (tmp_path / "tiny.keras").exists()
    assert len((tmp_path / "run" / HISTORY).read_text().splitlines()) == 2

    path = train(recipe, faces, tmp_path, "test")
    assert any("continues after epoch 1" in line for line in logged)
    assert (tmp_path / "run" / HISTORY).read_text() == (trained.parent / "run" / HISTORY).read_text()
    resumed, undisturbed = (EmotionClassifier(model).probabilities(faces.pixels) for model in (path, trained))
    # The history is rounded; the probabilities are not.
    assert resumed == pytest.approx(undisturbed, abs=1e-5)
    with zipfile.ZipFile(path) as resumed_file, zipfile.ZipFile(trained) as undisturbed_file:
        assert resumed_file.read("config.json") == undisturbed_file.read("config.json")  # the same names of layers


def test_a_folder_with_a_run_of_another_recipe_is_refused(recipe, faces, tmp_path):
    (tmp_path / "run").mkdir()
    kept = tmp_path / "run" / "recipe.json"
    # The last one is from a newer albumsort, whose recipes have more values.
    for content, words in (("{}", "another recipe"), (json.dumps({**recipe.as_dict(), "warp": 9}), r"recipe \(warp\)")):
        kept.write_text(content)
        with pytest.raises(DataError, match=words):
            train(recipe, faces, tmp_path, "test")


def test_the_same_number_of_other_faces_is_not_the_same_data(recipe, faces, tmp_path, stop_after):
    with pytest.raises(KeyboardInterrupt):
        train(recipe, faces, tmp_path, "test", stop_after(1))
    other = replace(faces, labels=(faces.labels + 1) % 7)
    with pytest.raises(DataError, match="other data"):
        train(recipe, other, tmp_path, "test")


def test_a_run_killed_before_an_epoch_counted_repeats_it(trained, recipe, faces, tmp_path, stop_after):
    with pytest.raises(KeyboardInterrupt):
        train(recipe, faces, tmp_path, "test", stop_after(1))
    # As if killed in the second epoch: its checkpoint is half written, its line of history is not there.
    (tmp_path / "run" / "checkpoint-2.keras").write_bytes(b"half a file")
    path = train(recipe, faces, tmp_path, "test")
    resumed, undisturbed = (EmotionClassifier(model).probabilities(faces.pixels) for model in (path, trained))
    assert resumed == pytest.approx(undisturbed, abs=1e-5)
    assert [file.name for file in (tmp_path / "run").glob("checkpoint*")] == ["checkpoint-2.keras"]


def test_what_only_matters_in_use_makes_no_other_run(recipe, faces, tmp_path, stop_after, logged):
    with pytest.raises(KeyboardInterrupt):
        train(recipe, faces, tmp_path, "test", stop_after(1))
    settings = tmp_path / "run" / "recipe.json"
    kept = json.loads(settings.read_text())
    del kept["network"]["blur"], kept["fit"]["plateau"]  # as if begun by an albumsort that did not know them
    settings.write_text(json.dumps(kept))
    softer = replace(
        recipe,
        network=replace(recipe.network, blur=0.3, mirrored=False),
        fit=replace(recipe.fit, matrix=("fer2013",)),
    )
    path = train(softer, faces, tmp_path, "test")
    assert "continues after epoch 1 of 2" in logged
    assert recipes.read(path.with_suffix(".toml")) == softer


@pytest.mark.parametrize("damage", ["settings", "history", "checkpoint"])
def test_a_damaged_run_is_an_error_that_names_the_file(recipe, faces, tmp_path, damage, stop_after):
    with pytest.raises(KeyboardInterrupt):
        train(recipe, faces, tmp_path, "test", stop_after(1))
    name = {"settings": "recipe.json", "history": "history.csv", "checkpoint": "checkpoint-1.keras"}[damage]
    (tmp_path / "run" / name).write_text("a,b\n1,2\n" if damage == "history" else "")
    with pytest.raises(DataError, match=name):
        train(recipe, faces, tmp_path, "test")


def test_a_training_that_runs_away_makes_no_model(recipe, faces, tmp_path):
    wild = replace(recipe, cycles=tuple(replace(cycle, peak_rate=1e30, warmup_steps=0) for cycle in recipe.cycles))
    with pytest.raises(DataError, match="lower peak_rate"):
        train(wild, faces, tmp_path, "test")
    assert not (tmp_path / "tiny.keras").exists()


def test_held_out_copies_of_what_was_learnt_do_not_count(recipe, faces, tmp_path, logged):
    twice = faces.where(np.concatenate([np.arange(len(faces)), np.flatnonzero(faces.usage == "Training")]))
    path = train(recipe, twice, tmp_path, "test")
    learnt, held_out = twice.split("Training").hold_out(recipe.fit.hold_out, recipe.seed)
    known = {face.tobytes() for face in learnt.pixels}
    copies = sum(face.tobytes() in known for face in held_out.pixels)
    assert copies and f"{len(held_out)} held out, {copies} of which are copies" in logged[0]
    assert read_card(path).training["held_out"]["fer2013"]["n"] == len(held_out) - copies
