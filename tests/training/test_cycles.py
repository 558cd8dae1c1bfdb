"""Cycles and teachers: what a network learns beside its labels, and the result of a cycle."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from albumsort.training import calibrate, fit, network
from albumsort.training.datasets import DataError
from albumsort.training.history import HISTORY
from albumsort.training.recipe import Recipe
from albumsort.training.teachers import teacher_probabilities, write_predictions
from albumsort.training.train import train
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import read_card

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("eagerly")]


def taught(recipe: Recipe, *names: str) -> Recipe:
    """The recipe with teachers of these names."""
    cycles = tuple(replace(cycle, taught_by=names) for cycle in recipe.cycles)
    return replace(recipe, fit=replace(recipe.fit, teacher_share=0.5), cycles=cycles)


def test_a_student_learns_from_its_teacher(trained, recipe, faces, tmp_path):
    student = replace(taught(recipe, "tiny"), name="student")
    path = train(student, faces, tmp_path, "test", teachers={"tiny": trained})
    card = read_card(path)
    assert card.training["teachers"] == {"tiny": read_card(trained).digest}
    losses = []
    for run in (trained.parent, tmp_path):
        with open(run / "run" / HISTORY, newline="") as file:
            losses.append([line["loss"] for line in csv.DictReader(file)])
    assert losses[0] != losses[1]
    with pytest.raises(DataError, match="of this recipe with other teachers"):
        train(student, faces, tmp_path, "test", teachers={"tiny": path})


def test_a_teacher_is_asked_for_where_one_is_wanted_and_only_there(trained, recipe, faces, tmp_path):
    pupil = taught(recipe, "tiny")
    with pytest.raises(DataError, match=r"teacher tiny; give it with --teacher tiny\.keras.*made by: .* --recipe tiny"):
        train(pupil, faces, tmp_path, "test")
    with pytest.raises(DataError, match="has no teacher named tiny; it learns only from labels"):
        train(recipe, faces, tmp_path, "test", teachers={"tiny": trained})
    with pytest.raises(DataError, match="has no teacher named other; it needs tiny"):
        train(pupil, faces, tmp_path, "test", teachers={"tiny": trained, "other": trained})
    card = json.loads(trained.with_suffix(".json").read_text())
    four = json.dumps({**card, "labels": ["angry", "happy", "sad", "neutral"], "temperatures": {"fer2013": 1}})
    (tmp_path / "of-four.json").write_text(four)
    (tmp_path / "of-four.keras").write_bytes(trained.read_bytes())
    with pytest.raises(DataError, match="cannot be a teacher"):
        train(pupil, faces, tmp_path, "test", teachers={"tiny": tmp_path / "of-four.keras"})
    assert not (tmp_path / "run").exists()


def test_folds_predict_each_face_by_a_network_that_has_not_learnt_from_it(recipe, faces, tmp_path):
    folded = replace(recipe, name="folds", fit=replace(recipe.fit, folds=2))
    train(folded, faces, tmp_path, "test")
    training = faces.split("Training")
    predicted = teacher_probabilities(tmp_path / "folds.npz", training)
    assert predicted["fer2013"].shape == (len(training), 7) and predicted["perceived"].shape == (len(training), 8)
    np.testing.assert_allclose(predicted["perceived"].sum(1), 1, atol=1e-5)
    card = read_card(tmp_path / "folds.keras")
    _, first = training.fold(0, 2, recipe.seed)
    # The model that is kept is that of the first fold, which predicts the faces that this fold held out.
    model = keras.models.load_model(tmp_path / "folds.keras", compile=False)
    for head, temperature in card.temperatures.items():
        passes = [network.logits(model, first, is_mirrored)[head] for is_mirrored in (False, True)]
        expected = calibrate.softmax(np.mean(passes, 0) / temperature)
        np.testing.assert_allclose(teacher_probabilities(tmp_path / "folds.npz", first)[head], expected, atol=1e-5)
    right = (predicted["fer2013"].argmax(1) == training.labels).mean()
    measured = [fold["fer2013"]["accuracy"] for fold in card.training["folds"]]
    assert right == pytest.approx(np.mean(measured), abs=0.05)
    with pytest.raises(DataError, match=r"lacks \d+ of the \d+ faces"):
        teacher_probabilities(tmp_path / "folds.npz", faces.split("PublicTest"))


def test_a_student_learns_from_folds_and_another_cycle_from_a_model(trained, recipe, faces, tmp_path, monkeypatch):
    seen, real = [], fit.AugmentedFaces

    def noted(*arguments):
        seen.append(arguments[-1])
        return real(*arguments)

    learning, _ = faces.split("Training").hold_out(recipe.fit.hold_out, recipe.seed)
    rng = np.random.default_rng(0)
    probabilities = {
        head: rng.dirichlet(np.ones(classes), len(faces)).astype(np.float32)
        for head, classes in (("fer2013", 7), ("perceived", 8))
    }
    write_predictions(tmp_path / "folds.npz", faces.pixels, probabilities)
    (cycle,) = recipe.cycles
    cycles = tuple(replace(cycle, stages=((1, 48),), taught_by=names) for names in (("folds",), ("tiny",), ()))
    pupil = replace(recipe, fit=replace(recipe.fit, teacher_share=0.5), cycles=cycles)
    monkeypatch.setattr(fit, "AugmentedFaces", noted)
    train(pupil, faces, tmp_path, "test", teachers={"tiny": trained, "folds": tmp_path / "folds.npz"})
    places = [int(np.flatnonzero((faces.pixels == face).all((1, 2)))[0]) for face in learning.pixels]
    for head in probabilities:
        np.testing.assert_array_equal(seen[0][head], probabilities[head][places])
        np.testing.assert_array_equal(seen[1][head], teacher_probabilities(trained, learning)[head])
    assert seen[2] == {}


def test_a_face_that_is_there_twice_gets_the_mean_of_both_predictions(faces, tmp_path):
    twice = faces.where(np.array([0, 0, 1]))
    probabilities = {"perceived": np.eye(8, dtype=np.float32)[:3]}
    write_predictions(tmp_path / "two.npz", twice.pixels, probabilities)
    np.testing.assert_array_equal(
        teacher_probabilities(tmp_path / "two.npz", faces.where(np.array([1, 0])))["perceived"][:, :3],
        [[0, 0, 1], [0.5, 0.5, 0]],
    )


def test_an_archive_of_something_else_is_no_file_of_predictions(recipe, faces, tmp_path):
    np.savez(tmp_path / "folds.npz", fer2013=np.zeros((3, 7)), perceived=np.zeros((3, 8)))
    with pytest.raises(DataError, match=r"folds\.npz: not a file of predictions \(it has fer2013, perceived"):
        train(taught(recipe, "folds"), faces, tmp_path, "test", teachers={"folds": tmp_path / "folds.npz"})


@pytest.mark.parametrize(("content", "reason"), [(b"no archive", "not a file of predictions"), (None, "No such file")])
def test_a_file_of_predictions_that_is_none_is_named(recipe, faces, tmp_path, content, reason):
    if content:
        (tmp_path / "folds.npz").write_bytes(content)
    with pytest.raises(DataError, match=f"folds.npz: {reason}"):
        train(taught(recipe, "folds"), faces, tmp_path, "test", teachers={"folds": tmp_path / "folds.npz"})


def test_a_cycle_that_is_cut_has_the_rates_of_the_longer_one(recipe, faces, tmp_path, monkeypatch):
    asked, real = [], fit.compile_model

    def noted(model, recipe, cycle, steps):
        asked.append(steps)
        real(model, recipe, cycle, steps)

    monkeypatch.setattr(fit, "compile_model", noted)
    (cycle,) = recipe.cycles
    for horizon in (0, 3 * cycle.epochs):
        cut = replace(recipe, cycles=(replace(cycle, horizon=horizon),))
        train(cut, faces, tmp_path / str(horizon), "test")
    assert asked[1] == 3 * asked[0] > 0
    with pytest.raises(DataError, match="horizon"):
        replace(cycle, horizon=cycle.epochs - 1)


def test_a_model_may_use_a_single_pass(recipe, faces, tmp_path):
    once = replace(recipe, network=replace(recipe.network, mirrored=False))
    path = train(once, faces, tmp_path, "test")
    assert not read_card(path).is_mirrored
    crops = faces.pixels[:8]
    predicted = [EmotionClassifier(path).probabilities(views) for views in (crops, crops[:, :, ::-1].copy())]
    assert np.abs(predicted[0] - predicted[1]).max() > 1e-4


def test_a_self_taught_cycle_learns_from_the_teacher_and_from_itself_as_it_began(
    trained, recipe, faces, tmp_path, monkeypatch, stop_after
):
    learnt, real = [], fit.AugmentedFaces

    def noted(*arguments):
        learnt.append(arguments[-1]["perceived"])
        return real(*arguments)

    monkeypatch.setattr(fit, "AugmentedFaces", noted)
    short = replace(recipe.cycles[0], stages=((2, 48),))
    both = (replace(short, taught_by=("tiny",)), replace(short, taught_by=("tiny", "itself")))
    pupil = replace(recipe, fit=replace(recipe.fit, teacher_share=0.5), cycles=both)
    with pytest.raises(KeyboardInterrupt):
        train(pupil, faces, tmp_path, "test", progress=stop_after(3), teachers={"tiny": trained})
    kept = np.load(tmp_path / "run" / "taught-2.npz")["perceived"]
    train(pupil, faces, tmp_path, "test", teachers={"tiny": trained})
    by_teacher, *rest = learnt
    assert len(rest) == 3
    np.testing.assert_array_equal(rest[0], by_teacher)
    for of_both in rest[1:]:  # the last is of the continued run, with the saved probabilities
        np.testing.assert_allclose(of_both, (by_teacher + kept) / 2, atol=1e-7)
    assert np.abs(kept - by_teacher).max() > 0.01


def test_a_recipe_cannot_be_taught_by_a_network_that_has_learnt_nothing_yet(recipe):
    with pytest.raises(DataError, match="first cycle"):
        taught(recipe, "itself")
    with pytest.raises(DataError, match="teacher_share"):
        replace(recipe, cycles=(recipe.cycles[0], replace(recipe.cycles[0], taught_by=("itself",))))
    with pytest.raises(DataError, match="a cycle that is taught"):
        replace(recipe, fit=replace(recipe.fit, teacher_share=0.5))


def test_an_averaged_cycle_gives_the_mean_of_its_epochs_and_its_start_also_when_it_was_interrupted(
    recipe, faces, tmp_path, logged
):
    cycle = replace(recipe.cycles[0], stages=((3, 48),), averaged=0.75)
    averaged = replace(recipe, cycles=(replace(cycle, averaged=0.0), cycle))
    training, held_out = faces.split("Training").hold_out(recipe.fit.hold_out, recipe.seed)
    weights = []

    def progress(epoch):
        if epoch.is_done and epoch.number >= 3:
            checkpoint = tmp_path / f"checkpoint-{epoch.number}.keras"
            weights.append(keras.models.load_model(checkpoint, compile=False).get_weights())
        if epoch.is_done and epoch.number == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit.fit(averaged, training, held_out, tmp_path, progress)
    network = fit.fit(averaged, training, held_out, tmp_path, progress)
    assert logged[-1].startswith("averaged over the last epochs: validation accuracy ") and len(weights) == 4
    moving = {id(weight) for layer in network.layers for weight in layer.non_trainable_weights}
    for place, weight in enumerate(network.weights):
        start, *later = (each[place] for each in weights)
        mean = start / 4 + np.mean(later, 0) * 3 / 4
        difference = np.abs(keras.ops.convert_to_numpy(weight) - mean).max()
        # The batch norms have seen the faces through the mean of the weights, which is none of the networks of before.
        assert (difference > 1e-4) if id(weight) in moving else (difference < 1e-6), weight.path
    batches = fit.AugmentedFaces(training, averaged, cycle, 48, 6)
    first = keras.Model(network.inputs, network.get_layer("convolution0").output)
    means = [first.predict_on_batch(batches[k][0]).mean((0, 1, 2)) for k in range(len(batches))]
    norm = network.get_layer("convolution0_norm")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(norm.moving_mean), np.mean(means, 0), atol=1e-5)
    assert norm.momentum > 0.9
    again = fit.fit(averaged, training, held_out, tmp_path)
    for weights, same in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, same)
    with pytest.raises(DataError, match="last cycle"):
        replace(recipe, cycles=(cycle, cycle))
    with pytest.raises(DataError, match="from 0 to 1"):
        replace(cycle, averaged=1.5)
