"""Counts of faces by month, emotion and confidence."""

from __future__ import annotations

import pytest

from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index


@pytest.fixture
def timeline(room):
    """Asks the room's index."""

    def ask(threshold=None, **filters):
        with Index(room.path) as index:
            return index.timeline(Query(threshold=threshold, filters=Filters(**filters)))

    return ask


def shown(found) -> dict[str, dict[str, int]]:
    """The months, without emotions that nobody showed."""
    return {month: {e: n for e, n in faces.items() if n} for month, faces in found.months.items()}


def test_certain_faces_are_counted_by_month_and_emotion(room, timeline, face):
    room.put("/photos/a.jpg", face(happy=0.9), face(sad=0.8), taken_at="2024-05-31T23:59:59")
    room.put("/photos/b.jpg", face(happy=0.6), taken_at="2024-05-01")
    room.put("/photos/c.jpg", face(happy=0.7), taken_at="2024-06-01T00:00:00", utc_offset="+02:00")
    room.put("/photos/d.jpg", face(angry=0.9), taken_at="1999-12-31T12:00:00")
    found = timeline()
    assert list(found.months) == ["1999-12", "2024-05", "2024-06"]
    assert shown(found) == {"1999-12": {"angry": 1}, "2024-05": {"happy": 2, "sad": 1}, "2024-06": {"happy": 1}}
    assert found.undated == 0


def test_the_threshold_is_exact_and_uncertain_faces_are_in_the_histogram_only(room, timeline, face):
    room.put("/photos/a.jpg", face(happy=0.5549), face(happy=0.555), taken_at="2024-05-01")
    assert shown(timeline(0.555)) == {"2024-05": {"happy": 1}}
    assert sum(timeline(0.555).confidences) == 2
    assert timeline(0.6).months == {}
    assert timeline().threshold == 0.5


def test_faces_without_a_date_are_counted_apart(room, timeline, face):
    room.put("/photos/a.jpg", face(happy=0.9), face(sad=0.3), taken_at=None)
    found = timeline()
    assert (found.months, found.undated, sum(found.confidences)) == ({}, 1, 2)


def test_confidences_fall_into_bins_and_certainty_into_the_last(room, timeline, face):
    room.put("/photos/a.jpg", face(happy=1.0), face(sad=0.985), face(sad=0.51), taken_at="2024-05-01")
    confidences = timeline().confidences
    assert len(confidences) == 50
    assert {place: n for place, n in enumerate(confidences) if n} == {25: 1, 49: 2}


def test_filters_leave_out_photos_with_all_their_faces(room, timeline, face):
    room.put("/photos/2023/a.jpg", face(happy=0.9), taken_at="2023-05-01", camera="Pixel 8")
    room.put("/photos/2024/b.jpg", face(happy=0.9), face(sad=0.4), taken_at="2024-05-01")
    room.put("/photos/2024/c.jpg", face(sad=0.9))
    assert shown(timeline(since="2024")) == {"2024-05": {"happy": 1}}
    assert sum(timeline(since="2024").confidences) == 2
    assert timeline(since="2024").undated == 0
    assert timeline(since="2024", undated=True).undated == 1
    assert list(timeline(under="/photos/2023").months) == ["2023-05"]
    assert list(timeline(camera="pixel").months) == ["2023-05"]


def test_the_counts_agree_with_those_of_stats(scanned):
    with Index(scanned) as index:
        found, counts = index.timeline(), index.stats()
    certain = sum(sum(faces.values()) for faces in found.months.values()) + found.undated
    assert certain == counts["faces"] - counts["uncertain"]
    assert sum(found.confidences) == counts["faces"]
    assert found.undated > 0 and len(found.months) >= 3


@pytest.mark.parametrize("scheme", ["six", "four"])
def test_faces_are_read_in_the_label_scheme_as_stats_reads_them(room, face, scheme):
    mixed = face(angry=0.1, disgust=0.4, fear=0.0, happy=0.3, sad=0.1, surprise=0.0, neutral=0.1)
    none_of_the_four = face(angry=0, disgust=0.9, fear=0.1, happy=0, sad=0, surprise=0, neutral=0)
    room.put("/photos/a.jpg", mixed, none_of_the_four, face(happy=0.9), taken_at="2024-05-01")
    with Index(room.path) as index:
        found, counts = index.timeline(Query(scheme=scheme)), index.stats(Query(scheme=scheme))
    assert found.months == {"2024-05": counts["emotions"]}
    assert shown(found)["2024-05"] == ({"angry": 2, "happy": 1} if scheme == "six" else {"happy": 2})
    assert sum(found.confidences) == counts["faces"] == 3


def test_an_empty_index_has_no_months(room, timeline):
    found = timeline()
    assert (found.months, found.undated, sum(found.confidences)) == ({}, 0, 0)
