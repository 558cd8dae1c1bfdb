"""The plot of emotions over time."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS
from albumsort.index.statistics import BINS, Timeline
from albumsort.report.timeline import period, plot_timeline


def made(*months: str, undated: int = 0, emotion: str = "happy") -> Timeline:
    """A timeline with ten faces in each month."""
    confidences = tuple(10 if place > BINS / 2 else 2 for place in range(BINS))
    faces = {month: {**dict.fromkeys(EMOTIONS, 1), emotion: 4} for month in months}
    return Timeline(faces, undated, confidences, 0.5)


def years(first: int, last: int) -> list[str]:
    return [f"{year}-{month:02d}" for year in range(first, last + 1) for month in range(1, 13)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "months",
    [
        [],
        ["2024-05"],
        ["2023-12", "2024-08"],
        years(2022, 2024),
        years(2016, 2024),
        years(1970, 2024),
        ["0001-01", "9999-12"],
    ],
    ids=["none", "one", "gaps", "three years", "nine years", "half a century", "nonsense"],
)
def test_any_span_of_time_makes_a_picture_of_one_size(tmp_path, months):
    plot_timeline(made(*months, undated=3), tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1100, 880))


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ([], (1, "month")),
        (["2024-05"], (1, "month")),
        (years(2022, 2024), (1, "month")),
        (["2016-01", "2024-12"], (3, "quarter")),
        (["1990-01", "2024-12"], (12, "year")),
    ],
)
def test_a_bar_stands_for_a_period_that_keeps_all_bars_legible(months, expected):
    assert period(dict.fromkeys(months)) == expected


def test_the_plot_shows_which_emotions_there_are_and_how_many_faces_have_no_date(tmp_path):
    pictures = []
    for name, timeline in (
        ("happy", made("2024-05")),
        ("sad", made("2024-05", emotion="sad")),
        ("undated", made("2024-05", undated=12)),
    ):
        plot_timeline(timeline, tmp_path / f"{name}.png")
        pictures.append(np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")))
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_an_existing_file_is_never_overwritten(tmp_path):
    (tmp_path / "plot.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError) as raised:
        plot_timeline(made("2024-05"), tmp_path / "plot.png")
    assert str(raised.value) == f"[Errno {errno.EEXIST}] File exists: {str(tmp_path / 'plot.png')!r}"
    assert (tmp_path / "plot.png").read_bytes() == b"mine"
