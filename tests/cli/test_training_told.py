"""What a training says on standard error: how far each epoch is, and what is kept when it is stopped."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow
RECIPE = """
name = "{name}"
labels = "seven"
[network]
layers = ["rescale", "conv 2 3", "max_pool 4 4", "flatten"]
[fit]
optimiser = "adam"
batch = 4
hold_out = 0.25
{more}
[[cycles]]
stages = [[{epochs}, 48]]
augment = false
"""


@pytest.fixture
def student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with faces in class folders of two splits, ``faces``, and recipes."""
    rng = np.random.default_rng(0)
    for number, face in enumerate(rng.integers(0, 255, (28, 48, 48), dtype=np.uint8)):
        path = (
            tmp_path
            / "faces"
            / ("test" if number % 4 == 3 else "train")
            / ("sad", "happy")[number % 2]
            / f"{number}.png"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
    for name, epochs, more in (
        ("short", 2, ""),
        ("long", 5000, ""),
        ("every", 1, 'faces = "all"'),
        ("early", 9, 'stop = { watch = "accuracy", patience = 1 }'),
    ):
        (tmp_path / f"{name}.toml").write_text(RECIPE.format(name=name, epochs=epochs, more=more))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


def typed(*words: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "albumsort", "model", *words)


def test_a_training_says_each_epoch_its_accuracy_and_what_is_next(student):
    done = typed("train", "--recipe", "short.toml", "--data", "faces", "-o", "my model")
    assert (done.returncode, done.stdout) == (0, f"{Path('my model', 'short.keras')}\n"), done.stderr
    share = r"\d+\.\d%"
    figures = rf"loss [\d.]+, accuracy {share}, validation accuracy {share}"
    assert re.search(rf"^epoch 1 of 2: {figures}, 0:\d\d, about 0:\d\d left$", done.stderr, re.M)
    assert re.search(rf"^epoch 2 of 2: {figures}, 0:\d\d$", done.stderr, re.M)
    *_, accuracy, next_ = done.stderr.splitlines()
    assert re.fullmatch(rf"accuracy: {share} on 5 held-out faces, {share} on 7 test faces", accuracy)
    assert next_ == "Next: albumsort model evaluate faces --model 'my model/short.keras'"
    assert "\r" not in done.stderr and "\x1b" not in done.stderr


def test_a_training_that_is_done_already_says_so(student):
    for recipe, words in (("short", ", for 2 epochs"), ("early", ": it stopped early, after ")):
        before = typed("train", "--recipe", f"{recipe}.toml", "--data", "faces")
        again = typed("train", "--recipe", f"{recipe}.toml", "--data", "faces")
        assert (again.returncode, again.stdout) == (0, before.stdout)
        assert f"trained already{words}" in again.stderr and "epoch 1 of" not in again.stderr
        assert "continues" not in again.stderr


def test_what_learns_from_all_faces_is_not_measured_on_them(student):
    done = typed("train", "--recipe", "every.toml", "--data", "faces")
    assert done.stderr.splitlines()[-1] == "Next: albumsort model info --model every/every.keras"


def test_ctrl_c_says_what_is_kept_and_the_same_command_goes_on(student):
    command = [sys.executable, "-m", "albumsort", "model", "train", "--recipe", "long.toml", "--data", "faces"]
    for first in (1, 2):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("epoch "):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert (process.wait(), process.stdout.read()) == (130, "")
        words = "of 5000 epochs are kept in long, and the same command goes on after them"
        kept = re.search(rf"^stopped; (\d+) {words}$", rest, re.M)
        assert kept and int(kept[1]) >= first and "Traceback" not in rest
        assert any("continues after epoch" in line for line in lines) == (first == 2)
    history = (student / "long" / "run" / "history.csv").read_text().splitlines()
    assert len(history) == 1 + int(kept[1])


def test_ctrl_c_before_the_first_epoch_says_that_nothing_is_kept(student):

    script = (
        "from pathlib import Path; import typer\n"
        "from albumsort.cli.model.progress import telling_what_is_kept\n"
        "from albumsort.training.recipe_file import read\n"
        "try:\n"
        "    with telling_what_is_kept(Path('long'), read(Path('long.toml'))): raise KeyboardInterrupt\n"
        "except typer.Exit as end: raise SystemExit(end.exit_code)\n"
    )
    done = python("-c", script)
    assert (done.returncode, done.stderr) == (130, "stopped; no epoch is done yet, and the same command begins again\n")


@pytest.fixture
def narrow() -> Iterator[tuple[TextIO, Callable[[], list[str]]]]:
    """A terminal of 60 columns, and a function that gives the states of the lines that were written to it."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    os.set_blocking(ours, False)
    with open(theirs, "w", encoding="utf-8") as terminal, open(ours, "rb", buffering=0) as screen:
        yield terminal, lambda: re.split(r"[\r\n]+", (screen.read(1 << 16) or b"").decode().strip())


def test_a_bar_of_an_epoch_fits_a_narrow_terminal(student, narrow):
    from albumsort.cli.model.progress import TrainingProgress
    from albumsort.training.fit import Epoch
    from albumsort.training.recipe_file import read

    (stream, written), recipe = narrow, read(student / "long.toml")
    line = {"epoch": "4999", "cycle": "1", "loss": "1.25", "in_training": "0.5", "fer2013": "0.25"}
    times = iter((100.0, 160.0))
    (student / "run").mkdir()
    with TrainingProgress(stream, True, clock=lambda: next(times)) as progress:
        epoch = Epoch(4999, student / "run", [line] * 4998, recipe, 0, 10, 1.0)
        progress(epoch)
        for batch in range(1, 11):
            progress(replace(epoch, batch=batch))
        progress(replace(epoch, batch=10, history=[line] * 4999))
    *bars, last = written()
    assert "epoch 4999 of 5000   0%|" in bars[0] and all(len(bar) <= 60 for bar in bars)
    expected = "epoch 4999 of 5000: loss 1.25, accuracy 50.0%, validation accuracy 25.0%, 1:00, about 1:00 left"
    assert last == expected


def test_a_stop_that_python_ignores_leaves_no_traceback():
    script = (
        "import os, signal\n"
        "from albumsort.cli.interrupt import stop\n"
        "stop.listen()\n"
        "class Closing:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGINT); [None for _ in range(1000)]\n"
        "closing = Closing()\n"
        "del closing\n"
        "class Faulty:\n"
        "    def __del__(self): raise ValueError('a fault')\n"
        "faulty = Faulty()\n"
        "del faulty\n"
        "try: stop.check()\n"
        "except KeyboardInterrupt: print('stopped')\n"
    )
    done = python("-c", script)
    assert (done.stdout, "KeyboardInterrupt" in done.stderr) == ("stopped\n", False)
    assert "ValueError: a fault" in done.stderr


def test_reading_many_faces_gives_a_line_a_minute_without_a_terminal(capsys):
    from albumsort.cli.model.progress import read_faces

    times = iter(range(0, 1000, 31))
    pixels = np.zeros((1000, 48, 48), np.uint8)
    alike = SimpleNamespace(probabilities=lambda some: np.full((len(some), 7), 1 / 7, np.float32))
    assert read_faces(alike, pixels, clock=lambda: next(times)).shape == (1000, 7)
    assert capsys.readouterr().err.splitlines() == ["512 of 1000 faces read", "1000 of 1000 faces read"]
    assert read_faces(alike, pixels[:0]).shape == (0, 7)


def test_reading_many_faces_shows_a_bar_on_a_terminal(narrow, monkeypatch):
    from albumsort.cli.model.progress import read_faces

    stream, written = narrow
    monkeypatch.setattr(sys, "stderr", stream)
    alike = SimpleNamespace(probabilities=lambda some: np.full((len(some), 7), 1 / 7, np.float32))
    read_faces(alike, np.zeros((1000, 48, 48), np.uint8))
    bars = written()
    assert "reading faces   0%|" in bars[0] and "0/1000" in bars[0] and max(map(len, bars)) <= 60
