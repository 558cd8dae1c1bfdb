"""Recipes: small TOML files that say everything about a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from albumsort.training.datasets import DataError
from albumsort.training.recipe import FitRecipe, Recipe
from albumsort.training.recipe_file import find, read
from albumsort.vision.models import models_folder


@pytest.fixture
def written(tmp_path):
    """A recipe file with some text: ``written("seed = 1")``."""

    def write(text: str) -> Path:
        (tmp_path / "recipe.toml").write_text(text)
        return tmp_path / "recipe.toml"

    return write


def test_the_recipe_of_the_shipped_model_reads():
    recipe = read(models_folder() / "emotion.toml")
    assert recipe.name == "emotion"
    assert recipe.cycles[-1].side(recipe.cycles[-1].epochs - 1) == 48
    assert isinstance(recipe.network.widths, tuple)


def test_what_a_recipe_does_not_say_keeps_its_default(written):
    recipe = read(written('name = "mine"\n[fit]\nbatch = 7\n'))
    assert (recipe.name, recipe.fit.batch) == ("mine", 7)
    assert recipe.fit == FitRecipe(batch=7)
    assert recipe.cycles == Recipe().cycles


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sede = 1", ["sede", "seed"]),
        ("[fit]\nepoch = 3\nbatches = 2", ["fit", "batches, epoch", "hold_out"]),
        ("[network]\ndepth = 3", ["network", "depth", "blocks"]),
        ("[augment]\nscale = 0.1", ["augment", "cycles"]),
        ("[[cycles]]\nrate = 0.1", ["cycles", "rate", "peak_rate"]),
        ("[[cycles]]\n[cycles.augment]\nscales = 0.1", ["augment", "scales", "scale"]),
    ],
)
def test_an_unknown_key_is_named_beside_those_there_are(written, text, words):
    with pytest.raises(DataError) as caught:
        read(written(text))
    assert all(word in str(caught.value) for word in ["recipe.toml", "unknown", *words])


def test_a_file_that_is_no_toml_is_named(written):
    with pytest.raises(DataError, match=r"recipe\.toml.*TOML"):
        read(written("seed: 1"))


def test_a_value_where_a_section_belongs_is_an_error_that_names_it(written):
    with pytest.raises(DataError, match="fit"):
        read(written("fit = 3"))


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        read(tmp_path / "nowhere.toml")


def test_stages_and_cycles_follow_each_other(written):
    recipe = read(
        written(
            "[[cycles]]\nstages = [[1, 24], [2, 32], [1, 48]]\n"
            "[[cycles]]\nstages = [[2, 48]]\npeak_rate = 0.05\n[cycles.augment]\nscale = 0.1\n"
        )
    )
    assert recipe.epochs == 6
    sides = [[cycle.side(epoch) for epoch in range(cycle.epochs)] for cycle in recipe.cycles]
    assert sides == [[24, 32, 32, 48], [48, 48]]
    assert [cycle.peak_rate for cycle in recipe.cycles] == [0.1, 0.05]
    assert [cycle.augment.scale for cycle in recipe.cycles] == [0.15, 0.1]


@pytest.mark.parametrize("stages", ["[]", "[3, 48]", "[[0, 48]]", "[[3, 0]]", "[[3, 48, 1]]"])
def test_stages_that_make_no_sense_are_an_error_that_shows_how(written, stages):
    with pytest.raises(DataError, match=r"pairs of epochs and side.*\[\[12, 32\]"):
        read(written(f"[[cycles]]\nstages = {stages}"))


@pytest.mark.parametrize("cycles", ["cycles = 3", "cycles = []", "cycles = [3]"])
def test_cycles_are_sections(written, cycles):
    with pytest.raises(DataError, match="cycles"):
        read(written(cycles))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("precision = 'float16'", "float32 and bfloat16"),
        ("teacher_share = 1.5", "from 0"),
        ("hold_out = 0", "held out"),
    ],
)
def test_values_that_make_no_sense_are_an_error_that_says_what_does(written, text, words):
    with pytest.raises(DataError, match=words):
        read(written(f"[fit]\n{text}"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed = -1", "seed"),
        ("[fit]\nbatch = 0", "batch 0"),
        ("[fit]\nsteps = -3", "steps -3"),
        ("[network]\nwidths = [8, 0]", "widths"),
        ('[network]\nwidths = ["a"]', "whole numbers"),
        ("[network]\nlayers = [3]", "words"),
        ("[network]\ndropout = 1.0", "dropout"),
        ("[network]\nblur = 1.5", "blur 1.5"),
        ("seed = 5000000000", "seed"),
        ("[fit]\nmomentum = 2.0", "momentum"),
        ("[fit]\nweight_decay = nan", "weight_decay"),
        ("[fit]\nlabel_smoothing = 5.0", "label_smoothing"),
        ("[[cycles]]\npeak_rate = nan", "peak_rate"),
        ("[[cycles]]\nwarmup_steps = -5", "warmup_steps"),
        ("[[cycles]]\n[cycles.augment]\nrotation_degrees = nan", "rotation_degrees"),
        ("[[cycles]]\n[cycles.augment]\nscale = 2.0", "scale"),
        ("[[cycles]]\n[cycles.augment]\nerase_chance = 1.5", "erase_chance"),
        ('[network]\nlayers = ["flatten"]\nblur = 0.4', "residual"),
        ('[fit]\nmatrix = ["fer2013", "felt"]', "matrix felt"),
        (
            '[network]\nlayers = ["flatten"]\n[fit]\nmatrix = ["perceived"]\n[[cycles]]\nstages = [[1, 48]]',
            "matrix perceived",
        ),
        ("[fit]\nmatrix = [7]", "words"),
        ('[[cycles]]\nstages = [["a", 48]]', "whole numbers"),
        ("[[cycles]]\npeak_rate = -1.0", "peak_rate"),
        ("[[cycles]]\n[cycles.augment]\nerase_pixels = [4]", "erase_pixels"),
        ("[[cycles]]\n[cycles.augment]\nerase_pixels = [9, 4]", "erase_pixels"),
    ],
)
def test_numbers_out_of_range_are_an_error_that_names_them(written, text, words):
    with pytest.raises(DataError, match=words) as caught:
        read(written(text))
    assert "recipe.toml" in str(caught.value)


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(DataError, match="no such recipe"):
        find(str(tmp_path))
