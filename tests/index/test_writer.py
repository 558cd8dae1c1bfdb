"""The writer stores results, recognizes photos by their bytes, and drops only what is surely gone."""

import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumsort.errors import AlbumsortError
from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile, PhotoResult

LATIN1 = os.fsdecode(b"/photos/caf\xe9.jpg")


def test_what_was_written_is_read_back(room: Any, face: Callable) -> None:
    result = room.put(
        "/photos/a.jpg", face(200, happy=0.9), face(sad=0.7), taken_at="2024-05-17T15:00:00", utc_offset="+02:00"
    )
    with Index(room.path) as index:
        assert index.photo("/photos/a.jpg") == result
        assert index.photo("/photos/b.jpg") is None


def unread(room: Any) -> list[tuple[str, str]]:
    with Index(room.path) as index:
        return index.problems()


def test_an_unreadable_folder_is_a_problem_until_a_later_walk_can_read_it(room: Any) -> None:
    locked, sick = ("/photos/locked", "permission denied"), (LATIN1, "input/output error")
    room.writer.note_unread(["/photos", "/photos/x"], [sick, locked])
    assert sorted(unread(room)) == [sick, locked]
    room.writer.note_unread(["/other", "/photos/locked/below"], [])
    assert sorted(unread(room)) == [sick, locked]
    room.writer.note_unread(["/photos"], [locked])
    assert unread(room) == [locked]


def test_an_unreadable_folder_that_is_gone_is_pruned(room: Any, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    there, gone = ((str(tmp_path / name), "permission denied") for name in ("there", "gone"))
    room.writer.note_unread([str(tmp_path)], [there, gone])
    room.writer.prune()
    assert unread(room) == [there]


def test_emotions_that_a_model_does_not_know_are_null(room: Any, face: Callable) -> None:
    known = face(happy=0.8)
    four = replace(known, probabilities=(0.1, None, None, 0.8, 0.05, None, 0.05))
    room.put("/photos/a.jpg", four)
    assert room.sql("SELECT disgust, fear, surprise, emotion, confidence FROM faces") == [
        (None, None, None, "happy", 0.8)
    ]
    with Index(room.path) as index:
        assert index.photo("/photos/a.jpg").faces == (four,)


def test_a_name_that_is_no_utf8_is_kept_as_bytes_and_others_as_text(room: Any, face: Callable) -> None:
    for path in (LATIN1, "/photos/café\n日本.jpg"):
        room.put(path, face(happy=0.9))
    assert room.sql("SELECT path, typeof(path) FROM photos ORDER BY id") == [
        (b"/photos/caf\xe9.jpg", "blob"),
        ("/photos/café\n日本.jpg", "text"),
    ]
    assert {path for path, _ in room.top()} == {LATIN1, "/photos/café\n日本.jpg"}
    with Index(room.path) as index:
        assert index.photo(LATIN1).photo.path == LATIN1
    assert set(room.writer.known_files.unchanged(200)) == {LATIN1, "/photos/café\n日本.jpg"}


def test_writing_a_path_again_replaces_the_photo_and_its_faces(room: Any, face: Callable) -> None:
    room.put(LATIN1, face(happy=0.9), face(happy=0.8))
    room.put(LATIN1, face(sad=0.6), digest="new")
    assert room.sql("SELECT digest FROM photos") == [("new",)]
    assert room.sql("SELECT emotion FROM faces") == [("sad",)]


def test_a_batch_is_written_whole_or_not_at_all(room: Any, face: Callable, photo: Callable) -> None:
    good, bad = photo("/photos/a.jpg", face(happy=0.9)), photo("/photos/b.jpg", face(happy=0.9))
    bad = replace(bad, photo=replace(bad.photo, size=None))
    with pytest.raises(sqlite3.IntegrityError):
        room.writer.write(room.scan, [good, bad])
    assert room.sql("SELECT count(*) FROM photos") == [(0,)]


def reuse(room: Any, file: PhotoFile, digest: str, taken_at: str | None = None) -> None:
    room.writer.reuse([(file, taken_at, room.writer.known_files.result(digest))])


def test_a_moved_photo_keeps_its_row_and_its_faces(room: Any, face: Callable) -> None:
    old = room.put("/photos/old.jpg", face(happy=0.9), face(sad=0.8), digest="abc")
    before = room.sql("SELECT id FROM photos UNION ALL SELECT id FROM faces")
    reuse(room, PhotoFile("/photos/new.jpg", 1000, 7), "abc")
    with Index(room.path) as index:
        moved = replace(old.photo, path="/photos/new.jpg", mtime_ns=7)
        assert index.photo("/photos/new.jpg") == PhotoResult(moved, old.faces)
    assert room.sql("SELECT path, mtime_ns FROM photos") == [("/photos/new.jpg", 7)]
    assert room.sql("SELECT id FROM photos UNION ALL SELECT id FROM faces") == before


def test_a_moved_or_copied_photo_has_the_time_and_the_offset_of_its_file(room: Any, tmp_path: Path) -> None:
    original = tmp_path / "a.jpg"
    original.touch()
    for old in ("/photos/old.jpg", str(original)):
        room.put(old, digest=old, taken_at="2024-05-17T12:00:00", utc_offset="+02:00")
        reuse(room, PhotoFile(f"/new{old}", 1000, 7), old, "2024-05-18T13:00:00-03:30")
    times = room.sql("SELECT taken_at, utc_offset FROM photos WHERE path LIKE '/new%' ORDER BY id")
    assert times == [("2024-05-18T13:00:00", "-03:30")] * 2
    reuse(room, PhotoFile("/newer.jpg", 1000, 7), "/photos/old.jpg", "2024-05-19")
    assert room.sql("SELECT taken_at, utc_offset FROM photos WHERE path = '/newer.jpg'") == [("2024-05-19", None)]


def test_a_copied_photo_has_rows_of_its_own(room: Any, face: Callable, tmp_path: Path) -> None:
    original = tmp_path / "a.jpg"
    original.touch()
    old = room.put(str(original), face(happy=0.9), digest="abc")
    reuse(room, PhotoFile(LATIN1, 1000, 7), "abc")
    with Index(room.path) as index:
        assert index.photo(str(original)) == old
        assert index.photo(LATIN1) == replace(old, photo=replace(old.photo, path=LATIN1, mtime_ns=7))


def test_a_photo_moved_over_another_takes_its_place(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), digest="abc")
    room.put("/photos/b.jpg", face(sad=0.9), digest="def")
    reuse(room, PhotoFile("/photos/b.jpg", 1000, 7), "abc")
    assert room.sql("SELECT path, digest FROM photos") == [("/photos/b.jpg", "abc")]
    assert room.sql("SELECT emotion FROM faces") == [("happy",)]


