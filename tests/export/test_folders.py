"""The export: one folder per emotion, best first by name; nothing is overwritten, doubled or half written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.export.folders import Exported, ExportOptions, Mode, export, place
from albumsort.export.manifest import NAME
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import Photo, RankedPhoto

HAPPY, ALSO_HAPPY, NEUTRAL = "portraits/eileen-collins.jpg", "groups/both.jpg", "portraits/grace-hopper.jpg"


@pytest.fixture
def happy(album, index_of) -> Path:
    """An index of two happy photos, the better one second, and a neutral one."""
    return index_of(
        {album / ALSO_HAPPY: [("happy", 0.7)], album / HAPPY: [("happy", 0.9)], album / NEUTRAL: [("neutral", 0.8)]}
    )


def exported(
    index: Path, destination: Path, emotions: tuple[str, ...] = EMOTIONS, n: int | None = None, **options: Any
) -> list[Exported]:
    with Index(index) as opened:
        return export(opened, destination, Query(emotions, n), ExportOptions(**options))


def ranking_of(index: Path, emotion: str = "happy", **filters: bool) -> list[RankedPhoto]:
    with Index(index) as opened:
        return opened.top(emotion, None, filters=Filters(**filters))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the manifest, hidden and partial ones too, with its bytes."""
    files = (path for path in folder.rglob("*") if not path.is_dir() and path.name != NAME)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def actions(done: list[Exported]) -> list[str]:
    return [item.action for item in done]


def test_each_emotion_has_a_folder_whose_names_sort_best_first(happy, tmp_path):
    done = exported(happy, tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == [
        "happy/001_090_eileen-collins.jpg",
        "happy/002_070_both.jpg",
        "neutral/001_080_grace-hopper.jpg",
    ]
    assert [item.target for item in done] == [str(tmp_path / "out" / name) for name in sorted(tree(tmp_path / "out"))]


def test_more_than_a_thousand_photos_still_sort_best_first(index_of, tmp_path):
    index = index_of({tmp_path / f"{k}.jpg": [("happy", 0.9 - k / 3000)] for k in range(1001)})
    names = [Path(item.target).name for item in exported(index, tmp_path / "out", dry_run=True)]
    assert names == sorted(names)
    assert len(names) == 1001


def test_copies_equal_their_sources_and_keep_the_time(happy, album, tmp_path):
    for item in exported(happy, tmp_path / "out"):
        source, copy = Path(item.source), Path(item.target)
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns
        assert copy.stat().st_ino != source.stat().st_ino


def test_export_leaves_the_sources_as_they_are(album, index_of, tmp_path):
    shutil.copytree(album / "portraits", tmp_path / "mine")
    index = index_of({path: [("happy", 0.9)] for path in (tmp_path / "mine").iterdir()})
    before = {path: path.stat() for path in (tmp_path / "mine").iterdir()}
    exported(index, tmp_path / "out")
    after = {path: path.stat() for path in (tmp_path / "mine").iterdir()}
    # st_atime is the one thing that reading changes.
    assert {p: (s.st_mtime_ns, s.st_ctime_ns, s.st_nlink) for p, s in before.items()} == {
        p: (s.st_mtime_ns, s.st_ctime_ns, s.st_nlink) for p, s in after.items()
    }


def test_only_n_photos_an_emotion_and_only_the_emotions_asked_for(happy, tmp_path):
    exported(happy, tmp_path / "out", emotions=("happy",), n=1)
    assert list(tree(tmp_path / "out")) == ["happy/001_090_eileen-collins.jpg"]


def test_export_never_overwrites_a_file_of_the_same_name(happy, album, tmp_path):
    taken = tmp_path / "out" / "happy" / "001_090_eileen-collins.jpg"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"mine")
    exported(happy, tmp_path / "out", emotions=("happy",), n=1)
    assert tree(tmp_path / "out" / "happy") == {
        taken.name: b"mine",
        "001_090_eileen-collins (2).jpg": (album / HAPPY).read_bytes(),
    }


def test_a_file_of_the_same_name_and_size_is_not_taken_for_the_photo(happy, album, tmp_path):
    taken = tmp_path / "out" / "happy" / "001_090_eileen-collins.jpg"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(bytes((album / HAPPY).stat().st_size))
    (item,) = exported(happy, tmp_path / "out", emotions=("happy",), n=1)
    assert item.action == "written"
    assert taken.read_bytes().strip(b"\0") == b""


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_a_second_export_adds_nothing(happy, tmp_path, mode):
    first = exported(happy, tmp_path / "out", mode=mode)
    before = tree(tmp_path / "out")
    second = exported(happy, tmp_path / "out", mode=mode)
    assert (actions(first), actions(second)) == (["written"] * 3, ["present"] * 3)
    assert tree(tmp_path / "out") == before


