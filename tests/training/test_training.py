"""A run of training from the two files to a model that reads faces, whole and interrupted."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from albumsort.cli.model.evaluate import evaluate
from albumsort.cli.model.info import info
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.training import calibrate
from albumsort.training.datasets import DataError
from albumsort.training.history import HISTORY
from albumsort.training.model_file import save
from albumsort.training.network import build, for_inference, logits, round_to_float16
from albumsort.training.predict import predict
from albumsort.training.recipe import Cycle
from albumsort.training.train import apply_matrices, train
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import HEADS, read_card, shipped_model

pytestmark = pytest.mark.slow


def test_a_run_leaves_a_line_of_history_an_epoch(trained):
    with open(trained.parent / "run" / HISTORY, newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["epoch"] for line in lines] == ["1", "2"]
    assert all(float(line["loss"]) > 0 and 0 <= float(line["fer2013"]) <= 1 for line in lines)


def test_the_card_says_what_the_model_is(trained, recipe):
    content = json.loads(trained.with_suffix(".json").read_text())
    card = read_card(trained)
    assert card.name == "tiny"
    assert card.digest == hashlib.sha256(trained.read_bytes()).hexdigest()
    assert content["labels"] == list(EMOTIONS)
    assert set(card.temperatures) == {"perceived", "fer2013"}
    assert all(0.1 < value < 6 for value in card.temperatures.values())
    assert card.training["recipe"] == json.loads(json.dumps(recipe.as_dict()))
    assert {head: held["n"] for head, held in card.training["held_out"].items()} == {"fer2013": 12, "perceived": 12}
    assert "36 faces" in card.training["data"]
    assert "albumsort model train" in card.training["command"]


@pytest.mark.parametrize("labels", ["perceived", "fer2013"])
def test_the_model_reads_faces(trained, faces, labels):
    probabilities = EmotionClassifier(trained, labels).probabilities(faces.pixels)
    assert (probabilities.shape, probabilities.dtype) == ((64, 7), np.float32)
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 1e-3  # it looks at the faces


def test_a_model_beside_the_card_of_another_is_refused(trained, tmp_path):
    (tmp_path / "tiny.keras").write_bytes(trained.read_bytes() + b"more")
    (tmp_path / "tiny.json").write_bytes(trained.with_suffix(".json").read_bytes())
    with pytest.raises(AlbumsortError, match="belongs to another model"):
        EmotionClassifier(tmp_path / "tiny.keras")


def test_held_out_faces_must_be_some(recipe, faces, tmp_path):
    none = replace(recipe, fit=replace(recipe.fit, hold_out=0.001))
    with pytest.raises(DataError, match="raise hold_out"):
        train(none, faces, tmp_path, "test")


def test_a_further_cycle_goes_on_from_the_weights_before_it(trained, recipe, faces, tmp_path):
    further = replace(recipe, cycles=(*recipe.cycles, Cycle(stages=((1, 48),), peak_rate=1e-9)))
    path = train(further, faces, tmp_path, "test")
    with (
        open(tmp_path / "run" / HISTORY, newline="") as file,
        open(trained.parent / "run" / HISTORY, newline="") as before,
    ):
        assert list(csv.DictReader(file))[:2] == list(csv.DictReader(before))
    weights = [keras.models.load_model(model).get_weights() for model in (path, trained)]
    kernels = [[part for part in parts if part.ndim == 4] for parts in weights]
    # A rate of next to nothing moves no kernel; only the statistics of the batch norms, folded into them, go on.
    for further_kernel, kernel in zip(*kernels, strict=True):
        assert np.corrcoef(further_kernel.ravel(), kernel.ravel())[0, 1] > 0.95


def test_fewer_faces_than_a_batch_are_an_error(recipe, faces, tmp_path):
    large = replace(recipe, fit=replace(recipe.fit, batch=100))
    with pytest.raises(DataError, match="36 faces are fewer"):
        train(large, faces, tmp_path, "test")


def test_evaluate_measures_against_labels_and_votes(trained, few_faces, capsys):
    evaluate(few_faces.data, ferplus=few_faces.votes, model=trained, as_json=True)
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["fer2013", "ferplus"]
    for measured in result.values():
        assert measured["n"] == 10
        assert {"accuracy", "top2", "per_emotion", "confusion", "ece"} <= set(measured)
        assert list(measured["per_emotion"]) == list(EMOTIONS)
        assert np.array(measured["confusion"]).sum() == 10
        assert 0 <= measured["accuracy"] <= measured["top2"] <= 1


def test_evaluate_takes_a_folder_and_another_split(trained, few_faces, capsys):
    evaluate(few_faces.folder, split="PrivateTest", model=trained, as_json=True)
    result = json.loads(capsys.readouterr().out)
    assert {name: measured["n"] for name, measured in result.items()} == {"fer2013": 6, "ferplus": 6}


def test_evaluate_without_votes_measures_against_labels_alone(trained, few_faces, capsys):
    evaluate(few_faces.data, model=trained, as_json=True)
    assert list(json.loads(capsys.readouterr().out)) == ["fer2013"]


def test_evaluate_prints_a_table_for_people(trained, few_faces, capsys):
    evaluate(few_faces.folder, model=trained)
    printed = capsys.readouterr().out
    assert "fer2013, PublicTest: 10 faces" in printed
    assert all(emotion in printed for emotion in EMOTIONS)


def test_evaluate_draws_its_figures(trained, few_faces, capsys, tmp_path):
    evaluate(few_faces.folder, model=trained, plots=tmp_path / "plots", as_json=True)
    drawn = {path.name: Image.open(path).size for path in (tmp_path / "plots").iterdir()}
    kinds = ("confusion", "reliability", "emotions", "predictions")
    assert set(drawn) == {f"{name}-{kind}.png" for name in ("fer2013", "ferplus") for kind in kinds}
    assert all(min(size) > 400 for size in drawn.values())
    for measured in json.loads(capsys.readouterr().out).values():
        assert sum(values["n"] for values in measured["reliability"]) == measured["n"]


def test_a_run_draws_its_curves(trained):
    assert min(Image.open(trained.parent / "run" / "history.png").size) > 800


def test_class_folders_train_and_measure_a_model(few_faces, faces, call, tmp_path):
    for number, (pixels, code) in enumerate(zip(faces.pixels, faces.labels, strict=True)):
        path = tmp_path / "faces" / ("train" if number < 48 else "validation") / EMOTIONS[code] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    options = ("--out", "mine", "--recipe", few_faces.recipe, "--precision", "bfloat16")
    done = call("model", "train", "--data", "faces", *options)
    assert done.returncode == 0, done.stderr
    done = call("model", "evaluate", "faces", "--model", "mine/tiny.keras", "--json")
    measured = {name: values["n"] for name, values in json.loads(done.stdout).items()}
    assert measured == {"fer2013": 16, "perceived": 16}, "there are no votes of FER+"
    card = read_card(tmp_path / "mine" / "tiny.keras")
    assert "class folders of faces" in card.training["data"]
    assert card.training["recipe"]["fit"]["precision"] == "bfloat16"
    assert card.training["command"].endswith("--precision bfloat16")
    assert card.training["tests"]["PublicTest"]["perceived"]["n"] == 16


def test_votes_go_with_the_table_alone(few_faces, call, tmp_path):
    (tmp_path / "faces" / "happy").mkdir(parents=True)
    done = call("model", "train", "--data", "faces", "--ferplus", few_faces.votes, "--out", "mine")
    assert done.returncode == 2 and "class folders" in done.stderr


def test_a_card_that_is_none_is_named(trained, tmp_path):
    (tmp_path / "tiny.keras").write_bytes(trained.read_bytes())
    for content in ("{", "[]", '{"name": "tiny"}'):
        (tmp_path / "tiny.json").write_text(content)
        with pytest.raises(AlbumsortError, match=r"tiny\.json: not the card"):
            read_card(tmp_path / "tiny.keras")


def test_votes_are_asked_for_where_they_are_needed(few_faces, call):
    done = call("model", "train", "--data", few_faces.data, "--out", "mine")
    assert done.returncode == 2 and "--ferplus" in done.stderr


@pytest.mark.parametrize("is_mirrored", [True, False])
def test_training_reads_as_the_classifier_does(faces, tmp_path, is_mirrored):
    card = json.loads(shipped_model().with_suffix(".json").read_text())
    path = tmp_path / "same.keras"
    shutil.copy(shipped_model(), path)
    path.with_suffix(".json").write_text(json.dumps({**card, "is_mirrored": is_mirrored}))
    predicted = predict(
        keras.models.load_model(path, compile=False), faces, EMOTIONS, card["temperatures"], is_mirrored
    )
    for labels in HEADS:
        np.testing.assert_allclose(
            predicted[labels], EmotionClassifier(path, labels).probabilities(faces.pixels), atol=1e-4
        )


def test_info_says_what_a_model_is(trained, capsys):
    info(trained, as_json=True)
    assert json.loads(capsys.readouterr().out)["digest"] == read_card(trained).digest
    info(trained)
    printed = capsys.readouterr().out
    words = ["tiny", "temperature", read_card(trained).digest, *EMOTIONS, "held out", "PublicTest", "mean recall"]
    assert [word for word in words if word not in printed] == []


def test_info_on_a_card_without_a_training_names_the_model(trained, tmp_path):
    (tmp_path / "tiny.keras").write_bytes(trained.read_bytes())
    card = json.loads(trained.with_suffix(".json").read_text())
    (tmp_path / "tiny.json").write_text(json.dumps({**card, "training": {}}))
    with pytest.raises(AlbumsortError, match=r"tiny\.keras: its card does not say how it was trained"):
        info(tmp_path / "tiny.keras")


def test_training_data_that_is_not_there_fails_with_one_line(call, few_faces, tmp_path):
    missing = tmp_path / "nowhere.csv"
    done = call("model", "train", "--data", missing, "--ferplus", few_faces.votes, "--out", Path("out"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "nowhere.csv" in line


def test_folding_the_batch_norms_changes_no_answer(recipe, faces):
    network = build(recipe)
    rng = np.random.default_rng(0)
    # Statistics as after training, not the neutral ones that a batch norm begins with.
    network.set_weights([np.abs(rng.normal(1, 0.3, part.shape)) for part in network.get_weights()])
    folded = for_inference(network, recipe)
    pixels = faces.pixels[:5, ..., None].astype(np.float32)
    wanted, given = network.predict_on_batch(pixels), folded.predict_on_batch(pixels)
    assert "BatchNormalization" not in {type(layer).__name__ for layer in folded.layers}
    for head in wanted:
        assert np.allclose(given[head], wanted[head], rtol=1e-3)


def test_faces_are_blurred_in_use_and_as_they_are_in_training(recipe, faces):
    keras.utils.set_random_seed(0)
    sharp = build(recipe)
    recipe = replace(recipe, network=replace(recipe.network, blur=0.25))
    trained = build(recipe)
    trained.set_weights(sharp.get_weights())
    pixels = faces.pixels[:5, ..., None].astype(np.float32)
    sharp_logits = sharp.predict_on_batch(pixels)
    for head, values in trained.predict_on_batch(pixels).items():
        np.testing.assert_array_equal(values, sharp_logits[head])
    # At the edge the mean is of fewer pixels.
    inside = np.pad(np.ones((48, 48)), 1)
    rows = [slice(shift, shift + 48) for shift in range(3)]
    counts = sum(inside[y, x] for y in rows for x in rows)
    blurred = []
    for face in pixels[..., 0]:
        padded = np.pad(face, 1)
        blurred.append(0.75 * face + 0.25 * sum(padded[y, x] for y in rows for x in rows) / counts)
    wanted = sharp.predict_on_batch(np.stack(blurred)[..., None].astype(np.float32))
    used = for_inference(trained, recipe).predict_on_batch(pixels)
    for head, values in used.items():
        np.testing.assert_allclose(values, wanted[head], atol=6e-4)
        assert np.abs(values - sharp_logits[head]).max() > 3e-3  # five times the tolerance


def test_a_matrix_is_a_part_of_the_last_layer(recipe, faces):
    recipe = replace(recipe, fit=replace(recipe.fit, matrix=("fer2013",)))
    network = for_inference(build(recipe), recipe)
    before = logits(network, faces)
    apply_matrices(network, faces, recipe)
    after = logits(network, faces)
    heat = calibrate.fit_temperature(before["fer2013"], faces.labels)
    kernel, addend = calibrate.fit_matrix(before["fer2013"] / heat, faces.labels)
    assert after["fer2013"] / heat == pytest.approx(before["fer2013"] / heat @ kernel + addend, abs=1e-3)
    assert not np.allclose(after["fer2013"], before["fer2013"], atol=1e-2)
    assert (after["perceived"] == before["perceived"]).all()


def test_weights_of_sixteen_bits_take_less_room_and_say_the_same(recipe, faces, tmp_path):
    keras.utils.set_random_seed(0)
    recipe = replace(recipe, network=replace(recipe.network, widths=(48, 96)))
    network = for_inference(build(recipe), recipe)
    before, size = logits(network, faces), len(_saved(network, tmp_path / "long.keras"))
    round_to_float16(network)
    assert len(_saved(network, tmp_path / "short.keras")) < 0.8 * size
    after = logits(network, faces)
    assert all(np.abs(after[head] - before[head]).max() < 0.01 * np.abs(before[head]).max() for head in before)


def _saved(network, path):
    save(network, path)
    return path.read_bytes()


def test_the_same_network_is_the_same_file(trained, tmp_path):
    network = keras.models.load_model(trained)
    assert save(network, tmp_path / "1.keras") == save(network, tmp_path / "2.keras")
    with zipfile.ZipFile(tmp_path / "1.keras") as file:
        assert {part.date_time for part in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "date_saved" not in json.loads(file.read("metadata.json"))


def test_a_model_file_names_no_empty_options(trained):
    # Each version of Keras adds options that are None by default, and older ones refuse a file with them.
    with zipfile.ZipFile(trained) as file:
        described = json.loads(file.read("config.json"))["config"]["layers"]
    assert not [layer["name"] for layer in described if None in layer["config"].values()]
    assert "shared_object_id" not in json.dumps([layer["config"] for layer in described])


def test_a_net_in_bfloat16_has_weights_and_answers_in_float32(recipe, faces):
    recipe = replace(recipe, fit=replace(recipe.fit, precision="bfloat16"))
    network = build(recipe)
    assert network.get_layer("convolution1").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in network.weights} == {"float32"}
    predicted = network.predict_on_batch(faces.pixels[:3, ..., None].astype(np.float32))
    assert {values.dtype for values in predicted.values()} == {np.dtype(np.float32)}
    folded = for_inference(network, recipe)
    assert {layer.compute_dtype for layer in folded.layers} == {"float32"}


_BATCH_NORMS = """
import keras, numpy as np, torch
from albumsort.training.model_file import save
from albumsort.training.network import FusedBatchNorm
x = np.random.default_rng(0).normal(3, 2, (16, 6, 6, 5)).astype("float32")
ours, theirs = FusedBatchNorm(), keras.layers.BatchNormalization()
for _ in range(3):
    trained = [keras.ops.convert_to_numpy(layer(x, training=True)) for layer in (ours, theirs)]
