"""Explanations of the network: which layers they use, and where saliency is high."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from albumsort.cli.model.look import look as command
from albumsort.errors import AlbumsortError
from albumsort.training.export import synthetic_faces
from albumsort.training.plots.saliency import plot_explanation
from albumsort.vision.classifier import UNSURE, EmotionClassifier
from albumsort.vision.crop import whole_picture
from albumsort.vision.models import shipped_model
from albumsort.vision.saliency import after_down_scaling, explain, spatial_places
from albumsort.vision.tensorflow import tensorflow

tensorflow()
import keras  # noqa: E402
from keras import layers  # noqa: E402


@pytest.fixture(scope="module")
def smile(composer) -> np.ndarray:
    """A laughing face, ``(48, 48)``."""
    x, y, w, h = composer.FACES[composer.HAPPY]
    return whole_picture(np.asarray(composer.portrait(composer.HAPPY).crop((x, y, x + w, y + h)).convert("RGB")))[0]


def names(network: keras.Model, places: list[int]) -> list[str]:
    return [network.layers[place].name for place in places]


def plain_network() -> keras.Model:
    """Two convolutions and a pooling, twice."""
    face = x = keras.Input((48, 48, 1))
    for block in "ab":
        x = layers.Conv2D(4, 3, activation="relu", name=f"{block}1")(x)
        x = layers.Conv2D(4, 3, activation="relu", name=f"{block}2")(x)
        x = layers.MaxPooling2D(3, 2, name=f"{block}_pool")(x)
    return keras.Model(face, layers.Dense(7)(layers.Flatten()(x)))


def residual_network() -> keras.Model:
    """A block with a short cut around two convolutions of which the first has a stride."""
    face = keras.Input((48, 48, 1))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(face)
    y = layers.Conv2D(4, 3, 2, padding="same", name="within1")(x)
    y = layers.Conv2D(4, 3, padding="same", name="within2")(y)
    x = layers.ReLU(name="end")(layers.Add(name="sum")([layers.AveragePooling2D(2, name="around")(x), y]))
    return keras.Model(face, layers.Dense(7)(layers.GlobalAveragePooling2D()(x)))


def test_a_plain_network_is_explained_by_each_layer_and_has_a_stage_after_each_pooling():
    network = plain_network()
    places = spatial_places(network)
    assert names(network, places) == ["a1", "a2", "a_pool", "b1", "b2", "b_pool"]
    assert names(network, after_down_scaling(network, places)) == ["a_pool", "b_pool"]


def test_a_residual_network_is_explained_by_the_ends_of_its_blocks():
    network = residual_network()
    places = spatial_places(network)
    assert names(network, places) == ["stem", "sum", "end"]
    assert names(network, after_down_scaling(network, places)) == ["end"]


def test_the_model_that_ships_is_explained(smile):
    seen = explain(smile)
    assert seen.emotion == "happy"
    assert seen.probabilities == pytest.approx(EmotionClassifier().probabilities(smile[None])[0])
    assert [stage.shape[:2] for stage in seen.stages] == [(24, 24), (12, 12), (6, 6)]
    assert (seen.saliency.shape, seen.saliency.min(), seen.saliency.max()) == ((48, 48), 0, 1)


def test_a_smile_is_in_the_lower_half_of_the_face(smile):
    saliency = explain(smile).saliency
    assert saliency[24:].sum() > 1.5 * saliency[:24].sum()


def test_saliency_turns_with_a_face_in_doubt_that_has_a_mirrored_pass(tmp_path):
    card = json.loads(shipped_model().with_suffix(".json").read_text())
    once, twice = tmp_path / "once.keras", tmp_path / "twice.keras"
    for path, is_mirrored in ((once, False), (twice, True)):
        path.with_suffix(".json").write_text(json.dumps({**card, "is_mirrored": is_mirrored}))
        shutil.copy(shipped_model(), path)
    faces = synthetic_faces(100)
    turned = np.ascontiguousarray(faces[:, :, ::-1])
    best = [EmotionClassifier(once).probabilities(views).max(1) for views in (faces, turned)]
    unsure = int(np.argmin(np.max(best, 0)))
    assert max(best[0][unsure], best[1][unsure]) < UNSURE
    seen, mirrored = explain(faces[unsure], twice, emotion="sad"), explain(turned[unsure], twice, emotion="sad")
    assert mirrored.saliency == pytest.approx(seen.saliency[:, ::-1], abs=0.02)
    assert np.abs(seen.saliency - explain(faces[unsure], once, emotion="sad").saliency).max() > 0.02


def test_another_emotion_than_the_most_probable_can_be_explained(smile):
    seen = explain(smile, emotion="surprise")
    assert seen.emotion == "surprise"
    assert np.abs(seen.saliency - explain(smile).saliency).max() > 0.2


def test_grad_cam_marks_what_a_known_network_predicts_by(tmp_path):
    """Its only map is the picture's brightness and speaks for happy: what is bright is salient."""
    face = keras.Input((48, 48, 1))
    x = layers.MaxPooling2D(4, name="pool")(face)
    x = layers.GlobalAveragePooling2D()(x)
    heads = {name: layers.Dense(size, name=name)(x) for name, size in (("perceived", 8), ("fer2013", 7))}
    network = keras.Model(face, heads)
    weights = np.zeros((1, 8), np.float32)
    weights[0, 3] = 1 / 255
    network.get_layer("perceived").set_weights([weights, np.zeros(8)])
    from albumsort.training.model_file import write
    from albumsort.training.recipe import Recipe

    model = write(network, Recipe(name="known"), {"perceived": 1.0, "fer2013": 1.0}, {}, tmp_path)
    crop = np.zeros((48, 48), np.uint8)
    crop[8:20, 28:40] = 255
    seen = explain(crop, model, emotion="happy")
    assert seen.stages[0].shape == (12, 12, 1)
    bright = crop == 255
    assert seen.saliency[bright].mean() > 0.7
    assert seen.saliency[~bright].mean() < 0.05
    with pytest.raises(AlbumsortError, match="does not know bored"):
        explain(crop, model, emotion="bored")


