"""Bursts: seconds apart, one camera, alike; and of each, one photo in a list."""

from collections.abc import Callable
from typing import Any

import pytest

from albumsort.index import Index, Query
from albumsort.index.bursts import BITS, find
from albumsort.index.filters import Filters
from albumsort.index.writer import IndexWriter

NEAR, FAR = (1 << BITS) - 1, (1 << 32) - 1  # hashes that differ from 0 in BITS and in 32 places


def grouped(*shots: tuple[int, float, int]) -> dict[int, int]:
    return dict(find(shots))


def test_photos_that_look_alike_within_seconds_are_a_burst() -> None:
    assert grouped((1, 0, 0), (2, 1, NEAR), (3, 2, 0)) == {1: 1, 2: 1, 3: 1}


def test_a_burst_may_be_longer_than_the_pause_within_it() -> None:
    assert grouped(*((k, 4.0 * k, 0) for k in range(1, 9))) == dict.fromkeys(range(1, 9), 1)


def test_photos_far_apart_or_unlike_are_none() -> None:
    assert grouped((1, 0, 0), (2, 5.5, 0)) == {}
    assert grouped((1, 0, 0), (2, 1, NEAR + (1 << BITS))) == {}


def test_one_photo_of_something_else_does_not_end_a_burst() -> None:
    assert grouped((1, 0, 0), (2, 1, FAR), (3, 2, 0), (4, 3, FAR)) == {1: 1, 3: 1, 2: 2, 4: 2}


def test_two_bursts_that_meet_are_one() -> None:
    between = NEAR  # like the first, and like the second, which are not alike
    assert grouped((1, 0, 0), (2, 1, (1 << 2 * BITS) - 1)) == {}
    assert grouped((1, 0, 0), (2, 1, (1 << 2 * BITS) - 1), (3, 2, between)) == {1: 1, 2: 1, 3: 1}


@pytest.fixture
def wedding(room: Any, face: Callable) -> Any:
    """Three frames of a group of two, a photo of the same second by another camera, and one of later."""
    for number, smiles in enumerate(((0.9, 0.2), (0.95, 0.8), (0.7, 0.6))):
        faces = [face(happy=value) for value in smiles]
        room.put(f"/photos/burst{number}.jpg", *faces, camera="A", taken_at=f"2024-05-17T12:00:0{number}", exposure=0.9)
    room.put("/photos/other.jpg", face(happy=0.85), camera="B", taken_at="2024-05-17T12:00:01")
    room.put("/photos/later.jpg", face(happy=0.5), camera="A", taken_at="2024-05-17T13:00:00")
    room.put("/photos/undated.jpg", face(happy=0.6), camera="A")
    room.writer.finish_scan(room.scan)
    return room


def test_a_list_has_one_photo_of_a_burst_and_says_what_it_stands_for(wedding: Any) -> None:
    with Index(wedding.path) as index:
        rows = [(row.photo.path[8:], row.others) for row in index.top("happy", everyone=True)]
        assert rows == [("other.jpg", 0), ("burst1.jpg", 2), ("undated.jpg", 0), ("later.jpg", 0)]
        everything = index.top("happy", filters=Filters(with_copies=True))
    assert {(row.photo.path[8:], row.others) for row in everything} >= {("burst0.jpg", 0), ("burst2.jpg", 0)}


def test_copies_of_a_frame_are_not_counted(wedding: Any, face: Callable) -> None:
    facts = {"camera": "A", "taken_at": "2024-05-17T12:00:01", "digest": "same"}
    for name in ("a", "b"):
        wedding.put(f"/photos/copy-{name}.jpg", face(happy=0.1), **facts)
    wedding.writer.finish_scan(wedding.scan)
    with Index(wedding.path) as index:
        assert {row.others for row in index.top("happy") if "burst" in row.photo.path} == {3}
        (burst,) = index.bursts()
    assert len(burst) == 4


def test_bursts_come_whole_in_the_order_of_time(wedding: Any) -> None:
    with Index(wedding.path) as index:
        (burst,) = index.bursts(Query(filters=Filters(since="2024-05-17", camera="a")))
        assert [shot.photo.path for shot in burst] == [f"/photos/burst{k}.jpg" for k in range(3)]
        assert [len(shot.faces) for shot in burst] == [2, 2, 2]
        assert list(index.bursts(Query(filters=Filters(under="/elsewhere")))) == []


