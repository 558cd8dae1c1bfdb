"""Models for other runtimes: they predict as the model that they were made of, or are not written."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer

from albumsort.cli.model.export import export as command
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.training.datasets import DataError, Faces, load
from albumsort.training.export import FORMATS, export, load_exported, synthetic_faces
from albumsort.training.layers import FORMS
from albumsort.training.model_file import write
from albumsort.training.network import build, for_inference
from albumsort.training.recipe import Cycle, NetworkRecipe, Recipe
from albumsort.vision.classifier import EmotionClassifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faces(few_faces) -> Faces:
    return load(few_faces.data, few_faces.votes)


@pytest.fixture(scope="module", params=FORMATS)
def exported(request, trained, tmp_path_factory) -> tuple[str, Path]:
    """The tiny model's perceived head in a format, and where it is; read only."""
    target = tmp_path_factory.mktemp("exported") / f"tiny.{request.param}"
    export(trained, "perceived", request.param, target)
    return request.param, target


def test_an_export_reads_faces_as_the_model_does(exported, trained, faces):
    crops = np.concatenate([faces.pixels, synthetic_faces(1000 - len(faces))])
    predicted, wanted = load_exported(*exported)(crops), EmotionClassifier(trained).probabilities(crops)
    assert (predicted.shape, predicted.dtype) == ((1000, 7), np.float32)
    assert np.abs(predicted - wanted).max() < 1e-4
    assert np.ptp(wanted, axis=0).max() > 0.01  # which it does not by saying the same of each


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("first", ["rescale", "standardise"])
def test_a_network_by_layers_is_exported_with_every_kind_of_layer(tmp_path, kind, first):
    layers = (first, "conv 4 3 same", "norm", "max_pool 3 2", "conv 6 5", "norm", "avg_pool 3 2", "dropout 0.3",
              "flatten", "dense 8 l2=1e-4", "dropout 0.5", "dense 6")  # fmt: skip
    assert {line.split()[0] for line in layers} | {"rescale", "standardise"} == set(FORMS)
    recipe = Recipe("plain", labels="four", network=NetworkRecipe(layers=layers), cycles=(Cycle(stages=((1, 48),)),))
    network, rng = for_inference(build(recipe), recipe), np.random.default_rng(0)
    # As if it had learnt: the norms and biases of a new network change nothing.
    network.set_weights([w + (w.ndim == 1) * rng.uniform(0, 0.3, w.shape) for w in network.get_weights()])
    model = write(network, recipe, {"fer2013": 0.7}, {}, tmp_path)
    export(model, "fer2013", kind, tmp_path / f"plain.{kind}")
    crops = synthetic_faces(300)
    predicted, wanted = (
        load_exported(kind, tmp_path / f"plain.{kind}")(crops),
        EmotionClassifier(model).probabilities(crops),
    )
    wanted = wanted[:, ~np.isnan(wanted[0])]  # an export has a column for each label
    assert predicted.shape == (300, 4) and predicted == pytest.approx(wanted, abs=1e-4)
    assert np.ptp(wanted, axis=0).max() > 0.01


@pytest.mark.parametrize("count", [1, 2, 300])
def test_an_export_takes_any_number_of_faces(exported, trained, count):
    crops = synthetic_faces(count)
    assert load_exported(*exported)(crops) == pytest.approx(EmotionClassifier(trained).probabilities(crops), abs=1e-4)


def test_an_export_is_all_that_is_left(exported):
    _, target = exported
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_the_other_head_answers_in_its_own_sense(trained, faces, tmp_path):
    check = export(trained, "fer2013", "onnx", tmp_path / "tiny.onnx", faces)
    predicted = load_exported("onnx", tmp_path / "tiny.onnx")(faces.pixels)
    assert predicted == pytest.approx(EmotionClassifier(trained, "fer2013").probabilities(faces.pixels), abs=1e-4)
    assert check.accuracy == check.accuracy_before is not None
    assert check.faces == 10  # those of PublicTest
    assert check.size == (tmp_path / "tiny.onnx").stat().st_size


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_int8_answers_a_little_otherwise_and_is_right_as_often(trained, faces, tmp_path, kind):
    whole = export(trained, "perceived", kind, tmp_path / "whole", faces)
    check = export(trained, "perceived", kind, tmp_path / "int8", faces, quantized=True, calibrated=20)
    assert check.accuracy >= check.accuracy_before - 0.02
    assert 0 < check.difference < 0.2
    assert whole.difference < 1e-4
    predicted = load_exported(kind, tmp_path / "int8")(faces.pixels)
    assert predicted.sum(1) == pytest.approx(1, abs=0.02)
    wanted = EmotionClassifier(trained).probabilities(faces.pixels)
    assert (predicted.argmax(1) == wanted.argmax(1)).mean() > 0.95 and np.abs(predicted - wanted).mean() < 0.02


