"""``--undo`` never removes the only copy of a photo, whatever other programs have made of the photo since."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from albumsort.export.folders import ExportOptions, export
from albumsort.export.manifest import NAME, Manifest
from albumsort.index.query import Query
from albumsort.index.reader import Index

UNDO = (
    "import sys; from pathlib import Path; from albumsort.export.manifest import Manifest;"
    " list(Manifest(Path(sys.argv[1])).undo())"
)


@pytest.fixture
def photo(album, tmp_path) -> Path:
    path = tmp_path / "mine" / "smile.jpg"
    path.parent.mkdir()
    shutil.copy(album / "portraits" / "eileen-collins.jpg", path)
    return path


@pytest.fixture
def out(photo, index_of, tmp_path) -> Path:
    """An export of the photo, as a copy."""
    return exported(photo, index_of, tmp_path / "out")


def exported(photo: Path, index_of: Any, out: Path, **options: Any) -> Path:
    with Index(index_of({photo: [("happy", 0.9)]})) as index:
        export(index, out, Query(("happy",)), ExportOptions(**options))
    return out


def copy_in(out: Path) -> Path:
    (found,) = (out / "happy").glob("*.jpg")
    return found


def outcome(out: Path) -> list[str]:
    return [action for _, action in Manifest(out).undo()]


def edit_manifest(out: Path, **changes: str) -> None:
    content = json.loads((out / NAME).read_text())
    content["files"] = [{**item, **changes} for item in content["files"]]
    (out / NAME).write_text(json.dumps(content))


@pytest.mark.parametrize("is_relative", [True, False])
def test_a_photo_that_is_a_link_to_its_exported_copy_now(photo, out, is_relative):
    content, copy = photo.read_bytes(), copy_in(out)
    photo.unlink()
    photo.symlink_to(os.path.relpath(copy, photo.parent) if is_relative else copy)
    assert outcome(out) == ["only copy"]
    assert copy.read_bytes() == photo.read_bytes() == content
    assert outcome(out) == ["only copy"]  # it stays listed


def test_a_photo_that_is_a_link_to_a_link_to_its_exported_copy(photo, out, tmp_path):
    copy = copy_in(out)
    (tmp_path / "between").symlink_to(copy)
    photo.unlink()
    photo.symlink_to(tmp_path / "between")
    assert outcome(out) == ["only copy"] and copy.exists()


def test_a_photo_whose_folder_is_a_link_into_the_export(photo, out):
    shutil.rmtree(photo.parent)
    copy = copy_in(out)
    copy.rename(copy.with_name(photo.name))
    photo.parent.symlink_to(copy.parent)
    edit_manifest(out, path=f"happy/{photo.name}")
    assert outcome(out) == ["only copy"] and photo.exists()


def test_a_photo_that_shares_its_bytes_with_the_copy_by_a_hard_link_keeps_its_own_name(photo, out):
    content = photo.read_bytes()
    photo.unlink()
    os.link(copy_in(out), photo)
    assert outcome(out) == ["removed"]
    assert photo.read_bytes() == content and not (out / "happy").exists()


def test_a_hard_link_of_an_export_is_kept_when_the_photo_is_a_link_to_it(photo, index_of, tmp_path):
    out = exported(photo, index_of, tmp_path / "out", mode="hardlink")
    copy = copy_in(out)
    os.link(copy, tmp_path / "another name")  # so that its number of links says nothing
    photo.unlink()
    photo.symlink_to(copy)
    assert outcome(out) == ["only copy"] and copy.exists()


@pytest.mark.parametrize("source", ["happy/{name}", "happy/../happy/{name}", "alias/{name}", "./happy/./{name}"])
def test_a_manifest_that_names_the_listed_file_as_its_own_photo(out, source):
    copy = copy_in(out)
    (out / "alias").symlink_to("happy")
    edit_manifest(out, source=f"{out}/{source.format(name=copy.name)}")
    assert outcome(out) == ["only copy"] and copy.exists()


def test_of_two_listed_files_that_name_each_other_as_photo_one_stays(photo, out):
    first = copy_in(out)
    second = first.with_name("second.jpg")
    shutil.copy(first, second)
    content = json.loads((out / NAME).read_text())
    (item,) = content["files"]
    pairs = ((first, second), (second, first))
    content["files"] = [{**item, "path": f"happy/{path.name}", "source": str(source)} for path, source in pairs]
    (out / NAME).write_text(json.dumps(content))
    photo.unlink()
    assert outcome(out) == ["removed", "only copy"] and second.exists()


def in_mounts(script: str, out: Path) -> None:
    """Undo an export in a process that has mounted something first, where that is possible."""
    command = f"{script} && exec {sys.executable} -c '{UNDO}' '{out}'"
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounts need root and the program unshare")
    done = subprocess.run(["unshare", "-m", "sh", "-c", command], capture_output=True, text=True, check=False)
    if "mount:" in done.stderr:
        pytest.skip(f"no such mounts here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def test_a_photo_that_is_the_copy_seen_through_another_mount(photo, out, tmp_path):
    copy = copy_in(out)
    (tmp_path / "mount").mkdir()
    edit_manifest(out, source=str(tmp_path / "mount" / "happy" / copy.name))
    in_mounts(f"mount --bind '{out}' '{tmp_path}/mount'", out)
    assert copy.exists() and outcome(out) == ["only copy"]


def test_a_photo_that_is_the_copy_on_a_disk_that_is_mounted_twice_under_different_numbers(photo, out, tmp_path):
    """An overlay shows a file of its lower folder under a device number of its own, as a share mounted twice does."""
    copy = copy_in(out)
    for name in ("empty", "mount"):
        (tmp_path / name).mkdir()
    edit_manifest(out, source=str(tmp_path / "mount" / "happy" / copy.name))
    lower = f"lowerdir={tmp_path}/empty:{out}"
    in_mounts(f"mount -t overlay overlay -o '{lower}' '{tmp_path}/mount'", out)
    assert copy.exists() and [path.name for path in copy.parent.iterdir()] == [copy.name]
