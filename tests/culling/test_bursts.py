"""Bursts: photos that one camera took seconds apart, and that look alike."""

from albumsort.culling.bursts import BITS, SECONDS, Shot, find_bursts

NEAR, FAR = (1 << BITS) - 1, (1 << 32) - 1  # hashes that differ from 0 in BITS and in 32 places


def grouped(*shots: tuple[int, float, int]) -> dict[int, int]:
    return dict(find_bursts(Shot(*shot) for shot in shots))


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


def test_the_last_second_and_the_last_bit_still_belong_to_a_burst() -> None:
    assert grouped((1, 0, 0), (2, SECONDS, NEAR)) == {1: 1, 2: 1}
    assert grouped((1, 0, 0), (2, SECONDS + 1, 0)) == {}


def test_the_smallest_id_names_the_burst_whatever_came_first() -> None:
    assert grouped((7, 0, 0), (3, 1, 0), (5, 2, 0)) == {7: 3, 3: 3, 5: 3}
