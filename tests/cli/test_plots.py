"""Plots that a command draws a second time: under numbered names, or with --force in place of those of before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS

DATA = ["classes", "samples", "mean-faces"]
EVALUATE = ["fer2013-confusion", "fer2013-reliability", "fer2013-emotions", "fer2013-predictions"]
EVALUATE += [name.replace("fer2013", "perceived") for name in EVALUATE]
COMMANDS = [pytest.param("data", DATA, id="data"), pytest.param("evaluate", EVALUATE, marks=pytest.mark.slow)]


@pytest.fixture
def plotted(tmp_path: Path, call: Any) -> Any:
    """Types a command that draws plots of class folders, ``faces``, into the folder ``plots``."""
    for number, face in enumerate(np.random.default_rng(0).integers(0, 255, (14, 48, 48), dtype=np.uint8)):
        path = tmp_path / "faces" / EMOTIONS[number % 7] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)

    def type_(command: str, *options: str) -> Any:
        environment = {**os.environ, "ALBUMSORT_DB": str(tmp_path / "index.db")}
        return call("model", command, "faces", "--plots", "plots", *options, env=environment)

    return type_


def names(folder: Path, form: str = "png") -> list[str]:
    return sorted(path.name.removesuffix(f".{form}") for path in (folder / "plots").iterdir())


@pytest.mark.parametrize(("command", "drawn"), COMMANDS)
def test_plots_drawn_again_get_numbered_names_or_replace_those_of_before(plotted, tmp_path, command, drawn):
    assert plotted(command).returncode == 0
    assert names(tmp_path) == sorted(drawn)
    (tmp_path / "plots" / f"{drawn[0]}.png").write_text("mine")
    again = plotted(command)
    assert (again.returncode, f"plots/{drawn[0]}-2.png: drawn" in again.stderr) == (0, True)
    assert names(tmp_path) == sorted([*drawn, *(f"{name}-2" for name in drawn)])
    assert (tmp_path / "plots" / f"{drawn[0]}.png").read_text() == "mine"
    assert plotted(command, "--force").returncode == 0
    assert names(tmp_path) == sorted([*drawn, *(f"{name}-2" for name in drawn)])
    assert Image.open(tmp_path / "plots" / f"{drawn[0]}.png").width > 100


def test_the_plots_of_one_run_have_the_same_number(plotted, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "samples.svg").touch()
    (tmp_path / "plots" / "classes-2.svg").symlink_to("nowhere")
    assert plotted("data", "--plot-format", "svg").returncode == 0
    assert set(names(tmp_path, "svg")) == {"samples", "classes-2", *(f"{name}-3" for name in DATA)}


def test_a_photo_and_a_folder_are_not_replaced_by_plots(plotted, tmp_path):
    (tmp_path / "plots").mkdir()
    exif = Image.Exif()
    exif[271] = "Example"
    Image.new("RGB", (8, 8)).save(photo := tmp_path / "plots" / "samples.jpg", exif=exif)
    before = photo.read_bytes()
    done = plotted("data", "--plot-format", "jpg", "--force")
    assert (done.returncode, photo.read_bytes()) == (1, before)
    assert "samples.jpg: a photo, and photos are never replaced; choose another name" in done.stderr
    assert os.listdir(tmp_path / "plots") == ["samples.jpg"]
    (tmp_path / "plots" / "classes.png").mkdir()
    done = plotted("data", "--force")
    assert (done.returncode, "classes.png: a folder; choose another name" in done.stderr) == (1, True)
    assert plotted("data").returncode == 0


@pytest.mark.parametrize("command", ["data", "evaluate"])
def test_a_file_is_no_folder_for_plots(plotted, tmp_path, command):
    (tmp_path / "plots").write_text("mine")
    done = plotted(command)
    assert (done.returncode, "'plots': a file; there are several plots, so name a folder" in done.stderr) == (2, True)
    assert (tmp_path / "plots").read_text() == "mine"