def test_an_export_that_predicts_otherwise_is_refused_and_leaves_nothing(trained, tmp_path):
    def load_inverted(kind, path):
        return lambda crops: load_exported(kind, path)(255 - crops)

    with pytest.raises(AlbumsortError, match="nothing was written"):
        export(trained, "perceived", "onnx", tmp_path / "tiny.onnx", load=load_inverted)
    assert not list(tmp_path.iterdir())


def test_an_export_that_predicts_nan_is_refused(trained, tmp_path):
    def load_broken(kind, path):
        return lambda crops: np.full((len(crops), 7), np.nan, np.float32)

    with pytest.raises(AlbumsortError, match="differ by up to nan"):
        export(trained, "perceived", "onnx", tmp_path / "tiny.onnx", load=load_broken)


def test_an_int8_that_is_often_wrong_is_refused(trained, faces, tmp_path):
    classifier = EmotionClassifier(trained)
    labelled = replace(faces, majority=classifier.probabilities(faces.pixels).argmax(1))

    def load_contrary(kind, path):
        return lambda crops: 1 - classifier.probabilities(crops)

    with pytest.raises(AlbumsortError, match=r"right for 0\.0% of 10 faces, where the model is for 100\.0%"):
        export(trained, "perceived", "onnx", tmp_path / "tiny.onnx", labelled, True, calibrated=4, load=load_contrary)
    assert not list(tmp_path.iterdir())


def test_int8_without_faces_says_what_it_needs(trained, tmp_path):
    with pytest.raises(DataError, match="--data"):
        export(trained, "perceived", "tflite", tmp_path / "tiny.tflite", quantized=True)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_written_over(trained, tmp_path, kind):
    (tmp_path / "mine").mkdir() if kind == "savedmodel" else (tmp_path / "mine").write_text("mine")
    with pytest.raises(AlbumsortError, match=r"already exists|a folder"):
        command(tmp_path / "mine", kind, model=trained)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_appears_while_an_export_is_made_is_not_written_over_either(trained, tmp_path, kind):
    target = tmp_path / "mine"

    def load_while_it_appears(kind, path):
        target.mkdir() if kind == "savedmodel" else target.touch()
        (target / "file" if kind == "savedmodel" else target).write_text("mine")
        return load_exported(kind, path)

    with pytest.raises(OSError):
        export(trained, "perceived", kind, target, load=load_while_it_appears)
    assert ((target / "file") if kind == "savedmodel" else target).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(("kind", "package"), [("tflite", "ai_edge_litert"), ("onnx", "tf2onnx")])
def test_a_package_that_is_missing_is_one_line(trained, tmp_path, monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AlbumsortError, match=rf"{package}.*pip install '\.\[export\]'"):
        export(trained, "perceived", kind, tmp_path / "tiny")
    assert not list(tmp_path.iterdir())


def test_the_command_says_how_far_the_export_differs(trained, tmp_path, capfd):
    command(tmp_path / "tiny.onnx", "onnx", model=trained)
    printed = capfd.readouterr()
    assert (
        printed.out.startswith(f"{tmp_path / 'tiny.onnx'}: ") and "1000 faces: probabilities differ by" in printed.out
    )
    assert printed.err == ""
    assert load_exported("onnx", tmp_path / "tiny.onnx")(synthetic_faces(2)).shape == (2, 7)


@pytest.mark.parametrize(("kind", "data"), [("tflite", None), ("savedmodel", Path("somewhere"))])
def test_int8_is_wrong_usage_without_data_and_for_tensorflow(tmp_path, kind, data):
    with pytest.raises(typer.BadParameter, match="--quantize int8"):
        command(tmp_path / "out", kind, "int8", data=data)


@pytest.mark.parametrize("quantized", [False, True])
def test_the_file_of_an_exported_model_names_its_emotions(trained, faces, tmp_path, quantized):
    import onnx

    for kind in ("onnx", "tflite"):
        export(trained, "fer2013", kind, tmp_path / f"tiny.{kind}", faces, quantized, calibrated=20)
    properties = {item.key: item.value for item in onnx.load(tmp_path / "tiny.onnx").metadata_props}
    assert json.loads(properties["labels"]) == list(EMOTIONS)
    with zipfile.ZipFile(tmp_path / "tiny.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list(EMOTIONS)
