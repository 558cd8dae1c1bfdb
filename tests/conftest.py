"""What the tests share: the example album, ways to make more photos of it, and scans of it."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from albumsort.emotions import EMOTIONS
from albumsort.index.writer import IndexWriter
from albumsort.records import Box, Face, Photo, PhotoResult, mtime_ns
from albumsort.settings import ScanSettings
from albumsort.vision.crop import crop_face, whole_picture
from albumsort.vision.models import ModelCard, read_card, shipped_model
from albumsort.vision.reader import Picture, ReadFace

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """``-n auto`` means so many processes, however many cores there are: TensorFlow takes a gigabyte in each."""
    return min(4, os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def no_users_own_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither the index nor a tuned model of whoever runs the tests is read or written."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def album() -> Path:
    """The example album; read only."""
    return EXAMPLES / "album"


@pytest.fixture(scope="session")
def composer() -> ModuleType:
    """``examples/compose_album.py``: portraits, groups of them with the places of their faces, EXIF."""
    return _module(EXAMPLES / "compose_album.py")


@pytest.fixture(scope="session")
def camera() -> ModuleType:
    """``tests/trust/dng.py``: RAW files with previews."""
    return _module(Path(__file__).parent / "trust" / "dng.py")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _known_results(album: Path) -> list[PhotoResult]:
    """What a scan finds on the example album, from ``example_album.json``: no network is needed to have it."""
    found = json.loads((Path(__file__).parent / "example_album.json").read_text(encoding="utf-8"))
    results = []
    for name, row in found.items():
        status = (album / name).stat()
        photo = Photo(str(album / name), status.st_size, mtime_ns(status), **row["photo"])
        faces = [
            Face(
                Box(*face["box"]),
                face["detection"],
                tuple(map(tuple, face["landmarks"])),
                face["sharpness"],
                tuple(face["probabilities"]),
            )
            for face in row["faces"]
        ]
        results.append(PhotoResult(photo, tuple(faces)))
    return results


Results = Callable[[Path], "list[PhotoResult]"]


@pytest.fixture(scope="session")
def known_results() -> Results:
    """What a scan finds on a copy of the example album: ``known_results(folder)``."""
    return _known_results


@pytest.fixture(scope="session")
def scanned(album: Path, known_results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the example album as a scan leaves it, though no network was loaded for it; read only."""
    index = tmp_path_factory.mktemp("scanned") / "index.db"
    with IndexWriter(index) as writer:
        scan_id = writer.start_scan({"paths": [str(album)], **asdict(ScanSettings())})
        card = read_card(shipped_model())
        writer.name_model(scan_id, card.identity, card.labels)
        writer.write(scan_id, known_results(album))
        writer.finish_scan(scan_id)
    return index


class FakeReader:
    """Stands in for ``FaceReader`` without a network: it knows the photos of the example album by their sight.

    On a picture that looks like one of them it finds the faces that are known of it, on any other none. A crop has the
    probabilities of the known face that looks most like it.

    Attributes:
        pictures: how many pictures were read.
        crops: how many crops were read again.
        unloads: how often it gave its memory back.
    """

    def __init__(self, known: Sequence[PhotoResult]) -> None:
        self.card = read_card(shipped_model())
        self.loaded_card: ModelCard | None = None
        self.engine = "no network"
        self.pictures = self.crops = self.unloads = 0
        self._lock = Lock()  # a scan reads with several threads
        self._known: list[tuple[NDArray[np.float32], PhotoResult]] = []
        self._faces: list[tuple[NDArray[np.float32], Face]] = []
        for result in known:
            if result.photo.error is None:
                with Image.open(result.photo.path) as image:
                    pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
                self._known.append((_sight(pixels), result))
                self._faces += [(crop_face(pixels, face.box)[0].astype(np.float32), face) for face in result.faces]

    def unload(self) -> None:
        self.loaded_card = None
        self.unloads += 1

    def read(self, pictures: Sequence[Picture]) -> list[list[ReadFace]]:
        with self._lock:
            self.pictures += len(pictures)
            self.loaded_card = self.card if pictures else self.loaded_card
        return [self._read(picture) for picture in pictures]

    def read_cropped(self, pictures: Sequence[Picture]) -> list[ReadFace]:
        read = []
        for picture in pictures:
            crop, sharpness = whole_picture(picture.pixels)
            width, height = picture.size or picture.pixels.shape[1::-1]
            (probabilities,) = self.probabilities(crop[None])
            read.append(ReadFace(Face(Box(0, 0, width, height), 1.0, (), sharpness, probabilities), crop))
        return read

    def probabilities(self, crops: NDArray[np.uint8]) -> list[tuple[float | None, ...]]:
        self.crops += len(crops)
        self.loaded_card = self.card
        return [min(self._faces, key=lambda known: np.abs(known[0] - crop).mean())[1].probabilities for crop in crops]

    def _read(self, picture: Picture) -> list[ReadFace]:
        sight = _sight(picture.pixels)
        distances = [float(np.median(np.abs(known - sight))) for known, _ in self._known]
        distance, result = min(distances), self._known[int(np.argmin(distances))][1]
        height, width = picture.pixels.shape[:2]
        photo, size = result.photo, picture.size or (width, height)
        assert photo.width and photo.height
        if distance > 4 or abs(width / height - photo.width / photo.height) > 0.1:
            return []
        read = []
        for face in result.faces:
            scale = size[0] / photo.width, size[1] / photo.height
            crop, _ = crop_face(picture.pixels, face.box.scaled(width / photo.width, height / photo.height))
            points = tuple((x * scale[0], y * scale[1]) for x, y in face.landmarks)
            read.append(ReadFace(replace(face, box=face.box.scaled(*scale), landmarks=points), crop))
        return read


