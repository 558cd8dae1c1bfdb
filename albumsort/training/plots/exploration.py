"""Plots of a data set: classes, samples, mean faces, copies, and the agreement of labels with votes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, in_words
from albumsort.report.canvas import Figure, page, save
from albumsort.report.drawing import COLOURS
from albumsort.training.plots.figures import draw_matrix
from albumsort.training.plots.tiles import TilePage

if TYPE_CHECKING:
    from albumsort.training.datasets import Faces

#: The largest numbers of samples of each emotion, and of pairs of copies, to draw.
_SAMPLES, _PAIRS = 12, 12
#: The emotions whose colour is so dark that letters on it must be white.
_DARK = ("angry", "disgust", "sad")
_NAMES = ("classes", "samples", "mean-faces", "copies", "agreement")


def targets(folder: Path, form: str = "png") -> list[Path]:
    """The files that ``plot_exploration`` may write."""
    return [folder / f"{name}.{form}" for name in _NAMES]


def plot_exploration(
    faces: Faces, result: Mapping[str, Any], means: Mapping[str, NDArray[np.floating]], folder: Path, form: str = "png"
) -> list[Path]:
    """Draw the result of ``training.explore``: ``classes``, ``samples``, ``mean-faces``, ``copies``, ``agreement``.

    Copies are drawn if some have different labels, and the agreement is drawn if there are votes.

    Args:
        faces: the data set.
        result: the result of ``explore``.
        means: the result of ``mean_faces``.
        folder: created if it does not exist.
        form: the suffix of the files, one that ``save`` knows.

    Returns:
        the files.

    Raises:
        OSError: one of them exists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "classes": _classes({faces.split_name(name): counts for name, counts in result["splits"].items()}),
        "samples": _samples(faces),
        "mean-faces": _mean_faces(means),
    }
    if result["conflicts"]:
        figures["copies"] = _copies(faces, result["conflicts"])
    if "ferplus" in result:
        figures["agreement"] = _agreement(result["ferplus"])
    for name, figure in figures.items():
        save(figure, folder / f"{name}.{form}")
    return [folder / f"{name}.{form}" for name in figures]


def _classes(splits: Mapping[str, Mapping[str, int]]) -> Figure:
    figure = page(7.2, 4.6)
    axes = figure.add_subplot()
    places, under = np.arange(len(EMOTIONS)), np.zeros(len(EMOTIONS))
    tallest = max(sum(counts[emotion] for counts in splits.values()) for emotion in EMOTIONS)
    for number, counts in enumerate(splits.values()):
        fade = 1 - 0.6 * number / max(1, len(splits) - 1)
        heights = np.array([counts[emotion] for emotion in EMOTIONS])
        bars = axes.bar(places, heights, 0.75, under, color=[COLOURS[emotion] for emotion in EMOTIONS], alpha=fade)
        if len(splits) > 1:
            inside = [str(height) if height > 0.04 * tallest else "" for height in heights]
            for text, emotion in zip(
                axes.bar_label(bars, inside, label_type="center", fontsize=7), EMOTIONS, strict=True
            ):
                text.set_color("white" if number == 0 and emotion in _DARK else "black")
        under += heights
    for place, height in zip(places, under, strict=True):
        share = f"{int(height)}\n{height / under.sum():.1%}"
        axes.annotate(share, (place, height), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xticks(places, EMOTIONS)
    axes.set(ylim=(0, 1.12 * tallest), ylabel="faces")
    names = f"; from below: {', '.join(splits)}" if len(splits) > 1 else ""
    axes.set_title(f"{int(under.sum())} faces{names}", fontsize=10)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _samples(faces: Faces) -> Figure:
    rng = np.random.default_rng(0)
    tiles = np.full((len(EMOTIONS) * _SAMPLES, *faces.pixels.shape[1:]), 255, np.uint8)
    for code in range(len(EMOTIONS)):
        chosen = rng.permutation(np.flatnonzero(faces.labels == code))[:_SAMPLES]
        tiles[code * _SAMPLES :][: len(chosen)] = faces.pixels[chosen]
    sheet = TilePage(tiles, _SAMPLES)
    for code, emotion in enumerate(EMOTIONS):
        sheet.name_row(code, f"{emotion}\n{int((faces.labels == code).sum())} faces")
    sheet.title(f"samples of {len(faces)} faces")
    return sheet.figure


def _mean_faces(means: Mapping[str, NDArray[np.floating]]) -> Figure:
    """Draw the means. They have little contrast, so the scale goes from their darkest to their lightest point."""
    tiles = np.stack(list(means.values()))
    least, greatest = tiles.min(), tiles.max()
    sheet = TilePage((tiles - least) * (255 / max(greatest - least, 1.0)), len(means), lines=1, scale=1.5)
    for number, name in enumerate(means):
        sheet.caption(number, [(name, "black")])
    sheet.title("the mean of all faces, and of the faces of each emotion")
    return sheet.figure


def _copies(faces: Faces, pairs: list[list[int]]) -> Figure:
    """Draw pairs one above the other, chosen at even distances from the list."""
    chosen = np.linspace(0, len(pairs) - 1, min(_PAIRS, len(pairs))).round().astype(int)
    order = np.array(pairs)[chosen].T.ravel()
    sheet = TilePage(faces.pixels[order], len(chosen), lines=2)
    for number, face in enumerate(order):
        sheet.caption(
            number, [(EMOTIONS[faces.labels[face]], "black"), (faces.split_name(str(faces.usage[face])), "#777777")]
        )
    sheet.title("copies with different labels, one above the other")
    return sheet.figure


def _agreement(ferplus: Mapping[str, Any]) -> Figure:
    figure = page(6.4, 5.4)
    axes = figure.add_subplot()
    draw_matrix(axes, np.array(ferplus["matrix"], float), in_words("seven"))
    axes.set(xlabel="majority of FER+'s votes", ylabel="FER2013's label (faces)")
    share = f"{ferplus['agreement']:.1%} of {ferplus['n']} faces"
    axes.set_title(f"FER2013's label is the majority of FER+'s votes for {share}", fontsize=10)
    return figure
