"""Dates in file names as messengers, phones and people write them."""

import pytest

from albumsort.album.capture_time import date_in_name


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG-20240517-WA0001.jpg", "2024-05-17"),
        ("VID-20191231-WA0042.jpg", "2019-12-31"),
        ("IMG_20240517_150405.jpg", "2024-05-17T15:04:05"),
        ("PXL_20240517_150405123.jpg", "2024-05-17T15:04:05"),
        ("20240517_150405.jpg", "2024-05-17T15:04:05"),
        ("Screenshot_20240517-150405.png", "2024-05-17T15:04:05"),
        ("2024-05-17 15.04.05.jpg", "2024-05-17T15:04:05"),
        ("signal-2024-05-17-15-04-05-123.jpg", "2024-05-17T15:04:05"),
        ("Photo 2024.05.17.jpg", "2024-05-17"),
        ("1234_20240517.jpg", "2024-05-17"),
        ("20240517150405.jpg", "2024-05-17T15:04:05"),
        ("Screenshot_20240517150405123.png", "2024-05-17T15:04:05"),
    ],
)
def test_a_date_in_a_name_is_read(name, date):
    assert date_in_name(f"/photos/2001-01-01/{name}") == date


@pytest.mark.parametrize(
    "name",
    [
        "DSC01234.jpg",
        "IMG_2024.jpg",
        "20241399.jpg",
        "20240230_101010.jpg",
        "120240517.jpg",
        "202405171.jpg",
        "202405171504.jpg",
        "20240517250405.jpg",
        "20249917150405.jpg",
        "120240517150405.jpg",
        "2024-0517.jpg",
        "party at 2024.jpg",
        "18991231.jpg",
    ],
)
def test_a_number_that_is_no_date_is_ignored(name):
    assert date_in_name(name) is None


def test_a_number_before_the_date_does_not_hide_it():
    assert date_in_name("20241399 20240517.jpg") == "2024-05-17"