def _sight(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture as 16 x 16 grey squares."""
    return np.asarray(cv2.resize(pixels, (16, 16), interpolation=cv2.INTER_AREA).mean(-1), np.float32)


@pytest.fixture
def reader(album: Path) -> FakeReader:
    """Reads faces for ``scan`` and ``predict`` without a network."""
    return FakeReader(_known_results(album))


Runner = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs the command line in an empty folder, as a user would: ``run("top", "happy", "--db", index)``."""

    def call(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "albumsort", *map(str, args)]
        options = {"cwd": tmp_path, "capture_output": True, "text": True, **options}
        return subprocess.run(command, check=False, **options)  # type: ignore[call-overload,no-any-return]

    return call


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """Runs the command line as ``run`` does, but in this process, which is much faster: ``call("top", "happy")``."""
    from albumsort.cli import main

    def run_here(
        *args: object, env: dict[str, str] | None = None, cwd: Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        streams = [io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2)]
        with monkeypatch.context() as patch, redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            patch.chdir(cwd)
            patch.setattr(sys, "unraisablehook", sys.unraisablehook)  # which the program replaces
            for name in [] if env is None else {*os.environ} - {*env}:
                patch.delenv(name)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                main([str(arg) for arg in args])
        out, err = (os.fsdecode(stream.buffer.getvalue()) for stream in streams)  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(list(map(str, args)), left.value.code or 0, out, err)  # type: ignore[arg-type]

    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    logger = logging.getLogger("albumsort")
    log = (logger.level, logger.propagate, list(logger.handlers))
    yield run_here
    logger.level, logger.propagate, logger.handlers = log
    for number, handler in handlers.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """An empty folder that any user of the machine can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)
        os.chmod(name, 0o755)


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """``with unprivileged():`` lets permissions count in this process, also where the tests run as root."""

    @contextmanager
    def drop() -> Iterator[None]:
        if os.getuid():
            yield
            return
        os.setresuid(65534, 65534, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)

    return drop


FaceMaker = Callable[..., Face]


@pytest.fixture(scope="session")
def face_of() -> FaceMaker:
    """Makes up a face: ``face_of("happy", 0.9)``; the other emotions share what is left."""

    def make(emotion: str, probability: float, box: tuple[float, ...] = (10.0, 20.0, 80.0, 100.0)) -> Face:
        x, y, w, h = box
        rest = (1 - probability) / (len(EMOTIONS) - 1)
        probabilities = tuple(probability if name == emotion else rest for name in EMOTIONS)
        points = tuple(
            (x + w * a, y + h * b) for a, b in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
        )
        return Face(Box(x, y, w, h), 0.99, points, 50.0, probabilities)

    return make


IndexMaker = Callable[..., Path]


@pytest.fixture
def index_of(tmp_path: Path, face_of: FaceMaker) -> IndexMaker:
    """Makes an index without any network: ``index_of({path: [("happy", 0.9)], other_path: "not an image"})``.

    The faces are made up, the files are those at the paths, if there are any.
    """

    def make(
        photos: dict[str | Path, list[tuple[str, float]] | str], name: str = "made.db", threshold: float = 0.5
    ) -> Path:
        results = []
        for number, (path, found) in enumerate(photos.items()):
            place = os.fspath(path)
            exists = os.path.isfile(place)
            content = Path(place).read_bytes() if exists else os.fsencode(place)
            size, mtime = len(content), os.stat(place).st_mtime_ns if exists else 0
            error = found if isinstance(found, str) else None
            digest = hashlib.sha256(content).hexdigest()
            taken_at = (datetime(2024, 5, 17, 12) + timedelta(seconds=10 * number)).isoformat()  # no burst
            photo = Photo(place, size, mtime, digest, 400, 300, taken_at, "Example", digest[:16], error)
            results.append(PhotoResult(photo, () if error else tuple(face_of(*face) for face in found)))
        with IndexWriter(tmp_path / name) as writer:
            scan_id = writer.start_scan({"paths": [str(tmp_path)], "threshold": threshold})
            writer.write(scan_id, results)
            writer.finish_scan(scan_id)
        return tmp_path / name

    return make


@pytest.fixture
def labelled_faces(album: Path) -> Callable[[Path], None]:
    """Writes a small ``fer2013.csv`` and the votes of FER+ on it, ``fer2013new.csv``, into a folder.

    There are two faces of each emotion in each of the three splits.
    """

    def write(folder: Path) -> None:
        portrait = Image.open(album / "portraits" / "eileen-collins.jpg").convert("L").crop((165, 45, 275, 185))
        pixels = np.asarray(portrait.resize((48, 48))).astype(int)
        rows = [
            (emotion, " ".join(map(str, (pixels + number + 7 * emotion).clip(0, 255).flat)), split)
            for split in ("Training", "PublicTest", "PrivateTest")
            for emotion in range(7)
            for number in range(2)
        ]
        with (folder / "fer2013.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("emotion", "pixels", "Usage"), *rows])
        names = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"]
        order = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
        with (folder / "fer2013new.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Usage", "Image name", *names])
            for number, (emotion, _, split) in enumerate(rows):
                votes = [10 if name == order[emotion] else 0 for name in names]
                writer.writerow([split, f"fer{number:07d}.png", *votes])

    return write


#: Tries to change the journal of an index, which is possible only if no other process has it open.
_TAKE_OVER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("PRAGMA journal_mode = DELETE")
"""


@pytest.fixture
def is_locked() -> Callable[[Path], bool]:
    """Whether another process finds an index locked, as it must while this process has it open."""

    def ask(index: Path) -> bool:
        command = [sys.executable, "-c", _TAKE_OVER, str(index)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "database is locked" in done.stderr
        return done.returncode != 0

    return ask