def test_a_later_export_adds_only_what_is_new(happy, album, index_of, tmp_path):
    exported(happy, tmp_path / "out", emotions=("happy",))
    more = index_of({album / HAPPY: [("happy", 0.9)], album / "dim.jpg": [("happy", 0.95)]}, "more.db")
    assert actions(exported(more, tmp_path / "out")) == ["written", "present"]
    assert len(tree(tmp_path / "out")) == 3


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_files_with_equal_bytes_come_into_a_folder_once(album, index_of, tmp_path, mode: Mode):
    twins = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    for twin in twins:
        shutil.copy(album / HAPPY, twin)
    index = index_of({twin: [("happy", 0.9)] for twin in twins})
    exported(index, tmp_path / "out", mode=mode)
    assert len(tree(tmp_path / "out")) == 1
    # A list with all copies, too: `top --all --copy-to`.
    ranking = ranking_of(index, with_copies=True)
    assert len(ranking) == 2
    assert sorted(actions(place(ranking, tmp_path / "all", ExportOptions(mode=mode)))) == ["present", "written"]
    assert len(tree(tmp_path / "all")) == 1


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize("by", ["edited", "as long", "a link"])
def test_a_file_that_is_no_longer_the_scanned_photo_is_not_exported(album, index_of, tmp_path, mode, by):
    photo, secret = tmp_path / "photo.jpg", tmp_path / "secret.txt"
    shutil.copy(album / HAPPY, photo)
    index = index_of({photo: [("happy", 0.9)]})
    secret.write_bytes(b"x" * photo.stat().st_size)
    if by == "edited":
        shutil.copy(album / NEUTRAL, photo)
    elif by == "as long":
        shutil.copy(secret, photo)
    else:
        photo.unlink()
        photo.symlink_to(secret)
    (item,) = exported(index, tmp_path / "out", mode=mode)
    assert item.action == "changed"
    assert tree(tmp_path / "out") == {}


def test_a_copy_loses_the_set_user_id_bit(album, index_of, tmp_path):
    photo = tmp_path / "photo.jpg"
    shutil.copy(album / HAPPY, photo)
    photo.chmod(0o6755)
    (item,) = exported(index_of({photo: [("happy", 0.9)]}), tmp_path / "out")
    assert os.stat(item.target).st_mode & 0o7777 == 0o755


def test_hard_links_are_the_same_file(album, index_of, tmp_path):
    photo = tmp_path / "photo.jpg"
    shutil.copy(album / HAPPY, photo)
    (item,) = exported(index_of({photo: [("happy", 0.9)]}), tmp_path / "out", mode="hardlink")
    assert os.path.samestat(os.stat(item.target), os.stat(photo))
    assert not Path(item.target).is_symlink()


def test_symbolic_links_lead_to_the_photo(happy, album, tmp_path):
    (item, *_) = exported(happy, tmp_path / "out", mode="symlink")
    assert os.readlink(item.target) == str(album / HAPPY)


