"""Training runs drawn over each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from albumsort.training.datasets import DataError
from albumsort.training.history import named_histories
from albumsort.training.plots.figures import plot_curves
from albumsort.training.recipe_file import find


def history(folder, lines, name="history.csv"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.slow
def test_a_run_is_found_by_the_folder_that_train_was_given_by_that_of_the_run_and_by_its_file(trained):
    out = trained.parent
    histories = [named_histories([run]) for run in (out, out / "run", out / "run" / "history.csv")]
    assert histories[0] == histories[1] == histories[2]
    assert [line["epoch"] for line in histories[0][out.name]] == ["1", "2"]


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path):
    runs = [history(tmp_path / place / "mine" / "run", ["epoch,loss", "1,2.0"]) for place in "ab"]
    assert list(named_histories(runs)) == [str(run) for run in runs]
    models = [run.parent for run in runs]
    assert list(named_histories(models)) == [str(model) for model in models]
    files = [history(tmp_path, ["epoch,loss", "1,2.0"], f"{name}.csv") / f"{name}.csv" for name in ("one", "other")]
    assert list(named_histories(files)) == [str(file) for file in files]
    with pytest.raises(DataError, match="a run is named twice"):
        named_histories([runs[0], runs[0]])


def test_a_history_beside_a_model_has_the_name_of_the_model(tmp_path):
    folder = history(tmp_path / "models", ["epoch,loss", "1,2.0"])
    (folder / "emotion.keras").touch()
    assert list(named_histories([folder / "history.csv"])) == ["emotion"]
    (folder / "other.keras").touch()
    assert list(named_histories([folder / "history.csv"])) == ["models"]


def test_the_runs_of_a_comparison_are_found_by_its_folder(tmp_path):
    for name in ("one", "other"):
        history(tmp_path / name / "run", ["epoch,loss", "1,2.0"])
    assert list(named_histories([tmp_path])) == ["one", "other"]


def test_a_run_whose_figures_mean_something_else_says_so(tmp_path):
    run = history(tmp_path / "mason" / "run", ["epoch,loss", "1,0.4"])
    for name, note in (("zhu-2020", ""), ("ho-2016", " (6 emotions)"), ("mason-2019", " (4 emotions, sigmoid loss)")):
        recipe = find(name).as_dict()
        del recipe["fit"]["teacher_share"]  # as of an older run
        (run / "recipe.json").write_text(json.dumps({**recipe, "faces": 20, "data": "digest"}))
        assert list(named_histories([run])) == [f"mason{note}"]
    (run / "recipe.json").write_text("{")
    assert list(named_histories([run])) == ["mason (its recipe cannot be read)"]


@pytest.mark.parametrize(
    "lines", [[""], ["epoch,loss"], ["loss", "1"], ["epoch,loss", "one,2"], ["epoch,loss", "1,inf"]]
)
def test_what_is_no_history_is_an_error_that_names_it(tmp_path, lines):
    with pytest.raises(DataError, match=r"history\.csv: not the history"):
        named_histories([history(tmp_path, lines)])


def test_a_folder_without_a_history_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no history\.csv"):
        named_histories([tmp_path])


def test_runs_of_different_figures_and_lengths_are_drawn(tmp_path):
    runs = {
        "long": [{"epoch": str(k), "loss": str(2 / k), "fer2013": str(k / 40)} for k in range(1, 21)],
        "one epoch": [{"epoch": "1", "loss": "1.5", "fer2013": "0.3", "perceived": "0.4"}],
        "unvoted": [{"epoch": str(k), "loss": "1", "fer2013": "0.3", "perceived": "nan"} for k in (1, 2)],
    }
    plot_curves(runs, tmp_path / "three.png")
    plot_curves({"long": runs["long"]}, tmp_path / "one.png")
    three, one = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")) for name in ("three", "one"))
    assert three.shape[0] > one.shape[0]  # a panel more
    assert {(0, 114, 178), (213, 94, 0)} <= set(map(tuple, three.reshape(-1, 3).tolist()))


@pytest.mark.slow
def test_the_command_draws_and_does_not_write_over(trained, call, tmp_path):
    for _ in range(2):
        done = call("model", "curves", trained.parent, trained.parent / "run", "-o", "curves.png")
    assert done.returncode == 1
    assert done.stderr == "albumsort: curves.png: already exists; choose another name, or replace it with --force\n"
    assert Image.open(tmp_path / "curves.png").format == "PNG"


def labels_of_shares(picture: Path) -> list[str]:
    return re.findall(r"<!-- ([\d.]+)% -->", picture.read_text())


@pytest.mark.parametrize("span", [0.3, 0.02, 0.001])
def test_no_two_marks_of_an_axis_have_the_same_label(tmp_path, span):
    lines = [{"epoch": str(k), "cycle": "1", "fer2013": f"{0.2 + span * k / 9:.5f}"} for k in range(1, 10)]
    plot_curves({"mine": lines}, tmp_path / "mine.svg")
    labels = labels_of_shares(tmp_path / "mine.svg")
    assert len(labels) > 2 and len(set(labels)) == len(labels)
    steps = np.diff([float(label) for label in labels])
    assert np.allclose(steps, steps[0])  # and none is rounded to something else


def test_an_accuracy_that_does_not_change_is_not_drawn_as_under_a_magnifying_glass(tmp_path):
    lines = [{"epoch": str(k), "cycle": "1", "fer2013": "0.4157"} for k in range(1, 10)]
    plot_curves({"mine": lines}, tmp_path / "mine.svg")
    labels = [float(label) for label in labels_of_shares(tmp_path / "mine.svg")]
    assert max(labels) - min(labels) >= 3 and all(label in (round(label), round(label, 1)) for label in labels)


def test_a_single_run_shows_where_its_cycles_begin(tmp_path):
    lines = [{"epoch": str(k), "cycle": str(1 + (k > 3)), "loss": str(2 / k)} for k in range(1, 7)]
    plot_curves({"mine": lines}, tmp_path / "one.svg")
    plot_curves({"mine": lines, "other": lines}, tmp_path / "two.svg")
    assert [("cycle 2" in (tmp_path / f"{name}.svg").read_text()) for name in ("one", "two")] == [True, False]
