"""Top lists follow the rule of the contract, and questions do not change the index."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import Index, Query
from albumsort.index.filters import Filters
from albumsort.index.writer import IndexWriter


def names(rows: list[tuple[str, float]]) -> list[str]:
    return [Path(path).stem for path, _ in rows]


def test_the_best_face_of_a_photo_counts(room: Any, face: Callable) -> None:
    room.put("/photos/b.jpg", face(happy=0.8), face(happy=0.7))
    room.put("/photos/a.jpg", face(sad=0.9), face(30, happy=0.9))
    room.put("/photos/c.jpg", face(happy=0.6))
    assert room.top() == [("/photos/a.jpg", 0.9), ("/photos/b.jpg", 0.8), ("/photos/c.jpg", 0.6)]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_each_emotion_has_its_list(room: Any, face: Callable, emotion: str) -> None:
    for other in EMOTIONS:
        room.put(f"/photos/{other}.jpg", face(**{other: 0.9}))
    assert room.top(emotion) == [(f"/photos/{emotion}.jpg", 0.9)]


def test_no_other_word_is_an_emotion(room: Any) -> None:
    with pytest.raises(ValueError, match="'bliss' is not one of angry, disgust, fear"):
        room.top("bliss")


def test_an_uncertain_face_wins_no_list(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.49, neutral=0.45))
    room.put("/photos/b.jpg", face(happy=0.5, neutral=0.45))
    assert names(room.top()) == ["b"]
    assert names(room.top(threshold=0.4)) == ["b", "a"]
    assert names(room.top(threshold=0.51)) == []


def test_the_threshold_is_that_of_the_last_scan(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.6))
    assert names(room.top()) == ["a"]
    room.writer.start_scan({"paths": ["/photos"], "threshold": 0.7})
    assert names(room.top()) == []
    room.writer.start_scan({"paths": ["/photos"]})
    assert names(room.top()) == ["a"]


def test_under_a_half_all_certain_faces_count(room: Any, face: Callable) -> None:
    # One face is a little more sad than happy, and yet happier than the one that is happy first of all.
    room.put("/photos/two.jpg", face(happy=0.31, angry=0.3), face(sad=0.45, happy=0.42))
    room.put("/photos/one.jpg", face(happy=0.4, angry=0.3))
    room.put("/photos/sad.jpg", face(sad=0.48, happy=0.46))
    assert room.top(threshold=0.3) == [("/photos/two.jpg", 0.42), ("/photos/one.jpg", 0.4)]
    assert room.top(threshold=0.43) == []


def test_with_everyone_the_least_happy_face_decides(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.95), face(sad=0.7, happy=0.2))
    room.put("/photos/b.jpg", face(happy=0.7), face(happy=0.6))
    assert room.top(everyone=True) == [("/photos/b.jpg", 0.6), ("/photos/a.jpg", 0.2)]


def test_with_everyone_uncertain_faces_count_too(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(happy=0.4, neutral=0.41))
    assert room.top(everyone=True) == [("/photos/a.jpg", 0.4)]


def test_with_everyone_faces_lower_than_a_third_of_the_tallest_are_background(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(300, happy=0.9), face(99, sad=0.9, happy=0.01))
    room.put("/photos/b.jpg", face(300, happy=0.8), face(100, sad=0.7, happy=0.1))
    assert room.top(everyone=True) == [("/photos/a.jpg", 0.9), ("/photos/b.jpg", 0.1)]


def test_with_everyone_ties_go_to_the_larger_mean(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.6), face(happy=0.7))
    room.put("/photos/b.jpg", face(happy=0.6), face(happy=0.9))
    room.put("/photos/c.jpg", face(happy=0.6), face(happy=0.8))
    assert names(room.top(everyone=True)) == ["b", "c", "a"]


def test_with_everyone_a_certain_face_must_show_the_emotion(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.45, sad=0.4))
    room.put("/photos/b.jpg", face(sad=0.9))
    assert room.top(everyone=True) == []


@pytest.mark.parametrize("everyone", [False, True])
def test_copies_are_one_entry_unless_all_are_wanted(room: Any, face: Callable, everyone: bool) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), digest="same")
    room.put("/photos/b.jpg", face(happy=0.8))
    room.put("/photos/c.jpg", face(happy=0.9), digest="same")
    assert names(room.top(everyone=everyone)) == ["a", "b"]
    assert names(room.top(n=2, everyone=everyone)) == ["a", "b"]
    everything = room.top(everyone=everyone, filters=Filters(with_copies=True))
    assert sorted(names(everything)[:2]) == ["a", "c"]
    assert names(everything)[2:] == ["b"]


@pytest.mark.parametrize("everyone", [False, True])
def test_n_limits_the_list_and_none_does_not(room: Any, face: Callable, everyone: bool) -> None:
    for number in range(30):
        room.put(f"/photos/{number:02}.jpg", face(happy=0.6 + number / 100))
    assert names(room.top(n=3, everyone=everyone)) == ["29", "28", "27"]
    assert len(room.top(everyone=everyone)) == 20
    assert len(room.top(n=None, everyone=everyone)) == 30
    with pytest.raises(ValueError, match="n is 0"):
        room.top(n=0, everyone=everyone)


@pytest.mark.parametrize("everyone", [False, True])
def test_under_does_not_match_a_folder_whose_name_only_begins_the_same(
    room: Any, face: Callable, everyone: bool
) -> None:
    latin1 = os.fsdecode(b"/photos/2024/caf\xe9.jpg")
    for path in ("/photos/2024/a.jpg", "/photos/2024-best/b.jpg", "/photos/2024", "/photos/2024/deep/er/c.jpg", latin1):
        room.put(path, face(happy=0.9))
    inside = {"/photos/2024/a.jpg", "/photos/2024/deep/er/c.jpg", latin1}
    for folder in ("/photos/2024", "/photos/2024/"):
        found = room.top(everyone=everyone, filters=Filters(under=folder))
        assert {path for path, _ in found} == inside
    assert len(room.top(everyone=everyone, filters=Filters(under="/"))) == 5
    assert room.top(everyone=everyone, filters=Filters(under="/photos/_024")) == []


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2024", None, "bcde"),
        (None, "2024", "abcd"),
        ("2024", "2024", "bcd"),
        ("2024-05", "2024-05", "bc"),
        ("2024-05-17", "2024-05-17", "c"),
        (None, "2023-12-31", "a"),
        ("2025-01-02", None, ""),
    ],
)
@pytest.mark.parametrize("everyone", [False, True])
def test_dates_may_be_years_months_or_days(
    room: Any, face: Callable, since: str | None, until: str | None, found: str, everyone: bool
) -> None:
    dates = ("2023-12-31T23:59:59", "2024-05-01T00:00:00", "2024-05-17T23:59:59+02:00", "2024-12-31T23:59:59-08:00")
    for name, taken_at in zip("abcde", (*dates, "2025-01-01T00:00:00"), strict=True):
        room.put(f"/photos/{name}.jpg", face(happy=0.9), taken_at=taken_at)
    room.put("/photos/undated.jpg", face(happy=0.9))
    assert sorted(names(room.top(everyone=everyone, filters=Filters(since=since, until=until)))) == list(found)


def test_a_listed_photo_comes_with_all_its_faces_in_their_order(room: Any, face: Callable) -> None:
    faces = face(300, sad=0.9), face(200, happy=0.9), face(100, happy=0.4, neutral=0.35)
    written = room.put("/photos/a.jpg", *faces)
    with Index(room.path) as index:
        (row,) = index.top("happy")
    assert (row.photo, row.faces) == (written.photo, faces)


def test_problems_are_listed_by_path_with_their_reasons(room: Any, face: Callable) -> None:
    latin1 = os.fsdecode(b"/photos/caf\xe9.jpg")
    room.put("/photos/good.jpg", face(happy=0.9))
    room.put("/photos/z.jpg", error="truncated")
    room.put(latin1, error="not an image")
    room.put("/photos/a.jpg", error="empty file")
    with Index(room.path) as index:
        problems = index.problems()
    assert set(problems) == {("/photos/a.jpg", "empty file"), ("/photos/z.jpg", "truncated"), (latin1, "not an image")}
    assert problems.index(("/photos/a.jpg", "empty file")) < problems.index(("/photos/z.jpg", "truncated"))


def test_stats_count_photos_faces_and_the_last_scan(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(happy=0.4, neutral=0.35), taken_at="2023-01-01T00:00:00")
    room.put("/photos/b.jpg", face(sad=0.6), taken_at="2024-01-01T00:00:00")
    room.put("/photos/c.jpg")
    room.put("/photos/d.jpg", error="truncated")
    with Index(room.path) as index:
        stats, strict = index.stats(), index.stats(Query(threshold=0.7))
    assert (stats["photos"], stats["photos_with_faces"], stats["errors"], stats["faces"]) == (4, 2, 1, 3)
    assert stats["emotions"] == {emotion: {"happy": 1, "sad": 1}.get(emotion, 0) for emotion in EMOTIONS}
    assert (stats["uncertain"], stats["threshold"]) == (1, 0.5)
    assert (strict["uncertain"], strict["emotions"]["sad"]) == (2, 0)
    assert (stats["first_taken_at"], stats["last_taken_at"]) == ("2023-01-01T00:00:00", "2024-01-01T00:00:00")
    assert stats["last_scan"]["settings"] == {"paths": ["/photos"], "threshold": 0.5}
    assert stats["last_scan"]["finished_at"] is None


@pytest.mark.parametrize("damaged", ["x", "[1]", "", "{", '{"threshold": "x"}', '{"threshold": 7}', '{"paths": 5}'])
def test_settings_that_cannot_be_read_are_an_error_until_the_next_scan(room: Any, damaged: str) -> None:
    with closing(sqlite3.connect(room.path)) as connection, connection:
        connection.execute("UPDATE scans SET settings = ?, model = 'a model'", (damaged,))

    def ask() -> None:
        with Index(room.path) as index:
            index.stats()
            index.roots()

    with pytest.raises(AlbumsortError, match=r"(?i); scan again|scan again, which mends it"):
        ask()
    room.writer.start_scan({"paths": ["/photos"], "threshold": 0.5})
    ask()
    assert room.writer.forget("/elsewhere") == 0
    assert room.writer.gone() == (0, {})


def test_an_index_without_a_scan_answers(tmp_path: Path) -> None:
    IndexWriter(tmp_path / "index.db").close()
    with Index(tmp_path / "index.db") as index:
        assert (index.top("happy"), index.problems(), index.threshold()) == ([], [], 0.5)
        assert (index.stats()["photos"], index.stats()["last_scan"]) == (0, None)


def test_the_connection_of_a_reader_cannot_write(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    with Index(room.path) as index, pytest.raises(sqlite3.OperationalError, match="readonly"):
        index.connection.execute("DELETE FROM photos")


@pytest.mark.parametrize("name", ["index.db", "50% of #1?.db", "日本 caf\udce9.db"])
def test_an_index_on_a_read_only_disk_is_readable_whatever_its_name(
    public_folder: Path, face: Callable, photo: Callable, unprivileged: Callable[[], AbstractContextManager], name: str
) -> None:
    path = public_folder / name
    with IndexWriter(path) as writer:
        scan = writer.start_scan({"paths": ["/photos"], "threshold": 0.5})
        writer.write(scan, [photo("/photos/a.jpg", face(happy=0.9))])
    path.chmod(0o444)
    public_folder.chmod(0o555)
    with unprivileged(), Index(path) as index:
        assert [row.photo.path for row in index.top("happy")] == ["/photos/a.jpg"]


def test_any_tool_can_ask_for_the_happiest_photo(scanned: Path) -> None:
    with closing(sqlite3.connect(scanned)) as connection:
        row = connection.execute(
            "SELECT path, happy FROM photos JOIN faces ON photos.id = photo_id ORDER BY happy DESC"
        ).fetchone()
    assert Path(row[0]).is_file()
    assert 0 <= row[1] <= 1


def test_under_takes_a_folder_by_a_link_to_it(room: Any, face: Callable, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    room.put(f"{tmp_path.resolve()}/real/a.jpg", face(happy=0.9))
    room.put(f"{tmp_path}/link/b.jpg", face(happy=0.8))
    room.put(f"{tmp_path}/other/c.jpg", face(happy=0.7))
    assert names(room.top(filters=Filters(under=f"{tmp_path}/link"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "found"), [("x_100%", True), ("X_100", True), ("x%", False), ("x1", False), ("^", True)]
)
def test_a_camera_is_found_by_any_part_of_its_name_as_it_is_written(
    room: Any, face: Callable, words: str, found: bool
) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), camera="Maker X_100%^2")
    assert bool(room.top(filters=Filters(camera=words))) == found


@pytest.mark.parametrize("others", [1, 500])
def test_a_list_is_the_same_whether_many_or_few_photos_pass(
    room: Any, face: Callable, photo: Callable, others: int
) -> None:
    room.put("/photos/a/1.jpg", face(happy=0.7), face(happy=0.9), face(sad=0.8))
    room.put("/photos/a/2.jpg", face(happy=0.95))
    room.writer.write(room.scan, [photo(f"/photos/b/{number}.jpg", face(happy=0.99)) for number in range(others)])
    asked: list[str] = []
    with Index(room.path) as index:
        index.connection.set_trace_callback(asked.append)
        rows = index.top("happy", filters=Filters(under="/photos/a"))
    assert [(row.photo.path, row.score) for row in rows] == [("/photos/a/2.jpg", 0.95), ("/photos/a/1.jpg", 0.9)]
    assert any("INDEXED BY faces_by_photo" in question for question in asked) == (others > 100)


@pytest.mark.parametrize("others", [1, 500])
def test_equals_are_listed_in_the_order_of_the_index_however_they_are_found(
    room: Any, face: Callable, photo: Callable, others: int
) -> None:
    paths = [f"/photos/{name}.jpg" for name in "cabed"]
    for path in paths:
        room.put(path, face(happy=1.0), camera="one")
    room.writer.write(room.scan, [photo(f"/photos/b/{number}.jpg", face(happy=1.0)) for number in range(others)])
    assert [path for path, _ in room.top(filters=Filters(camera="one"))] == paths
    assert [path for path, _ in room.top(filters=Filters(camera="one", min_faces=1))] == paths


def test_undated_photos_do_not_count_as_passing_a_date(room: Any, face: Callable) -> None:
    for number in range(100):
        room.put(f"/photos/{number}.jpg", face(happy=0.9), taken_at=None if number else "2024-05-17T12:00:00")
    asked: list[str] = []
    with Index(room.path) as index:
        index.connection.set_trace_callback(asked.append)
        assert len(index.top("happy", filters=Filters(since="2024"))) == 1
    assert any("INDEXED BY faces_by_photo" in question for question in asked)
