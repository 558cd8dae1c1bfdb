"""Bursts: photos that one camera took seconds apart, and that look alike."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from albumsort.culling.bursts import BITS, BITS_OF_VAGUE_TIME, SECONDS, SECONDS_WITH_FACES, Shot, find_bursts
from albumsort.culling.places import Place

NOON = 12 * 3600.0 + 1  # a second past a whole minute: times at the minute are less exact
NEAR, FAR = (1 << BITS) - 1, (1 << 32) - 1  # hashes that differ from 0 in BITS and in 32 places
GROUP = [Place(0.3, 0.4, 0.1), Place(0.5, 0.4, 0.1), Place(0.7, 0.42, 0.12)]


def grouped(*shots: tuple[int, float, int], places: dict[int, Sequence[Place]] | None = None) -> dict[int, int]:
    at_noon = (Shot(photo_id, NOON + seconds, phash) for photo_id, seconds, phash in shots)
    return dict(find_bursts(at_noon, lambda photo_id: (places or {}).get(photo_id, ())))


def scenes(count: int, seed: int = 0) -> list[int]:
    dice = random.Random(seed)
    return [dice.getrandbits(64) for _ in range(count)]


def test_photos_that_look_alike_within_seconds_are_a_burst() -> None:
    assert grouped((1, 0, 0), (2, 1, NEAR), (3, 2, 0)) == {1: 1, 2: 1, 3: 1}


def test_a_burst_may_be_longer_than_the_pause_within_it() -> None:
    assert grouped(*((k, 4.0 * k, 0) for k in range(1, 9))) == dict.fromkeys(range(1, 9), 1)


def test_photos_far_apart_or_unlike_are_none() -> None:
    assert grouped((1, 0, 0), (2, 5.5, 0)) == {}
    assert grouped((1, 0, 0), (2, 1, NEAR + (1 << BITS))) == {}


def test_one_photo_of_something_else_does_not_end_a_burst() -> None:
    assert grouped((1, 0, 0), (2, 1, FAR), (3, 2, 0), (4, 3, FAR)) == {1: 1, 3: 1, 2: 2, 4: 2}


def test_photos_that_change_little_by_little_are_not_one_burst() -> None:
    """Each is like its neighbour, as in a panorama, but the third is not like the first."""
    panorama = [(number, float(number), (1 << 12 * number) - 1) for number in range(5)]
    assert grouped(*panorama) == {0: 0, 1: 0, 2: 2, 3: 2}


def test_a_camera_may_move_a_little_during_a_burst() -> None:
    """The third is not like the first, but nearly, and it is like the second."""
    moved = (1 << 20) - 1
    assert grouped((1, 0, 0), (2, 1, (1 << 10) - 1), (3, 2, moved)) == {1: 1, 2: 1, 3: 1}
    assert grouped((1, 0, 0), (2, 1, moved)) == {}


def test_a_photo_joins_the_burst_that_it_is_most_like() -> None:
    second, third = (1 << 24) - 1, (1 << 14) - 1
    assert grouped((1, 0, 0), (2, 1, second), (3, 2, third)) == {2: 2, 3: 2}


def test_the_last_second_and_the_last_bit_still_belong_to_a_burst() -> None:
    assert grouped((1, 0, 0), (2, SECONDS, NEAR)) == {1: 1, 2: 1}
    assert grouped((1, 0, 0), (2, SECONDS + 1, 0)) == {}


def test_the_smallest_id_names_the_burst_whatever_came_first() -> None:
    assert grouped((7, 0, 0), (3, 1, 0), (5, 2, 0)) == {7: 3, 3: 3, 5: 3}


@pytest.mark.parametrize(
    ("pause", "other", "is_burst"),
    [
        (9, GROUP, True),
        (SECONDS_WITH_FACES, [place._replace(x=place.x + 0.03) for place in GROUP], True),  # the camera moved a little
        (9, GROUP[:1] + GROUP[2:], False),  # one of three has left
        (9, [place._replace(height=0.3) for place in GROUP], False),  # the camera came nearer
        (9, [], False),
        (SECONDS_WITH_FACES + 1, GROUP, False),
    ],
)
def test_the_same_faces_may_wait_longer(pause: float, other: list[Place], is_burst: bool) -> None:
    found = grouped((1, 0, 0), (2, pause, NEAR), places={1: GROUP, 2: other})
    assert found == ({1: 1, 2: 1} if is_burst else {})


@pytest.mark.parametrize("seconds", [0.0, 12 * 3600.0, 15 * 3600.0 + 240])
def test_a_time_without_seconds_needs_photos_that_are_nearly_equal(seconds: float) -> None:
    near, nearer = (1 << BITS_OF_VAGUE_TIME + 1) - 1, (1 << BITS_OF_VAGUE_TIME) - 1
    assert dict(find_bursts(Shot(number, seconds, phash) for number, phash in enumerate((0, near)))) == {}
    assert dict(find_bursts(Shot(number, seconds, phash) for number, phash in enumerate((0, nearer)))) == {0: 0, 1: 0}


def test_the_time_of_a_batch_needs_photos_that_are_nearly_equal() -> None:
    """Several scenes in one second: photos of many cameras, or files that a program has dated."""
    batch = [(number, 0, phash) for number, phash in enumerate((0, FAR, FAR << 32, NEAR))]
    assert grouped(*batch) == {}
    assert grouped(*batch, (4, 0, 1)) == {0: 0, 4: 0}


@pytest.mark.parametrize("count", [200, 5000])
def test_unrelated_photos_of_one_second_stay_apart_however_many_they_are(count: int) -> None:
    assert grouped(*((number, 0, phash) for number, phash in enumerate(scenes(count)))) == {}


def test_copies_are_found_among_many_photos_of_one_second() -> None:
    hashes = scenes(3000)
    shots = [(number, 0, phash) for number, phash in enumerate([*hashes, *(phash ^ 0b1001 for phash in hashes[:50])])]
    assert grouped(*shots) == {number: number % 3000 for number in [*range(50), *range(3000, 3050)]}


def test_an_unknown_camera_needs_photos_that_are_nearly_equal() -> None:
    shots = [Shot(1, NOON, 0), Shot(2, NOON + 1, NEAR)]
    assert dict(find_bursts(shots)) == {1: 1, 2: 1}
    assert dict(find_bursts(shots, bits=BITS_OF_VAGUE_TIME)) == {}


@pytest.mark.parametrize(
    ("brightness", "is_burst"),
    [
        ((0.4, 0.2, 0.7), False),  # a bracket
        ((0.4, 0.3, 0.52), False),  # of two thirds of a stop
        ((0.4, 0.2, 0.7, 0.4, 0.2, 0.7), False),  # twice
        ((0.4, 0.41, 0.15, 0.42), True),  # the flash did not fire once
        ((0.4, 0.2), True),
        ((0.4, 0.42, 0.45), True),  # a cloud
        ((None, None, None), True),
    ],
)
def test_an_exposure_bracket_is_no_burst(brightness: tuple[float | None, ...], is_burst: bool) -> None:
    shots = [Shot(number, NOON + number, 0, value) for number, value in enumerate(brightness)]
    assert dict(find_bursts(shots)) == (dict.fromkeys(range(len(shots)), 0) if is_burst else {})
