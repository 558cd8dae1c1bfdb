"""What the tests share: the example album, ways to make more photos of it, and scans of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from albumsort.pipeline import scan

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session")
def album() -> Path:
    """The example album; read only."""
    return EXAMPLES / "album"


@pytest.fixture(scope="session")
def composer() -> ModuleType:
    """``examples/compose_album.py``: portraits, groups of them with the places of their faces, EXIF."""
    spec = importlib.util.spec_from_file_location("compose_album", EXAMPLES / "compose_album.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def scanned(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the example album; read only."""
    index = tmp_path_factory.mktemp("scanned") / "index.db"
    scan([album], index)
    return index


Runner = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs the command line in an empty folder, as a user would: ``run("top", "happy", "--db", index)``."""

    def call(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "albumsort", *map(str, args)]
        options = {"cwd": tmp_path, "capture_output": True, "text": True, **options}
        return subprocess.run(command, check=False, **options)  # type: ignore[call-overload,no-any-return]

    return call
