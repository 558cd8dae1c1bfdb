"""The recipes that come with the package: our own, and those of the write-ups."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from albumsort.cli.model.recipes import recipes as command
from albumsort.training import layers
from albumsort.training import recipe_file as recipes
from albumsort.training.datasets import DataError
from albumsort.training.network import build, for_inference
from albumsort.training.recipe import AugmentRecipe, Cycle, FitRecipe, NetworkRecipe, Recipe, Stop
from albumsort.vision.models import read_card, shipped_model

#: Weights that are published, or that the published layers have.
WRITE_UPS = {
    "ho-2016": ("six", 779_718),
    "kammakatla-2020": ("seven", 1_485_831),
    "mason-2019": ("four", 308_356),
    "serengil-2018": ("seven", 1_485_831),
    "zhu-2020": ("seven", 5_102_791),
}


def test_our_own_come_first_and_then_those_of_the_write_ups():
    assert list(recipes.shipped()) == ["emotion", "teacher-2", "teacher-1", *WRITE_UPS]
    assert recipes.write_ups() == list(WRITE_UPS)
    assert all(recipes.find(name).name == name for name in recipes.shipped())


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITE_UPS)
def test_the_network_of_a_write_up_has_its_labels_and_weights(name):
    recipe = recipes.find(name)
    assert (recipe.labels, recipe.parameters()) == WRITE_UPS[name]
    assert recipe.heads == ("fer2013",) and not recipe.is_mirrored and recipe.reported
    trained = build(recipe)
    assert trained.count_params() == for_inference(trained, recipe).count_params() == recipe.parameters()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["emotion", "teacher-2", "teacher-1"])
def test_the_weights_of_our_own_networks_are_counted_as_they_are_used(name):
    recipe = recipes.find(name)
    assert for_inference(build(recipe), recipe).count_params() == recipe.parameters()


def test_a_recipe_that_is_written_down_reads_the_same(tmp_path):
    for path in recipes.shipped().values():
        recipe = recipes.read(path)
        recipes.write(recipe, tmp_path / "again.toml")
        assert recipes.read(tmp_path / "again.toml") == recipe
        assert recipes.from_dict(json.loads(json.dumps(recipe.as_dict())), "kept") == recipe


def test_a_recipe_of_ones_own_is_not_written_over(tmp_path):
    first, second = (recipes.find(name) for name in ("ho-2016", "zhu-2020"))
    recipes.write(first, tmp_path / "made.toml")
    recipes.write(second, tmp_path / "made.toml")
    assert recipes.read(tmp_path / "made.toml") == second
    (tmp_path / "mine.toml").write_text("# tried in May\nseed = 3\n")
    recipes.write(first, tmp_path / "mine.toml")
    assert (tmp_path / "mine.toml").read_text() == "# tried in May\nseed = 3\n"


def test_the_facts_of_the_write_ups_are_in_their_recipes():
    zhu, mason, ho, serengil = (recipes.find(name) for name in ("zhu-2020", "mason-2019", "ho-2016", "serengil-2018"))
    assert [cycle.hard for cycle in zhu.cycles] == [False, True, False]
    assert [cycle.augment is None for cycle in zhu.cycles] == [True, True, False]
    assert (zhu.fit.batch, zhu.fit.hold_out, zhu.fit.stop) == (64, 0.2, Stop("accuracy", 10))
    assert zhu.fit.plateau and (zhu.fit.plateau.patience, zhu.fit.plateau.factor) == (5, 0.9)
    assert (mason.fit.faces, mason.fit.loss, mason.fit.hold_out, mason.epochs) == ("all", "sigmoid", 0.2, 15)
    assert ho.fit.stop == Stop("loss", 5) and ho.cycles[0].augment and ho.cycles[0].augment.shear_degrees > 10
    assert (serengil.fit.batch, serengil.fit.steps, serengil.epochs) == (256, 256, 5)
    assert {recipe.fit.optimiser for recipe in (zhu, mason, ho, serengil)} == {"adam"}


def test_the_page_on_recipes_has_each_value_and_its_default():
    page = (Path(recipes.__file__).parent / "recipes" / "README.md").read_text(encoding="utf-8")
    documented: dict[str, Any] = {}
    for row, default in re.findall(r"^\| (`[^|\n]*) \|[^|\n]+\| ([^|\n]+) \|$", page, re.MULTILINE):
        names = re.findall(r"`(\w+)`", row)
        in_words = default in ("none", "nothing", "the section's values")
        values = [None] * len(names) if in_words else recipes.tomllib.loads(f"x = [{default.replace('`', '')}]")["x"]
        documented |= dict(zip(names, values, strict=True))
    kinds = (Recipe, NetworkRecipe, FitRecipe, Cycle, AugmentRecipe)
    known = {field.name: field.default for kind in kinds for field in dataclasses.fields(kind)}
    apart = ("layers", "network", "fit", "cycles")  # explained in other words
    assert set(documented) == set(known) - set(apart)
    for name, value in documented.items():
        default = json.loads(json.dumps(known[name])) if name != "augment" else None
        assert value == default or (value is None and default in ("", [], None)), name
    for line, _ in layers.FORMS.values():
        assert f"`{line}`" in page


def test_the_command_prints_a_recipe_that_can_be_changed_and_read(tmp_path, capsys):
    command()
    assert "model recipes NAME > mine.toml; give it a new name" in capsys.readouterr().out
    command("mason-2019")
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out.replace("l2=1e-4", "l2=1e-3"))
    changed, shipped = recipes.find(str(tmp_path / "mine.toml")), recipes.find("mason-2019")
    assert changed.first_difference(shipped).startswith(
        "network.layers["
    ) and "l2=1e-3', not 'dense" in changed.first_difference(shipped)
    command("mason-2019", as_json=True)
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["mason-2019"]
    with pytest.raises(typer.BadParameter, match="mason: no such recipe or file; there are emotion"):
        command("mason")


def test_the_card_of_the_shipped_model_has_a_recipe_that_still_reads():
    on_card = read_card(shipped_model()).training["recipe"]
    recipe = json.loads(json.dumps(recipes.find("emotion").as_dict()))
    assert {part: recipe[part] for part in ("name", "seed")} == {part: on_card[part] for part in ("name", "seed")}
    assert on_card["network"].items() <= recipe["network"].items()
    assert on_card["fit"].items() <= recipe["fit"].items()


def test_a_recipe_that_is_neither_known_nor_a_file_is_told_beside_those_there_are():
    with pytest.raises(DataError, match=r"zhou-2020.*emotion.*zhu-2020"):
        recipes.find("zhou-2020")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('labels = "five"', "there are seven, six, four"),
        ('name = "../mine"', "letters, digits, dots and dashes"),
        ('labels = "four"', "need layers"),
        ('[network]\nlayers = ["flatten"]', "stages = [[EPOCHS, 48]]"),
        ('[network]\nlayers = ["flat"]\n[[cycles]]\nstages = [[1, 48]]', "layer 1, 'flat'"),
        ('[fit]\noptimiser = "adamw"', "sgd and adam"),
        ('[fit]\nbatch = "8"', "batch = '8': must be like 128"),
        ("[fit]\nfolds = 1", "2 or more"),
        ("[fit]\nbalanced = 1", "must be like False"),
        ("[fit]\nstop = { patience = 0 }", "1 epoch or more"),
        ('[fit]\nstop = { watch = "recall" }', "accuracy and loss"),
        ('[fit]\noptimiser = "adam"\nplateau = { factor = 1.0 }', "between 0 and 1"),
        ("[fit]\nplateau = { patience = 2 }", "needs the optimiser adam"),
        ("[fit]\nstop = 3", "stop"),
    ],
)
def test_what_a_recipe_cannot_mean_is_an_error_that_says_what_it_can(tmp_path, text, words):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(DataError) as caught:
        recipes.read(tmp_path / "mine.toml")
    assert words in str(caught.value) and "mine.toml" in str(caught.value)


def test_the_command_lists_them(call):
    done = call("model", "recipes")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in recipes.shipped())
    assert "8 conv 64-512, 3 dense 64-512" in done.stdout and "5.1 M" in done.stdout and "67.8 %" in done.stdout
    listed = {row["name"]: row for row in json.loads(call("model", "recipes", "--json").stdout)}
    assert listed["mason-2019"]["labels"] == ["angry", "happy", "sad", "neutral"]
    assert listed["zhu-2020"]["parameters"] == WRITE_UPS["zhu-2020"][1]
