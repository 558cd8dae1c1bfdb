"""An export can be undone: exactly the files that it wrote are removed, unless they changed since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.export.folders import LAYOUTS, ExportOptions, export
from albumsort.export.manifest import NAME, Manifest
from albumsort.index.query import Query
from albumsort.index.reader import Index

HAPPY, NEUTRAL = "portraits/eileen-collins.jpg", "portraits/grace-hopper.jpg"


@pytest.fixture
def mine(album, tmp_path) -> Path:
    """Copies of the example photos, which a test may change."""
    shutil.copytree(album, tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def index(mine, index_of) -> Path:
    return index_of(
        {mine / HAPPY: [("happy", 0.9)], mine / "dim.jpg": [("happy", 0.8)], mine / NEUTRAL: [("sad", 0.7)]}
    )


def exported(index: Path, out: Path, **options: Any) -> None:
    with Index(index) as opened:
        export(opened, out, Query(EMOTIONS), ExportOptions(**options))


def files(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_undo_leaves_the_folder_as_it_was(index, mine, tmp_path, mode, layout):
    out = tmp_path / "out"
    (out / "happy").mkdir(parents=True)
    (out / "happy" / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in mine.rglob("*.jpg")}
    exported(index, out, mode=mode, layout=layout)
    assert len(files(out)) == 5
    assert [action for _, action in Manifest(out).undo()] == ["removed"] * 3
    assert files(out) == ["happy/notes.txt"]
    assert [path.name for path in out.iterdir()] == ["happy"]
    assert {path: path.read_bytes() for path in mine.rglob("*.jpg")} == before


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("emotion", ["happy/001_090_eileen-collins.jpg", "happy/002_080_dim.jpg", "sad/001_070_grace-hopper.jpg"]),
        ("emotion/year", [f"happy/2024/00{n}" for n in "12"] + ["sad/2024/001"]),
        ("year/emotion", [f"2024/happy/00{n}" for n in "12"] + ["2024/sad/001"]),
        ("flat", ["happy_001_090_eileen-collins.jpg", "happy_002_080_dim.jpg", "sad_001_070_grace-hopper.jpg"]),
    ],
)
def test_layouts(index, tmp_path, layout, names):
    exported(index, tmp_path / "out", layout=layout)
    copies = [name for name in files(tmp_path / "out") if name != NAME]
    assert all(name.startswith(wanted) for name, wanted in zip(copies, names, strict=True))


def test_a_file_that_changed_since_is_kept_and_stays_listed(index, tmp_path):
    out = tmp_path / "out"
    exported(index, out)
    edited, gone = out / "happy" / "002_080_dim.jpg", out / "sad" / "001_070_grace-hopper.jpg"
    edited.write_bytes(edited.read_bytes() + b"edited")
    gone.unlink()
    assert {path.name: action for path, action in Manifest(out).undo()} == {
        "001_090_eileen-collins.jpg": "removed",
        edited.name: "changed",
        gone.name: "gone",
    }
    assert files(out) == [NAME, "happy/002_080_dim.jpg"]
    assert [item.path for item in Manifest(out).files] == ["happy/002_080_dim.jpg"]


def test_a_second_export_adds_to_the_manifest_only_what_is_new(index, mine, index_of, tmp_path):
    out = tmp_path / "out"
    exported(index, out)
    first = (out / NAME).read_text()
    exported(index, out)
    assert (out / NAME).read_text() == first
    exported(index_of({mine / "groups" / "both.jpg": [("fear", 0.9)]}, "more.db"), out)
    assert [item.path for item in Manifest(out).files][3:] == ["fear/001_090_both.jpg"]
    assert len(list(Manifest(out).undo())) == 4
    assert files(out) == []


def test_an_interrupted_export_has_recorded_what_it_wrote(index, mine, tmp_path, monkeypatch):
    copy = shutil.copyfileobj

    def stop(source: Any, target: Any, length: int) -> None:
        if "dim" in source.name:
            raise KeyboardInterrupt
        copy(source, target, length)

    monkeypatch.setattr(shutil, "copyfileobj", stop)
    with pytest.raises(KeyboardInterrupt):
        exported(index, tmp_path / "out")
    assert [item.path for item in Manifest(tmp_path / "out").files] == ["happy/001_090_eileen-collins.jpg"]


def test_a_dry_run_writes_no_manifest(index, tmp_path):
    exported(index, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["../mine/dim.jpg", "/etc/hostname", "link/dim.jpg", "loop/x", ""])
def test_a_manifest_that_names_files_elsewhere_removes_nothing(index, mine, tmp_path, path):
    out = tmp_path / "out"
    exported(index, out)
    (out / "link").symlink_to(mine)
    (out / "loop").symlink_to(out / "loop")
    content = json.loads((out / NAME).read_text())
    content["files"].append({**content["files"][0], "path": path})
    (out / NAME).write_text(json.dumps(content))
    with pytest.raises(AlbumsortError, match="nothing was removed"):
        list(Manifest(out).undo())
    assert len(files(out)) == 5  # the loop among them
    assert (mine / "dim.jpg").exists()


_OF_ZERO = '{"version": 1, "files": [{"path": "a\\u0000b", "source": "/a", "mode": "copy", "digest": ""}]}'


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"version": 1}', '{"version": 1, "files": [{"path": 3}]}', "\x00", "[" * 100_000, _OF_ZERO],
    ids=range(7),
)
def test_a_file_of_the_manifests_name_that_is_no_manifest_is_an_error(index, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_text(text)
    with pytest.raises(AlbumsortError, match="not the manifest"):
        exported(index, tmp_path / "out")
    assert files(tmp_path / "out") == [NAME]


def test_the_command_undoes_an_export_and_names_what_it_kept(run, index, tmp_path):
    out = tmp_path / "out"
    assert run("export", out, "--db", index, "--layout", "year/emotion").returncode == 0
    edited = out / "2024" / "sad" / "001_070_grace-hopper.jpg"
    edited.write_bytes(b"edited")
    done = run("export", out, "--undo")
    assert (done.returncode, done.stderr) == (0, "")
    assert str(edited) in done.stdout and "2 removed" in done.stdout and "1 kept (changed" in done.stdout
    again = run("export", tmp_path / "elsewhere", "--undo")
    assert again.returncode == 1
    assert NAME in again.stderr


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_the_last_copy_of_a_photo_is_never_removed(index, mine, tmp_path, mode):
    out = tmp_path / "out"
    exported(index, out, mode=mode)
    (mine / HAPPY).unlink()
    (mine / "dim.jpg").unlink()
    (mine / "dim.jpg").write_bytes(b"another photo")
    done = {path.name: action for path, action in Manifest(out).undo()}
    assert done == {
        "001_090_eileen-collins.jpg": "only copy",
        "002_080_dim.jpg": "only copy",
        "001_070_grace-hopper.jpg": "removed",
    }
    assert len(files(out)) == 3


def test_undo_with_dry_run_removes_nothing(run, index, tmp_path):
    out = tmp_path / "out"
    exported(index, out)
    before = files(out)
    done = run("export", out, "--undo", "--dry-run")
    assert (done.returncode, done.stdout.count("would be removed: ")) == (0, 3)
    assert files(out) == before


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_photos_that_were_scanned_through_links_are_exported(mine, index_of, tmp_path, mode):
    (tmp_path / "link.jpg").symlink_to(mine / "dim.jpg")
    out = tmp_path / "out"
    exported(index_of({tmp_path / "link.jpg": [("happy", 0.9)]}), out, mode=mode)
    (copy,) = (path for path in out.rglob("*.jpg"))
    assert copy.read_bytes() == (mine / "dim.jpg").read_bytes()
    assert copy.is_symlink() == (mode == "symlink")
    assert [action for _, action in Manifest(out).undo()] == ["removed"]


def test_a_link_in_the_place_of_the_manifest_is_not_written_through(index, mine, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (out / ".albumsort-export.json.part").symlink_to(precious)
    exported(index, out)
    assert precious.read_text() == "mine"
