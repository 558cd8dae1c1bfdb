"""The plot of an album: the emotions of its faces over time, and a histogram of their probabilities."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from albumsort.arguments import checked_path, checked_record
from albumsort.index.statistics import Timeline
from albumsort.report.canvas import Axes, MaxNLocator, bare, page, save
from albumsort.report.drawing import COLOURS
from albumsort.text import count

#: The emotions in a bar, from the bottom. Heights are easiest to compare at the bottom, so the commonest emotion is
#: there.
_ORDER = ("happy", "surprise", "neutral", "sad", "fear", "disgust", "angry")
#: The largest number of legible bars. If there are more months, bars are drawn by quarter or by year.
_BARS = 40
#: The largest number of labels that fit below the bars.
_LABELS = 14
#: The lowest confidence that is drawn: the highest of seven probabilities is at least a seventh.
_LEAST = 0.1


def plot_timeline(timeline: Timeline, target: str | os.PathLike[str]) -> None:
    """Draw emotions over time.

    It shows each emotion's share of the certain faces by month, quarter or year, the number of these faces, and a
    histogram of the confidence of all faces.

    Args:
        timeline: counts of at least one face.
        target: must not exist; the suffix is one that ``save`` knows.

    Raises:
        ValueError: there are no faces, the suffix is not known, or an argument has the wrong type.
        OSError: the target exists already, or cannot be written.
    """
    checked_record("timeline", timeline, Timeline)
    file = Path(checked_path("target", target))
    if not any(timeline.confidences):
        raise ValueError("the timeline has no faces; there is nothing to draw")
    figure = page(10, 8)
    figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.12)
    shares, totals, histogram = figure.subplots(3, 1, height_ratios=[3, 1, 1.8])
    months, word = period(timeline.months)
    periods: dict[int, Counter[str]] = defaultdict(Counter)
    for month, faces in timeline.months.items():
        periods[_number(month, months)].update(faces)
    _shares(shares, periods)
    shares.set_title(f"What faces show, by {word}", fontsize=11, loc="left")
    if timeline.undated:
        shares.set_title(f"{count(timeline.undated, 'face')} without a date", fontsize=9, loc="right", color="#555555")
    _totals(totals, periods)
    for axes in (shares, totals):
        _time(axes, sorted(periods), months)
    shares.tick_params(labelbottom=False)  # the labels below the second plot are the same
    _histogram(histogram, timeline)
    figure.align_ylabels()
    save(figure, file, 110)


def period(months: Mapping[str, object]) -> tuple[int, str]:
    """The number of months per bar for which all bars are legible, and the name of that period."""
    span = _number(max(months), 1) - _number(min(months), 1) + 1 if months else 1
    return next(((n, word) for n, word in ((1, "month"), (3, "quarter")) if span <= n * _BARS), (12, "year"))


def _number(month: str, months: int) -> int:
    """The number of the period that ``month``, such as ``2024-05``, belongs to; periods have ``months`` months."""
    year, number = map(int, month.split("-"))
    return (year * 12 + number - 1) // months


def _shares(axes: Axes, periods: Mapping[int, Counter[str]]) -> None:
    places = sorted(periods)
    sums = [periods[place].total() for place in places]
    base = [0.0] * len(places)
    for emotion in _ORDER:
        heights = [100 * periods[place][emotion] / total for place, total in zip(places, sums, strict=True)]
        if any(heights):
            axes.bar(places, heights, 0.86, bottom=base, color=COLOURS[emotion], label=emotion)
        base = [low + height for low, height in zip(base, heights, strict=True)]
    axes.set(ylim=(0, 100), ylabel="% of certain faces")
    if places:
        handles, labels = axes.get_legend_handles_labels()
        # The legend is beside the bars, in the same order.
        axes.legend(handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        axes.text(0.5, 0.5, "no certain face has a date", ha="center", va="center", transform=axes.transAxes)
        axes.set_yticks([])
    bare(axes)


def _totals(axes: Axes, periods: Mapping[int, Counter[str]]) -> None:
    faces = [of_emotions.total() for of_emotions in periods.values()]
    axes.bar(list(periods), faces, 0.86, color="#777777")
    axes.set(ylim=(0, 1.05 * max(faces, default=1)), ylabel="faces")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    bare(axes)


def _time(axes: Axes, places: Sequence[int], months: int) -> None:
    """Label as many bars of a time axis as there is room for. Periods without faces stay empty."""
    if not places:
        axes.set_xticks([])
        return
    first, last = places[0], places[-1]
    middle, width = (first + last) / 2, max(last - first + 1, 6)  # so that few bars are not as wide as the page
    axes.set_xlim(middle - width / 2, middle + width / 2)
    year = 12 // months
    step = next(step for step in _steps(year) if (last - first) / step < _LABELS)
    ticks = [place for place in range(first, last + 1) if place % step == 0 or step == 1]
    axes.set_xticks(ticks, [_label(place, months, place == ticks[0]) for place in ticks])


def _steps(year: int) -> Sequence[int]:
    """The possible numbers of bars from one label to the next, for ``year`` bars per year.

    With each of them, labels are at the same places in every year.
    """
    within = [step for step in (1, 2, 3, 6) if step < year and year % step == 0]
    return [*within, *(year * years for years in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))]


def _label(place: int, months: int, is_first: bool) -> str:
    """The name of a month, quarter or year; where a year begins, the year is below the name."""
    year, month = divmod(place * months, 12)
    if months == 12:
        return f"{year}"
    name = date(2000, month + 1, 1).strftime("%b") if months == 1 else f"Q{month // 3 + 1}"
    return f"{name}\n{year}" if is_first or month == 0 else name


def _histogram(axes: Axes, timeline: Timeline) -> None:
    bins = len(timeline.confidences)
    middles = [(place + 0.5) / bins for place in range(bins)]
    colours = ["#0072B2" if middle >= timeline.threshold else "#BBBBBB" for middle in middles]
    axes.bar(middles, timeline.confidences, 0.9 / bins, color=colours)
    axes.axvline(timeline.threshold, color="black", linewidth=1, linestyle=":")
    axes.set(xlim=(_LEAST, 1), ylim=(0, None), xlabel="probability of the best emotion", ylabel="faces")
    axes.set_xticks([k / 10 for k in range(1, 11)], [f"{k * 10}%" for k in range(1, 11)])
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_title(f"How sure the model is: certain from {timeline.threshold:.0%}", fontsize=11, loc="left")
    bare(axes)
