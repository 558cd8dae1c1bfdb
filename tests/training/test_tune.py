"""Tuning learns what people say of faces, and keeps the result only when it is better and has forgotten nothing."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.corrections import LabelledFace
from albumsort.records import Box
from albumsort.training import recipe_file, tune
from albumsort.training.datasets import DataError
from albumsort.training.network import build, for_inference
from albumsort.vision import models
from albumsort.vision.classifier import EmotionClassifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portraits(composer: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Files of faces, edge to edge, each a little differently: 96 of a happy one, 210 of a neutral one."""
    folder, rng = tmp_path_factory.mktemp("portraits"), np.random.default_rng(0)
    made: dict[str, list[str]] = {"happy": [], "neutral": []}
    for emotion, name, count in (("happy", composer.HAPPY, 96), ("neutral", composer.NEUTRAL, 210)):
        x, y, w, h = composer.FACES[name]
        for number in range(count):
            left, top = x + rng.uniform(-0.05, 0.05) * w, y + rng.uniform(-0.05, 0.05) * h
            tile = composer.portrait(name).resize((96, 96), box=(left, top, left + w, top + h))
            path = folder / f"{emotion}{number}.png"
            tile.save(path)
            made[emotion].append(str(path))
    return made


def is_held(path: str) -> bool:
    return int(hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8], 16) % tune.HELD_OUT == 0


def labelled(paths: list[str], emotion: str, held_as: str | None = None) -> list[LabelledFace]:
    """Labelled faces; those that will be held out may have another label, ``held_as``."""
    return [LabelledFace(path, None, None, held_as if held_as and is_held(path) else emotion) for path in paths]


def remembered(paths: list[str], emotion: str) -> list[LabelledFace]:
    probabilities = tuple(0.94 if name == emotion else 0.01 for name in EMOTIONS)
    return [LabelledFace(path, None, None, None, probabilities) for path in paths]


def tuned(faces: list[LabelledFace], folder: Path, epochs: int = tune.EPOCHS) -> tune.Outcome:
    shipped = models.shipped_model()
    return tune.tune(shipped, shipped, faces, folder / "models", "test", epochs)


def test_what_was_labelled_is_learnt_and_the_rest_remembered(portraits: dict, tmp_path: Path) -> None:
    happy = portraits["happy"][:36]
    outcome = tuned([*labelled(happy, "sad"), *remembered(portraits["neutral"], "neutral")], tmp_path)
    assert outcome.is_better
    assert outcome.labelled == sum(map(is_held, happy))
    assert outcome.remembered == sum(map(is_held, portraits["neutral"]))
    assert outcome.right_before == 0 < outcome.right
    assert outcome.loss < outcome.loss_before
    assert outcome.model and outcome.model.parent == tmp_path / "models"
    name = outcome.model.stem
    assert {path.name for path in outcome.model.parent.iterdir()} == {
        f"{name}.keras", f"{name}.json", f"{name}-logits.onnx"
    }  # fmt: skip
    card = models.read_card(outcome.model)
    base = models.read_card(models.shipped_model())
    assert card.training["tuned_from"]["digest"] == base.digest
    assert card.is_mirrored == base.is_mirrored
    assert card.training["tuning"]["right"] == outcome.right
    probabilities = EmotionClassifier(outcome.model).probabilities(np.zeros((2, 48, 48), np.uint8))
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)


def test_a_model_that_got_worse_on_held_out_faces_is_refused(portraits: dict, tmp_path: Path) -> None:
    happy = labelled(portraits["happy"][:36], "sad", held_as="happy")
    outcome = tuned([*happy, *remembered(portraits["neutral"], "neutral")], tmp_path, epochs=4)
    assert outcome.model is None
    assert outcome.loss > outcome.loss_before
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_that_forgets_is_refused(portraits: dict, tmp_path: Path) -> None:
    # Much the same faces as people label them and as the model has always read them: it cannot have both.
    happy = portraits["happy"]
    faces = [
        *labelled(happy[:24], "sad"),
        *remembered(happy[24:60], "happy"),
        *remembered(portraits["neutral"], "neutral"),
    ]
    outcome = tuned(faces, tmp_path)
    assert outcome.right > outcome.right_before
    assert outcome.agrees < outcome.agrees_before - tune.MAY_FORGET
    assert outcome.model is None


