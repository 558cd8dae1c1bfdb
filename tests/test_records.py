"""The records: boxes that scale, and results that can be sent to another process."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from albumsort.records import Box, Detection, Face, Photo, PhotoResult, ReadPhoto, split_offset


def test_a_box_is_scaled_by_a_factor_for_each_direction() -> None:
    assert Box(10, 20, 30, 40).scaled(2, 0.5) == Box(20, 10, 60, 20)


def test_the_area_of_a_box_is_its_width_times_its_height() -> None:
    assert Box(-5, -5, 30, 40).area == 1200


def test_the_landmarks_of_a_detection_are_scaled_with_its_box() -> None:
    found = Detection(Box(10, 20, 30, 40), 0.9, ((12, 30), (25, 31)))
    assert found.scaled(2, 3) == Detection(Box(20, 60, 60, 120), 0.9, ((24, 90), (50, 93)))


def test_a_photo_that_was_read_travels_to_another_process_with_its_crops() -> None:
    face = Face(Box(1, 2, 3, 4), 0.9, (), 5.0, (0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1))
    crops = np.arange(48 * 48, dtype=np.uint8).reshape(1, 48, 48)
    read = ReadPhoto(Photo("/a.jpg", 1, 2), (face,), crops=crops)
    arrived = pickle.loads(pickle.dumps(read))
    assert arrived == read
    assert np.array_equal(arrived.crops, crops)
    assert isinstance(arrived, PhotoResult)


def test_a_read_photo_cannot_be_changed() -> None:
    read = ReadPhoto(Photo("/a.jpg", 1, 2), crops=np.empty((0, 48, 48), np.uint8))
    with pytest.raises(AttributeError):
        read.photo = Photo("/b.jpg", 1, 2)


@pytest.mark.parametrize(
    ("time", "parts"),
    [
        ("2024-05-17T15:04:05+02:00", ("2024-05-17T15:04:05", "+02:00")),
        ("2024-05-17T15:04:05-03:30", ("2024-05-17T15:04:05", "-03:30")),
        ("2024-05-17T15:04:05", ("2024-05-17T15:04:05", None)),
        ("2024-05-17", ("2024-05-17", None)),
        (None, (None, None)),
    ],
)
def test_a_time_and_its_offset_are_told_apart(time, parts):
    assert split_offset(time) == parts
