"""Plots of a model: confusion matrix, reliability, scores by emotion, and how a training run went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from albumsort.emotions import EMOTIONS
from albumsort.report.canvas import Axes, Figure, FigureCanvasAgg
from albumsort.report.drawing import COLOURS

_BLUE, _ORANGE, _GREY = "#0072B2", "#E69F00", "#999999"


def plot_figures(name: str, figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw what ``training.evaluate.figures`` measured: ``NAME-confusion.png``, ``-reliability`` and ``-emotions``.

    Args:
        name: of the label set, for titles and files.
        figures: of at least one face.
        folder: made when it is not there; files of these names are written anew.

    Returns:
        the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for kind, draw in (("confusion", _confusion), ("reliability", _reliability), ("emotions", _emotions)):
        figure, axes = _page(6.4, 5.4 if kind == "confusion" else 4.6)
        draw(axes, figures)
        axes.set_title(f"{name}, {figures['n']} faces: {_TITLES[kind].format(**figures)}", fontsize=10)
        drawn.append(folder / f"{name}-{kind}.png")
        figure.savefig(drawn[-1], format="png", dpi=120)
    return drawn


_TITLES = {
    "confusion": "{accuracy:.1%} right",
    "reliability": "calibration error {ece:.1%}",
    "emotions": "mean recall {mean_recall:.1%}",
}


def plot_history(history: Sequence[Mapping[str, str]], target: Path) -> None:
    """Draw a training run from the lines of its ``history.csv``: loss above, share of right answers below."""
    epochs = [int(line["epoch"]) for line in history]
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    loss, accuracy = figure.subplots(2, 1, sharex=True)
    loss.plot(epochs, [float(line["loss"]) for line in history], color=_GREY)
    loss.set_ylabel("loss in training")
    for head, colour in (("fer2013", _ORANGE), ("perceived", _BLUE), ("in_training", _GREY)):
        if head in history[0]:
            label = {"in_training": "fer2013, while learning"}.get(head, head)
            accuracy.plot(epochs, [float(line[head]) for line in history], color=colour, label=label)
    accuracy.set(xlabel="epoch", ylabel="right on held-out faces", ylim=(0, 1.02))
    accuracy.xaxis.get_major_locator().set_params(integer=True)
    accuracy.legend(frameon=False)
    for axes in (loss, accuracy):
        _bare(axes)
    figure.savefig(target, format="png", dpi=120)


def _page(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _confusion(axes: Axes, figures: Mapping[str, Any]) -> None:
    counts = np.array(figures["confusion"], float)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right")
    axes.set_yticks(range(len(EMOTIONS)), [f"{e} ({int(n)})" for e, n in zip(EMOTIONS, counts.sum(1), strict=True)])
    axes.set(xlabel="the model says", ylabel="the face is (faces)")
    for row, column in np.ndindex(*shares.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{shares[row, column]:.0%}", ha="center", va="center", fontsize=8, color=colour)


def _reliability(axes: Axes, figures: Mapping[str, Any]) -> None:
    bins = [one for one in figures["reliability"] if one["n"]]
    most = max(one["n"] for one in bins)
    width = 1 / len(figures["reliability"])
    centres = [(place + 0.5) * width for place, one in enumerate(figures["reliability"]) if one["n"]]
    axes.bar(centres, [0.3 * one["n"] / most for one in bins], width * 0.9, color="#DDDDDD", label="faces (scaled)")
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="says what it knows")
    axes.plot([one["confidence"] for one in bins], [one["accuracy"] for one in bins], "o-", color=_BLUE, label="model")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share that is right")
    axes.legend(frameon=False, loc="upper left")
    _bare(axes)


def _emotions(axes: Axes, figures: Mapping[str, Any]) -> None:
    places = np.arange(len(EMOTIONS))
    for offset, score, fade in ((-0.2, "precision", 0.5), (0.2, "recall", 1.0)):
        values = [figures["per_emotion"][emotion][score] for emotion in EMOTIONS]
        heights = [value or 0.0 for value in values]
        bars = axes.bar(places + offset, heights, 0.38, color=[COLOURS[emotion] for emotion in EMOTIONS], alpha=fade)
        axes.bar_label(bars, ["" if value is None else f"{value:.0%}" for value in values], fontsize=7)
    axes.set_xticks(
        places, [f"{emotion}\n{figures['per_emotion'][emotion]['n']} faces" for emotion in EMOTIONS], fontsize=8
    )
    axes.set(ylim=(0, 1.08), ylabel="precision (pale) and recall")
    _bare(axes)


def _bare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
