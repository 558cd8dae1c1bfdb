"""A page that explains the prediction for one face: the crop, its saliency, probabilities and feature maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, in_words, scheme_of
from albumsort.report.canvas import Axes, bare, page, save
from albumsort.report.drawing import COLOURS
from albumsort.training.plots.tiles import montage

if TYPE_CHECKING:
    from albumsort.vision.saliency import Explanation

#: The numbers of columns and rows of feature maps per stage.
_MAPS = (14, 2)
_GREY = "#777777"


def plot_explanation(explanation: Explanation, title: str, target: Path) -> None:
    """Draw a face with its saliency, its probabilities, and its feature maps after each down-scaling.

    Raises:
        OSError: the target exists, or cannot be written.
    """
    figure = page(10, 3.4 + 1.7 * len(explanation.stages))
    figure.suptitle(title, fontsize=10, parse_math=False)
    heights = [3.0, *[1.7] * len(explanation.stages)]
    top, *parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    face, saliency, chart = top.subplots(1, 3, width_ratios=[1, 1, 1.25])
    face.imshow(explanation.crop, cmap="gray", vmin=0, vmax=255)
    face.set_title("what the network sees", fontsize=9)
    saliency.imshow(explanation.crop, cmap="gray", vmin=0, vmax=255)
    saliency.imshow(explanation.saliency, cmap="inferno", alpha=0.2 + 0.5 * explanation.saliency, vmin=0, vmax=1)
    what = "important" if explanation.saliency.any() else "nothing stands out"
    saliency.set_title(f"{what} for {explanation.emotion} (Grad-CAM)", fontsize=9)
    for axes in (face, saliency):
        axes.set_axis_off()
    _bars(chart, explanation.probabilities)
    for number, (part, maps) in enumerate(zip(parts, explanation.stages, strict=True), 1):
        axes = part.subplots()
        shown = _values(axes, maps[0, 0]) if maps.shape[:2] == (1, 1) else _pictures(axes, maps)
        axes.set_title(f"after down-scaling {number}: {shown}", fontsize=9, loc="left")
    save(figure, target)


def _pictures(axes: Axes, maps: NDArray[np.floating]) -> str:
    """Draw the feature maps ``(height, width, channels)`` that vary most; returns words for the title."""
    height, width, channels = maps.shape
    columns, rows = _MAPS
    strongest = np.argsort(-maps.std((0, 1)), kind="stable")[: columns * rows]
    tiles = [_stretched(maps[..., channel]) for channel in strongest]
    axes.imshow(montage(np.stack(tiles), columns, gap=max(1, width // 12)), cmap="gray", vmin=0, vmax=255)
    axes.set_axis_off()
    which = f"{len(tiles)} of {channels} maps" if len(tiles) < channels else f"{channels} maps"
    return f"{which}, {height} x {width}"


def _values(axes: Axes, values: NDArray[np.floating]) -> str:
    """Draw feature maps of one pixel as bars of their values; returns the words for the title."""
    axes.bar(np.arange(len(values)), values, 1.0, color=_GREY)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.tick_params(labelsize=8)
    bare(axes)
    return f"{len(values)} maps, 1 x 1, as values"


def _bars(axes: Axes, probabilities: NDArray[np.floating]) -> None:
    known = [(emotion, float(p)) for emotion, p in zip(EMOTIONS, probabilities, strict=True) if not np.isnan(p)]
    names, values = [emotion for emotion, _ in known], [p for _, p in known]
    words = list(in_words(scheme_of(names)).values())
    bars = axes.barh(words, values, color=[COLOURS[emotion] for emotion in names])
    axes.bar_label(bars, [f"{value:.0%}" for value in values], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12), xticks=[0, 0.5, 1], xticklabels=["0", "50%", "100%"])
    axes.tick_params(labelsize=8)
    axes.set_title("probabilities", fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _stretched(plane: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A feature map with its own smallest value as 0 and its largest as 255."""
    least, greatest = float(plane.min()), float(plane.max())
    return ((plane - least) * (255 / max(greatest - least, 1e-12))).astype(np.uint8)