def test_a_picture_without_important_parts_says_so(smile, tmp_path):
    seen = explain(smile)
    for saliency, words in ((seen.saliency, "important for"), (np.zeros_like(seen.saliency), "nothing stands out for")):
        plot_explanation(replace(seen, saliency=saliency), "title", target := tmp_path / f"{words}.svg")
        assert f"{words} {seen.emotion} (Grad-CAM)" in target.read_text()


def test_maps_of_one_pixel_are_drawn_by_their_values(smile, tmp_path):
    seen = explain(smile)
    values = np.array([0.0, 3.0, 1.0], np.float32)
    for name, stage in (("one", values), ("other", values[::-1])):
        plot_explanation(replace(seen, stages=[stage[None, None]]), "title", tmp_path / f"{name}.png")
    pictures = [np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) for name in ("one", "other")]
    rows, columns = (pictures[0] != pictures[1]).nonzero()
    height, width = pictures[0].shape
    # A bar of full height stands in the middle third in both; those of 0 and 1 beside it change places.
    assert rows.min() > height / 2
    assert not ((columns > 0.4 * width) & (columns < 0.6 * width)).any()
    assert (columns < 0.3 * width).any() and (columns > 0.7 * width).any()


def test_the_command_draws_the_largest_face_or_another(album, tmp_path, capsys):
    photo = album / "groups" / "both.jpg"
    for number in (1, 2):
        command(photo, tmp_path / f"{number}.png", face=number)
        assert capsys.readouterr().out == f"{tmp_path / str(number)}.png\n"
    first, second = (np.asarray(Image.open(tmp_path / f"{number}.png").convert("RGB")) for number in (1, 2))
    assert first.shape == second.shape and min(first.shape[:2]) > 600
    assert not np.array_equal(first, second)
    with pytest.raises(typer.BadParameter, match="there are 2"):
        command(photo, tmp_path / "3.png", face=3)


def test_a_face_that_is_cut_out_needs_no_detector(smile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("albumsort.vision.reader.FaceDetector", None)
    Image.fromarray(smile).save("face.png")
    command(Path("face.png"), cropped=True, labels="fer2013", model=shipped_model())
    assert Image.open("face-look.png").format == "PNG"
    with pytest.raises(AlbumsortError, match=r"face-look\.png: already exists"):
        command(Path("face.png"), Path("face-look.png"), cropped=True)


def test_a_photo_without_a_face_is_an_error(album, tmp_path):
    with pytest.raises(AlbumsortError, match="no face found"):
        command(album / "places" / "rocket.jpg", tmp_path / "look.png")
    assert not list(tmp_path.iterdir())
