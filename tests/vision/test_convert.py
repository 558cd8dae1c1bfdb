"""A model is converted for ONNX Runtime once, and gives the same there as in Keras."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from albumsort.errors import AlbumsortError
from albumsort.training.export import synthetic_faces
from albumsort.training.mtcnn_onnx import networks
from albumsort.vision import convert as module
from albumsort.vision.classifier import EmotionClassifier, softmax
from albumsort.vision.convert import convert, load_keras, logits_function, onnx_file
from albumsort.vision.engine import Network
from albumsort.vision.models import MAX_MODEL_BYTES, models_folder, read_card, shipped_model

pytestmark = pytest.mark.slow


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the shipped model that nobody has converted yet."""
    for suffix in (".keras", ".json"):
        shutil.copy(shipped_model().with_suffix(suffix), tmp_path / f"mine{suffix}")
    return tmp_path / "mine.keras"


def test_the_file_that_ships_gives_the_probabilities_of_the_keras_network() -> None:
    card, crops = read_card(shipped_model()), synthetic_faces(300)
    shipped = Network(onnx_file(shipped_model()), "cpu")
    assert shipped.properties["source"] == card.digest
    keras_logits = logits_function(load_keras(shipped_model()))(crops)
    for head, logits in zip(shipped.outputs, shipped(crops), strict=True):
        wanted = keras_logits[head].numpy() / card.temperatures[head]
        np.testing.assert_allclose(softmax(logits / card.temperatures[head]), softmax(wanted), atol=1e-5)


def test_the_files_of_the_detector_that_ship_are_those_that_its_weights_give() -> None:
    for name, content in networks().items():
        made, shipped = (onnx.load_model_from_string(file) for file in (content, _file(name)))
        assert made.graph.node == shipped.graph.node, name
        assert made.graph.initializer == shipped.graph.initializer, name


def _file(name: str) -> bytes:
    return (models_folder() / f"{name}.onnx").read_bytes()


def test_a_model_is_converted_when_it_is_first_used_and_not_again(
    model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("albumsort"), "propagate", True)
    crops = synthetic_faces(20)
    with caplog.at_level(logging.INFO, "albumsort.vision"):
        first = EmotionClassifier(model).probabilities(crops)
    assert [message for message in caplog.messages if "converted once" in message]
    np.testing.assert_allclose(first, EmotionClassifier().probabilities(crops), atol=1e-5)
    assert sorted(path.name for path in model.parent.iterdir()) == ["mine-logits.onnx", "mine.json", "mine.keras"]
    monkeypatch.setattr(module, "convert", None)  # it would fail if it was called
    assert np.array_equal(EmotionClassifier(model).probabilities(crops), first)


def test_a_model_that_was_replaced_is_converted_again(model: Path) -> None:
    convert(shipped_model(), "0" * 64, onnx_file(model))
    EmotionClassifier(model)
    assert Network(onnx_file(model)).properties["source"] == read_card(model).digest


def test_a_file_of_the_users_with_that_name_is_not_touched(model: Path) -> None:
    shutil.copy(models_folder() / "rnet.onnx", onnx_file(model))
    with pytest.raises(AlbumsortError, match=r"mine-logits\.onnx: albumsort needs this name"):
        EmotionClassifier(model)
    assert onnx_file(model).read_bytes() == _file("rnet")


def test_a_model_in_a_folder_that_cannot_be_written_works_too(
    model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(module, "partial_file", refuse)
    monkeypatch.setattr(logging.getLogger("albumsort"), "propagate", True)
    assert EmotionClassifier(model).probabilities(synthetic_faces(2)).shape == (2, 7)
    assert [message for message in caplog.messages if "cannot be kept (Permission denied)" in message]
    assert not onnx_file(model).exists()


def test_an_onnx_file_that_is_too_large_is_not_read(model: Path) -> None:
    with open(onnx_file(model), "wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    with pytest.raises(AlbumsortError, match=r"mine-logits\.onnx: too large for a model"):
        EmotionClassifier(model)
