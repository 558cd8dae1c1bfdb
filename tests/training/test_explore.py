"""Exploration of a data set: counts, copies, conflicts, agreement."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from albumsort.cli.model.data import data
from albumsort.training.datasets import Faces, load
from albumsort.training.explore import explore, mean_faces


def tiles(count: int) -> np.ndarray:
    """Pictures that are not alike: blocks of 3 x 3 random greys."""
    blocks = np.random.default_rng(0).integers(20, 220, (count, 16, 16))
    return blocks.repeat(3, 1).repeat(3, 2).astype(np.uint8)


def faces_of(pixels: np.ndarray, labels: list[int], usage: list[str]) -> Faces:
    count = len(pixels)
    return Faces(
        pixels, np.array(labels), np.array(usage), np.zeros((count, 8), np.float32), np.full(count, -1, np.int64)
    )


@pytest.fixture
def six() -> Faces:
    """Face 3 is face 0 again in another split, face 4 is face 1 in other light, with another label."""
    pixels = tiles(6)
    pixels[3] = pixels[0]
    pixels[4] = pixels[1] * 0.8 + 30
    return faces_of(pixels, [3, 4, 6, 3, 6, 0], ["Training"] * 3 + ["PublicTest", "Training", "PublicTest"])


def test_faces_are_counted_by_split_and_emotion(six):
    result = explore(six)
    assert result["n"] == 6
    assert list(result["splits"]) == ["Training", "PublicTest"]
    assert {emotion: n for emotion, n in result["splits"]["Training"].items() if n} == {
        "happy": 1,
        "sad": 1,
        "neutral": 2,
    }


def test_copies_are_told_by_their_pixels_and_near_ones_by_their_cells(six):
    copies = explore(six)["duplicates"]
    across, nowhere = {"Training": 1, "PublicTest": 1}, {"Training": 0, "PublicTest": 0}
    none = {"other_label": 0, "across_splits_other_label": 0}
    assert copies["exact"] == {"faces": 2, "across_splits": across, **none}
    assert copies["near"] == {"faces": 2, "across_splits": nowhere, **none, "other_label": 2}


def test_copies_in_another_split_that_are_labelled_otherwise_are_counted():
    tile = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    faces = faces_of(np.stack([tile] * 3), [0, 0, 3], ["Training", "PublicTest", "PublicTest"])
    copies = explore(faces)["duplicates"]["exact"]
    assert (copies["faces"], copies["other_label"], copies["across_splits_other_label"]) == (3, 3, 2)


def test_copies_with_different_labels_are_listed(six):
    assert explore(six)["conflicts"] == [[1, 4]]
    assert explore(replace(six, labels=np.array([3, 4, 6, 2, 6, 0])))["conflicts"] == [[0, 3], [1, 4]]


def test_copies_are_found_however_far_apart_they_are(six):
    at_once = explore(six)
    assert explore(six, rows=2) == at_once


def test_pictures_of_one_grey_are_copies_only_of_their_own_grey():
    pixels = np.stack([np.full((48, 48), grey, np.uint8) for grey in (0, 0, 90)])
    copies = explore(faces_of(pixels, [0, 1, 2], ["Training"] * 3))["duplicates"]
    assert (copies["exact"]["faces"], copies["near"]["faces"]) == (2, 0)


def test_no_more_conflicts_are_listed_than_asked_for():
    result = explore(faces_of(np.zeros((30, 48, 48), np.uint8), [k % 7 for k in range(30)], [""] * 30), listed=7)
    assert len(result["conflicts"]) == 7
    assert result["duplicates"]["exact"] == {
        "faces": 30,
        "across_splits": {},
        "other_label": 30,
        "across_splits_other_label": 0,
    }


def test_the_agreement_of_labels_and_votes(six):
    result = explore(replace(six, majority=np.array([3, 6, 6, 3, -1, -1])))["ferplus"]
    assert (result["n"], result["no_majority"], result["agreement"]) == (4, 2, 0.75)
    assert result["matrix"][3][3] == 2 and result["matrix"][4][6] == 1 and np.sum(result["matrix"]) == 4


def test_without_votes_there_is_no_agreement(six):
    assert "ferplus" not in explore(six)


def test_mean_faces_are_of_all_and_of_each_emotion_that_there_is(six):
    means = mean_faces(six)
    assert list(means) == ["all", "angry", "happy", "sad", "neutral"]
    assert means["all"] == pytest.approx(six.pixels.mean(0))
    assert means["happy"] == pytest.approx(six.pixels[0])


def test_the_command_says_what_there_is_and_draws_it(few_faces, call, tmp_path):
    done = call("model", "data", few_faces.folder, "--plots", "plots")
    assert done.returncode == 0, done.stderr
    assert "0 rows are broken" in done.stdout
    assert "64 faces have a majority of FER+'s votes" in done.stdout
    drawn = {path.name: Image.open(path).size for path in (tmp_path / "plots").iterdir()}
    assert set(drawn) == {"classes.png", "samples.png", "mean-faces.png", "agreement.png"}
    assert all(width > 400 and height > 120 for width, height in drawn.values())


def test_the_same_as_json(few_faces, capsys):
    data(few_faces.data, few_faces.votes, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(explore(load(few_faces.data, few_faces.votes))))


def test_broken_rows_are_counted(few_faces, tmp_path, capsys):
    broken = tmp_path / "fer2013.csv"
    broken.write_text(few_faces.data.read_text() + "9,1 2 3,Training\n3,1 2 3,Training\n")
    data(broken, as_json=True)
    assert sum(json.loads(capsys.readouterr().out)["broken"].values()) == 2


def test_copies_with_different_labels_are_drawn(six, tmp_path):
    from albumsort.training.plots.exploration import plot_exploration

    drawn = plot_exploration(six, explore(six), mean_faces(six), tmp_path / "new")
    assert [path.name for path in drawn] == ["classes.png", "samples.png", "mean-faces.png", "copies.png"]
    assert all(Image.open(path).format == "PNG" for path in drawn)


def test_class_folders_have_no_votes(six):
    """Their names are the labels, which agree with themselves."""
    of_folders = replace(six, majority=six.labels, is_of_folders=True)
    assert "ferplus" in explore(replace(of_folders, is_of_folders=False))
    assert "ferplus" not in explore(of_folders)
    assert "ferplus" not in explore(of_folders.where(of_folders.labels >= 0))


@pytest.mark.parametrize("faces_of_each", [1, 150])
def test_no_title_and_no_label_is_cut_at_the_edge_of_a_page(six, tmp_path, faces_of_each):
    from albumsort.training.plots.exploration import plot_exploration

    faces = six.where(np.tile(np.arange(len(six)), faces_of_each))
    for path in plot_exploration(faces, explore(faces), mean_faces(faces), tmp_path):
        page = np.asarray(Image.open(path).convert("L"))
        assert all((edge == 255).all() for edge in (page[0], page[-1], page[:, 0], page[:, -1])), path.name
        assert (page[: page.shape[0] // 8] < 128).any(), f"{path.name} has no title"
