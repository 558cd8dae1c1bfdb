"""A folder from a stranger: nothing in it is run, nothing leaves its place, and nothing goes over the network."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import joblib
import keras
import pytest

from albumsort.errors import AlbumsortError
from albumsort.export.manifest import NAME
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import MAX_MODEL_BYTES, shipped_model

pytestmark = pytest.mark.slow

#: Modules that would be imported from the photo folder if Python searched it.
MODULES = (
    *("albumsort", "numpy", "cv2", "PIL", "tensorflow", "keras", "mtcnn", "joblib", "lz4", "sqlite_utils", "tqdm"),
    *("typer", "matplotlib", "pillow_heif", "platformdirs", "psutil"),
    *("sitecustomize", "usercustomize", "conftest", "signal", "json", "random", "secrets", "queue", "multiprocessing"),
)


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.mark), "w")


@pytest.fixture
def trapped(tmp_path: Path, album: Path) -> tuple[Path, Path]:
    """A photo folder full of traps, and the file that any of them creates."""
    folder, mark = tmp_path / "from a stranger", tmp_path / "owned"
    shutil.copytree(album / "groups", folder)
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    (folder / "trap.pth").write_text(f"import os; open({str(mark)!r}, 'w').close()\n")
    (folder / "matplotlibrc").write_text("text.usetex: True\nfigure.facecolor: red\nno.such.key: \x1b[2J\n")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-p conftest'\n")
    for name in ("pnet", "rnet", "onet"):
        joblib.dump(Trap(mark), folder / f"{name}.lz4", compress="lz4")
    for name in ("emotion.keras", "emotion.json", "model.pkl", "index.db", "in-use.txt"):
        (folder / name).write_bytes(pickle.dumps(Trap(mark)))
    return folder, mark


def albumsort(*args: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as it is installed, run in a folder."""
    command = [Path(sysconfig.get_path("scripts")) / "albumsort", *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_no_code_in_the_scanned_folder_is_run(trapped: tuple[Path, Path], tmp_path: Path) -> None:
    folder, mark = trapped
    index = tmp_path / "index.db"
    for words in (
        ("scan", ".", "--db", index, "--json"),
        ("top", "happy", "--db", index),
        ("stats", "--db", index),
        ("predict", "both.jpg"),
        ("show", "both.jpg", "--db", index, "-o", tmp_path / "shown.png"),
        ("export", tmp_path / "sorted", "--db", index),
        ("model", "look", "both.jpg", "-o", tmp_path / "look.png"),
        ("model", "info"),
    ):
        done = albumsort(*words, cwd=folder)
        said = [line for line in done.stderr.splitlines() if not line.startswith("starting the networks")]
        assert (done.returncode, said) == (0, []), words
        assert not mark.exists(), words
    # The traps work.
    subprocess.run([sys.executable, "-c", "import numpy"], cwd=folder, check=True)
    assert mark.exists()


def test_a_drawing_is_the_same_in_a_strangers_folder(trapped: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = trapped
    for place, name in ((folder, "there.png"), (tmp_path, "here.png")):
        albumsort("show", folder / "both.jpg", "--db", tmp_path / "none.db", "-o", tmp_path / name, cwd=place)
    assert (tmp_path / "there.png").read_bytes() == (tmp_path / "here.png").read_bytes()


def test_links_out_of_the_folder_are_followed_on_request_only(run: Any, tmp_path: Path, album: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out").symlink_to(album / "places")
    (folder / "one.jpg").symlink_to(album / "dim.jpg")
    (folder / "loop").symlink_to(folder)
    index = tmp_path / "index.db"
    assert json.loads(run("scan", folder, "--db", index, "--json").stdout)["photos"] == 0
    done = run("scan", folder, "--db", index, "--json", "--follow-links")
    assert json.loads(done.stdout)["photos"] == 5


NAMES = (
    b"..\\..\\up.jpg",
    b"line\nbreak.jpg",
    b"\x1b[2J\x1b]0;title\x07.jpg",
    b"<img src=x onerror=alert(1)>.jpg",
    b"'; DROP TABLE photos; --.jpg",
    b"$(touch owned).jpg",
    b"-n.jpg",
    b"\xff\xfe.jpg",
    "\u202egpj.exe.jpg".encode(),
)


def test_names_of_files_cannot_forge_lines_leave_the_folder_or_run_sql(run: Any, album: Path, tmp_path: Path) -> None:
    folder, index, target = tmp_path / "names", tmp_path / "index.db", tmp_path / "sorted"
    folder.mkdir()
    data = (album / "portraits" / "eileen-collins.jpg").read_bytes()
    for number, name in enumerate(NAMES):
        (folder / os.fsdecode(name)).write_bytes(data + b"%d" % number)
        (folder / os.fsdecode(b"bad" + name)).write_bytes(b"no picture %d" % number)
    assert run("scan", folder, "--db", index, "--include-hidden").returncode == 0
    with closing(sqlite3.connect(index)) as connection:
        assert connection.execute("SELECT count(*) FROM photos").fetchone() == (2 * len(NAMES),)

    printed = {
        "top": run("top", "happy", "--db", index, errors="surrogateescape"),
        "paths": run("top", "happy", "--db", index, "--format", "paths", errors="surrogateescape"),
        "problems": run("problems", "--db", index, errors="surrogateescape"),
        "export": run("export", target, "--db", index, "--dry-run", errors="surrogateescape"),
    }
    for command, done in printed.items():
        assert done.returncode == 0, command
        # Scripts get names byte for byte, but no name may contain control characters.
        forbidden = (
            re.compile(r"[\x00-\x1f\x7f-\x9f]").search if command == "paths" else lambda text: not text.isprintable()
        )
        assert not any(map(forbidden, done.stdout.replace("\n", ""))), command
    assert len(printed["paths"].stdout.splitlines()) == len(NAMES)
    assert len(printed["problems"].stdout.splitlines()) == len(NAMES)
    listed = json.loads(run("top", "happy", "--db", index, "--format", "json").stdout)
    assert {os.fsencode(row["path"]) for row in listed} == {os.fsencode(folder) + b"/" + name for name in NAMES}

    assert run("export", target, "--db", index).returncode == 0
    exported = [path for path in target.rglob("*") if path.is_file() and path.name != NAME]
    assert len(exported) == len(NAMES)
    assert {path.parent for path in exported} == {target / "happy"}
    assert all(min(os.fsencode(path.name)) >= 32 for path in exported)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["names", "sorted"]


def test_a_model_that_would_run_code_is_refused(tmp_path: Path) -> None:
    face = keras.Input((48, 48, 1))
    x = keras.layers.Lambda(lambda faces: faces + 1, output_shape=(48, 48, 1))(face)
    x = keras.layers.GlobalAveragePooling2D()(x)
    heads = {head: keras.layers.Dense(8, name=head)(x) for head in ("perceived", "fer2013")}
    model = tmp_path / "lambda.keras"
    keras.Model(face, heads).save(model)
    with pytest.raises(AlbumsortError, match=r"not a model that Keras .* can load"):
        EmotionClassifier(_with_card(model))


def test_a_pickle_for_a_model_is_refused_and_not_opened(run: Any, album: Path, tmp_path: Path) -> None:
    mark = tmp_path / "owned"
    for name in ("model.keras", "model.pkl", "model.h5"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(mark)))
        done = run("predict", album / "dim.jpg", "--model", _with_card(tmp_path / name))
        assert done.returncode == 1
        assert name in done.stderr and "Traceback" not in done.stderr
    assert not mark.exists()


def test_a_model_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    model = tmp_path / "vast.keras"
    with open(model, "wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    model.with_suffix(".json").write_text("{}")
    with pytest.raises(AlbumsortError, match="too large for a model"):
        EmotionClassifier(model)


def test_a_model_that_is_too_large_when_unpacked_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "bomb.keras"
    with zipfile.ZipFile(model, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", "{}")
        file.writestr("model.weights.h5", bytes(MAX_MODEL_BYTES))
    assert model.stat().st_size < 10_000_000
    with pytest.raises(AlbumsortError, match="when unpacked"):
        EmotionClassifier(_with_card(model))


@pytest.mark.parametrize(
    "change",
    [
        {"temperatures": {}},
        {"temperatures": [1]},
        {"temperatures": {"perceived": 0, "fer2013": 1}},
        {"temperatures": {"perceived": float("nan"), "fer2013": 1}},
        {"training": 3},
        {"labels": None},
    ],
)
def test_a_card_that_makes_no_sense_is_refused(tmp_path: Path, change: dict) -> None:
    model = tmp_path / "model.keras"
    shutil.copy(shipped_model(), model)
    card = json.loads(_with_card(model).with_suffix(".json").read_text())
    model.with_suffix(".json").write_text(json.dumps({**card, **change}))
    with pytest.raises(AlbumsortError, match="not the card of a model"):
        EmotionClassifier(model)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "model.keras"
    data = bytearray(shipped_model().read_bytes())
    data[len(data) // 2] ^= 255
    model.write_bytes(data)
    with pytest.raises(AlbumsortError, match=r"model\.keras: not a model"):
        EmotionClassifier(_with_card(model))


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    face = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(face)
    model = tmp_path / "three.keras"
    keras.Model(face, {head: keras.layers.Dense(3, name=head)(x) for head in ("perceived", "fer2013")}).save(model)
    with pytest.raises(AlbumsortError, match="not a model of emotions"):
        EmotionClassifier(_with_card(model))


def _with_card(model: Path) -> Path:
    """The path of a model, beside which a card is written that fits it."""
    import hashlib

    content = {
        "name": "x",
        "digest": hashlib.sha256(model.read_bytes()).hexdigest(),
        "labels": ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"],
        "temperatures": {"perceived": 1.0, "fer2013": 1.0},
        "training": {},
    }
    model.with_suffix(".json").write_text(json.dumps(content))
    return model


#: Notes, in each process, every use of the network, also to this machine itself.
_WATCH = """
import os, sys
LOUD = {"connect", "getaddrinfo", "gethostbyname", "gethostbyaddr", "sendto", "sendmsg", "bind"}
def watch(event, details):
    room, _, what = event.partition(".")
    if room == "socket" and what in LOUD:
        is_local = getattr(details[0], "family", None) == 1
        # urllib3, a dependency of TensorFlow, tests on import whether this machine has IPv6.
        is_probe = what == "bind" and details[1] == ("::1", 0)
        if not is_local and not is_probe:
            with open(os.environ["SOCKETS"], "a") as file:
                file.write(f"{event} {details[1:]}\\n")
sys.addaudithook(watch)
with open(os.environ["SOCKETS"] + ".watched", "a") as file:
    file.write("x")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes talk by local sockets")
def test_no_command_touches_the_network(album: Path, tmp_path: Path) -> None:
    watch, log, index = tmp_path / "watch", tmp_path / "sockets", tmp_path / "index.db"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(_WATCH)
    environment = {"PYTHONPATH": str(watch), "SOCKETS": str(log)}
    for words in (
        ("scan", album, "--db", index),
        ("top", "happy", "--db", index, "--copy-to", tmp_path / "best"),
        ("export", tmp_path / "sorted", "--db", index),
        ("show", album / "dim.jpg", "--db", index, "-o", tmp_path / "shown.png"),
        ("predict", album / "dim.jpg"),
        ("model", "info"),
    ):
        assert albumsort(*words, cwd=tmp_path, **environment).returncode == 0
    assert not log.exists(), log.read_text()
    assert len((tmp_path / "sockets.watched").read_text()) > 6  # the decoders were watched, too
    probe = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", probe], env={**os.environ, **environment}, check=True)
    assert "socket.connect" in log.read_text()


def test_the_telemetry_of_onnx_runtime_is_off(album: Path, tmp_path: Path) -> None:
    # It is native code, which the test above cannot see. Where it is on, it keeps what it will send in this folder.
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    for words in (
        ("scan", album, "--db", tmp_path / "index.db"),
        ("predict", album / "dim.jpg"),
        ("model", "export", "--format", "onnx", "-o", tmp_path / "emotion.onnx"),
    ):
        assert albumsort(*words, cwd=tmp_path, **home).returncode == 0
    assert not list(tmp_path.rglob("*onnxruntime*"))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as on Unix")
def test_the_index_is_for_its_owner_alone(run: Any, album: Path, tmp_path: Path) -> None:
    index = tmp_path / "folder" / "index.db"
    run("scan", album / "places", "--db", index)
    assert {path.stat().st_mode & 0o077 for path in index.parent.iterdir()} == {0}
