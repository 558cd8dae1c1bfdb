"""The plot of an album: what its faces showed over time, and how sure the model was of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from albumsort.index.timeline import Timeline
from albumsort.report.canvas import Axes, MaxNLocator, bare, page, save
from albumsort.report.drawing import COLOURS
from albumsort.text import count

#: From the bottom: heights compare best on the base line, which goes to what people ask for most.
_ORDER = ("happy", "surprise", "neutral", "sad", "fear", "disgust", "angry")
#: Bars that are legible beside each other; a longer time is drawn by quarter, then by year.
_BARS = 40
#: Labels that fit below them.
_LABELS = 14
#: Least confidence that is drawn: with seven emotions, the best has at least a seventh.
_LEAST = 0.1


def plot_timeline(found: Timeline, target: Path) -> None:
    """Write a PNG: the share of each emotion by month, quarter or year, as many faces those have, and a histogram.

    Args:
        found: of at least one face.
        target: must not be there.

    Raises:
        OSError: the file cannot be written.
    """
    figure = page(10, 8)
    figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.12)
    shares, totals, histogram = figure.subplots(3, 1, height_ratios=[3, 1, 1.8])
    months, word = period(found.months)
    periods: dict[int, Counter[str]] = defaultdict(Counter)
    for month, faces in found.months.items():
        periods[_number(month, months)].update(faces)
    _shares(shares, periods)
    shares.set_title(f"What faces show, by {word}", fontsize=11, loc="left")
    if found.undated:
        shares.set_title(f"{count(found.undated, 'face')} without a date", fontsize=9, loc="right", color="#555555")
    _totals(totals, periods)
    for axes in (shares, totals):
        _time(axes, sorted(periods), months)
    shares.tick_params(labelbottom=False)  # the same times as below
    _histogram(histogram, found)
    figure.align_ylabels()
    save(figure, target, 110)


def period(months: Mapping[str, object]) -> tuple[int, str]:
    """How many months a bar stands for, and what they are called, so that all have room beside each other."""
    span = _number(max(months), 1) - _number(min(months), 1) + 1 if months else 1
    return next(((n, word) for n, word in ((1, "month"), (3, "quarter")) if span <= n * _BARS), (12, "year"))


def _number(month: str, months: int) -> int:
    """The place in time of ``2024-05``, in steps of so many months."""
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
        # In the order of the bars, beside them.
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
    """Label the bars of a time axis, as many as have room, and show months without faces as gaps."""
    if not places:
        axes.set_xticks([])
        return
    first, last = places[0], places[-1]
    middle, width = (first + last) / 2, max(last - first + 1, 6)  # few bars are not as broad as the page
    axes.set_xlim(middle - width / 2, middle + width / 2)
    year = 12 // months
    step = next(step for step in _steps(year) if (last - first) / step < _LABELS)
    ticks = [place for place in range(first, last + 1) if place % step == 0 or step == 1]
    axes.set_xticks(ticks, [_label(place, months, place == ticks[0]) for place in ticks])


def _steps(year: int) -> Sequence[int]:
    """Bars from one label to the next, when a year has so many bars; labels stand at the same place in each year."""
    within = [step for step in (1, 2, 3, 6) if step < year and year % step == 0]
    return [*within, *(year * years for years in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))]


def _label(place: int, months: int, is_first: bool) -> str:
    """The name of a month, quarter or year, with the year below where one begins."""
    year, month = divmod(place * months, 12)
    if months == 12:
        return f"{year}"
    name = date(2000, month + 1, 1).strftime("%b") if months == 1 else f"Q{month // 3 + 1}"
    return f"{name}\n{year}" if is_first or month == 0 else name


def _histogram(axes: Axes, found: Timeline) -> None:
    bins = len(found.confidences)
    middles = [(place + 0.5) / bins for place in range(bins)]
    colours = ["#0072B2" if middle >= found.threshold else "#BBBBBB" for middle in middles]
    axes.bar(middles, found.confidences, 0.9 / bins, color=colours)
    axes.axvline(found.threshold, color="black", linewidth=1, linestyle=":")
    axes.set(xlim=(_LEAST, 1), ylim=(0, None), xlabel="probability of the best emotion", ylabel="faces")
    axes.set_xticks([k / 10 for k in range(1, 11)], [f"{k * 10}%" for k in range(1, 11)])
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_title(f"How sure the model is: certain from {found.threshold:.0%}", fontsize=11, loc="left")
    bare(axes)
