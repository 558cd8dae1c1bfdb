"""A scan passes over what exports have made of its photos, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from albumsort.export.folders import ExportOptions, export
from albumsort.export.manifest import JOURNAL, NAME
from albumsort.index import Index
from albumsort.index.query import Query
from albumsort.index.writer import IndexWriter
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings

pytestmark = pytest.mark.slow
HAPPY = Query(("happy",), threshold=0.1)


@pytest.fixture
def world(tmp_path: Path, album: Path, reader: Any) -> Any:
    """Two happy photos in ``photos``, which are scanned, and what can be done with them."""

    class World:
        photos, index = tmp_path / "photos", tmp_path / "index.db"

        def scan(self, *roots: Path, **settings: Any) -> ScanSummary:
            return scan([*roots] or [self.photos], self.index, ScanSettings(**settings), reader=reader)

        def export(self, folder: Path, **options: Any) -> list[Path]:
            with Index(self.index) as index:
                return [Path(item.target) for item in export(index, folder, HAPPY, ExportOptions(**options))]

        def listed(self) -> list[str]:
            with Index(self.index) as index:
                return [os.path.relpath(row.photo.path, tmp_path) for row in index.photos()]

    world = World()
    world.photos.mkdir()
    for name in ("a", "b"):
        content = (album / "portraits" / "eileen-collins.jpg").read_bytes()
        (world.photos / f"{name}.jpg").write_bytes(content + name.encode())
    world.scan()
    return world


MINE = ["photos/a.jpg", "photos/b.jpg"]


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize("layout", ["emotion", "emotion/year", "flat"])
def test_an_export_inside_a_scanned_folder_is_passed_over(world: Any, mode: str, layout: str) -> None:
    assert len(world.export(world.photos / "best", mode=mode, layout=layout)) == 2
    for settings in ({}, {"rescan": True}, {"follow_links": True}):
        summary = world.scan(**settings)
        assert world.listed() == MINE
        assert summary.photos == 2
    assert summary.passed_over == {"copy": 2}  # the last scan followed links
    shutil.rmtree(world.photos / "best")
    assert world.scan().passed_over == {}


def test_an_export_right_into_a_scanned_folder_is_passed_over(world: Any) -> None:
    world.export(world.photos)
    assert world.scan().passed_over == {"copy": 2}
    assert world.listed() == MINE


def test_photos_among_the_exported_files_are_read(world: Any, album: Path) -> None:
    world.export(world.photos / "best")
    shutil.copy(album / "groups" / "both.jpg", world.photos / "best" / "happy" / "mine.jpg")
    world.scan()
    assert world.listed() == ["photos/a.jpg", "photos/b.jpg", "photos/best/happy/mine.jpg"]


def test_copies_with_keywords_are_passed_over_too(world: Any) -> None:
    for copy in world.export(world.photos / "best"):
        copy.write_bytes(copy.read_bytes() + b"keywords")
    assert world.scan().passed_over == {"copy": 2}


@pytest.mark.parametrize("inside", ["", "happy"])
def test_an_export_that_is_scanned_by_name_is_read_now_and_later(world: Any, inside: str) -> None:
    world.export(world.photos / "best")
    assert world.scan(world.photos / "best" / inside).photos == 2
    assert len(world.listed()) == 4
    assert world.scan().dropped == 0
    assert len(world.listed()) == 4
    both = world.scan(world.photos, world.photos / "best" / inside)
    assert (both.photos, both.passed_over) == (4, {})


def test_an_export_of_photos_elsewhere_is_passed_over_if_the_index_has_them(world: Any, tmp_path: Path) -> None:
    world.export(tmp_path / "other" / "best")
    assert world.scan(tmp_path / "other").passed_over == {"copy": 2}
    assert world.scan(tmp_path / "other", rescan=True).passed_over == {"copy": 2}
    world.index = tmp_path / "new.db"
    assert world.scan(tmp_path / "other").photos == 2


def test_a_copy_whose_photo_is_gone_or_is_another_one_now_is_read(world: Any) -> None:
    world.export(world.photos / "best")
    (world.photos / "a.jpg").unlink()
    (world.photos / "b.jpg").write_bytes((world.photos / "b.jpg").read_bytes() + b"another")
    assert world.scan().passed_over == {}
    # Their ranks depend on which of two equal photos was decoded first.
    assert sorted(name.rpartition("_")[2] for name in world.listed() if "best" in name) == ["a.jpg", "b.jpg"]


def test_copies_that_earlier_scans_read_leave_the_lists_and_what_was_said_of_them_stays(
    world: Any, reader: Any
) -> None:
    copies = world.export(world.photos / "best")
    world.scan(include_hidden=True)
    assert len(world.listed()) == 4
    with IndexWriter(world.index) as writer:
        writer.correct(str(copies[0]), None, "sad")
    summary = world.scan()
    assert (summary.dropped, summary.passed_over, world.listed()) == (2, {"copy": 2}, MINE)
    with Index(world.index) as index:
        assert [correction.emotion for correction in index.corrections()] == ["sad"]


def test_the_journal_of_an_export_that_was_killed_counts(world: Any) -> None:
    world.export(world.photos / "best")
    manifest = json.loads((world.photos / "best" / NAME).read_text())
    (world.photos / "best" / JOURNAL).write_text("".join(json.dumps(item) + "\n" for item in manifest["files"]))
    (world.photos / "best" / NAME).unlink()
    assert world.scan().passed_over == {"copy": 2}


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"version": 99, "files": []}', '{"version": 2, "files": [{}]}'])
def test_what_a_damaged_manifest_lists_is_read(world: Any, damage: str) -> None:
    world.export(world.photos / "best")
    (world.photos / "best" / NAME).write_text(damage)
    assert world.scan().photos == 4


def test_two_manifests_that_call_each_others_files_copies_hide_none(world: Any) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        folder = world.photos / name
        folder.mkdir()
        shutil.move(world.photos / f"{name}.jpg", folder / "x.jpg")
        item = {"path": "x.jpg", "source": str(world.photos / other / "x.jpg"), "mode": "copy", "digest": ""}
        (folder / NAME).write_text(json.dumps({"version": 2, "files": [item]}))
    os.utime(world.photos / "a" / "x.jpg", (1, 1))
    os.utime(world.photos / "b" / "x.jpg", (1, 1))
    assert world.scan().photos == 2
