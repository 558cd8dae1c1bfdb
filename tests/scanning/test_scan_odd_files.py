"""A scan of a folder in which everything is a little odd, and something hostile."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import joblib
import piexif
import pytest
from PIL import Image

from albumsort.album.formats import NEEDS_RAWPY
from albumsort.index import Index
from albumsort.records import Face
from albumsort.scanning import distribute
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings
from albumsort.vision import mtcnn as mtcnn_networks

HAPPY, NEUTRAL = "portraits/eileen-collins.jpg", "portraits/grace-hopper.jpg"


def faces_on(index: Path, photo: Path) -> tuple[Face, ...]:
    with Index(index) as opened:
        known = opened.photo(str(photo))
    assert known is not None, f"{photo} is not in the index"
    return known.faces


def forbidden(*_: object, **__: object) -> NoReturn:
    raise AssertionError("this scan has no need of it")


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple[str, str]]:
        return open, (str(self.path), "w")


@dataclass
class Odd:
    """A scan of a folder in which everything is a little odd, from inside it."""

    folder: Path
    index: Path
    before: dict[Path, tuple[str, int]]
    summary: ScanSummary

    @staticmethod
    def state(folder: Path) -> dict[Path, tuple[str, int]]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, album: Path) -> Odd:
    folder, index = tmp_path_factory.mktemp("odd"), tmp_path_factory.mktemp("index") / "index.db"
    named = folder / os.fsdecode(b"\xff\n") / os.fsdecode(b"caf\xe9\n.jpg")
    named.parent.mkdir()
    shutil.copy(album / HAPPY, named)
    shutil.copy(album / HAPPY, folder / "copy without a suffix")
    for size in ((1, 1), (6000, 1), (1, 300)):
        Image.new("RGB", size, "white").save(folder / f"{size[0]} x {size[1]}.png")
    (folder / "empty.jpg").touch()
    (folder / os.fsdecode(b"cut\xe9.jpg")).write_bytes((album / NEUTRAL).read_bytes()[:9000])
    (folder / "notes").write_text("no picture")
    os.mkfifo(folder / "pipe.jpg")
    for name in ("pnet", "rnet", "onet"):
        joblib.dump(Bomb(folder.parent / "owned"), folder / f"{name}.lz4", compress="lz4")
    before = Odd.state(folder)
    # As in a process of its own, where no network is loaded yet.
    mtcnn_networks.load.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        summary = scan(["."], index)
    return Odd(folder, index, before, summary)


@pytest.mark.slow
def test_odd_photos_are_all_counted(odd: Odd) -> None:
    assert odd.summary.as_dict() | {"seconds": 0} == {
        "photos": 7,
        "scanned": 6,
        "unchanged": 0,
        "moved": 1,
        "raws": 0,
        "faces": 1,
        "errors": 2,
        "old_errors": 0,
        "rescored": 0,
        "of_other_models": 0,
        "passed_over": {},
        "dropped": 0,
        "seconds": 0,
    }


@pytest.mark.slow
def test_names_that_are_no_utf8_go_all_the_way(odd: Odd) -> None:
    path = odd.folder / os.fsdecode(b"\xff\n") / os.fsdecode(b"caf\xe9\n.jpg")
    assert len(faces_on(odd.index, path)) == 1
    assert faces_on(odd.index, odd.folder / "copy without a suffix") == faces_on(odd.index, path)
    with Index(odd.index) as index:
        assert dict(index.problems()) == {
            str(odd.folder / "empty.jpg"): "empty file",
            str(odd.folder / os.fsdecode(b"cut\xe9.jpg")): "truncated",
        }


@pytest.mark.slow
def test_photos_are_left_as_they_were(odd: Odd) -> None:
    assert Odd.state(odd.folder) == odd.before


@pytest.mark.slow
def test_weights_in_the_working_directory_are_not_unpickled(odd: Odd) -> None:
    owned = odd.folder.parent / "owned"
    assert not owned.exists()
    # The trap was set: this is what would have happened.
    joblib.load(odd.folder / "pnet.lz4").close()
    assert owned.exists()
    owned.unlink()


@pytest.mark.slow
def test_a_re_scan_of_odd_files_opens_nothing(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribute, "Decoders", forbidden)
    monkeypatch.setattr("albumsort.album.walk.open", forbidden, raising=False)
    assert scan([odd.folder], odd.index).unchanged == 7


def test_a_photo_that_ends_too_early_is_read_as_far_as_it_goes_and_marked(
    tmp_path: Path, album: Path, reader: Any
) -> None:
    whole, cut, index = tmp_path / "whole.jpg", tmp_path / "cut.jpg", tmp_path / "index.db"
    shutil.copy(album / HAPPY, whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) * 8 // 10])
    summary = scan([tmp_path], index, reader=reader)
    assert (summary.faces, summary.errors) == (2, 1)
    (face,), (known,) = faces_on(index, cut), faces_on(index, whole)
    assert face.box == pytest.approx(known.box, abs=3)
    with Index(index) as opened:
        assert opened.problems() == [(str(cut), "truncated")]
        assert {row.photo.path for row in opened.top("happy")} == {str(cut), str(whole)}
    assert scan([tmp_path], index, reader=reader).unchanged == 2


def test_a_folder_that_may_not_be_read_is_a_problem_until_it_may(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]], reader: Any
) -> None:
    closed, index = public_folder / "closed", public_folder / "index.db"
    closed.mkdir(mode=0)
    public_folder.chmod(0o777)

    def problems() -> list[tuple[str, str]]:
        with unprivileged():
            summary = scan([public_folder], index, reader=reader)
            assert (summary.photos, summary.errors) == (0, 0)
            with Index(index) as opened:
                return opened.problems()

    assert problems() == [(str(closed), "permission denied")]
    closed.chmod(0o755)
    assert problems() == []


def test_photos_of_impossible_years_are_read(tmp_path: Path, album: Path, reader: Any) -> None:
    """Of the year 2300 by their file, and of the year 1 by their EXIF."""
    folder, index = tmp_path / "folder", tmp_path / "index.db"
    folder.mkdir()
    for number, year in enumerate((b"0001", b"9999")):
        exif = piexif.dump({"Exif": {piexif.ExifIFD.DateTimeOriginal: year + b":01:01 00:00:00"}})
        Image.new("RGB", (90, 60), (number, 0, 0)).save(folder / f"{number}.jpg", exif=exif)
    (folder / "notes").write_text("no picture")
    for path in folder.iterdir():
        os.utime(path, (10_413_792_000, 10_413_792_000))
    assert scan([folder], index, reader=reader).errors == 0
    assert scan([folder], index, reader=reader).unchanged == 2


def test_a_photo_that_was_too_large_is_read_when_more_is_allowed(tmp_path: Path, album: Path, reader: Any) -> None:
    folder, index = tmp_path / "folder", tmp_path / "index.db"
    folder.mkdir()
    Image.new("RGB", (2000, 1000), "teal").save(folder / "large.jpg")
    assert scan([folder], index, ScanSettings(max_megapixels=1), reader=reader).errors == 1
    summary = scan([folder], index, ScanSettings(max_megapixels=3), reader=reader)
    assert (summary.scanned, summary.errors) == (1, 0)


def test_a_film_of_any_size_is_told_by_its_first_bytes(tmp_path: Path, reader: Any) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with open(folder / "film.jpg", "wb") as file:
        file.write(b"\0\0\0\x18ftypmp42")
        file.truncate(1 << 40)  # sparse: reading it to its end would take an hour
    scan([folder], tmp_path / "index.db", reader=reader)
    with Index(tmp_path / "index.db") as index:
        assert index.problems() == [(str(folder / "film.jpg"), "not an image")]


PASSING = (
    "permission denied",
    "vanished during the scan",
    "too large for the memory of this machine",
    "cannot be read (Input/output error)",
    "decoder crashed",
    "decoder took over 30 s",
    NEEDS_RAWPY,
    "too large (250 MP > 200 MP; see --max-megapixels)",
)
LASTING = (
    *("truncated", "decoder crashed, in two scans", "decoder took over 30 s, in two scans"),
    "cannot be decoded (OSError: broken data stream)",
)


def test_photos_whose_error_may_have_passed_are_read_again_and_others_are_not(
    tmp_path: Path, index_of: Callable, reader: Any
) -> None:
    errors = dict(enumerate((*PASSING, *LASTING)))
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in errors:
        Image.new("RGB", (40, 30), (20 * number, 90, 90)).save(folder / f"{number}.png")
    index = index_of({folder / f"{number}.png": error for number, error in errors.items()})
    summary = scan([folder], index, reader=reader)
    assert (summary.scanned, summary.unchanged) == (len(PASSING), len(LASTING))
    assert summary.old_errors == len(LASTING)
    with Index(index) as opened:
        left = {error for _, error in opened.problems()}
    assert left == set(LASTING)


def test_copies_of_a_photo_that_is_too_large_are_opened_once_each(tmp_path: Path, reader: Any) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (1500, 1000), "teal").save(folder / f"{number:02}.png")
    summary = scan([folder], tmp_path / "index.db", ScanSettings(max_megapixels=1), reader=reader)
    assert (summary.photos, summary.errors) == (12, 12)
    with Index(tmp_path / "index.db") as index:
        assert {reason for _, reason in index.problems()} == {"too large (1.5 MP > 1 MP; see --max-megapixels)"}
    assert summary.scanned <= 4  # one by each decoder, before the first is known
