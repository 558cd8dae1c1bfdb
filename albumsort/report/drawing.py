"""Drawings: a photo with a box around each face, and a bar chart of probabilities per face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.records import Face
from albumsort.report.canvas import Axes, Rectangle, bare, page, save

#: The colour of each emotion. People with the common kinds of colour blindness can distinguish them (Okabe and Ito
#: 2008).
COLOURS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#999999",
}
#: The emotion with the one dark colour, on which letters are white.
_DARK = "sad"
#: The colour of a face below the threshold.
UNCERTAIN = "#FFFFFF"
#: The largest number of charts; any further faces have only a box.
_MAX_CHARTS = 12
#: The longest bar that has its label beside it, as a probability.
_ROOM = 0.82
#: A photo that is more elongated than this ratio is drawn as a strip on a page of this ratio.
_LONGEST = 5.0


def draw_faces(
    pixels: NDArray[np.uint8], scale: float, faces: Sequence[Face], threshold: float, title: str, target: Path
) -> None:
    """Draw a photo with its faces.

    Args:
        pixels: the upright photo, uint8 RGB ``(height, width, 3)``.
        scale: factor from the pixels of the faces' boxes to those of ``pixels``.
        faces: the first twelve also have a chart.
        threshold: the probability from which a face is certain, 0..1.
        title: text above the photo; it is never parsed as a formula.
        target: must not exist; the suffix is one that ``save`` knows.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    shown = faces[:_MAX_CHARTS]
    columns = 1 if len(shown) <= 4 else 2 if len(shown) <= 8 else 3
    rows = max(1, -(-len(shown) // columns))
    aspect = min(max(pixels.shape[1] / pixels.shape[0], 1 / _LONGEST), _LONGEST)
    height = max(5.0, 1.6 * rows)
    chart = 2.7 * columns if shown else 0.0
    figure = page(height * aspect + chart, height)
    grid = figure.add_gridspec(rows, 1 + columns, width_ratios=[height * aspect, *[2.7] * columns])
    picture = figure.add_subplot(grid[:, 0] if shown else grid[:, :])
    picture.imshow(pixels)
    picture.set_axis_off()
    picture.set_title(title, fontsize=10, parse_math=False)
    for number, face in enumerate(faces, 1):
        _box(picture, face, number, scale, threshold)
    for number, face in enumerate(shown):
        _bars(figure.add_subplot(grid[number % rows, 1 + number // rows]), face, number + 1, threshold)
    save(figure, target, 110)


def _box(picture: Axes, face: Face, number: int, scale: float, threshold: float) -> None:
    x, y, w, h = face.box.scaled(scale, scale)
    certain = face.confidence >= threshold
    colour = COLOURS[face.emotion] if certain else UNCERTAIN
    picture.add_patch(Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=2))
    text = f"{number} {face.emotion if certain else '?'}{' (corrected)' if face.corrected else ''}"
    # The label stays inside the photo, so that a face at the edge does not stretch the page.
    ink = "white" if certain and face.emotion == _DARK else "black"
    label = picture.text(max(x, 0), max(y, 0), text, fontsize=8, color=ink, clip_on=True)
    label.set_verticalalignment("bottom" if y > 20 else "top")
    label.set_bbox({"facecolor": colour, "edgecolor": "none", "pad": 1.5})


def _bars(axes: Axes, face: Face, number: int, threshold: float) -> None:
    values = [p or 0.0 for p in face.probabilities]
    axes.barh(EMOTIONS, values, color=[COLOURS[emotion] for emotion in EMOTIONS])
    axes.axvline(threshold, color="black", linewidth=0.6, linestyle=":")
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.tick_params(labelsize=7)
    for place, value in enumerate(values):
        if value >= 0.05:
            is_inside = value > _ROOM  # the label would not fit beside the bar, and would stand across its end
            where, side = (value - 0.02, "right") if is_inside else (value + 0.02, "left")
            colour = "white" if is_inside and EMOTIONS[place] == _DARK else "black"
            axes.text(where, place, f"{value:.0%}", va="center", ha=side, fontsize=7, color=colour)
    axes.set_title(f"face {number}{', corrected' if face.corrected else ''}", fontsize=8)
    bare(axes)
