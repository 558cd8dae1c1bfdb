"""Figures by matplotlib: an empty page, and the file that a finished one becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from albumsort.album.drawn import mark
from albumsort.files import new_file
from albumsort.report.lettering import Lettering
from albumsort.report.safe_matplotlib import (
    Axes,
    Figure,
    FigureCanvasAgg,
    MaxNLocator,
    PercentFormatter,
    Rectangle,
    Text,
)

__all__ = ["Axes", "Figure", "MaxNLocator", "PercentFormatter", "Rectangle", "bare", "page", "save"]

#: The quality of JPEG and WebP, 1..100. At less, the edges of letters blur.
_QUALITY = 92


def page(width: float, height: float) -> Figure:
    """Make an empty figure whose parts do not overlap; ``width`` and ``height`` are in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Remove the top and right edges of a plot, which have no scale."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save(figure: Figure, target: Path, dots: int = 120, *, replace: bool = False) -> None:
    """Write a figure in the format of the target's suffix: png, jpg, jpeg, webp, pdf or svg.

    Args:
        figure: its texts are drawn in any script, and none is parsed as a formula.
        target: the file.
        dots: pixels per inch; in PDF and SVG, those of the photos.
        replace: whether an existing file is replaced. Default: the name must be free.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    _letter(figure)
    form = target.suffix[1:].lower()
    options: dict[str, Any] = {"quality": _QUALITY} if form in ("jpg", "jpeg", "webp") else {}
    if form not in ("pdf", "svg"):
        options = {"pil_kwargs": {"exif": mark(), **options}}
    with new_file(target, replace=replace) as file:
        figure.savefig(file, format=form, dpi=dots, **options)


def _letter(figure: Figure) -> None:
    """Give the texts of a figure fonts that have their characters."""
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            names = [label.get_text() for label in axis.get_ticklabels()]
            lettering = Lettering(names)
            legible = [_legible(lettering, name) for name in names]
            if legible != names:  # labels are set anew from a list whenever the figure is drawn
                axis.set_ticklabels(legible)
    texts = figure.findobj(Text)
    for text in texts:
        text.set_parse_math(False)
    texts = [text for text in texts if not text.get_text().isascii()]
    lettering = Lettering(text.get_text() for text in texts)
    for text in texts:
        text.set_text(_legible(lettering, text.get_text()))
        text.set_fontfamily(lettering.families)


def _legible(lettering: Lettering, text: str) -> str:
    """A text of several lines, each legible."""
    return "\n".join(map(lettering.legible, text.split("\n")))
