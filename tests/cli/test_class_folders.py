"""Labelled faces without the votes of FER+: nothing is said of FER+."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """The same faces as class folders, ``folders``, and as a table, ``fer2013.csv``."""
    pixels = np.random.default_rng(0).integers(0, 255, (14, 48, 48), dtype=np.uint8)
    lines = ["emotion,pixels,Usage"]
    for number, face in enumerate(pixels):
        path = tmp_path / "folders" / EMOTIONS[number % 7] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
        lines.append(f"{number % 7},{' '.join(map(str, face.ravel()))},PublicTest")
    (tmp_path / "fer2013.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize("data", ["folders", "fer2013.csv"])
@pytest.mark.parametrize("command", ["data", pytest.param("evaluate", marks=pytest.mark.slow)])
@pytest.mark.parametrize("options", [(), ("--json",), ("--plots", "plots")])
def test_nothing_is_said_of_fer_plus_without_its_votes(
    labelled: Path, call: Any, command: str, data: str, options: tuple[str, ...]
) -> None:
    done = call("model", command, data, *options)
    assert done.returncode == 0, done.stderr
    said = (done.stdout + done.stderr + " ".join(path.name for path in labelled.rglob("*"))).lower()
    assert "fer+" not in said and "ferplus" not in said and "votes" not in said and "voters" not in said