def test_unknown_bytes_are_not_known(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), digest=None)
    assert room.writer.known_files.result("abc") is None
    assert room.writer.known_files.digests() == set()


def test_only_temporary_errors_are_tried_again(room: Any) -> None:
    room.put("/photos/good.jpg")
    room.put("/photos/cut.jpg", error="truncated")
    room.put("/photos/closed.jpg", error="permission denied", digest=None)
    room.put("/photos/gone.jpg", error="vanished during the scan", digest=None)
    assert room.writer.known_files.unchanged(200) == {
        f"/photos/{name}.jpg": (1000, 1_700_000_000_000_000_001) for name in ("good", "cut")
    }


def test_files_that_are_not_pictures_are_remembered_with_their_last_size_and_time(room: Any) -> None:
    room.writer.note_not_photos([PhotoFile("/photos/notes", 5, 1), PhotoFile(LATIN1, 6, 1)])
    room.writer.note_not_photos([PhotoFile("/photos/notes", 7, 2)])
    assert room.writer.known_files.not_photos() == {"/photos/notes": (7, 2), LATIN1: (6, 1)}


def test_a_scan_is_recorded_with_its_model_and_its_end(room: Any) -> None:
    assert room.sql("SELECT finished_at, model FROM scans") == [(None, None)]
    room.writer.name_model(room.scan, "emotion 0123456789ab")
    room.writer.finish_scan(room.scan)
    ((started, finished, model),) = room.sql("SELECT started_at, finished_at, model FROM scans")
    assert model == "emotion 0123456789ab"
    assert started <= finished


@pytest.fixture
def kept(room: Any, face: Callable, tmp_path: Path) -> list[Path]:
    """Two photos on the disk and in the index, scanned from their folder; one name is no UTF-8."""
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [folder / "a.jpg", folder / os.fsdecode(b"b\xff.jpg")]
    room.writer.start_scan({"paths": [str(folder)], "threshold": 0.5})
    for path in paths:
        path.touch()
        room.put(str(path), face(happy=0.9))
    return paths


def test_prune_drops_what_is_gone_and_its_faces(room: Any, kept: list[Path]) -> None:
    kept[1].unlink()
    assert room.writer.prune() == (1, 1)
    assert room.sql("SELECT path FROM photos") == [(str(kept[0]),)]
    assert room.sql("SELECT count(*) FROM faces") == [(1,)]
    assert room.writer.prune() == (0, 1)


def test_prune_drops_nothing_while_a_scanned_folder_is_an_empty_mount_point(room: Any, kept: list[Path]) -> None:
    folder = kept[0].parent
    folder.rename(folder.with_name("unplugged"))
    folder.mkdir()
    with pytest.raises(AlbumsortError, match="nothing was dropped"):
        room.writer.prune()
    assert room.sql("SELECT count(*) FROM photos") == [(len(kept),)]


