"""Bursts: a list has one photo of each; they follow the photos that come and go."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from albumsort.culling.best_shot import rank_burst
from albumsort.culling.bursts import BITS, BITS_OF_VAGUE_TIME, Shot, find_bursts
from albumsort.culling.places import Place
from albumsort.index import Index, Query
from albumsort.index.filters import Filters
from albumsort.index.writer import IndexWriter
from albumsort.records import Box, PhotoFile


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


def test_a_list_has_one_photo_of_a_burst_and_counts_the_others(wedding: Any) -> None:
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


def test_bursts_are_complete_and_in_order_of_time(wedding: Any) -> None:
    with Index(wedding.path) as index:
        (burst,) = index.bursts(Query(filters=Filters(since="2024-05-17", camera="a")))
        assert [shot.photo.path for shot in burst] == [f"/photos/burst{k}.jpg" for k in range(3)]
        assert [len(shot.faces) for shot in burst] == [2, 2, 2]
        assert list(index.bursts(Query(filters=Filters(under="/elsewhere")))) == []


def test_a_forgotten_photo_leaves_its_burst(wedding: Any) -> None:
    wedding.writer.forget("/photos/burst0.jpg")
    with Index(wedding.path) as index:
        assert {row.others for row in index.top("happy") if "burst" in row.photo.path} == {1}
    wedding.writer.forget("/photos/burst1.jpg")
    with Index(wedding.path) as index:
        assert list(index.bursts()) == []
        assert [row.others for row in index.top("happy")] == [0] * 4


def test_after_a_killed_scan_the_next_scan_finds_its_bursts(room: Any, face: Callable) -> None:
    for second in range(3):
        room.put(f"/photos/{second}.jpg", face(happy=0.9), taken_at=f"2024-05-17T12:00:0{second}")
    room.writer.close()  # without an end of its scan
    assert room.sql("SELECT count(*) FROM bursts") == [(0,)]
    with IndexWriter(room.path) as writer:
        writer.finish_scan(writer.start_scan({"paths": []}))
    assert room.sql("SELECT count(*) FROM bursts") == [(3,)]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"min_faces": 2}, {"burst1.jpg"}),
        ({"max_faces": 1}, {"other.jpg", "later.jpg", "undated.jpg"}),
        ({"camera": "b"}, {"other.jpg"}),
    ],
)
def test_lists_can_be_filtered_by_camera_and_number_of_faces(wedding: Any, options: dict, names: set) -> None:
    with Index(wedding.path) as index:
        assert {row.photo.path[8:] for row in index.top("happy", filters=Filters(**options))} == names


def test_undated_photos_can_be_included_in_a_filter_by_date(wedding: Any) -> None:
    with Index(wedding.path) as index:
        for filters, undated in ((Filters(since="2024"), False), (Filters(until="2024", undated=True), True)):
            names = {row.photo.path[8:] for row in index.top("happy", filters=filters)}
            assert ("undated.jpg" in names) is undated
            assert "later.jpg" in names


def test_photos_with_a_date_but_no_time_are_not_a_burst(room: Any) -> None:
    for number in range(3):
        room.put(f"/photos/IMG-20240517-WA000{number}.jpg", taken_at="2024-05-17")
    room.writer.finish_scan(room.scan)
    assert room.sql("SELECT count(*) FROM bursts") == [(0,)]


LOOKS = ("0000000000000000", "000000000000ffff", "ffffffff00000000")


def places_of(room: Any, photo_id: int) -> list[Place]:
    """The places of the faces of a photo of 4000 x 3000 pixels."""
    boxes = room.sql("SELECT x, y, w, h FROM faces WHERE photo_id = ?", photo_id)
    return [Place((x + w / 2) / 4000, (y + h / 2) / 4000, h / 4000) for x, y, w, h in boxes]


def grouped_anew(room: Any) -> list[tuple[int, int]]:
    """The bursts of all photos of the room, found at once."""
    by_camera: dict[object, list[Shot]] = {}
    for photo_id, camera, taken_at, phash in room.sql("SELECT id, camera, taken_at, phash FROM photos"):
        if taken_at and len(taken_at) >= 19:
            seconds = (datetime.fromisoformat(taken_at[:19]) - datetime.min).total_seconds()
            by_camera.setdefault(camera, []).append(Shot(photo_id, seconds, int(phash, 16)))
    pairs = []
    for camera, shots in by_camera.items():
        shots.sort(key=lambda shot: (shot.seconds, shot.photo_id))
        places = {photo_id: places_of(room, photo_id) for photo_id in [shot.photo_id for shot in shots]}
        pairs += find_bursts(shots, places.__getitem__, BITS if camera else BITS_OF_VAGUE_TIME)
    return sorted(pairs)


@pytest.mark.parametrize("seed", range(12))
def test_after_any_change_the_bursts_are_the_same_as_worked_out_from_all_photos(
    room: Any, face: Callable, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)

    def taken_at() -> str | None:
        # Around three midnights, so dense that bursts cross them, and some photos that know the day at most.
        when = datetime(2023, 12, 30) + timedelta(days=dice.randrange(3), seconds=dice.randrange(-20, 20))
        return dice.choice([when.isoformat(), when.isoformat(), f"{when.isoformat()}+01:00", f"{when:%Y-%m-%d}", None])

    for _ in range(12):
        for _ in range(dice.randrange(1, 15)):
            path, camera = tmp_path / f"{dice.randrange(60)}.jpg", dice.choice([None, "", "A"])
            path.touch()
            room.put(str(path), face(happy=0.9), taken_at=taken_at(), camera=camera, phash=dice.choice(LOOKS))
        known = room.writer.known_files.result(dice.choice(room.sql("SELECT digest FROM photos"))[0])
        change = dice.randrange(4)
        if change == 0:
            room.writer.forget(known.result.photo.path)
        elif change == 1:
            Path(known.result.photo.path).unlink(missing_ok=True)
            room.writer.prune()
        elif change == 2:  # a moved or a copied file
            moved = replace(known, is_gone=dice.random() < 0.5)
            room.writer.reuse([(PhotoFile(str(tmp_path / f"{dice.randrange(60)}.jpg"), 1, 1), taken_at(), moved)])
        if change > 1:
            room.writer.finish_scan(room.scan)
        assert sorted(room.sql("SELECT photo_id, burst FROM bursts")) == grouped_anew(room)
        assert room.sql("SELECT * FROM ungrouped") == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2024-02-29"])
def test_a_burst_may_be_on_the_first_and_the_last_day_of_the_calendar(room: Any, day: str) -> None:
    for second in ("00:00:00", "00:00:01", "23:59:58", "23:59:59"):
        room.put(f"/photos/{second}.jpg", taken_at=f"{day}T{second}")
    room.writer.finish_scan(room.scan)
    assert room.sql("SELECT photo_id, burst FROM bursts") == [(1, 1), (2, 1), (3, 3), (4, 3)]


def test_only_days_with_new_photos_and_the_days_beside_them_are_grouped_again(room: Any) -> None:
    for day in range(1, 29):
        for second in range(2):
            room.put(f"/photos/{day}-{second}.jpg", camera="A", taken_at=f"2024-02-{day:02}T12:00:0{second}")
    room.writer.finish_scan(room.scan)
    room.change("UPDATE bursts SET burst = 1000 + burst")  # so that those worked out anew can be told apart
    room.put("/photos/new.jpg", camera="A", taken_at="2024-02-10T12:00:02")
    room.put("/photos/other.jpg", camera="B", taken_at="2024-02-20T12:00:02")
    room.writer.finish_scan(room.scan)
    days = room.sql("SELECT substr(taken_at, 9, 2) FROM bursts JOIN photos ON id = photo_id WHERE burst < 1000")
    assert set(days) == {("09",), ("10",), ("11",)}


@pytest.mark.parametrize("clause", ["", "OR IGNORE", "OR REPLACE", "OR ROLLBACK"])
def test_photos_that_another_tool_adds_are_grouped_by_the_next_scan(wedding: Any, clause: str) -> None:
    columns = "size, mtime_ns, digest, taken_at, camera, phash, status, scan_id"
    select = f"SELECT path || '.copy', {columns} FROM photos WHERE taken_at > '2024-05-17T12:00:00'"
    wedding.change(f"INSERT {clause} INTO photos(path, {columns}) {select}")
    wedding.writer.finish_scan(wedding.scan)
    assert sorted(wedding.sql("SELECT photo_id, burst FROM bursts")) == grouped_anew(wedding)


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
def test_a_burst_below_a_folder_has_no_photos_of_another_folder(backed_up: Any, folder: str, frames: int) -> None:
    with Index(backed_up.path) as index:
        (burst,) = index.bursts(Query(filters=Filters(under=folder)))
    assert [shot.photo.path for shot in burst] == [f"{folder}/{k}.jpg" for k in range(frames)]


def test_a_single_photo_below_a_folder_is_not_a_burst(room: Any, face: Callable) -> None:
    for k, folder in enumerate("AB"):
        room.put(f"/{folder}/{k}.jpg", face(happy=0.9), camera="A", taken_at=f"2024-05-17T12:00:0{k}")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        assert len(list(index.bursts())) == 1
        assert list(index.bursts(Query(filters=Filters(under="/A")))) == []


def test_a_burst_shows_the_copy_that_passes_the_filters(room: Any, face: Callable) -> None:
    for folder, faces in (("/A", [face(happy=0.9)]), ("/B", [face(happy=0.9)] * 2)):
        for k in range(2):
            room.put(f"{folder}/{k}.jpg", *faces, camera="A", taken_at=f"2024-05-17T12:00:0{k}", digest=f"{k}")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        (burst,) = index.bursts(Query(filters=Filters(min_faces=2)))
    assert [shot.photo.path for shot in burst] == ["/B/0.jpg", "/B/1.jpg"]


def test_a_list_shows_the_frame_of_a_burst_that_bursts_puts_first(room: Any, face: Callable) -> None:
    smiles = {"all": (0.9, 0.85), "one": (0.99, 0.2), "nobody": (0.3, 0.3)}
    for second, (name, values) in enumerate(smiles.items()):
        faces = [replace(face(happy=value), box=Box(10 + 1000 * k, 20, 80, 100)) for k, value in enumerate(values)]
        room.put(f"/photos/{name}.jpg", *faces, camera="A", taken_at=f"2024-05-17T12:00:0{second}")
    room.put("/photos/between.jpg", face(happy=0.95), camera="B", taken_at="2024-05-17T12:00:00")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        (burst,) = index.bursts()
        best = rank_burst(burst, "happy")[0].photo.path
        for options in ({}, {"everyone": True}, {"filters": Filters(min_faces=1)}, {"scheme": "four"}):
            rows = {row.photo.path: row for row in index.top("happy", **options)}
            assert set(rows) == {best, "/photos/between.jpg"}
            assert rows[best].others == 2
        # The order is that of the scores: the best frame has 0.9.
        assert [row.photo.path for row in index.top("happy")] == ["/photos/between.jpg", best]
        assert [row.photo.path for row in index.top("happy", n=1)] == ["/photos/between.jpg"]
        # Of the frames that pass, the best.
        assert [row.photo.path for row in index.top("neutral", threshold=0.1)] == []


def test_a_group_that_counts_to_three_is_one_burst(room: Any, face: Callable) -> None:
    for second in (0, 11, 24):
        room.put(f"/photos/{second}.jpg", face(happy=0.9), camera="A", taken_at=f"2024-05-17T12:00:{second:02}")
        room.put(f"/empty/{second}.jpg", camera="B", taken_at=f"2024-05-17T12:00:{second:02}")
    room.writer.finish_scan(room.scan)
    assert room.sql("SELECT p.path, b.burst FROM bursts b JOIN photos p ON p.id = b.photo_id ORDER BY 1") == [
        ("/photos/0.jpg", 1), ("/photos/11.jpg", 1), ("/photos/24.jpg", 1),
    ]  # fmt: skip


def test_an_exposure_bracket_is_no_burst(room: Any, face: Callable) -> None:
    for second, brightness in enumerate((0.4, 0.2, 0.7)):
        facts = {"camera": "A", "taken_at": f"2024-05-17T12:00:0{second}", "brightness": brightness}
        room.put(f"/photos/{second}.jpg", face(happy=0.9), **facts)
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        assert list(index.bursts()) == []
        assert len(index.top("happy")) == 3


def test_a_list_with_a_hundred_bursts_does_not_ask_the_index_for_each(room: Any, face: Callable) -> None:
    for minute in range(50):
        for second in range(2):
            path, time = f"/photos/{minute}-{second}.jpg", f"2024-05-17T12:{minute:02}:0{second}"
            room.put(path, face(happy=0.9 + second / 100), camera="A", taken_at=time)
    room.writer.finish_scan(room.scan)
    asked: dict[str, int] = {}
    with Index(room.path) as index:
        for everyone in (False, True):
            statements: list[str] = []
            index.connection.set_trace_callback(statements.append)
            assert {row.others for row in index.top("happy", n=None, everyone=everyone)} == {1}
            index.connection.set_trace_callback(None)
            asked["everyone" if everyone else "anyone"] = len(statements)
    assert max(asked.values()) < 50, asked
