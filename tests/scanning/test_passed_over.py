"""A scan does not read what is no photo of its own, says how much that is, and drops what earlier scans read of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.scanning.scan import scan
from albumsort.settings import ScanSettings

ALL = ScanSettings(include_hidden=True)


@pytest.fixture
def photos(tmp_path: Path, album: Path) -> Callable[..., Path]:
    """Makes a folder in which each of some names is a photo with bytes of its own."""

    def make(*names: str) -> Path:
        folder = tmp_path / "photos"
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((album / "portraits" / "eileen-collins.jpg").read_bytes() + name.encode())
        return folder

    return make


def listed(index: Path, folder: Path) -> list[str]:
    with Index(index) as opened:
        return [str(Path(row.photo.path).relative_to(folder)) for row in opened.photos()]


@pytest.mark.slow
def test_only_photos_are_read_and_the_rest_is_counted_by_kind(
    photos: Callable[..., Path], tmp_path: Path, reader: Any
) -> None:
    folder = photos(
        *("DCIM/IMG_1.jpg", "DCIM/.trashed-1716000000-IMG_2.jpg", "nas/@Recycle/IMG_6.jpg"),
        *("sync/.syncthing.IMG_4.jpg.tmp", "tool/IMG_9.jpg", "tool/IMG_9.jpg_original"),
        *("x.photoslibrary/originals/1/A.jpeg", "x.photoslibrary/resources/derivatives/1/A_1_105_c.jpeg"),
    )
    summary = scan([folder], tmp_path / "index.db", reader=reader)
    kept = ["DCIM/IMG_1.jpg", "tool/IMG_9.jpg", "x.photoslibrary/originals/1/A.jpeg"]
    assert listed(tmp_path / "index.db", folder) == kept
    assert summary.passed_over == {"hidden": 1, "unfinished": 1, "bin": 1, "backup": 1, "program": 1}
    assert scan([folder], tmp_path / "index.db", ALL, reader=reader).scanned == 5


@pytest.mark.slow
def test_photos_that_an_earlier_scan_read_and_that_are_passed_over_now_leave_the_lists(
    photos: Callable[..., Path], tmp_path: Path, reader: Any
) -> None:
    index = tmp_path / "index.db"
    names = ["@Recycle/IMG_6.jpg", "IMG_1.jpg", "IMG_1.jpg_original"]
    folder = photos(*names)
    (folder / ".trashed-1-IMG_3.jpg").write_text("no picture")
    scan([folder], index, ALL, reader=reader)
    assert listed(index, folder) == names
    with IndexWriter(index) as writer:
        writer.correct(str(folder / "@Recycle/IMG_6.jpg"), None, "sad")

    for settings in (ScanSettings(), ScanSettings(rescan=True)):
        with_all = scan([folder], index, ALL, reader=reader)
        assert with_all.dropped == 0
        assert scan([folder], index, settings, reader=reader).dropped == 3  # with the one that could not be read
        assert listed(index, folder) == ["IMG_1.jpg"]
        with Index(index) as opened:
            assert opened.problems() == []
            assert opened.top("sad") == []
            assert opened.stats()["photos"] == 1

    scan([folder], index, ALL, reader=reader)
    with Index(index) as opened:  # what a person said is there again with the photo
        assert str(folder / "@Recycle/IMG_6.jpg") in [row.photo.path for row in opened.top("sad")]


@pytest.mark.slow
def test_photos_of_other_folders_and_those_that_were_named_stay(
    photos: Callable[..., Path], tmp_path: Path, reader: Any
) -> None:
    index = tmp_path / "index.db"
    names = [".private/a.jpg", "@Recycle/b.jpg", "c.jpg", "other/@Recycle/d.jpg", "x/.trashed-1-e.jpg"]
    folder = photos(*names)
    scan([folder], index, ALL, reader=reader)
    scan([folder / ".private", folder / "x" / ".trashed-1-e.jpg"], index, reader=reader)
    assert scan([folder / "other"], index, reader=reader).dropped == 1
    assert scan([folder], index, reader=reader).dropped == 1
    assert listed(index, folder) == [".private/a.jpg", "c.jpg", "x/.trashed-1-e.jpg"]


@pytest.mark.slow
def test_an_index_of_an_older_version_loses_what_is_passed_over_now(
    photos: Callable[..., Path], tmp_path: Path, reader: Any
) -> None:
    index = tmp_path / "index.db"
    folder = photos("a.jpg", "a.jpg_original")
    scan([folder], index, ALL, reader=reader)
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute("UPDATE scans SET settings = json_remove(settings, '$.include_hidden')")
    shutil.rmtree(folder)
    folder.mkdir()  # an unplugged disk: what is there by its name stays
    assert scan([folder], index, reader=reader).dropped == 1
    assert listed(index, folder) == ["a.jpg"]
