"""Several emotions, label schemes and filters on faces: lists and counts agree with a loop over all faces."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumsort.culling.subjects import subject_mask
from albumsort.emotions import EMOTIONS, SCHEMES, labels_of
from albumsort.index import Index, Query
from albumsort.index.filters import Filters
from albumsort.index.writer import IndexWriter
from albumsort.records import Face, PhotoResult

FILTERS = {
    "none": Filters(),
    "large faces": Filters(min_face=2.5),
    "sure faces": Filters(min_detection=0.9),
    "not sad": Filters(without=("sad", "angry")),
    "groups": Filters(min_faces=2, max_faces=3, min_detection=0.8, without=("neutral",)),
}
QUESTIONS = [
    *((("happy",), scheme) for scheme in SCHEMES),
    *((("angry",), scheme) for scheme in SCHEMES),
    (("happy", "surprise"), "seven"),
    (("disgust", "fear", "sad"), "seven"),
    (("happy", "surprise"), "six"),
    (("happy", "sad"), "four"),
]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory, face: Callable, photo: Callable) -> tuple[Path, list[PhotoResult]]:
    """An index of 60 photos with 0 to 4 faces of all kinds, and what is in it."""
    dice = random.Random(0)
    results = []
    for number in range(60):
        faces = []
        for _ in range(dice.randrange(5)):
            shares = [dice.random() ** dice.choice((1, 4, 12)) for _ in EMOTIONS]
            probabilities = tuple(round(share / sum(shares), 6) for share in shares)
            if number % 10 == 9:  # as a model of four emotions reads them
                probabilities = tuple(
                    p if e in labels_of("four") else None for e, p in zip(EMOTIONS, probabilities, strict=True)
                )
            one: Face = replace(face(dice.choice((30, 80, 120, 400))), probabilities=probabilities)
            faces.append(replace(one, detection=round(dice.uniform(0.7, 1), 4), sharpness=dice.choice((0.01, 200.0))))
        results.append(photo(f"/photos/{number:02}.jpg", *faces))
    path = tmp_path_factory.mktemp("album") / "index.db"
    with IndexWriter(path) as writer:
        writer.write(writer.start_scan({"paths": ["/photos"]}), results)
    return path, results


def counted(result: PhotoResult, filters: Filters, scheme: str, certain: float) -> list[Face] | None:
    """The faces of a photo that count, in a scheme; None if the photo does not pass."""
    faces = [one.in_scheme(scheme) for one in result.faces if filters.counts(one, result.photo)]
    if filters.min_faces is not None and not filters.min_faces <= len(faces) <= (filters.max_faces or 99):
        return None
    if any(one.emotion in filters.without and one.confidence >= certain for one in faces):
        return None
    return faces


def score(faces: list[Face], emotions: tuple[str, ...]) -> list[float]:
    return [sum(one.probability(emotion) for emotion in emotions) for one in faces]


@pytest.mark.parametrize("limits", FILTERS)
@pytest.mark.parametrize(
    ("emotions", "scheme"), QUESTIONS, ids=lambda value: "+".join(value) if isinstance(value, tuple) else value
)
def test_lists_agree_with_a_loop_over_all_faces(
    album: tuple[Path, list[PhotoResult]],
    emotions: tuple[str, ...],
    scheme: str,
    limits: str,
) -> None:
    path, results = album
    filters = FILTERS[limits]
    if set(filters.without) & set(EMOTIONS) - set(labels_of(scheme)):
        pytest.skip("the scheme has no such emotion")
    ways = itertools.product((0.0, 0.4, 0.7, 0.8), (False, True), (False, True))
    for certain, everyone, closest in ways:
        wanted = {}
        for result in results:
            faces = counted(result, filters, scheme, certain) or []
            sure = [one for one in faces if one.confidence >= certain]
            if not closest and not any(one.emotion in emotions for one in sure):
                continue
            front = subject_mask(result.photo, faces)
            subjects = [one for one, is_front in zip(faces, front, strict=True) if is_front]
            asked = score(subjects if everyone else faces if closest else sure, emotions)
            least = 0.000001 if closest else 0.0005
            if asked and (best := (min if everyone else max)(asked)) > least - 1e-9:
                wanted[result.photo.path] = best
        with Index(path) as index:
            options = {"threshold": certain, "everyone": everyone, "filters": filters, "scheme": scheme}
            rows = index.top(emotions if len(emotions) > 1 else emotions[0], None, closest=closest, **options)
        found = {row.photo.path: row.score for row in rows}
        assert found.keys() == wanted.keys(), (certain, everyone, closest)
        assert found == pytest.approx(wanted, abs=1e-9)
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)


@pytest.mark.parametrize("limits", FILTERS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_counts_agree_with_a_loop_over_all_faces(
    album: tuple[Path, list[PhotoResult]], scheme: str, limits: str
) -> None:
    path, results = album
    filters = FILTERS[limits]
    passed = [faces for result in results if (faces := counted(result, filters, scheme, 0.5)) is not None]
    faces = [face for some in passed for face in some]
    with Index(path) as index:
        found = index.stats(Query(threshold=0.5, filters=filters, scheme=scheme))
    certain = [face.emotion for face in faces if face.confidence >= 0.5]
    assert found["emotions"] == {label: certain.count(label) for label in labels_of(scheme)}
    assert (found["photos"], found["photos_with_faces"]) == (len(passed), sum(map(bool, passed)))
    assert (found["faces"], found["uncertain"]) == (len(faces), len(faces) - len(certain))


def test_photos_are_listed_by_path_with_or_without_faces(album: tuple[Path, list[PhotoResult]]) -> None:
    path, results = album
    with Index(path) as index:
        everything = list(index.photos())
        empty = [row.photo.path for row in index.photos(no_faces=True)]
        small = [row.photo.path for row in index.photos(Query(filters=Filters(min_face=2.5)), no_faces=True)]
        unsure = [row.photo.path for row in index.photos(Query(threshold=0.6), uncertain=True)]
    assert [row.photo.path for row in everything] == [result.photo.path for result in results]
    assert {row.score for row in everything} == {None}
    assert empty == [result.photo.path for result in results if not result.faces]
    assert set(small) > set(empty)
    assert unsure == [r.photo.path for r in results if any(face.confidence < 0.6 for face in r.faces)]


def test_an_unreadable_photo_is_listed_only_if_it_has_faces(room: Any, face: Callable) -> None:
    room.put("/photos/notes.jpg", error="not an image")
    room.put("/photos/cut.jpg", face(happy=0.9), error="truncated")
    with Index(room.path) as index:
        assert [row.photo.path for row in index.photos()] == ["/photos/cut.jpg"]


def test_in_four_the_probabilities_sum_to_one_and_in_six_angry_includes_disgust(face: Callable) -> None:
    one = face(angry=0.3, disgust=0.3, fear=0.1, happy=0.1, sad=0.1, surprise=0.05, neutral=0.05)
    assert one.in_scheme("seven") == one
    six, four = one.in_scheme("six"), one.in_scheme("four")
    assert six.probabilities == pytest.approx((0.6, None, 0.1, 0.1, 0.1, 0.05, 0.05))
    assert [p and round(p, 4) for p in four.probabilities] == [0.5455, None, None, 0.1818, 0.1818, None, 0.0909]
    nothing = replace(one, probabilities=(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)).in_scheme("four")
    assert nothing.confidence == 0


@pytest.mark.parametrize(("emotion", "scheme"), [("disgust", "six"), ("surprise", "four"), ("bliss", "seven")])
def test_an_emotion_that_a_scheme_does_not_have_is_refused(room: Any, emotion: str, scheme: str) -> None:
    with pytest.raises(ValueError, match=emotion):
        room.top(emotion, scheme=scheme)
    with pytest.raises(ValueError, match="nine"):
        room.top("happy", scheme="nine")


def test_a_face_is_never_certain_if_the_scheme_has_none_of_its_emotions(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(surprise=1))
    assert room.top("angry", threshold=0, scheme="four") == []
    with Index(room.path) as index:
        counts = index.stats(Query(threshold=0, scheme="four"))
        assert (counts["emotions"]["angry"], counts["uncertain"]) == (0, 1)
        assert len(list(index.photos(Query(threshold=0, scheme="four"), uncertain=True))) == 1


def test_a_face_whose_sum_equals_the_threshold_is_certain(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(angry=0.1, disgust=0.7, happy=0.2))
    with Index(room.path) as index:
        (row,) = index.top("angry", threshold=0.8, scheme="six")
        assert (row.score, row.faces[0].confidence) == (0.8, 0.8)
        assert index.stats(Query(threshold=0.8, scheme="six"))["uncertain"] == 0


@pytest.mark.parametrize(("long_side", "size", "percent"), [(640, 5.76, 0.9), (1000, 30, 3), (4032, 100.8, 2.5)])
def test_a_face_of_exactly_the_smallest_size_counts_everywhere(
    room: Any, face: Callable, long_side: int, size: float, percent: float
) -> None:
    for second in range(2):
        room.put(f"/photos/{second}.jpg", face(size, happy=0.9), width=long_side, height=1,
                 taken_at=f"2024-05-17T12:00:0{second}")  # fmt: skip
    room.writer.finish_scan(room.scan)
    query = Query(filters=Filters(min_face=percent, min_faces=1))
    with Index(room.path) as index:
        assert len(list(index.photos(query))) == 2
        (burst,) = index.bursts(query)
    assert [len(shot.faces) for shot in burst] == [1, 1]


def test_several_emotions_are_added_up(room: Any, face: Callable) -> None:
    room.put("/photos/mixed.jpg", face(happy=0.55, surprise=0.45))
    room.put("/photos/happy.jpg", face(happy=0.9))
    with Index(room.path) as index:
        rows = index.top(["happy", "surprise"])
    assert [row.photo.path for row in rows] == ["/photos/mixed.jpg", "/photos/happy.jpg"]
    assert rows[0].score == pytest.approx(1)


def test_a_photo_is_left_out_if_a_face_shows_an_unwanted_emotion(room: Any, face: Callable) -> None:
    room.put("/photos/both.jpg", face(happy=0.95), face(sad=0.8))
    room.put("/photos/happy.jpg", face(happy=0.7), face(sad=0.4))
    assert [path for path, _ in room.top(filters=Filters(without=("sad",)))] == ["/photos/happy.jpg"]
    assert len(room.top(filters=Filters(without=("sad",)), threshold=0.9)) == 1


def test_photos_of_bursts_come_with_the_faces_that_count(room: Any, face: Callable) -> None:
    for second in range(2):
        small = replace(face(60, sad=0.9), detection=0.75)
        room.put(f"/photos/{second}.jpg", face(happy=0.9), small, taken_at=f"2024-05-17T12:00:0{second}")
    room.writer.finish_scan(room.scan)
    with Index(room.path) as index:
        (all_faces,) = index.bursts()
        (sure,) = index.bursts(Query(filters=Filters(min_detection=0.9)))
        assert not list(index.bursts(Query(filters=Filters(without=("sad",)))))
    assert [len(shot.faces) for shot in all_faces] == [2, 2]
    assert [len(shot.faces) for shot in sure] == [1, 1]


def test_only_faces_that_count_can_be_subjects(room: Any, face: Callable) -> None:
    false_find = replace(face(400, sad=0.9), detection=0.72)
    room.put("/photos/pair.jpg", false_find, face(100, happy=0.9), face(100, happy=0.8))
    assert room.top(everyone=True) == [("/photos/pair.jpg", 0.016667)]
    for filters in (Filters(min_detection=0.9), Filters(min_detection=0.9, min_face=1)):
        assert room.top(everyone=True, filters=filters) == [("/photos/pair.jpg", 0.8)]


def test_an_emotion_that_is_named_twice_counts_once(room: Any, face: Callable) -> None:
    room.put("/photos/a.jpg", face(happy=0.9))
    with Index(room.path) as index:
        for everyone in (False, True):
            assert [row.score for row in index.top(["happy", "happy"], everyone=everyone)] == [0.9]


def test_photos_can_be_listed_without_landmarks(album: tuple[Path, list[PhotoResult]]) -> None:
    path, results = album
    with Index(path) as index:
        whole, short = list(index.photos()), list(index.photos(landmarks=False))
    assert [row.faces for row in whole] == [result.faces for result in results]
    assert [row.faces for row in short] == [
        tuple(replace(face, landmarks=()) for face in result.faces) for result in results
    ]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, face: Callable, photo: Callable) -> tuple[Path, list[PhotoResult]]:
    """An index of 2,500 photos with one happy face each, many of them alike."""
    dice = random.Random(0)
    results = [photo(f"/{number}.jpg", face(happy=dice.randrange(300, 999) / 1000)) for number in range(2500)]
    path = tmp_path_factory.mktemp("many") / "index.db"
    with IndexWriter(path) as writer:
        writer.write(writer.start_scan({"paths": ["/"]}), results)
    return path, results


@pytest.mark.parametrize("n", [1, 99, 100, 101, 1999, None])
@pytest.mark.parametrize("everyone", [False, True])
@pytest.mark.parametrize("filters", [Filters(), Filters(min_faces=1)], ids=["all", "with faces"])
def test_a_long_list_is_in_order_to_its_end(
    many: tuple[Path, list[PhotoResult]], everyone: bool, filters: Filters, n: int | None
) -> None:
    path, results = many
    with Index(path) as index:
        rows = index.top("happy", n, threshold=0.35, everyone=everyone, filters=filters)
    scores = [(-result.faces[0].probability("happy"), number) for number, result in enumerate(results)]
    wanted = [(f"/{number}.jpg", -score) for score, number in sorted(scores) if -score >= 0.35]
    assert [(row.photo.path, row.score) for row in rows] == wanted[:n]


def test_a_list_asks_a_few_questions_for_a_hundred_photos(many: tuple[Path, list[PhotoResult]]) -> None:
    with Index(many[0]) as index:
        asked: list[str] = []
        index.connection.set_trace_callback(asked.append)
        assert len(index.top("happy", 20)) == 20
        assert len(asked) <= 10
        asked.clear()
        assert len(index.top("happy", 1000)) == 1000
        assert len(asked) <= 70
        asked.clear()
        assert len(list(index.photos())) == 2500
        assert len(asked) <= 110
