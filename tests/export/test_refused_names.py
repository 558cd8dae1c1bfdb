"""A name that a file system refuses or takes for another one costs that name, not the export."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.errors import AlbumsortError
from albumsort.export.folders import ExportOptions, export, place
from albumsort.export.manifest import NAME, Manifest
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import Photo, RankedPhoto

Refuses = Callable[[str], "int | None"]


@pytest.fixture
def file_system(monkeypatch) -> Callable[[Refuses], None]:
    """Lets the system refuse names: ``file_system(lambda name: errno.EINVAL if ":" in name else None)``.

    Hard links, symbolic links and new files by name are what gives a file its name.
    """

    def install(refuses: Refuses) -> None:
        for function, at in (("link", 1), ("symlink", 1), ("open", 0)):
            real = getattr(os, function)

            def checked(*args: Any, real: Any = real, at: int = at, **options: Any) -> Any:
                number = refuses(os.path.basename(os.fsdecode(args[at])))
                if number is not None and "out" in Path(os.fsdecode(args[at])).parts:
                    raise OSError(number, os.strerror(number), args[at])
                return real(*args, **options)

            monkeypatch.setattr(os, function, checked)

    return install


@pytest.fixture
def photos(album, tmp_path) -> Callable[..., list[Path]]:
    """Makes photos of these names, each with other bytes of the same number: ``photos("a.jpg", "b.jpg")``."""

    def make(*names: str) -> list[Path]:
        content, made = (album / "dim.jpg").read_bytes(), []
        for number, name in enumerate(names):
            path = tmp_path / f"mine{number}" / name
            path.parent.mkdir()
            path.write_bytes(content + number.to_bytes(2, "big"))
            made.append(path)
        return made

    return make


def exported(index: Path, out: Path, **options: Any) -> list[str]:
    """The names of the exported files."""
    with Index(index) as opened:
        done = export(opened, out, Query(("happy",)), ExportOptions(**options))
    assert {item.action for item in done} <= {"written", "present"}
    return [Path(item.target).name for item in done]


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("12:30.jpg", "001_090_12_30.jpg"),
        ('a"*<>?\\|b.jpg', "001_090_a_______b.jpg"),
        ("dots...", "001_090_dots"),
        ("caf\udce9.jpg", "001_090_caf_.jpg"),
        ("fine ü.jpg", "001_090_fine ü.jpg"),
    ],
)
def test_names_that_fat_refuses_are_replaced(photos, index_of, tmp_path, file_system, mode, given, wanted):
    first, second = photos(given, "second.jpg")
    index = index_of({first: [("happy", 0.9)], second: [("happy", 0.8)]})
    file_system(lambda name: errno.EINVAL if set(name) & set('"*/:<>?\\|\udce9') or name.rstrip(" .") != name else None)
    assert exported(index, tmp_path / "out", mode=mode) == [wanted, "002_080_second.jpg"]
    assert (tmp_path / "out" / "happy" / wanted).read_bytes() == first.read_bytes()
    assert {action for _, action in Manifest(tmp_path / "out").undo()} == {"removed"}


@pytest.mark.parametrize(("number", "limit"), [(errno.EILSEQ, 255), (errno.ENAMETOOLONG, 143), (errno.EACCES, 255)])
def test_a_file_system_that_accepts_only_short_plain_names_gets_one(
    photos, index_of, tmp_path, file_system, number, limit
):
    (photo,) = photos("Grüße " * 30 + ".jpg")
    index = index_of({photo: [("happy", 0.9)]})
    file_system(lambda name: number if len(name) > limit or not name.isascii() else None)
    (name,) = exported(index, tmp_path / "out")
    assert name.startswith("001_090_Gr__e_Gr") and name.endswith(".jpg")


def test_a_file_system_that_refuses_every_name_is_one_error(photos, index_of, tmp_path, file_system):
    index = index_of({photos("a.jpg")[0]: [("happy", 0.9)]})
    file_system(lambda name: errno.EINVAL if name.endswith(".jpg") else None)
    with Index(index) as opened, pytest.raises(AlbumsortError, match=r"001_090_a\.jpg: Invalid argument"):
        export(opened, tmp_path / "out", Query(("happy",)))
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("names", [("IMG.jpg", "img.JPG"), ("é.jpg", "e\u0301.jpg"), ("Straße.jpg", "STRASSE.jpg")])
def test_names_that_a_file_system_may_take_for_the_same_stay_apart(photos, index_of, tmp_path, names):
    first, second = photos(*names)
    exported(index_of({first: [("happy", 0.9)]}, "one.db"), tmp_path / "out")
    (name,) = exported(index_of({second: [("happy", 0.9)]}, "two.db"), tmp_path / "out")
    stem, suffix = os.path.splitext(second.name)
    assert name == f"001_090_{stem} (2){suffix}"


def test_a_name_that_only_the_file_system_takes_for_another_is_numbered(photos, index_of, tmp_path, file_system):
    first, second = photos("a.jpg", "\uff41.jpg")  # the second is full width
    exported(index_of({first: [("happy", 0.9)]}, "one.db"), tmp_path / "out")
    file_system(lambda name: errno.EEXIST if name == "001_090_\uff41.jpg" else None)
    assert exported(index_of({second: [("happy", 0.9)]}, "two.db"), tmp_path / "out") == ["001_090_\uff41 (2).jpg"]
    assert {action for _, action in Manifest(tmp_path / "out").undo()} == {"removed"}


def test_each_file_is_read_once_however_many_photos_have_its_size(photos, index_of, tmp_path, monkeypatch):
    made = photos(*(f"{number}.jpg" for number in range(40)))
    index = index_of({photo: [("happy", 0.9 - number / 1000)] for number, photo in enumerate(made)})
    assert len({photo.stat().st_size for photo in made}) == 1
    exported(index, tmp_path / "out")
    read = []

    def noted(path: Path) -> str:
        read.append(path)
        return ""

    monkeypatch.setattr("albumsort.export.target_folder.fingerprint", noted)
    exported(index, tmp_path / "new")
    assert read == []
    exported(index, tmp_path / "out")
    assert len(read) == 40


@pytest.mark.parametrize("target", ["elsewhere", "../elsewhere", "gone", "happy"])
def test_a_folder_of_the_export_that_is_a_link_to_elsewhere_is_refused(photos, index_of, tmp_path, target):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "happy").symlink_to(tmp_path / target if target == "elsewhere" else target)
    if target == "gone":
        (tmp_path / "out" / "happy").unlink()
        (tmp_path / "out" / "happy").symlink_to(tmp_path / "gone")
    index = index_of({photos("a.jpg")[0]: [("sad", 0.8), ("happy", 0.9)]})
    with Index(index) as opened, pytest.raises(AlbumsortError, match="happy: a link that leads out of"):
        export(opened, tmp_path / "out", Query(("sad", "happy")))
    assert os.listdir(tmp_path / "out") == ["happy"]
    assert os.listdir(tmp_path / "elsewhere") == []


def test_an_export_into_a_link_that_the_user_names_is_fine(photos, index_of, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk")
    assert exported(index_of({photos("a.jpg")[0]: [("happy", 0.9)]}), tmp_path / "out") == ["001_090_a.jpg"]


HOSTILE = {
    "taken_at": ["../../escaped", "/abs/2024", "..", "12/4-01-01", "20240", "", 2024, 1e300, b"\xff\x00", "²⁰²⁴"],
    "path": ["/", "/..", "/a/../..", "..", "../../x", "/a\x00b", "", "relative.jpg", "/x/\n/../.."],
    "size": [-1, "many", 1e300, b"\x00"],
    "digest": [b"\x00", "../..", 7],
}


def elsewhere(folder: Path) -> set[Path]:
    """All files and folders but the export and the index."""
    return {
        path for path in folder.rglob("*") if path.relative_to(folder).parts[0].split(".")[0] not in ("out", "made")
    }


@pytest.mark.parametrize("layout", ["year/emotion", "flat"])
@pytest.mark.parametrize(("column", "value"), [(column, value) for column in HOSTILE for value in HOSTILE[column]])
def test_a_row_of_a_hostile_index_leads_nowhere_else(photos, index_of, tmp_path, layout, column, value):
    first, second = photos("a.jpg", "b.jpg")
    index = index_of({first: [("happy", 0.9)], second: [("happy", 0.8)]})
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute(f"UPDATE photos SET {column} = ? WHERE path LIKE '%a.jpg'", (value,))
    before = elsewhere(tmp_path)
    with Index(index) as opened:
        done = export(opened, tmp_path / "out", Query(("happy",)), ExportOptions(layout=layout))
    assert done[1].action == "written"
    assert elsewhere(tmp_path) == before
    folders = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_dir()}
    years = {"2024", "undated"} if "year" in layout else set()
    assert {part for folder in folders for part in Path(folder).parts} <= {"happy", *years}
    assert (tmp_path / "out" / NAME).exists()


@pytest.mark.parametrize("score", [1e300, float("inf"), float("-inf"), float("nan"), -1.0])
def test_odd_scores_make_usual_names(photos, tmp_path, face_of, score):
    (photo,) = photos("a.jpg")
    record = Photo(str(photo), photo.stat().st_size, 1, None, 400, 300)
    (item,) = place([RankedPhoto(record, (face_of("happy", 0.9),), score)], tmp_path / "out")
    assert Path(item.target).name in ("001_100_a.jpg", "001_000_a.jpg")
