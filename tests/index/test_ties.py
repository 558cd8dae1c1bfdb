"""Photos with the same score are ordered by what a person sees: how many show it, how large and how sharp they are."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumsort.culling.subjects import subject_mask
from albumsort.index import Filters, Index, Query
from albumsort.index.ranking import best
from albumsort.index.writer import IndexWriter
from albumsort.records import Box, Face, PhotoResult


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory, face: Callable, photo: Callable) -> tuple[Path, list[PhotoResult]]:
    """An index of 400 photos with 1 to 3 faces, which differ little; some are below a half."""
    dice = random.Random(0)

    def made() -> Face:
        shown: dict[str, float] = dice.choice(
            ({"happy": 1.0}, {"happy": 0.8}, {"happy": 0.4, "sad": 0.3}, {"sad": 0.42, "happy": 0.41}, {"sad": 0.9})
        )
        height = dice.choice((100.0, 110.0, 120.0, 160.0))
        return replace(face(height, **shown), sharpness=dice.choice((50.0, 60.25)))

    results = [photo(f"/photos/{number:03}.jpg", *(made() for _ in range(dice.randint(1, 3)))) for number in range(400)]
    path = tmp_path_factory.mktemp("alike") / "index.db"
    with IndexWriter(path) as writer:
        writer.write(writer.start_scan({"paths": ["/photos"]}), results)
    return path, results


def wanted(results: list[PhotoResult], certain: float, everyone: bool, closest: bool) -> list[str]:
    """The paths of the list for happy, by the rule of ``Index.search`` photo by photo."""
    keys = []
    for number, (result, faces) in enumerate((result, result.faces) for result in results):
        sure = [face for face in faces if face.confidence >= certain]
        showing = [face for face in sure if face.emotion == "happy"]
        if not showing and not closest:
            continue
        mask = subject_mask(result.photo, faces)
        front = [face.probability("happy") for face, is_front in zip(faces, mask, strict=True) if is_front]
        score = min(front) if everyone else max(face.probability("happy") for face in (faces if closest else sure))
        keys.append(
            (
                -score,
                -round(sum(front) * 1e6) / len(front) if everyone else 0,
                -len(showing) / len(faces),
                -max((face.box.h * 100 // 4000 for face in showing), default=0),
                -max((face.sharpness for face in showing), default=0),
                number,
            )
        )
    return [results[key[-1]].photo.path for key in sorted(keys)]


@pytest.mark.parametrize("certain", [0.3, 0.5])
@pytest.mark.parametrize(
    ("options", "filters"),
    [
        ({}, Filters()),
        ({}, Filters(min_faces=1)),
        ({"everyone": True}, Filters()),
        ({"closest": True}, Filters()),
        ({"everyone": True, "closest": True}, Filters(min_face=0.1)),
    ],
    ids=["rows", "packed", "everyone", "closest", "closest to everyone"],
)
def test_every_kind_of_list_has_the_same_rule(
    alike: tuple[Path, list[PhotoResult]], certain: float, options: dict[str, bool], filters: Filters
) -> None:
    path, results = alike
    names = wanted(results, certain, options.get("everyone", False), options.get("closest", False))
    with Index(path) as index:
        for n in (None, 7):
            rows = index.top("happy", n, threshold=certain, filters=filters, **options)
            assert [row.photo.path for row in rows] == names[:n]
            assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)


@pytest.mark.parametrize("many", [0, 1, 3, 30, 1000])
def test_a_list_goes_on_with_the_packed_faces_where_many_have_the_same_score(
    alike: tuple[Path, list[PhotoResult]], many: int
) -> None:
    path, results = alike
    with Index(path) as index:
        rows = index.top("happy", None, threshold=0.3, filters=Filters(with_copies=True))
        query = Query("happy", threshold=0.3)
        ids = {result.photo.path: number for number, result in enumerate(results, 1)}
        wanted_list = [(ids[row.photo.path], row.score) for row in rows]
        asked: list[int] = []

        def by_table() -> list[Any]:
            asked.append(many)
            return wanted_list

        assert list(best(index.connection, query, by_table, many)) == wanted_list
    assert len(asked) == (many < 1000)


def sized(face: Face, height: float, sharpness: float = 100.0) -> Face:
    return replace(face, box=Box(10, 20, height * 0.8, height), sharpness=sharpness)


@pytest.mark.parametrize("options", [{}, {"filters": Filters(min_faces=1)}, {"closest": True}])
def test_more_of_the_faces_then_larger_then_sharper(room: Any, face: Callable, options: dict[str, Any]) -> None:
    happy, sad = face(happy=0.9), face(sad=0.9)
    room.put("/photos/half.jpg", sized(happy, 900), sized(sad, 900))
    room.put("/photos/blurred.jpg", sized(happy, 400, 20))
    room.put("/photos/sharp.jpg", sized(happy, 410, 30))  # as large in whole percent
    room.put("/photos/larger.jpg", sized(happy, 440, 10))
    room.put("/photos/most.jpg", sized(happy, 300), sized(happy, 200), sized(sad, 200))
    room.put("/photos/better.jpg", sized(face(happy=0.900001), 40, 1), sized(sad, 900))
    names = ["better", "larger", "sharp", "blurred", "most", "half"]
    assert [Path(path).stem for path, _ in room.top(**options)] == names


def test_with_everyone_the_mean_decides_before_the_share(room: Any, face: Callable) -> None:
    room.put("/photos/all.jpg", face(happy=0.6), face(happy=0.7))
    room.put("/photos/mean.jpg", face(happy=0.9), face(happy=0.6), face(20, sad=0.9))
    room.put("/photos/larger.jpg", face(120, happy=0.6), face(120, happy=0.7))
    assert [Path(path).stem for path, _ in room.top(everyone=True)] == ["mean", "larger", "all"]


def test_faces_that_do_not_count_are_no_part_of_the_share(room: Any, face: Callable) -> None:
    room.put("/photos/pair.jpg", face(happy=0.9), face(sad=0.9))
    room.put("/photos/passer-by.jpg", face(90, happy=0.9), replace(face(sad=0.9), detection=0.71))
    assert [Path(path).stem for path, _ in room.top()] == ["pair", "passer-by"]
    sure = Filters(min_detection=0.9)
    assert [Path(path).stem for path, _ in room.top(filters=sure)] == ["passer-by", "pair"]


def test_a_row_says_how_many_faces_show_it(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9), face(happy=0.4), face(sad=0.8), face(surprise=0.7))
    with Index(room.path) as index:
        assert [row.showing for row in index.top("happy")] == [1]
        assert [row.showing for row in index.top(["happy", "surprise"])] == [2]
        assert [row.showing for row in index.top("happy", threshold=0.3)] == [2]
        assert [row.showing for row in index.top("fear", closest=True)] == [0]
        assert [row.showing for row in index.top("happy", filters=Filters(min_face=50), closest=True)] == []
        assert [row.showing for row in index.photos()] == [None]


def test_an_unknown_size_of_the_photo_counts_as_a_small_face(room: Any, face: Callable) -> None:
    room.put("/photos/unknown.jpg", sized(face(happy=0.9), 900))
    room.put("/photos/known.jpg", sized(face(happy=0.9), 400))
    room.change("UPDATE photos SET width = NULL, height = NULL WHERE path LIKE '%unknown%'")
    for options in ({}, {"closest": True}):
        assert [Path(path).stem for path, _ in room.top(**options)] == ["known", "unknown"]
