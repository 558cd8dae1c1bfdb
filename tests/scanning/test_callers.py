"""Any Python program can call scan and predict, without a guard against being imported, and from wherever it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from albumsort.album.decoder_environment import worker_environment

#: Each block is typed at once; blocks end with an empty line, as people type them into an interpreter.
PROGRAM = """\
import albumsort
print("started")

class Nobody:
    card = loaded_card = None
    def read(self, pictures):
        return [[] for picture in pictures]

summary = albumsort.scan(["photos"], "index.db", albumsort.ScanSettings(workers=2), reader=Nobody())
print(summary.scanned, summary.errors)
print([photo.photo.error for photo in albumsort.predict(["photos/a.png"], reader=Nobody())])
"""
PRINTED = ["started", "2 1", "[None]"]
RUN_AGAIN = "import runpy; runpy.run_path('program.py', run_name='__main__')"  # as IPython's %run does


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo, a file that is none, and a program that scans both."""
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 48), (90, 80, 70)).save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.jpg").write_bytes(b"no picture")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "test_program.py").write_text(f"def test():\n    exec({PROGRAM!r}, {{}})\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "is_typed"),
    [
        (["program.py"], False),
        (["-m", "program"], False),
        (["-c", PROGRAM], False),
        (["-c", RUN_AGAIN], False),
        (["-"], True),
        ([], True),
        (["-q", "-i"], True),
        (["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_program.py"], False),
    ],
    ids=["script", "module", "command", "run again", "standard input", "no argument", "interpreter", "pytest"],
)
def test_a_program_without_a_guard_scans(folder: Path, arguments: list[str], is_typed: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        input=PROGRAM if is_typed else "",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stdout.splitlines() if line in PRINTED] == PRINTED, done.stdout


def test_the_main_module_of_the_program_is_what_it_was_once_a_decoder_has_started() -> None:
    main = sys.modules["__main__"]
    before = dict(vars(main))
    with worker_environment():
        assert sys.modules["__main__"].__file__ is None
        assert vars(main) == before, "another thread may use it meanwhile"
    assert sys.modules["__main__"] is main