used = [keras.ops.convert_to_numpy(layer(x, training=False)) for layer in (ours, theirs)]
slopes = []
for layer in (ours, theirs):
    given = torch.tensor(x, requires_grad=True)
    channels_first = torch.movedim(layer(given, training=True), -1, 1).contiguous()
    (channels_first * torch.linspace(-1, 1, x.size).reshape(channels_first.shape)).sum().backward()
    slopes.append(given.grad.numpy())
print(max(abs(a - b).max() for a, b in (trained, used)), abs(used[0] - trained[0]).max())
print(abs(slopes[0] - slopes[1]).max(), abs(slopes[0]).max())
"""


def test_the_batch_norm_in_pytorchs_kernel_is_keras_own():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", _BATCH_NORMS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    difference, change, of_slopes, slope = map(float, done.stdout.split())
    assert difference < 1e-2  # PyTorch keeps the variance of a sample of a larger whole: n / (n - 1)
    assert change > 0.1  # three batches in, the running statistics are not yet those of the batch
    assert of_slopes < 1e-4
    assert slope > 0.1


def test_a_model_of_the_same_name_that_was_not_trained_there_is_kept(trained, recipe, faces, tmp_path):
    (tmp_path / "tiny.keras").write_bytes(trained.read_bytes())
    with pytest.raises(DataError, match=r"tiny\.keras: a model that was not trained here is kept.*--out DIR"):
        train(recipe, faces, tmp_path, "test")
    assert (tmp_path / "tiny.keras").read_bytes() == trained.read_bytes()
    assert not (tmp_path / "run").exists()
