"""RAW files in a scan: read by their preview, or not at all where the JPEG beside them is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from albumsort.album.formats import NEEDS_RAWPY
from albumsort.export.folders import ExportOptions, export
from albumsort.index import Index
from albumsort.index.corrections import overlap
from albumsort.index.query import Query
from albumsort.index.writer import IndexWriter
from albumsort.scanning.predict import predict
from albumsort.scanning.recrop import cut_faces
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings


@dataclass
class Shoot:
    """A folder as a camera fills it that writes RAW and JPEG, with its index."""

    folder: Path
    raw: bytes
    jpeg: bytes
    reader: Any

    @property
    def index(self) -> Path:
        return self.folder.with_name("index.db")

    def place(self, name: str, *, raw: bool = True, jpeg: bool = True) -> None:
        self.folder.mkdir(exist_ok=True)
        if raw:
            (self.folder / f"{name}.DNG").write_bytes(self.raw)
        if jpeg:
            (self.folder / f"{name}.JPG").write_bytes(self.jpeg)

    def scan(self) -> ScanSummary:
        return scan([self.folder], self.index, reader=self.reader)

    def listed(self, with_raws: bool = False) -> set[str]:
        with Index(self.index) as index:
            rows = index.top("happy", n=None)
        photos = [photo for row in rows for photo in (row.photo, *(row.raws if with_raws else ()))]
        return {os.path.basename(photo.path) for photo in photos}


@pytest.fixture(scope="module")
def happy(composer: Any) -> Image.Image:
    return composer.portrait(composer.HAPPY)


@pytest.fixture
def shoot(tmp_path: Path, camera: Any, happy: Image.Image, reader: Any) -> Shoot:
    seen = happy.resize((happy.width // 4 * 2, happy.height // 4 * 2))
    raw = camera.dng(seen, camera.jpeg(camera.stored(happy, 6)), 6)
    return Shoot(tmp_path / "shoot", raw, camera.jpeg(happy), reader)


def test_a_raw_file_is_read_by_its_preview_and_its_faces_fit_the_upright_photo(
    shoot: Shoot, happy: Image.Image, tmp_path: Path
) -> None:
    shoot.place("IMG_1", jpeg=False)
    assert shoot.scan().faces == 1
    with Index(shoot.index) as index:
        (row,) = index.top("happy")
    assert (row.photo.width, row.photo.height) == happy.size
    assert (row.photo.taken_at, row.photo.utc_offset) == ("2024-05-17T15:04:05", "+02:00")
    assert row.photo.camera == "Example One"
    upright = tmp_path / "upright.png"
    happy.save(upright)
    (read,) = predict([upright], reader=shoot.reader)
    (face,) = read.faces
    assert overlap(row.faces[0].box, face.box) > 0.9
    boxes = {path: [face.box] for path in (row.photo.path, str(upright))}
    cut = {photo.path: crops[0] for photo, crops in cut_faces(boxes, boxes.__getitem__)}
    assert np.abs(cut[row.photo.path].astype(float) - cut[str(upright)]).mean() < 3


def test_a_raw_file_and_its_jpeg_are_one_photo_and_one_reading(shoot: Shoot) -> None:
    shoot.place("IMG_1")
    shoot.place("IMG_2", jpeg=False)
    summary = shoot.scan()
    assert (summary.photos, summary.scanned, summary.raws, summary.faces, summary.errors) == (3, 2, 1, 2, 0)
    assert shoot.listed() == {"IMG_1.JPG", "IMG_2.DNG"}
    assert shoot.listed(with_raws=True) == {"IMG_1.JPG", "IMG_1.DNG", "IMG_2.DNG"}
    again = shoot.scan()
    assert (again.photos, again.scanned, again.unchanged, again.raws) == (3, 0, 2, 1)
    anew = scan(
        [shoot.folder / "IMG_1.JPG"], shoot.index, reader=shoot.reader
    )  # a scan that does not see the RAW file leaves it as it is
    assert (anew.photos, anew.raws) == (1, 0)
    assert shoot.listed(with_raws=True) == {"IMG_1.JPG", "IMG_1.DNG", "IMG_2.DNG"}


def test_a_raw_file_whose_jpeg_goes_is_read_and_given_up_when_one_comes(shoot: Shoot) -> None:
    shoot.place("IMG_1")
    shoot.scan()
    (shoot.folder / "IMG_1.JPG").unlink()
    with IndexWriter(shoot.index) as writer:
        writer.prune()
    alone = shoot.scan()
    assert (alone.scanned, alone.raws) == (1, 0)
    assert shoot.listed() == {"IMG_1.DNG"}
    assert shoot.scan().unchanged == 1
    shoot.place("IMG_1", raw=False)
    both = shoot.scan()
    assert (both.scanned, both.unchanged, both.raws) == (1, 0, 1)
    assert shoot.listed() == {"IMG_1.JPG"}


def test_a_raw_file_whose_jpeg_cannot_be_read_is_read(shoot: Shoot) -> None:
    shoot.place("IMG_1")
    jpeg = shoot.folder / "IMG_1.JPG"
    jpeg.write_bytes(b"no picture")
    summary = shoot.scan()
    assert (summary.photos, summary.scanned, summary.raws, summary.errors) == (2, 2, 0, 1)
    assert shoot.listed() == {"IMG_1.DNG"}
    again = shoot.scan()
    assert (again.photos, again.scanned, again.unchanged, again.raws) == (2, 0, 2, 0)
    jpeg.write_bytes(shoot.jpeg)
    assert shoot.scan().raws == 1
    assert shoot.listed() == {"IMG_1.JPG"}
    jpeg.write_bytes(b"no picture any more")
    assert shoot.scan().scanned == 2
    assert shoot.listed() == {"IMG_1.DNG"}


def test_a_pair_that_moves_stays_one(shoot: Shoot) -> None:
    shoot.place("IMG_1")
    shoot.scan()
    (shoot.folder / "2024").mkdir()
    for name in ("IMG_1.JPG", "IMG_1.DNG"):
        os.rename(shoot.folder / name, shoot.folder / "2024" / name)
    summary = shoot.scan()
    assert (summary.photos, summary.scanned, summary.moved, summary.raws) == (2, 0, 1, 1)
    assert shoot.listed(with_raws=True) == {"IMG_1.JPG", "IMG_1.DNG"}
    with IndexWriter(shoot.index) as writer:
        assert writer.prune() == (1, 2)
    assert shoot.listed(with_raws=True) == {"IMG_1.JPG", "IMG_1.DNG"}


def test_a_raw_file_that_moves_away_is_a_photo_of_its_own(shoot: Shoot) -> None:
    shoot.place("IMG_1")
    shoot.scan()
    (shoot.folder / "raws").mkdir()
    os.rename(shoot.folder / "IMG_1.DNG", shoot.folder / "raws" / "IMG_1.DNG")
    assert shoot.scan().scanned == 1
    assert shoot.listed() == {"IMG_1.JPG", "IMG_1.DNG"}


def test_a_scan_killed_before_it_pairs_is_made_good_by_the_next(shoot: Shoot, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    shoot.place("IMG_1")
    with monkeypatch.context() as patched:
        patched.setattr(IndexWriter, "pair", kill)
        with pytest.raises(KeyboardInterrupt):
            shoot.scan()
    assert shoot.listed(with_raws=True) == {"IMG_1.JPG"}
    assert shoot.scan().scanned == 0
    assert shoot.listed(with_raws=True) == {"IMG_1.JPG", "IMG_1.DNG"}


def test_what_is_excluded_stands_for_no_raw_file(shoot: Shoot) -> None:
    shoot.place("IMG_1")
    scan([shoot.folder], shoot.index, ScanSettings(exclude=("*.JPG",)), reader=shoot.reader)
    assert shoot.listed() == {"IMG_1.DNG"}


def test_an_export_has_the_jpeg_and_if_asked_the_raw_file_beside_it(shoot: Shoot, tmp_path: Path) -> None:
    shoot.place("IMG_1")
    shoot.scan()

    def names(**options: Any) -> list[str]:
        with Index(shoot.index) as index:
            export(index, tmp_path / "best", Query(("happy",)), ExportOptions(**options))
        return sorted(path.stem[8:] + path.suffix for path in (tmp_path / "best" / "happy").iterdir())

    assert names() == ["IMG_1.JPG"]
    assert names(with_raws=True) == ["IMG_1.DNG", "IMG_1.JPG"]
    assert len({path.stem for path in (tmp_path / "best" / "happy").iterdir()}) == 1
    assert names(with_raws=True) == ["IMG_1.DNG", "IMG_1.JPG"]


def test_raw_files_met_without_the_extra_are_read_when_it_is_there(
    shoot: Shoot, tmp_path: Path, run: Callable[..., Any]
) -> None:
    shoot.place("IMG_1", jpeg=False)
    (tmp_path / "without").mkdir()
    # Runs at the start of each Python, the decoders' too.
    (tmp_path / "without" / "sitecustomize.py").write_text("import sys\nsys.modules['rawpy'] = None\n")
    paths = os.pathsep.join(filter(None, [str(tmp_path / "without"), os.environ.get("PYTHONPATH")]))
    without = {"env": {**os.environ, "PYTHONPATH": paths}}
    assert "1 read" in run("scan", shoot.folder, "--db", shoot.index, **without).stdout
    assert run("problems", "--db", shoot.index).stdout == f"{shoot.folder / 'IMG_1.DNG'}: {NEEDS_RAWPY}\n"
    assert "0 read, 1 unchanged" in run("scan", shoot.folder, "--db", shoot.index, **without).stdout
    assert shoot.scan().scanned == 1
    assert shoot.listed() == {"IMG_1.DNG"}
