"""A model that tells fewer than seven emotions apart: it scans, ranks and is measured by what it knows."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from albumsort.cli.export import export as lay
from albumsort.cli.model.evaluate import evaluate
from albumsort.cli.model.export import export
from albumsort.cli.sheet import sheet
from albumsort.cli.stats import stats
from albumsort.cli.top import top
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import Index
from albumsort.scanning.scan import scan
from albumsort.settings import ScanSettings
from albumsort.training.model_file import write
from albumsort.training.network import build, for_inference
from albumsort.training.recipe import Cycle, NetworkRecipe, Recipe
from albumsort.training.tune import tune
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import read_card, shipped_model

pytestmark = pytest.mark.slow
FOUR = ["angry", "happy", "sad", "neutral"]
KNOWN = [emotion in FOUR for emotion in EMOTIONS]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network of four emotions with its card."""
    layers = ("rescale", "conv 4 3", "max_pool 6 6", "flatten")
    recipe = Recipe("four", labels="four", network=NetworkRecipe(layers=layers), cycles=(Cycle(stages=((1, 48),)),))
    network = for_inference(build(recipe), recipe)
    return write(network, recipe, {"fer2013": 0.5}, {}, tmp_path_factory.mktemp("four"))


@pytest.fixture(scope="module")
def index(model: Path, album: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The two portraits, read by it."""
    path = tmp_path_factory.mktemp("index") / "index.db"
    scan([album / "portraits"], path, ScanSettings(model=str(model)))
    yield path


def test_what_a_model_does_not_know_is_no_number(model):
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8)
    probabilities = EmotionClassifier(model).probabilities(crops)
    assert (probabilities.shape, probabilities.dtype) == ((5, 7), np.float32)
    assert np.isnan(probabilities[:, [not known for known in KNOWN]]).all()
    assert probabilities[:, KNOWN].sum(1) == pytest.approx(1, abs=1e-5)
    # It was trained on FER2013's labels alone, and predicts those whatever is asked.
    assert np.array_equal(probabilities, EmotionClassifier(model, "fer2013").probabilities(crops), equal_nan=True)


def test_a_face_has_no_mirrored_pass_unless_the_card_asks_for_it(model):
    crops = np.random.default_rng(1).integers(0, 256, (3, 48, 48)).astype(np.uint8)
    classifier = EmotionClassifier(model)
    mirrored = classifier.probabilities(np.ascontiguousarray(crops[:, :, ::-1]))
    assert not np.allclose(mirrored[:, KNOWN], classifier.probabilities(crops)[:, KNOWN], atol=1e-4)


def test_the_index_has_null_for_it_and_ranks_by_the_rest(index):
    with closing(sqlite3.connect(index)) as connection:
        rows = connection.execute(f"SELECT {', '.join(EMOTIONS)} FROM faces").fetchall()
    assert len(rows) == 2
    assert [[value is not None for value in row] for row in rows] == [KNOWN, KNOWN]
    with Index(index) as opened:
        ranked = {
            emotion: opened.top(emotion, threshold=0, everyone=every) for every in (False, True) for emotion in EMOTIONS
        }
        assert sum(map(len, ranked.values())) == 2
        assert not ranked["fear"] and not ranked["disgust"] and not ranked["surprise"]
        assert all(face.probability("fear") == 0 for row in ranked["happy"] for face in row.faces)


def test_stats_say_which_emotions_the_last_scan_told_apart(index, scanned, capsys):
    with Index(index) as opened:
        assert opened.stats()["labels"] == FOUR
    stats(db=index)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-6] == "the model of the last scan tells apart only angry, happy, sad, neutral"
    assert [line.split()[0] for line in lines[-5:-1]] == FOUR
    assert lines[-1].startswith("last scan: read with four ") and ", on ONNX Runtime " in lines[-1]
    with Index(scanned) as opened:
        assert opened.stats()["labels"] == list(EMOTIONS)
    stats(db=scanned)
    assert "the model" not in capsys.readouterr().out


def test_a_question_for_what_it_does_not_know_says_so(index, tmp_path, capsys):
    tells_apart = "it tells apart angry, happy, sad, neutral"
    top(["surprise", "fear"], db=index, threshold=0)
    assert capsys.readouterr().err == f"the model of the last scan does not know surprise or fear; {tells_apart}\n"
    with pytest.raises(AlbumsortError, match=f"does not know disgust; {tells_apart}"):
        sheet(["disgust"], output=tmp_path / "sheet.jpg", db=index)
    lay(tmp_path / "out", emotion=["disgust"], db=index)
    assert f"does not know disgust; {tells_apart}" in capsys.readouterr().err
    top(["surprise", "happy", "sad", "angry", "neutral"], db=index, threshold=1)
    assert "no face surely shows any of these emotions (--threshold 1); the closest: " in capsys.readouterr().err


def test_the_model_is_not_to_blame_where_an_earlier_one_saw_it(model, index, tmp_path, capsys):
    mixed = tmp_path / "mixed.db"
    shutil.copy(index, mixed)
    with closing(sqlite3.connect(mixed)) as connection, connection:
        connection.execute("UPDATE faces SET emotion = 'surprise', confidence = 0.45, surprise = 0.45")
    top(["surprise"], db=mixed, threshold=0.5)
    assert "no face surely shows surprise (--threshold 0.5); the closest: " in capsys.readouterr().err


def test_the_command_scans_with_it(model, album, run, tmp_path):
    done = run("scan", album / "portraits", "--model", model, "--db", tmp_path / "index.db", "--json")
    assert (done.returncode, json.loads(done.stdout)["errors"]) == (0, 0)
    counted = json.loads(run("stats", "--db", tmp_path / "index.db", "--json").stdout)
    assert (counted["faces"], counted["labels"]) == (2, FOUR)


def test_an_export_says_which_labels_it_predicts(model, tmp_path, capfd):
    export(tmp_path / "four.onnx", "onnx", model=model)
    assert capfd.readouterr().out.splitlines()[0].endswith(" MB, fer2013")


def test_it_is_measured_on_the_faces_of_its_labels(model, tmp_path, capsys, caplog):
    rows = [
        f"{k % 7},{' '.join(map(str, np.random.default_rng(k).integers(0, 256, 2304)))},PublicTest" for k in range(14)
    ]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    with caplog.at_level("INFO", "albumsort"):
        evaluate(tmp_path / "fer2013.csv", model=model, as_json=True)
    result = json.loads(capsys.readouterr().out)["fer2013"]
    assert result["n"] == 8
    assert {name: scores["n"] for name, scores in result["per_emotion"].items() if scores["n"]} == dict.fromkeys(
        FOUR, 2
    )
    assert result["top3"] >= result["top2"] >= result["accuracy"]
    assert "tells apart angry, happy, sad, neutral" in caplog.text


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("labels", ["happy", "sad"], "no scheme"),
        ("labels", ["happy", "angry", "sad", "neutral"], "no scheme"),
        ("labels", [], "no scheme"),
        ("temperatures", {"fer2013": 0}, "above 0"),
        ("temperatures", {"fer2013": 1, "perceived": 1}, "7 emotions"),
        ("temperatures", {"perceived": 1}, "temperatures of perceived"),
        ("temperatures", {}, "no head"),
        ("is_mirrored", "yes", "is_mirrored"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(model, tmp_path, part, value, words):
    (tmp_path / "four.keras").write_bytes(model.read_bytes())
    card = json.loads(model.with_suffix(".json").read_text())
    (tmp_path / "four.json").write_text(json.dumps({**card, part: value}))
    with pytest.raises(AlbumsortError, match=words):
        read_card(tmp_path / "four.keras")


def test_a_card_of_more_emotions_than_its_network_has_is_refused(model, tmp_path):
    (tmp_path / "four.keras").write_bytes(model.read_bytes())
    card = json.loads(model.with_suffix(".json").read_text())
    (tmp_path / "four.json").write_text(json.dumps({**card, "labels": list(EMOTIONS)}))
    with pytest.raises(AlbumsortError, match="not a model of emotions"):
        EmotionClassifier(tmp_path / "four.keras")


def test_tuning_cannot_be_compared_with_it_and_says_so(model, tmp_path):
    with pytest.raises(AlbumsortError, match=r"only angry, happy, sad, neutral,.*model use shipped"):
        tune(shipped_model(), model, [], tmp_path, "test")
