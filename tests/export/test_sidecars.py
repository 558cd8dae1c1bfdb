"""Sidecars are written beside copies and, if asked, beside originals. No other file changes, and undo removes them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from albumsort.album.photo import open_photo, read_header
from albumsort.errors import AlbumsortError
from albumsort.export.folders import ExportOptions, export
from albumsort.export.manifest import NAME, Manifest, fingerprint
from albumsort.export.sidecars import Sidecar, write_sidecars
from albumsort.files import new_file
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoFile, PhotoResult

HAPPY, DIM = "portraits/eileen-collins.jpg", "dim.jpg"
_AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
_SIZE = "{http://ns.adobe.com/xap/1.0/sType/Dimensions#}"


@pytest.fixture
def mine(album, tmp_path) -> Path:
    """Copies of two example photos, which a test may change."""
    for name in (HAPPY, DIM):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(album / name, tmp_path / "mine" / name)
    return tmp_path / "mine"


@pytest.fixture
def index(mine, index_of) -> Path:
    return index_of({mine / HAPPY: [("happy", 0.9)], mine / DIM: [("happy", 0.8), ("sad", 0.7)]})


def sidecars_of(
    index: Path,
    out: Path,
    emotions: tuple[str, ...] = ("happy",),
    *,
    sidecars: bool = True,
    tag_originals: bool = False,
    threshold: float | None = None,
    filters: Filters | None = None,
    **options: Any,
) -> list[Sidecar]:
    """Export and write sidecars; returns what was done with these."""
    with Index(index) as opened:
        query = opened.settled(Query(emotions, None, threshold, filters=filters or Filters()))
        files = export(opened, out, query, ExportOptions(**options))
    if not sidecars:
        return []
    return write_sidecars(out, files, query, tag_originals=tag_originals, dry_run=options.get("dry_run", False))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def actions(done: list[Sidecar]) -> list[str]:
    return [item.action for item in done]


def undone(out: Path) -> dict[str, str]:
    return {path.name: action for path, action in Manifest(out).undo()}


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize("layout", ["emotion", "flat"])
def test_each_file_has_its_sidecar_and_undo_removes_both(index, mine, tmp_path, mode, layout):
    before = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
    assert actions(sidecars_of(index, tmp_path / "out", mode=mode, layout=layout)) == ["written", "written"]
    start = "happy_" if layout == "flat" else "happy/"
    names = [f"{start}001_090_eileen-collins.jpg", f"{start}002_080_dim.jpg"]
    assert files(tmp_path / "out") == sorted([NAME, *names, *(f"{name}.xmp" for name in names)])
    assert {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()} == before
    assert set(undone(tmp_path / "out").values()) == {"removed"}
    assert files(tmp_path / "out") == []


def test_the_sidecar_of_a_photo_with_two_emotions_names_both_in_both_folders(index, tmp_path):
    sidecars_of(index, tmp_path / "out", emotions=("happy", "sad"))
    in_happy, in_sad = (tmp_path / "out").rglob("*dim.jpg.xmp")
    assert in_happy.read_bytes() == in_sad.read_bytes()
    assert b"emotion|happy" in in_happy.read_bytes() and b"emotion|sad" in in_happy.read_bytes()


def test_a_second_run_adds_only_what_is_new(index, mine, index_of, tmp_path):
    out = tmp_path / "out"
    sidecars_of(index, out)
    before = {name: (out / name).stat().st_mtime_ns for name in files(out)}
    assert actions(sidecars_of(index, out)) == ["present", "present"]
    assert {name: (out / name).stat().st_mtime_ns for name in files(out)} == before


def test_files_of_an_earlier_export_get_sidecars(index, tmp_path):
    sidecars_of(index, tmp_path / "out", sidecars=False)
    assert actions(sidecars_of(index, tmp_path / "out")) == ["written", "written"]
    assert len(files(tmp_path / "out")) == 5
    assert set(undone(tmp_path / "out").values()) == {"removed"}
    assert files(tmp_path / "out") == []


def test_a_dry_run_reports_the_same_and_writes_nothing(index, mine, tmp_path):
    planned = sidecars_of(index, tmp_path / "out", tag_originals=True, dry_run=True)
    assert actions(planned) == ["would be written"] * 4
    assert not (tmp_path / "out").exists()
    assert files(mine) == sorted([HAPPY, DIM])
    done = sidecars_of(index, tmp_path / "out", tag_originals=True)
    assert [item.target for item in done] == [item.target for item in planned]


def test_sidecars_are_updated_when_the_index_has_changed(index, mine, index_of, tmp_path):
    out = tmp_path / "out"
    sidecars_of(index, out, tag_originals=True)
    corrected = index_of({mine / HAPPY: [("happy", 0.9), ("fear", 0.9)], mine / DIM: [("happy", 0.8), ("sad", 0.7)]})
    done = sidecars_of(corrected, out, tag_originals=True)
    assert actions(done) == ["updated", "updated", "present", "present"]
    assert all(b"emotion|fear" in Path(item.target).read_bytes() for item in done[:2])
    assert set(undone(out).values()) == {"removed"}
    assert files(out) == []
    assert files(mine) == sorted([HAPPY, DIM])


def test_a_sidecar_that_another_program_changed_is_kept(index, mine, index_of, tmp_path):
    out = tmp_path / "out"
    first, *_ = sidecars_of(index, out, tag_originals=True)
    edited = {Path(first.target), mine / f"{DIM}.xmp"}
    for path in edited:
        path.write_bytes(path.read_bytes().replace(b"<rdf:li>happy", b"<rdf:li>holiday"))
    corrected = index_of({mine / HAPPY: [("fear", 0.9), ("happy", 0.8)], mine / DIM: [("fear", 0.9), ("happy", 0.8)]})
    done = sidecars_of(corrected, out, tag_originals=True)
    assert {Path(item.target) for item in done if item.action == "kept"} == edited
    assert {path for path, action in Manifest(out).undo() if action == "changed"} == edited
    assert all(b"holiday" in path.read_bytes() for path in edited)


def test_originals_get_sidecars_only_when_asked_and_undo_removes_them(index, mine, tmp_path):
    out = tmp_path / "out"
    sidecars_of(index, out)
    assert files(mine) == sorted([HAPPY, DIM])
    before = {name: ((mine / name).read_bytes(), (mine / name).stat().st_mtime_ns) for name in files(mine)}
    assert actions(sidecars_of(index, out, tag_originals=True)) == ["present", "written", "present", "written"]
    assert files(mine) == sorted([HAPPY, DIM, f"{HAPPY}.xmp", f"{DIM}.xmp"])
    assert (mine / f"{DIM}.xmp").read_bytes() == (out / "happy" / "002_080_dim.jpg.xmp").read_bytes()
    assert set(undone(out).values()) == {"removed"}
    assert {name: ((mine / name).read_bytes(), (mine / name).stat().st_mtime_ns) for name in files(mine)} == before


@pytest.mark.parametrize("name", ["dim.jpg.xmp", "dim.xmp", "dim.XMP", "dim.jpg.XMP"])
def test_an_original_that_has_a_sidecar_gets_none(index, mine, tmp_path, name):
    (mine / name).write_text("mine")
    done = sidecars_of(index, tmp_path / "out", tag_originals=True)
    assert {Path(item.target).name: item.action for item in done}["dim.jpg.xmp"] == "kept"
    assert [path for path in files(mine) if path.startswith("dim")] == sorted(["dim.jpg", name])
    undone(tmp_path / "out")
    assert (mine / name).read_text() == "mine"


def test_a_link_in_the_place_of_a_sidecar_is_not_written_through(index, mine, tmp_path):
    precious = tmp_path / "precious.txt"
    (mine / f"{DIM}.xmp").symlink_to(precious)
    assert "kept" in actions(sidecars_of(index, tmp_path / "out", tag_originals=True))
    assert not precious.exists()


def test_only_the_export_that_wrote_the_sidecars_of_originals_removes_them(index, mine, tmp_path):
    sidecars_of(index, tmp_path / "one", tag_originals=True)
    assert actions(sidecars_of(index, tmp_path / "two", tag_originals=True)) == ["written", "present"] * 2
    undone(tmp_path / "two")
    assert len(files(mine)) == 4
    undone(tmp_path / "one")
    assert len(files(mine)) == 2


def _foreign(mine: Path) -> Path:
    victim = mine / "victim.jpg.xmp"
    victim.write_text("mine")
    return victim


@pytest.mark.parametrize("path", ["victim.jpg", "victim.jpg.xmp"])
@pytest.mark.parametrize("mode", ["copy", "sidecar", "sidecar of the original", "anything"])
def test_a_strangers_manifest_removes_no_file_elsewhere(index, mine, tmp_path, path, mode):

    out = tmp_path / "out"
    sidecars_of(index, out)
    (mine / "victim.jpg").write_text("a photo")
    _foreign(mine)
    content = json.loads((out / NAME).read_text())
    target = mine / path
    entry = {"path": str(target), "source": str(target.with_suffix("")), "mode": mode, "digest": fingerprint(target)}
    content["files"].append(entry)
    (out / NAME).write_text(json.dumps(content))
    try:
        assert undone(out)[path] == "changed"
    except AlbumsortError as error:
        assert "nothing was removed" in str(error)
    assert (mine / "victim.jpg").read_text() == "a photo"
    assert (mine / "victim.jpg.xmp").read_text() == "mine"


def test_a_strangers_manifest_cannot_call_a_photo_in_the_folder_a_sidecar(index, mine, tmp_path):
    out = tmp_path / "out"
    sidecars_of(index, out)
    (mine / DIM).unlink()
    content = json.loads((out / NAME).read_text())
    for item in content["files"]:
        item["mode"] = "sidecar"
    (out / NAME).write_text(json.dumps(content))
    assert undone(out)["002_080_dim.jpg"] == "changed"
    assert (out / "happy" / "002_080_dim.jpg").exists()


def test_a_photo_that_changed_since_the_scan_gets_no_sidecar(index, mine, album, tmp_path):
    shutil.copy(album / "portraits" / "grace-hopper.jpg", mine / DIM)
    os.utime(mine / HAPPY)  # touched, not changed
    assert actions(sidecars_of(index, tmp_path / "out", tag_originals=True)) == ["written", "written"]
    assert not list((tmp_path / "out").rglob("*dim.jpg.xmp"))


def test_a_photo_whose_orientation_was_not_recorded_gets_no_sidecar(index, tmp_path):
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute("UPDATE photos SET orientation = NULL WHERE path LIKE '%dim.jpg'")
    assert actions(sidecars_of(index, tmp_path / "out")) == ["written", "scanned before"]


def test_a_photo_that_was_edited_but_kept_its_size_gets_no_sidecar(index, mine, tmp_path):
    sidecars_of(index, tmp_path / "out", sidecars=False, mode="symlink")
    (mine / DIM).write_bytes((mine / DIM).read_bytes()[:-1] + b"x")
    done = sidecars_of(index, tmp_path / "out", mode="symlink", tag_originals=True)
    assert {Path(item.source).name: item.action for item in done} == {
        "eileen-collins.jpg": "written",
        "dim.jpg": "photo changed",
    }


@pytest.mark.parametrize(
    ("threshold", "emotions"),
    [(None, {"happy"}), (0.7, {"happy", "sad"}), (0.71, {"happy"}), (0.8, {"happy"})],
)
def test_sidecars_name_the_emotions_of_at_least_the_threshold(mine, index_of, tmp_path, threshold, emotions):
    index = index_of({mine / DIM: [("happy", 0.8), ("sad", 0.7)]}, threshold=0.75)
    (item,) = sidecars_of(index, tmp_path / "out", threshold=threshold)
    content = Path(item.target).read_text()
    assert set(re.findall(r"emotion\|(\w+)", content)) == set(re.findall(r'Description="(\w+)"', content)) == emotions


def test_the_sidecar_of_a_raw_file_has_the_faces_of_its_jpeg(index, mine, tmp_path):
    raw = mine / "dim.nef"
    raw.write_bytes(b"raw pixels")
    with IndexWriter(index) as writer:
        scan = writer.start_scan({"paths": [], "threshold": 0.5})
        writer.pair(scan, [(PhotoFile(str(raw), raw.stat().st_size, raw.stat().st_mtime_ns), str(mine / DIM))])
        writer.finish_scan(scan)
    done = sidecars_of(index, tmp_path / "out", with_raws=True, tag_originals=True)
    jpeg, beside_jpeg, of_raw, beside_raw = (item for item in done if Path(item.source).stem == "dim")
    assert [Path(item.target).name for item in (of_raw, beside_raw)] == ["002_080_dim.nef.xmp", "dim.nef.xmp"]
    contents = {Path(item.target).read_bytes() for item in (jpeg, beside_jpeg, of_raw, beside_raw)}
    assert len(contents) == 1 and b"emotion|happy" in contents.pop()


def test_photos_that_are_gone_get_no_sidecar(index, mine, tmp_path):
    (mine / DIM).unlink()
    assert actions(sidecars_of(index, tmp_path / "out", tag_originals=True)) == ["written", "written"]
    assert files(mine) == [HAPPY, f"{HAPPY}.xmp"]


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"a\nb\x1b[31m<x>&.jpg", b"without suffix", b"n" * 251 + b".jpg"])
def test_photos_of_any_name_get_sidecars(mine, index_of, tmp_path, name):
    photo = os.fsdecode(os.fsencode(mine) + b"/" + name)
    shutil.copy(mine / DIM, photo)
    done = sidecars_of(index_of({photo: [("happy", 0.9)]}), tmp_path / "out", tag_originals=True)
    too_long = len(name) > 251
    assert actions(done) == ["written", "not writable" if too_long else "written"]
    for item in done[: 1 if too_long else 2]:
        ElementTree.parse(os.fsencode(item.target))
    assert set(undone(tmp_path / "out").values()) == {"removed"}
    assert files(tmp_path / "out") == []
    assert len(list(mine.iterdir())) == 3


def test_a_folder_that_cannot_be_written_does_not_end_the_export(album, index_of, public_folder, unprivileged):
    for name in ("out", "mine"):
        (public_folder / name).mkdir()
    (public_folder / "out").chmod(0o777)
    shutil.copy(album / DIM, public_folder / "mine" / "dim.jpg")
    index = index_of({public_folder / "mine" / "dim.jpg": [("happy", 0.9)]})
    with Index(index) as opened, unprivileged():
        query = opened.settled(Query(("happy",)))
        files = export(opened, public_folder / "out", query)
        done = write_sidecars(public_folder / "out", files, query, tag_originals=True)
    assert actions(done) == ["written", "not writable"]


def test_an_interrupted_run_has_recorded_what_it_wrote(index, tmp_path, monkeypatch):
    def stop(target: Path, **options: Any) -> AbstractContextManager[IO[bytes]]:
        if "dim" in target.name:
            raise KeyboardInterrupt
        return new_file(target, **options)

    monkeypatch.setattr("albumsort.export.sidecars.new_file", stop)
    with pytest.raises(KeyboardInterrupt):
        sidecars_of(index, tmp_path / "out")
    assert [item.mode for item in Manifest(tmp_path / "out").files] == ["copy", "copy", "sidecar"]


UPRIGHT, BOX = (240, 160), (30, 50, 60, 90)
_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture
def red_face(tmp_path, face_of) -> Callable[[str, int], tuple[Path, Image.Image]]:
    """Makes an index of one photo whose only face is a red box; returns it with the photo's pixels as stored."""

    def make(suffix: str, orientation: int) -> tuple[Path, Image.Image]:
        upright = Image.new("RGB", UPRIGHT, "white")
        upright.paste("red", (BOX[0], BOX[1], BOX[0] + BOX[2], BOX[1] + BOX[3]))
        stored = upright.transpose(_BACK[orientation]) if orientation > 1 else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"turned.{suffix}"
        # As bytes: of an object, pillow-heif sees no orientation.
        stored.save(path, exif=exif.tobytes(), **({"quality": 95} if suffix in ("jpg", "heic", "avif") else {}))
        status = path.stat()
        with open(path, "rb") as file:
            header = read_header(open_photo(file))
        assert (header.width, header.height) == UPRIGHT
        facts = (status.st_size, status.st_mtime_ns, fingerprint(path))
        photo = Photo(str(path), *facts, *UPRIGHT, orientation=header.stored_orientation)
        with IndexWriter(tmp_path / "turned.db") as writer:
            scan = writer.start_scan({"paths": [], "threshold": 0.5})
            writer.write(scan, [PhotoResult(photo, (face_of("happy", 0.9, BOX),))])
            writer.finish_scan(scan)
        return tmp_path / "turned.db", stored

    return make


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp", "heic", "avif"])
def test_a_region_is_where_the_face_is_in_the_pixels_as_stored(red_face, tmp_path, suffix, orientation):
    index, stored = red_face(suffix, orientation)
    (item,) = sidecars_of(index, tmp_path / "out")
    root = ElementTree.parse(item.target).getroot()
    area = next(element for element in root.iter() if element.get(f"{_AREA}x"))
    size = next(element for element in root.iter() if element.get(f"{_SIZE}w"))
    assert (int(size.get(f"{_SIZE}w")), int(size.get(f"{_SIZE}h"))) == stored.size
    x, y, w, h = (float(area.get(f"{_AREA}{name}")) for name in "xywh")
    width, height = stored.size
    region = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
    rows, columns = np.nonzero(np.asarray(stored)[..., 1] < 128)
    assert region == pytest.approx([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], abs=0.01)
