"""Runs of networks by layers: schemes, splits, early stopping, hard faces, weights of classes, folds."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from albumsort.emotions import EMOTIONS, labels_of
from albumsort.training import fit
from albumsort.training.augment import AugmentedFaces, class_indices, class_weights, targets
from albumsort.training.datasets import DataError, Faces
from albumsort.training.history import HISTORY
from albumsort.training.network import logits
from albumsort.training.recipe import Cycle, FitRecipe, NetworkRecipe, Plateau, Recipe, Stop
from albumsort.training.train import train
from albumsort.vision.models import read_card

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("eagerly")]

LAYERS = ("rescale", "conv 4 3", "norm", "max_pool 6 6", "flatten", "dense 8 l2=1e-4", "dropout 0.2")
CYCLE = Cycle(stages=((2, 48),), peak_rate=0.01, augment=None)
RECIPE = Recipe(
    name="tiny",
    network=NetworkRecipe(layers=LAYERS),
    fit=FitRecipe(optimiser="adam", batch=8, weight_decay=0, label_smoothing=0, hold_out=0.25),
    cycles=(CYCLE,),
)


@pytest.fixture(scope="module")
def faces() -> Faces:
    """70 faces of noise, whose brightness says their emotion: 49 of Training, 14 and 7 of the other splits."""
    rng, labels = np.random.default_rng(0), np.arange(70) % 7
    pixels = rng.normal(20 + 35 * labels[:, None, None], 10, (70, 48, 48)).clip(0, 255).astype(np.uint8)
    usage = np.array(["Training"] * 49 + ["PublicTest"] * 14 + ["PrivateTest"] * 7)
    return Faces(pixels, labels, usage, np.zeros((70, 8), np.float32), np.full(70, -1))


def history(folder: Path) -> list[dict[str, str]]:
    with open(folder / HISTORY, newline="") as file:
        return list(csv.DictReader(file))


def with_fit(**changes: Any) -> Recipe:
    return replace(RECIPE, fit=replace(RECIPE.fit, **changes))


def test_the_same_recipe_gives_the_same_history_twice_and_a_card_that_says_so(faces, tmp_path):
    paths = [train(RECIPE, faces, tmp_path / name, "test") for name in "ab"]
    first, second = (history(tmp_path / name / "run") for name in "ab")
    assert first == second
    assert list(first[0]) == ["epoch", "cycle", "loss", "in_training", "fer2013", "held_out_loss"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    card = read_card(paths[0])
    assert card.labels == EMOTIONS and list(card.temperatures) == ["fer2013"] and not card.is_mirrored
    assert {name: tests["fer2013"]["n"] for name, tests in card.training["tests"].items()} == {
        "PublicTest": 14,
        "PrivateTest": 7,
    }


STOPPED = replace(
    RECIPE, fit=replace(RECIPE.fit, stop=Stop("accuracy", 2)), cycles=(replace(CYCLE, stages=((8, 48),)),)
)


@pytest.fixture
def misleading(faces) -> Faces:
    """The Training faces under wrong labels: the more a network learns, the fewer of these it has right."""
    training = faces.split("Training")
    return replace(training, labels=(training.labels + 1) % 7)


def accuracies(folder: Path) -> np.ndarray:
    return np.array([float(line["fer2013"]) for line in history(folder)])


def weights_of(folder: Path, epoch: int) -> list[np.ndarray]:
    return keras.models.load_model(folder / f"checkpoint-{epoch}.keras", compile=False).get_weights()


def test_early_stopping_goes_back_to_the_best_epoch_also_after_an_interruption(faces, misleading, tmp_path, stop_after):
    training = faces.split("Training")
    with pytest.raises(KeyboardInterrupt):
        fit.fit(STOPPED, training, misleading, tmp_path, stop_after(2))
    network = fit.fit(STOPPED, training, misleading, tmp_path)
    best = int(accuracies(tmp_path).argmax()) + 1
    assert len(history(tmp_path)) == best + 2 < 8
    best_weights, last_weights = weights_of(tmp_path, best), weights_of(tmp_path, best + 2)
    for weights, of_best, of_last in zip(network.get_weights(), best_weights, last_weights, strict=True):
        assert np.array_equal(weights, of_best) and not np.array_equal(weights, of_last)
    # A finished run is only loaded; it is the best epoch's, too.
    again = fit.fit(STOPPED, training, misleading, tmp_path)
    assert np.array_equal(again.get_weights()[0], best_weights[0]) and len(history(tmp_path)) == best + 2


def test_the_next_cycle_begins_with_the_best_epoch_of_the_one_before(faces, misleading, tmp_path):
    kept: dict[int, list[np.ndarray]] = {}

    def keep(epoch: fit.Epoch) -> None:
        if epoch.is_done:
            kept[epoch.number] = weights_of(epoch.folder, epoch.number)

    recipe = replace(STOPPED, cycles=(*STOPPED.cycles, replace(CYCLE, stages=((1, 48),), peak_rate=1e-9)))
    network = fit.fit(recipe, faces.split("Training"), misleading, tmp_path, keep)
    assert [line["cycle"] for line in history(tmp_path)][-2:] == ["1", "2"]
    best = int(accuracies(tmp_path)[:-1].argmax()) + 1
    assert np.allclose(network.get_weights()[0], kept[best][0], atol=1e-6)
    assert not np.allclose(network.get_weights()[0], kept[best + 1][0], atol=1e-6)


def test_a_residual_network_trains_without_dropout(faces, tmp_path):
    network = NetworkRecipe(stem=2, widths=(4,), blocks=1, dropout=0.0)
    recipe = Recipe(network=network, fit=FitRecipe(batch=16), cycles=(CYCLE,))
    training = faces.split("Training")
    fit.fit(recipe, training, training, tmp_path)
    assert len(history(tmp_path)) == 2


def test_the_rate_falls_after_stale_epochs_and_counts_anew():
    values = [0.5, 0.4, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6]
    lines = [{"fer2013": str(value)} for value in values]
    rates = [fit.rate_after(1.0, Plateau("accuracy", 2, 0.5), lines[:count]) for count in range(len(lines) + 1)]
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_the_rate_of_a_plateau_is_the_optimisers(faces, misleading, tmp_path):
    plateau = Plateau("accuracy", 1, 0.5)
    recipe = replace(with_fit(plateau=plateau), cycles=(replace(CYCLE, stages=((5, 48),)),))
    network = fit.fit(recipe, faces.split("Training"), misleading, tmp_path)
    rate = fit.rate_after(0.01, plateau, history(tmp_path)[:-1])
    assert float(network.optimizer.learning_rate) == pytest.approx(rate)
    assert rate <= 0.01 / 2


def test_a_hard_cycle_learns_from_the_misread_faces_of_the_training_set_alone(faces, tmp_path, monkeypatch, stop_after):
    training = faces.split("Training")
    pixels = training.pixels.copy()
    pixels[1] = pixels[0]  # the same face under another label: one of the two is misread
    training = replace(training, pixels=pixels)
    learnt_from: list[np.ndarray] = []

    class Watched(AugmentedFaces):
        def __init__(self, shown: Faces, *rest: Any) -> None:
            learnt_from.append(shown.pixels)
            super().__init__(shown, *rest)

    monkeypatch.setattr(fit, "AugmentedFaces", Watched)
    recipe = replace(RECIPE, cycles=(replace(CYCLE, stages=((1, 48),)), replace(CYCLE, hard=True)))
    with pytest.raises(KeyboardInterrupt):
        fit.fit(recipe, training, faces.split("PrivateTest"), tmp_path, stop_after(1))
    after_one = keras.models.load_model(tmp_path / "checkpoint-1.keras", compile=False)
    misread = np.flatnonzero(logits(after_one, training)["fer2013"].argmax(1) != training.labels)
    assert 0 < len(misread) < 49
    with pytest.raises(KeyboardInterrupt):
        fit.fit(recipe, training, faces.split("PrivateTest"), tmp_path, stop_after(2))
    assert json.loads((tmp_path / "hard-2.json").read_text()) == misread.tolist()
    # The faces that it has right in between are still learnt from when the cycle goes on.
    fit.fit(recipe, training, faces.split("PrivateTest"), tmp_path)
    assert [len(shown) for shown in learnt_from] == [49, len(misread), len(misread)]
    assert all(np.array_equal(shown, training.pixels[misread]) for shown in learnt_from[1:])


def test_a_hard_cycle_without_misread_faces_is_left_out(faces, tmp_path, stop_after, logged):
    training = faces.split("Training")
    happy = replace(training, labels=np.full(len(training), EMOTIONS.index("happy")))  # learnt after an epoch
    recipe = replace(RECIPE, cycles=(CYCLE, replace(CYCLE, hard=True), CYCLE, replace(CYCLE, hard=True)))
    with pytest.raises(KeyboardInterrupt):
        fit.fit(recipe, happy, happy, tmp_path, stop_after(3))
    first = fit.fit(recipe, happy, happy, tmp_path)
    assert [line["cycle"] for line in history(tmp_path)] == ["1", "1", "3", "3"]
    assert any("cycle 4: the network misreads none" in line for line in logged)
    again = fit.fit(recipe, happy, happy, tmp_path)
    for weights, same in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, same)


def test_a_run_goes_on_under_other_words_and_without_votes_that_it_does_not_learn_from(faces, tmp_path, logged):
    training = faces.split("Training")
    fit.fit(RECIPE, training, training, tmp_path)
    voted = replace(training, perceived=np.ones_like(training.perceived))
    logged.clear()
    fit.fit(replace(RECIPE, name="other", reported="a lot"), voted, training, tmp_path)
    assert logged == ["trained already, for 2 epochs"]
    with pytest.raises(DataError, match=r"another recipe \(seed is 0, not 5\).*--out, or give .* another name"):
        fit.fit(replace(RECIPE, seed=5), training, training, tmp_path)


@pytest.mark.parametrize(("scheme", "count"), [("four", 40), ("six", 70)])
def test_faces_of_a_scheme_are_those_it_tells_apart(faces, scheme, count):
    voted = replace(faces, majority=faces.labels)
    chosen = voted.in_scheme(scheme)
    assert len(chosen) == count
    names = [EMOTIONS[code] for code in chosen.labels]
    assert set(names) == set(labels_of(scheme))
    assert names.count("angry") == (20 if scheme == "six" else 10)
    assert np.array_equal(chosen.labels, chosen.majority)
    recipe = replace(RECIPE, labels=scheme)
    wanted, weights = targets(chosen, recipe)
    assert wanted["fer2013"].shape == (count, len(labels_of(scheme))) and set(weights) == {"fer2013"}
    assert [labels_of(scheme)[place] for place in wanted["fer2013"].argmax(1)] == names
    assert class_indices(np.array([-1]), scheme) == -1


def test_a_data_set_without_any_face_of_a_scheme_is_an_error(faces):
    with pytest.raises(DataError, match="angry, happy, sad, neutral"):
        faces.where(faces.labels == 2).in_scheme("four")


def test_faces_of_all_splits_are_learnt_from_where_a_recipe_says_so_and_none_is_left_to_measure_by(faces, tmp_path):
    path = train(replace(with_fit(faces="all", loss="sigmoid"), labels="four"), faces, tmp_path, "test")
    card = read_card(path)
    assert card.labels == ("angry", "happy", "sad", "neutral")
    assert card.training["held_out"]["fer2013"]["n"] == 10 and "30 faces" in card.training["data"]
    assert card.training["tests"] == {}


def test_a_balanced_recipe_weighs_emotions_alike(faces):
    codes = np.array([0] * 6 + [3] * 2 + [6])
    weights = class_weights(codes)[codes]
    assert [weights[codes == code].sum() for code in (0, 3, 6)] == pytest.approx([3, 3, 3])
    few = faces.where(np.array([0, 7, 14, 21, 28, 35, 1, 8]))
    _, _, given = AugmentedFaces(few, with_fit(balanced=True), CYCLE, 48, 0)[0]
    assert sorted(given["fer2013"].tolist()) == pytest.approx([8 / 12] * 6 + [2.0] * 2)


def test_steps_are_the_batches_of_an_epoch_however_many_rounds_that_makes(faces):
    batches = AugmentedFaces(faces, with_fit(steps=20), CYCLE, 48, 0)
    assert len(batches) == 20
    seen = np.bincount(batches.order[: 20 * 8], minlength=70)
    assert (seen.min(), seen.max()) == (2, 3)


def test_each_fold_holds_out_another_part(faces, tmp_path, logged):
    parts = [faces.fold(number, 3, seed=1) for number in range(3)]
    assert sum(len(held) for _, held in parts) == 70
    held = np.concatenate([held.pixels for _, held in parts])
    assert len(np.unique(held.reshape(70, -1), axis=0)) == 70
    recipe = replace(with_fit(folds=3), cycles=(replace(CYCLE, stages=((1, 48),)),))
    path = train(recipe, faces, tmp_path, "test")
    assert any(line.startswith("3 folds: ") for line in logged) and "fold 2 of 3:" in logged
    assert [len(history(tmp_path / run)) for run in ("run", "run-2", "run-3")] == [1, 1, 1]
    training = read_card(path).training
    assert sorted(fold["fer2013"]["n"] for fold in training["folds"]) == [16, 16, 17]
    assert training["held_out"] == training["folds"][0]