def test_too_few_faces_are_refused_and_say_what_it_takes(portraits: dict, tmp_path: Path) -> None:
    rest = remembered(portraits["neutral"], "neutral")
    with pytest.raises(DataError, match=r"6 labelled faces.*About 20"):
        tuned([*labelled(portraits["happy"][:6], "sad"), *rest], tmp_path)
    some = rest[:60]
    held = sum(is_held(face.path) for face in some)
    assert 10 < held < tune.FEWEST_REMEMBERED
    with pytest.raises(DataError, match=rf"^{held} held-out faces that nobody.*too few.*Scan more photos, about 200 "):
        tuned([*labelled(portraits["happy"][:36], "sad"), *some], tmp_path)


def test_the_fewest_remembered_faces_are_enough_for_one_to_be_forgotten() -> None:
    assert tune.FEWEST_REMEMBERED * tune.MAY_FORGET >= 1


def test_the_other_head_keeps_its_predictions(portraits: dict) -> None:
    shipped = models.shipped_model()
    faces = [*labelled(portraits["happy"][:36], "sad"), *remembered(portraits["neutral"][:36], "neutral")]
    tiles = tune.cut_tiles(faces)
    before = EmotionClassifier(shipped, "fer2013").probabilities(tiles.crops)
    network = tune.fit_last_layers(shipped, models.read_card(shipped), tiles, before)
    predicted = network.predict(tiles.crops[..., None].astype(np.float32), verbose=0)
    assert (predicted["perceived"].argmax(1) == tiles.wanted.argmax(1)).all()  # also those that were happy and are sad
    # Much the same faces cannot be quite as they were; not held, the head would now say the same of none of them.
    assert (predicted["fer2013"].argmax(1) == before.argmax(1)).mean() > 0.75


def test_a_model_whose_other_head_has_changed_is_refused() -> None:
    better = tune.Outcome(None, 20, 100, 0.9, 0.5, 0.4, 1.0, agrees=1.0, agrees_before=1.0, agrees_in_fer2013=0.98)
    assert better.is_better
    assert not replace(better, agrees_in_fer2013=0.96).is_better


def test_the_other_head_is_measured_on_held_out_remembered_faces() -> None:
    happy, sad = np.eye(7, dtype=np.float32)[[3, 4]]
    wanted = np.stack([sad, *[happy] * 5])
    tiles = tune.Tiles(
        np.zeros((6, 48, 48), np.uint8), wanted, np.arange(6) < 1, np.array([True, True, True, True, True, False])
    )
    # By the other head all were sad; of the four that count, one has become happy.
    before = np.stack([sad] * 6)
    outcome = tune.measure(tiles, wanted, [wanted], np.stack([happy, happy, sad, sad, sad, happy]), before)
    assert (outcome.remembered, outcome.agrees, outcome.agrees_in_fer2013) == (4, 1.0, 0.75)
    before[1] = 0.4 * sad + 0.6 / 7  # uncertain of it, so another emotion is nothing forgotten
    outcome = tune.measure(tiles, wanted, [wanted], np.stack([happy, happy, sad, sad, sad, happy]), before)
    assert outcome.agrees_in_fer2013 == 1


