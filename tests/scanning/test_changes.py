"""What calls for a scan: new photos and folders, but not what a scan leaves out, nor other files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from albumsort import scan
from albumsort.errors import AlbumsortError
from albumsort.scanning.changes import notified, polled
from albumsort.settings import ScanSettings

SETTINGS = ScanSettings(exclude=("*.png", "Camera/*"), workers=1)


def heard(root: Path, *steps: Callable[[], object], until: str = "last.jpg") -> set[str]:
    """The names of what the system tells below a folder while something happens there, up to the last photo."""
    names: set[str] = set()
    with closing(notified([str(root)], SETTINGS)) as source:
        next(source)  # from now on it watches
        for step in (*steps, (root / until).touch):
            step()
        while until not in names:
            names |= {os.path.relpath(path, root) for path in next(source)}
    return names - {until}


def walked(root: Path, *steps: Callable[[], object]) -> list[set[str]]:
    """The names of what each walk finds: one of an untouched folder, and one after each step."""
    happening = iter((lambda: None, *steps))
    with closing(polled([str(root)], SETTINGS, 1, lambda seconds: next(happening)())) as source:
        return [{os.path.relpath(path, root) for path in next(source)} for _ in range(len(steps) + 1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Photos").mkdir()
    return tmp_path / "Photos"


@pytest.fixture
def copy(album: Path) -> Callable[[Path], Callable[[], object]]:
    """Makes a step that copies a photo to a path."""
    return lambda path: lambda: shutil.copy(album / "dim.jpg", path)


def test_the_system_tells_of_new_photos_whatever_their_suffix(root, copy):
    assert heard(root, copy(root / "a.jpg"), copy(root / "b")) == {"a.jpg", "b"}


def test_the_system_tells_of_new_folders_and_of_photos_in_them(root, copy):
    names = heard(root, (root / "new").mkdir, copy(root / "new" / "a.jpg"))
    assert "new" in names and names <= {"new", "new/a.jpg"}


def test_the_system_tells_of_a_folder_that_was_moved_in(root, copy, tmp_path):
    (tmp_path / "Phone").mkdir()
    copy(tmp_path / "Phone" / "a.jpg")()
    assert "Phone" in heard(root, lambda: (tmp_path / "Phone").rename(root / "Phone"))


def test_the_system_tells_of_a_photo_that_is_gone_for_a_raw_file_may_have_been_its_pair(root, copy):
    copy(root / "a.jpg")()
    assert heard(root, (root / "a.jpg").unlink) == {"a.jpg"}


@pytest.mark.parametrize(
    "name", ["notes.txt", ".hidden.jpg", "a.jpg.part", "a.png", "Camera/a.jpg", "@eaDir/a.jpg", "._a.jpg", "a.xmp"]
)
def test_what_a_scan_does_not_read_calls_for_none(root, copy, name):
    for folder in ("Camera", "@eaDir"):
        (root / folder).mkdir()
    step = (lambda: (root / name).write_text("words")) if name.endswith((".txt", ".xmp")) else copy(root / name)
    assert heard(root, step) == set()
    assert walked(root, step) == [set(), set()]


def test_a_scan_into_an_index_among_the_photos_calls_for_no_other_scan(root, reader, copy):
    copy(root / "a.jpg")()
    step = lambda: scan(root, root / "index.db", SETTINGS, reader=reader)  # noqa: E731
    assert heard(root, step) == set()
    assert walked(root, step) == [set(), set()]


def test_links_that_lead_in_circles_are_watched_either_way(root, copy):
    (root / "circle").symlink_to(root)
    (root / "nowhere").symlink_to("nowhere")
    assert heard(root, copy(root / "a.jpg")) == {"a.jpg"}
    assert walked(root, copy(root / "b.jpg")) == [set(), {"b.jpg"}]


def test_walks_find_new_changed_and_deleted_photos(root, copy):
    steps = [copy(root / "a.jpg"), lambda: None, lambda: (root / "a.jpg").write_bytes(b"x"), (root / "a.jpg").unlink]
    assert walked(root, *steps) == [set(), {"a.jpg"}, set(), {"a.jpg"}, {"a.jpg"}]


def test_walks_come_every_so_many_seconds(root, copy):
    with closing(polled([str(root)], SETTINGS, 10, lambda seconds: None)) as source:
        assert list(next(source)) == []
        copy(root / "a.jpg")()
        assert [list(next(source)) for _ in range(9)] == [*[[]] * 8, [str(root / "a.jpg")]]


def test_while_no_folder_is_there_time_passes_all_the_same():
    with closing(polled([], SETTINGS, 1, lambda seconds: None)) as source:
        assert list(next(source)) == list(next(source)) == []
    with closing(notified([], SETTINGS)) as source:
        assert list(next(source)) == []


def test_if_a_folder_cannot_be_watched_it_says_so_and_walks_work(public_folder, unprivileged, copy):
    (public_folder / "locked").mkdir(mode=0o000)
    (public_folder / "open").mkdir()
    with unprivileged(), pytest.raises(AlbumsortError, match=r"cannot be watched \(.*locked.*--poll 300"):
        next(notified([str(public_folder)], SETTINGS))
    assert walked(public_folder, copy(public_folder / "open" / "a.jpg")) == [set(), {"open/a.jpg"}]


@pytest.fixture
def without_watchfiles(monkeypatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "watchfiles", None)  # each import fails
    yield


@pytest.mark.usefixtures("without_watchfiles")
def test_without_the_package_it_says_how_to_install_it_and_walks_work(root, copy):
    with pytest.raises(AlbumsortError, match=r"needs the package watchfiles; run pip install '.\[watch\]'.*--poll 300"):
        next(notified([str(root)], SETTINGS))
    assert walked(root, copy(root / "a.jpg")) == [set(), {"a.jpg"}]
