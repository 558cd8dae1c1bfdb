"""Plots of a model: confusion matrix, reliability, scores by emotion, predictions, and histories of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, in_words
from albumsort.report.canvas import Axes, Figure, PercentFormatter, bare, page, save
from albumsort.report.drawing import COLOURS
from albumsort.training.plots.tiles import TilePage

_BLUE, _ORANGE, _GREY = "#0072B2", "#E69F00", "#999999"
#: The colours of runs, in turn; further runs repeat them with other dashes (Okabe and Ito 2008).
_RUNS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", ":")
_RIGHT, _WRONG, _NEITHER = "#007A59", "#C04000", "#777777"
#: The numbers of columns and rows of the page of predictions.
_GRID = (8, 5)


def targets(name: str, folder: Path, form: str = "png") -> list[Path]:
    """The files that ``plot_figures`` and ``plot_predictions`` write."""
    return [folder / f"{name}-{kind}.{form}" for kind in (*_TITLES, "predictions")]


def plot_figures(
    name: str,
    figures: Mapping[str, Any],
    folder: Path,
    measured_on: str = "",
    scheme: str = "seven",
    form: str = "png",
) -> list[Path]:
    """Draw what ``training.evaluate.figures`` measured: ``NAME-confusion``, ``-reliability`` and ``-emotions``.

    Args:
        name: the name of the label set, for titles and files.
        figures: the figures of at least one face.
        folder: created if it does not exist; existing files with these names are overwritten.
        measured_on: names the model and the faces, for titles.
        scheme: the label scheme of the model; other emotions are not drawn.
        form: the suffix of the files, one that ``save`` knows.

    Returns:
        the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for kind, draw in (("confusion", _confusion), ("reliability", _reliability), ("emotions", _emotions)):
        figure, axes = _page(6.4, 5.4 if kind == "confusion" else 4.6)
        draw(axes, figures, in_words(scheme))
        title = f"{_title(measured_on, name)}, {figures['n']} faces: {_TITLES[kind].format(**figures)}"
        axes.set_title(title, fontsize=10, parse_math=False)
        drawn.append(folder / f"{name}-{kind}.{form}")
        save(figure, drawn[-1], replace=True)
    return drawn


_TITLES = {
    "confusion": "{accuracy:.1%} right",
    "reliability": "calibration error {ece:.1%}",
    "emotions": "mean recall {mean_recall:.1%}",
}


def plot_history(history: Sequence[Mapping[str, str]], target: Path) -> None:
    """Draw a training run from the lines of its ``history.csv``; an existing target is replaced."""
    save(_curves({"": history}), target, replace=True)


def plot_curves(runs: Mapping[str, Sequence[Mapping[str, str]]], target: Path) -> None:
    """Draw training runs in one picture, with a panel for each figure in any of their histories.

    Where there is one run, lines show where its further cycles begin.

    Args:
        runs: by name, the lines of the run's ``history.csv``, with a column ``epoch``.
        target: must not exist; the suffix is one that ``save`` knows.

    Raises:
        OSError: the target exists, or cannot be written.
    """
    save(_curves(runs), target)