def test_views_are_not_blurred_once_more(portraits: dict, tmp_path: Path) -> None:
    shipped = models.shipped_model()
    network = keras.models.load_model(shipped, compile=False)
    assert any(layer.name == "blur" for layer in network.layers)
    # The same network without a blur, as older ones are.
    recipe = recipe_file.find("emotion")
    sharp = for_inference(build(recipe), replace(recipe, network=replace(recipe.network, blur=0.0)))
    sharp.set_weights(network.get_weights())
    sharp.save(tmp_path / "sharp.keras")

    tiles = tune.cut_tiles(labelled(portraits["happy"][:24], "sad"))
    predicted = np.full((24, 7), 1 / 7, np.float32)
    card = models.read_card(shipped)
    done, of_sharp = (
        tune.fit_last_layers(base, card, tiles, predicted, epochs=2) for base in (shipped, tmp_path / "sharp.keras")
    )
    assert any((a != b).any() for a, b in zip(done.get_weights(), network.get_weights(), strict=True))
    for a, b in zip(done.get_weights(), of_sharp.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert done.get_config() == network.get_config()  # in use, faces go through the blur


def test_photos_that_are_gone_or_changed_are_left_out_and_named(
    portraits: dict, tmp_path: Path, logged: list[str]
) -> None:
    happy = portraits["happy"]
    faces = [
        LabelledFace(str(tmp_path / "gone.jpg"), None, None, "sad"),
        LabelledFace(happy[0], None, "another digest", "sad"),
        LabelledFace(happy[1], Box(500, 500, 50, 50), None, "sad"),
        *labelled(happy[2:6], "sad"),
    ]
    shipped = models.shipped_model()
    with pytest.raises(DataError, match="4 labelled"):
        tune.tune(shipped, shipped, faces, tmp_path, "test")
    assert any("gone.jpg" in line and "left out" in line for line in logged)
    assert any(happy[0] in line and "changed" in line for line in logged)
    assert any(happy[1] in line and "not on the photo" in line for line in logged)


def test_a_face_that_somebody_labelled_is_not_remembered_as_it_was_predicted(portraits: dict) -> None:
    tiles = tune.cut_tiles([*labelled(portraits["happy"][:3], "sad"), *remembered(portraits["happy"][:4], "happy")])
    assert tiles.is_labelled.tolist() == [True] * 3 + [False]


def test_labels_are_read_and_broken_rows_counted(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = ['a.jpg,"10 20 30 40",happy', "sub/b.jpg,,Crying", 'c.jpg,"10, 20, 30, 40",fear', 'd.jpg,"1 2 3",happy',
            'e.jpg,"1 2 0 4",happy', "f.jpg,a b c d,happy", "g.jpg,,bliss", "h.jpg", ",,happy",
            'i.jpg,"nan nan nan nan",sad']  # fmt: skip
    table.write_text("\n".join(["path,box,emotion", *rows]))
    faces, broken = tune.read_labels(table)
    assert [(Path(face.path), face.box, face.emotion) for face in faces] == [
        (tmp_path / "a.jpg", (10, 20, 30, 40), "happy"),
        (tmp_path / "sub" / "b.jpg", None, "sad"),
        (tmp_path / "c.jpg", (10, 20, 30, 40), "fear"),
    ]
    assert broken == {"box is not x y w h": 4, "no path": 1, f"emotion is none of {', '.join(EMOTIONS)}": 2}


def test_labels_without_the_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,emotion\na.jpg,happy\n")
    with pytest.raises(DataError, match="path, box and emotion"):
        tune.read_labels(tmp_path / "labels.csv")


def test_the_command_tunes_uses_and_goes_back(
    portraits: dict, tmp_path: Path, call: Callable, index_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shipped = hashlib.sha256(models.shipped_model().read_bytes()).hexdigest()
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        rows = [[path, "", "sad"] for path in portraits["happy"][:36]]
        csv.writer(file).writerows([["path", "box", "emotion"], *rows])

    done = call("model", "tune", "--labels", "labels.csv", "--db", "nowhere.db")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "nowhere.db" in done.stderr and "scan some photos first" in done.stderr and "--db" in done.stderr
    index = index_of({path: [("neutral", 0.94)] for path in portraits["neutral"]})
    done = call("model", "tune", "--labels", "labels.csv", "--db", index)
    assert done.returncode == 0, done.stderr
    assert "scans use from now on" in done.stdout and "0.0% right before" in done.stdout
    held = sum(map(is_held, portraits["neutral"]))
    assert f"{held} held-out faces that nobody labelled" in done.stdout
    assert "FER2013's labels predicts 100.0%" in done.stdout
    assert json.loads(call("model", "info", "--json").stdout)["name"] == "emotion-tuned"
    (predicted,) = (
        json.loads(line)
        for line in call("predict", "--cropped", "--json", portraits["happy"][0]).stdout.split("\n")
        if line
    )
    assert predicted["faces"][0]["probabilities"]["sad"] > 0.5

    kept = models.model_in_use()
    info = call("model", "info").stdout
    assert "tuned, with these figures" in info and f"tuned from the model with sha256 {shipped}" in info
    assert call("model", "use", "shipped").returncode == 0
    assert json.loads(call("model", "info", "--json").stdout)["digest"] == shipped
    assert kept.exists() and hashlib.sha256(models.shipped_model().read_bytes()).hexdigest() == shipped
    assert call("model", "use", kept).returncode == 0
    kept.unlink()
    with pytest.raises(AlbumsortError, match="model use shipped"):
        models.model_in_use()