@pytest.mark.parametrize("left", [None, (), (".DS_Store", "._a.jpg"), ("Thumbs.db", "desktop.ini"), ("@eaDir/x",)])
def test_prune_keeps_the_photos_of_a_folder_without_anything_but_what_systems_leave(
    room: Any, face: Callable, kept: list[Path], left: tuple[str, ...] | None
) -> None:
    inner = kept[0].parent / "disk"
    room.put(str(inner / "c.jpg"), face(happy=0.9))
    for name in left or ():
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).touch()
    if left == ():
        inner.mkdir()
    assert room.writer.gone() == (1, {str(inner): 1})
    assert room.writer.prune() == (0, 3)
    assert room.writer.prune(whole_folders=True) == (1, 2)


def test_prune_drops_photos_of_a_folder_that_has_other_files(room: Any, face: Callable, kept: list[Path]) -> None:
    room.put(str(kept[0].parent / "notes" / "c.jpg"), face(happy=0.9))
    (kept[0].parent / "notes").mkdir()
    (kept[0].parent / "notes" / "notes.txt").touch()
    assert room.writer.prune() == (1, 2)


def test_prune_drops_nothing_while_a_scanned_folder_is_not_there(room: Any, kept: list[Path]) -> None:
    kept[0].parent.rename(kept[0].parent.with_name("unplugged"))
    with pytest.raises(AlbumsortError, match="was scanned and is not there now; nothing was dropped"):
        room.writer.prune()
    assert room.sql("SELECT count(*) FROM photos") == [(2,)]


def test_prune_ignores_missing_folders_without_photos_in_the_index(room: Any, kept: list[Path]) -> None:
    room.writer.start_scan({"paths": ["/not there/at all"], "threshold": 0.5})
    assert room.writer.prune() == (0, 2)


def test_prune_drops_a_photo_that_was_scanned_by_its_own_path(room: Any, face: Callable, tmp_path: Path) -> None:
    path = str(tmp_path / "single.jpg")
    room.writer.start_scan({"paths": [path], "threshold": 0.5})
    room.put(path, face(happy=0.9))
    assert room.writer.prune() == (1, 0)


def test_prune_drops_files_that_are_not_pictures(room: Any, kept: list[Path]) -> None:
    room.writer.note_not_photos([PhotoFile("/photos/notes", 5, 1)])
    room.writer.prune()
    assert room.writer.known_files.not_photos() == {}


def test_prune_keeps_a_photo_whose_link_is_broken(room: Any, kept: list[Path]) -> None:
    kept[0].unlink()
    kept[0].symlink_to("/mnt/archive/a.jpg")
    assert room.writer.prune() == (0, 2)


def test_a_photo_that_was_too_large_is_read_again_when_the_limit_allows_it(room: Any, photo: Callable) -> None:
    result = photo("/photos/pano.jpg", error="too large (1.5 MP > 1 MP; see --max-megapixels)")
    room.writer.write(room.scan, [replace(result, photo=replace(result.photo, width=1500, height=1000))])
    assert "/photos/pano.jpg" in room.writer.known_files.unchanged(1)
    assert "/photos/pano.jpg" not in room.writer.known_files.unchanged(2)


def test_two_scans_may_make_the_same_new_index_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_and_write(path: Path, gate: threading.Barrier) -> None:
        gate.wait()
        try:
            with IndexWriter(path) as writer:
                writer.start_scan({"paths": []})
        except Exception as error:
            failures.append(error)

    for number in range(10):
        gate = threading.Barrier(2)
        threads = [threading.Thread(target=open_and_write, args=(tmp_path / f"{number}.db", gate)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("error", ["decoder crashed", "decoder took over 30 s"])
def test_a_file_that_ends_decoders_in_two_scans_is_to_blame(room: Any, error: str) -> None:
    known = room.writer.known_files
    room.put("/photos/a.jpg", error=error)
    assert "/photos/a.jpg" not in known.unchanged(200)  # so the next scan tries it again
    room.put("/photos/a.jpg", error=error)
    assert room.sql("SELECT error FROM photos") == [(error,)]  # the same scan once more
    room.scan = room.writer.start_scan({"paths": ["/photos"]})
    room.put("/photos/a.jpg", error=error)
    assert room.sql("SELECT error FROM photos") == [(f"{error}, in two scans",)]
    assert "/photos/a.jpg" in known.unchanged(200)
    room.scan = room.writer.start_scan({"paths": ["/photos"]})
    room.put("/photos/a.jpg", error=error)  # --rescan
    assert room.sql("SELECT error FROM photos") == [(f"{error}, in two scans",)]
    room.put("/photos/b.jpg", error=error)
    room.put("/photos/b.jpg")
    assert room.sql("SELECT error FROM photos WHERE path = '/photos/b.jpg'") == [(None,)]