def _curves(runs: Mapping[str, Sequence[Mapping[str, str]]]) -> Figure:
    columns = dict.fromkeys(name for lines in runs.values() for name in lines[0] if name not in ("epoch", "cycle"))
    panels = sorted(columns, key=lambda name: list(_PANELS).index(name) if name in _PANELS else len(_PANELS))
    figure = page(7.2, 1.2 + 2.0 * len(panels))
    parts = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for number, (run, lines) in enumerate(runs.items()):
        colour, dashes = _RUNS[number % len(_RUNS)], _DASHES[number // len(_RUNS) % len(_DASHES)]
        for panel, axes in zip(panels, parts, strict=True):
            points = [(int(line["epoch"]), float(line[panel])) for line in lines if line.get(panel)]
            mark = "o" if len(points) == 1 else ""
            axes.plot(*zip(*points, strict=True) if points else ([], []), dashes, marker=mark, color=colour, label=run)
    for panel, axes in zip(panels, parts, strict=True):
        axes.set_title(_PANELS.get(panel, panel), fontsize=10, loc="left")
        axes.grid(axis="y", color="#EEEEEE")
        if "loss" not in panel:
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            low, high = axes.get_ylim()
            if high - low < _SMALLEST_SPAN:  # else chance looks like progress
                axes.set_ylim((low + high - _SMALLEST_SPAN) / 2, (low + high + _SMALLEST_SPAN) / 2)
        bare(axes)
    if len(runs) == 1:
        _mark_cycles(list(parts), next(iter(runs.values())))
    parts[-1].set_xlabel("epoch")
    parts[-1].xaxis.get_major_locator().set_params(integer=True)
    if any(runs):
        figure.legend(*parts[0].get_legend_handles_labels(), frameon=False, loc="outside upper center", ncols=3)
    return figure


def _mark_cycles(parts: Sequence[Axes], lines: Sequence[Mapping[str, str]]) -> None:
    """Draw a line where each cycle but the first begins: rates rise there, so curves jump."""
    pairs = pairwise(lines)
    for epoch, cycle in [(int(b["epoch"]), b["cycle"]) for a, b in pairs if a.get("cycle") != b.get("cycle")]:
        for axes in parts:
            axes.axvline(epoch - 0.5, color=_GREY, linewidth=0.8, linestyle=":")
        parts[0].annotate(
            f"cycle {cycle}",
            (epoch - 0.5, 1),
            (3, -3),
            parts[0].get_xaxis_transform(),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color="#777777",
        )


#: The smallest range of an axis of accuracies, 0..1.
_SMALLEST_SPAN = 0.04
#: The titles of the panels, by the column of the history, in the order in which they are drawn.
_PANELS = {
    "loss": "loss, in training",
    "held_out_loss": "validation loss by FER2013's labels (on held-out faces)",
    "in_training": "accuracy by FER2013's labels, in training",
    "fer2013": "validation accuracy by FER2013's labels (on held-out faces)",
    "perceived": "validation accuracy as people see faces (on held-out faces)",
}


def plot_predictions(
    name: str,
    pixels: NDArray[np.uint8],
    probabilities: NDArray[np.floating],
    truth: NDArray[np.int64],
    folder: Path,
    measured_on: str = "",
    scheme: str = "seven",
    form: str = "png",
) -> Path:
    """Draw ``NAME-predictions``: faces, the predicted emotion and, if it is wrong, the second one and the truth.

    Args:
        name: the name of the label set, for title and file.
        pixels: uint8 ``(n, 48, 48)``.
        probabilities: float ``(n, 7)``; NaN for emotions that the model does not know.
        truth: int64 ``(n,)``, the true codes; -1 for faces that are not shown. At least one is shown.
        folder: must exist; an existing file of this name is overwritten.
        measured_on: the same as for ``plot_figures``.
        scheme: the same as for ``plot_figures``.
        form: the same as for ``plot_figures``.

    Returns:
        the file.
    """
    words = {emotion: emotion for emotion in EMOTIONS} | in_words(scheme)
    columns, rows = _GRID
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(truth >= 0))[: columns * rows]
    ranking = np.argsort(-np.nan_to_num(probabilities[chosen]), axis=1, kind="stable")
    right, second = ranking[:, 0] == truth[chosen], ranking[:, 1] == truth[chosen]
    # Tiles are as wide as the words below them: "then angry or disgust 24%".
    sheet = TilePage(pixels[chosen], columns, lines=3, scale=2.0 if max(map(len, words.values())) > 9 else 1.5)
    for number, (face, (first, next_, *_)) in enumerate(zip(chosen, ranking, strict=True)):
        lines = [(f"{words[EMOTIONS[first]]} {probabilities[face, first]:.0%}", _RIGHT if right[number] else _WRONG)]
        if not right[number]:
            colour = _RIGHT if second[number] else _NEITHER
            lines += [(f"then {words[EMOTIONS[next_]]} {probabilities[face, next_]:.0%}", colour)]
            lines += [(f"is {words[EMOTIONS[truth[face]]]}", "black")]
        sheet.caption(number, lines)
    shares = f"{right.sum()} of these {len(chosen)} right, {second.sum()} more by the second emotion"
    sheet.title(f"{_title(measured_on, name)}: {shares}")
    save(sheet.figure, target := folder / f"{name}-predictions.{form}", replace=True)
    return target


def _title(measured_on: str, name: str) -> str:
    return f"{measured_on}, by {name}" if measured_on else name


def _page(width: float, height: float) -> tuple[Figure, Axes]:
    figure = page(width, height)
    return figure, figure.add_subplot()


def _confusion(axes: Axes, figures: Mapping[str, Any], words: Mapping[str, str]) -> None:
    draw_matrix(axes, np.array(figures["confusion"], float), words)
    axes.set(xlabel="predicted emotion", ylabel="true emotion (faces)")


def draw_matrix(axes: Axes, counts: NDArray[np.float64], words: Mapping[str, str]) -> None:
    """Draw a matrix of counts as shares of its rows.

    Args:
        axes: the axes to draw on.
        counts: ``(7, 7)`` faces by emotion; rows are the truth.
        words: by emotion, its name in the plot. Other emotions are not drawn.
    """
    known = [EMOTIONS.index(emotion) for emotion in words]
    counts = counts[np.ix_(known, known)]
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = list(words.values())
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(names)), [f"{e} ({int(n)})" for e, n in zip(names, counts.sum(1), strict=True)])
    for row, column in np.ndindex(*shares.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{shares[row, column]:.0%}", ha="center", va="center", fontsize=8, color=colour)


def _reliability(axes: Axes, figures: Mapping[str, Any], words: Mapping[str, str]) -> None:
    bins = [values for values in figures["reliability"] if values["n"]]
    largest = max(values["n"] for values in bins)
    width = 1 / len(figures["reliability"])
    centres = [(number + 0.5) * width for number, values in enumerate(figures["reliability"]) if values["n"]]
    heights = [0.3 * values["n"] / largest for values in bins]
    axes.bar(centres, heights, width * 0.9, color="#DDDDDD", label="faces (scaled)")
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="perfect calibration")
    confidence, accuracy = ([values[name] for values in bins] for name in ("confidence", "accuracy"))
    axes.plot(confidence, accuracy, "o-", color=_BLUE, label="model")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    axes.legend(frameon=False, loc="best")
    bare(axes)


def _emotions(axes: Axes, figures: Mapping[str, Any], words: Mapping[str, str]) -> None:
    places = np.arange(len(words))
    for offset, score, fade in ((-0.2, "precision", 0.5), (0.2, "recall", 1.0)):
        values = [figures["per_emotion"][emotion][score] for emotion in words]
        heights = [value or 0.0 for value in values]
        bars = axes.bar(places + offset, heights, 0.38, color=[COLOURS[emotion] for emotion in words], alpha=fade)
        axes.bar_label(bars, ["" if value is None else f"{value:.0%}" for value in values], fontsize=7)
    names = [f"{word}\n{figures['per_emotion'][emotion]['n']} faces" for emotion, word in words.items()]
    axes.set_xticks(places, names, fontsize=8)
    axes.set(ylim=(0, 1.08), ylabel="precision (pale) and recall")
    bare(axes)
