"""A chart of models side by side: the accuracy of each, and its recall by emotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from albumsort.emotions import EMOTIONS
from albumsort.report.canvas import bare, page, save

_ORANGE, _GREY = "#E69F00", "#BBBBBB"


def plot_comparison(rows: Sequence[Mapping[str, Any]], target: Path, split: str = "PublicTest") -> None:
    """Draw the rows of ``training.compare.compare`` as a PNG.

    The left half shows the accuracy of each model. A mark shows the accuracy of the last row's model on the same faces,
    restricted to the same labels. The right half shows the recall of each emotion.

    Args:
        rows: at least one.
        target: the PNG file; it is overwritten if it exists.
        split: what the faces are called on which the models are measured.
    """
    figure = page(11.5, 1.6 + 0.42 * len(rows))
    bars, heatmap = figure.subplots(1, 2, width_ratios=[1.15, 1])
    places = np.arange(len(rows))
    accuracies = [row["fer2013"]["accuracy"] for row in rows]
    drawn = bars.barh(places, accuracies, 0.7, color=[*[_GREY] * (len(rows) - 1), _ORANGE])
    bars.bar_label(drawn, [f"{accuracy:.1%}" for accuracy in accuracies], label_type="center", fontsize=8)
    ours = [row["ours"]["fer2013"]["accuracy"] for row in rows[:-1]]
    label = f"{rows[-1]['name']} on the same faces"
    bars.scatter(ours, places[:-1], marker="|", s=260, color=_ORANGE, linewidth=2.5, label=label)
    bars.set_yticks(places, [f"{row['name']}\n{len(row['labels'])} emotions" for row in rows], fontsize=8)
    bars.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6))
    bars.set_title(f"accuracy on {split} ({rows[-1]['fer2013']['n']} faces for 7 emotions)", fontsize=10)
    bars.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    bars.tick_params(axis="x", labelsize=8)
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", markerscale=0.6)
    bare(bars)
    recalls = np.array(
        [
            [np.nan if (recall := row["fer2013"]["per_emotion"][e]["recall"]) is None else recall for e in EMOTIONS]
            for row in rows
        ]
    )
    recalls[[[emotion not in row["labels"] for emotion in EMOTIONS] for row in rows]] = np.nan
    heatmap.imshow(recalls, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    heatmap.set_xticks(range(len(EMOTIONS)), EMOTIONS, fontsize=8)
    heatmap.set_yticks([])
    heatmap.set_ylim(*bars.get_ylim())
    heatmap.set_title("recall of each emotion", fontsize=10)
    for (row, column), value in np.ndenumerate(recalls):
        words = "not known" if np.isnan(value) else f"{value:.0%}"
        colour = "white" if value > 0.5 else "black"
        heatmap.text(column, row, words, ha="center", va="center", fontsize=8, color=colour)
    save(figure, target, replace=True)