def test_a_frame_that_goes_leaves_its_burst(wedding: Any) -> None:
    wedding.writer.forget("/photos/burst0.jpg")
    with Index(wedding.path) as index:
        assert {row.others for row in index.top("happy") if "burst" in row.photo.path} == {1}
    wedding.writer.forget("/photos/burst1.jpg")
    with Index(wedding.path) as index:
        assert list(index.bursts()) == []
        assert [row.others for row in index.top("happy")] == [0] * 4


def test_a_scan_after_one_that_was_killed_at_its_end_finds_the_bursts(wedding: Any) -> None:
    wedding.writer.__exit__()
    with IndexWriter(wedding.path) as writer:
        writer._connection.execute("DELETE FROM bursts")
        writer._connection.execute("UPDATE scans SET finished_at = NULL")
        writer._connection.commit()
        writer.finish_scan(writer.start_scan({"paths": []}))
    assert wedding.sql("SELECT count(*) FROM bursts") == [(3,)]


def test_an_older_index_has_no_bursts_until_it_is_brought_forward(wedding: Any) -> None:
    wedding.turn_back(3)
    with Index(wedding.path) as index:
        assert list(index.bursts()) == []
        assert len(index.top("happy")) == 6
        assert index.top("happy")[0].photo.exposure is None
    IndexWriter(wedding.path).__exit__()
    with Index(wedding.path) as index:
        assert len(list(index.bursts())) == 1


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"min_faces": 2}, {"burst1.jpg"}),
        ({"max_faces": 1}, {"other.jpg", "later.jpg", "undated.jpg"}),
        ({"camera": "b"}, {"other.jpg"}),
    ],
)
def test_lists_can_be_limited_to_cameras_and_numbers_of_faces(wedding: Any, options: dict, names: set) -> None:
    with Index(wedding.path) as index:
        assert {row.photo.path[8:] for row in index.top("happy", filters=Filters(**options))} == names


def test_undated_photos_pass_dates_on_request(wedding: Any) -> None:
    with Index(wedding.path) as index:
        for filters, undated in ((Filters(since="2024"), False), (Filters(until="2024", undated=True), True)):
            names = {row.photo.path[8:] for row in index.top("happy", filters=filters)}
            assert ("undated.jpg" in names) is undated
            assert "later.jpg" in names


def test_photos_of_one_day_whose_names_tell_no_time_are_no_burst(room: Any) -> None:
    for number in range(3):
        room.put(f"/photos/IMG-20240517-WA000{number}.jpg", taken_at="2024-05-17")
    room.writer.finish_scan(room.scan)
    assert room.sql("SELECT count(*) FROM bursts") == [(0,)]


@pytest.fixture
def backed_up(room: Any, face: Callable) -> Any:
    """Three frames in /A, with byte-identical copies of two of them in /B."""
    for folder, numbers in (("/A", range(3)), ("/B", range(2))):
        for k in numbers:
            taken_at = f"2024-05-17T12:00:0{k}"
            room.put(f"{folder}/{k}.jpg", face(happy=0.9), camera="A", taken_at=taken_at, digest=f"{k}")
    room.writer.finish_scan(room.scan)
    return room


@pytest.mark.parametrize(("folder", "frames"), [("/A", 3), ("/B", 2)])
def test_below_a_folder_no_frame_of_another_is_listed(backed_up: Any, folder: str, frames: int) -> None:
    with Index(backed_up.path) as index:
        (burst,) = index.bursts(Query(filters=Filters(under=folder)))
    assert [shot.photo.path for shot in burst] == [f"{folder}/{k}.jpg" for k in range(frames)]


def test_one_frame_below_a_folder_is_no_burst_there(room: Any, face: Callable) -> None:
    for k, folder in enumerate("AB"):
        room.put(f"/{folder}/{k}.jpg", face(happy=0.9), camera="A", taken_at=f"2024-05-17T12:00:0{k}")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        assert len(list(index.bursts())) == 1
        assert list(index.bursts(Query(filters=Filters(under="/A")))) == []


def test_of_copies_one_that_passes_stands_in_its_burst(room: Any, face: Callable) -> None:
    for folder, faces in (("/A", [face(happy=0.9)]), ("/B", [face(happy=0.9)] * 2)):
        for k in range(2):
            room.put(f"{folder}/{k}.jpg", *faces, camera="A", taken_at=f"2024-05-17T12:00:0{k}", digest=f"{k}")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        (burst,) = index.bursts(Query(filters=Filters(min_faces=2)))
    assert [shot.photo.path for shot in burst] == ["/B/0.jpg", "/B/1.jpg"]