def test_a_dry_run_reports_the_same_and_writes_nothing(happy, tmp_path):
    planned = exported(happy, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert set(actions(planned)) == {"would be written"}
    done = exported(happy, tmp_path / "out")
    assert [(item.source, item.target) for item in planned] == [(item.source, item.target) for item in done]


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_a_missing_photo_is_reported_and_the_others_are_exported(album, index_of, tmp_path, mode):
    shutil.copy(album / "dim.jpg", tmp_path / "there.jpg")
    index = index_of({tmp_path / "gone.jpg": [("happy", 0.9)], tmp_path / "there.jpg": [("happy", 0.8)]})
    assert actions(exported(index, tmp_path / "out", mode=mode)) == ["missing", "written"]
    assert list(tree(tmp_path / "out")) == ["happy/002_080_there.jpg"]


def test_two_photos_of_the_same_name_are_both_exported(album, index_of, tmp_path):
    for folder, photo in (("2023", HAPPY), ("2024", NEUTRAL)):
        (tmp_path / folder).mkdir()
        shutil.copy(album / photo, tmp_path / folder / "IMG_1.jpg")
    index = index_of({tmp_path / "2023" / "IMG_1.jpg": [("happy", 0.9)]}, "one.db")
    other = index_of({tmp_path / "2024" / "IMG_1.jpg": [("happy", 0.9)]}, "two.db")
    exported(index, tmp_path / "out")
    exported(other, tmp_path / "out")  # the same rank, score and name
    assert tree(tmp_path / "out" / "happy") == {
        "001_090_IMG_1.jpg": (album / HAPPY).read_bytes(),
        "001_090_IMG_1 (2).jpg": (album / NEUTRAL).read_bytes(),
    }
    assert len({item.target for item in place([*ranking_of(index), *ranking_of(other)], tmp_path / "both")}) == 2


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.getuid() or not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk to fill")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_named_and_nothing_half_written_is_left(index_of, tmp_path, small_disk):
    sizes = {"small.jpg": 20_000, "large.jpg": 200_000}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    index = index_of({tmp_path / "small.jpg": [("happy", 0.9)], tmp_path / "large.jpg": [("happy", 0.8)]})
    with pytest.raises(AlbumsortError, match="No space left"):
        exported(index, small_disk / "out")
    assert tree(small_disk) == {"out/happy/001_090_small.jpg": (tmp_path / "small.jpg").read_bytes()}


def test_hard_links_to_another_disk_say_which_mode_works(happy, small_disk):
    with pytest.raises(AlbumsortError, match="use --mode copy"):
        exported(happy, small_disk, mode="hardlink")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(happy, album, public_folder, unprivileged):
    with Index(happy) as index:
        ranking = index.top("happy")
    with unprivileged(), pytest.raises(AlbumsortError, match=r"closed.*[Pp]ermission denied"):
        place(ranking, public_folder / "closed")
    assert list(public_folder.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_an_error_and_stays(happy, tmp_path):
    (tmp_path / "happy").write_bytes(b"mine")
    with pytest.raises(AlbumsortError, match="happy"):
        exported(happy, tmp_path)
    assert (tmp_path / "happy").read_bytes() == b"mine"


def test_only_faces_of_at_least_the_threshold_are_exported(album, index_of, tmp_path):
    photos = {album / HAPPY: [("happy", 0.9)], album / ALSO_HAPPY: [("happy", 0.7)]}
    high = index_of(photos, "high.db", threshold=0.8)
    with Index(high) as index:
        of_the_scan = export(index, tmp_path / "scan", Query(("happy",)))
        lower = export(index, tmp_path / "lower", Query(("happy",), threshold=0.7))
        higher = export(index, tmp_path / "higher", Query(("happy",), threshold=0.71))
    assert [len(done) for done in (of_the_scan, lower, higher)] == [1, 2, 1]


def test_everyone_ranks_by_the_subject_that_shows_the_emotion_least(album, index_of, tmp_path):
    both, one = [("happy", 0.8), ("happy", 0.7, (150.0, 20.0, 80.0, 100.0))], [("happy", 0.75)]
    index = index_of({album / ALSO_HAPPY: both, album / HAPPY: one})
    with Index(index) as opened:
        best = export(opened, tmp_path / "best", Query(("happy",)))
        everyone = export(opened, tmp_path / "everyone", Query(("happy",), everyone=True))
    assert [Path(item.target).name for item in best] == ["001_080_both.jpg", "002_075_eileen-collins.jpg"]
    assert [Path(item.target).name for item in everyone] == ["001_075_eileen-collins.jpg", "002_070_both.jpg"]


@pytest.fixture
def with_raw(album, tmp_path, face_of) -> RankedPhoto:
    """A photo that is a JPEG and a RAW file."""
    shutil.copy(album / HAPPY, tmp_path / "IMG_1.jpg")
    (tmp_path / "IMG_1.nef").write_bytes(b"raw pixels")
    jpeg, raw = (
        Photo(str(path), path.stat().st_size, path.stat().st_mtime_ns, None, 400, 300)
        for path in (tmp_path / "IMG_1.jpg", tmp_path / "IMG_1.nef")
    )
    return RankedPhoto(jpeg, (face_of("happy", 0.9),), 0.9, raws=(raw,))


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_raw_files_are_exported_beside_their_jpeg_under_the_same_rank(with_raw, tmp_path, mode: Mode):
    done = place([with_raw], tmp_path / "out", ExportOptions(mode, with_raws=True))
    assert [(Path(item.source).name, Path(item.target).name, item.action) for item in done] == [
        ("IMG_1.jpg", "001_090_IMG_1.jpg", "written"),
        ("IMG_1.nef", "001_090_IMG_1.nef", "written"),
    ]
    assert (tmp_path / "out" / "001_090_IMG_1.nef").read_bytes() == b"raw pixels"
    assert [item.result for item in done] == [with_raw, with_raw]
    assert actions(place([with_raw], tmp_path / "out", ExportOptions(mode, with_raws=True))) == ["present"] * 2


def test_raw_files_are_not_exported_unless_asked_for(with_raw, tmp_path):
    assert [Path(item.source).name for item in place([with_raw], tmp_path / "out")] == ["IMG_1.jpg"]
