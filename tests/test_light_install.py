"""The list of packages of the light install has what ``pyproject.toml`` has, without what trains and converts."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
#: ``test_without_tensorflow.py`` shows that these are not needed.
LEFT_OUT = {"joblib", "keras", "lz4", "mtcnn", "onnx", "tensorflow", "tf2onnx"}


def test_the_light_install_has_all_other_packages_in_the_same_versions() -> None:
    listed = {line for line in (ROOT / "examples/light.txt").read_text().splitlines() if not line.startswith("#")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {entry.replace("opencv-python", "opencv-python-headless") for entry in project}
    left_out = {entry for entry in wanted if re.match(r"[a-z0-9-]+", entry)[0] in LEFT_OUT}
    assert listed == wanted - left_out
    assert len(left_out) == len(LEFT_OUT)


def test_all_that_a_container_must_remember_is_in_its_volume() -> None:
    steps = (ROOT / "examples/Containerfile").read_text()
    volume = re.search(r"(?m)^VOLUME (.*)$", steps)[1]
    kept = dict(word.split("=") for word in re.search(r"(?m)^ENV (.*)$", steps)[1].split())
    assert kept == {"ALBUMSORT_DB": f"{volume}/index.db", "XDG_DATA_HOME": volume}
