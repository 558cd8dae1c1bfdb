"""Where TensorFlow is not installed, or its code cannot run, everything works but training and what belongs to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from albumsort.vision.models import shipped_model

pytestmark = pytest.mark.slow

#: What the light install leaves out. An entry None in ``sys.modules`` makes each import fail.
LEFT_OUT = ("tensorflow", "keras", "mtcnn", "joblib", "lz4", "onnx", "tf2onnx", "h5py", "ml_dtypes")
PROGRAM = f"""
import sys
sys.modules.update(dict.fromkeys({LEFT_OUT!r}))
from albumsort.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def without(tmp_path: Path):
    """Runs albumsort without these packages, in an empty folder: ``without("scan", album)``."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ALBUMSORT_DB": str(tmp_path / "index.db")}
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def test_an_album_is_scanned_sorted_and_drawn(without, album: Path, tmp_path: Path) -> None:
    scanned = without("-v", "scan", album, "--json")
    assert scanned.returncode == 0, scanned.stderr
    assert json.loads(scanned.stdout)["faces"] == 12
    assert "the networks run on ONNX Runtime" in scanned.stderr
    happy = without("top", "happy", "--json")
    assert len(json.loads(happy.stdout)) >= 3, happy.stderr
    read = json.loads(without("predict", album / "groups" / "both.jpg", "--json").stdout)
    assert sorted(face["emotion"] for face in read["faces"]) == ["happy", "neutral"]
    for command in (
        ("export", "sorted"),
        ("sheet", "happy", "-o", "sheet.html"),
        ("stats", "--plot", "stats.png"),
        ("bursts",),
        ("top", "happy"),
        ("show", 1),
        ("model", "info"),
        ("model", "recipes"),
        ("model", "use", "shipped"),
        ("model", "curves", shipped_model().parent, "-o", "curves.png"),
        ("bench", album, "--photos", 4),
    ):
        done = without(*command)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize(
    "command",
    [
        ("model", "look", "both.jpg", "-o", "look.png"),
        ("model", "export", "--format", "onnx", "-o", "emotion.onnx"),
        ("model", "convert", "models"),
        ("predict", "both.jpg", "--model", "mine.keras"),
        ("scan", "both.jpg", "--model", "mine.keras"),
        ("model", "train", "--recipe", "mason-2019", "--data", "fer2013.csv"),
        ("model", "compare", "--data", "fer2013.csv"),
    ],
    ids=" ".join,
)
def test_what_needs_it_says_so_in_one_line(without, command, album: Path, labelled_faces, tmp_path: Path) -> None:
    labelled_faces(tmp_path)
    (tmp_path / "both.jpg").write_bytes((album / "groups" / "both.jpg").read_bytes())
    _copy_of_shipped(tmp_path / "mine.keras")
    done = without(*command)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert "this needs TensorFlow" in message and "pip install . in the folder" in message, done.stderr
    assert "Traceback" not in done.stderr and "converted once" not in done.stderr, done.stderr


def _copy_of_shipped(target: Path) -> None:
    """A model that nobody has converted yet."""
    for suffix in (".keras", ".json"):
        target.with_suffix(suffix).write_bytes(shipped_model().with_suffix(suffix).read_bytes())
