"""Loads matplotlib so that it ignores settings in the working directory.

When it is loaded, matplotlib first looks for a file ``matplotlibrc`` in the working directory. Such a file can even
make it run TeX. Photo folders may come from strangers, so matplotlib is loaded in another directory.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from albumsort.files import new_file


@contextlib.contextmanager
def _in_the_package() -> Iterator[None]:
    """Make the folder of this package the working directory during the block."""
    try:
        here = os.getcwd()
    except FileNotFoundError:  # the directory was deleted
        here = None
    os.chdir(Path(__file__).parent)
    try:
        yield
    finally:
        if here is not None:
            os.chdir(here)


with _in_the_package():
    from matplotlib import get_data_path
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

#: The folder of the DejaVu fonts, which cover many scripts and come with matplotlib.
FONTS = Path(get_data_path()) / "fonts" / "ttf"

__all__ = ["FONTS", "Axes", "Figure", "FigureCanvasAgg", "MaxNLocator", "Rectangle", "bare", "page", "save"]


def page(width: float, height: float) -> Figure:
    """Make an empty figure whose parts do not overlap; ``width`` and ``height`` are in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Remove the top and right edges of a plot, which have no scale."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save(figure: Figure, target: Path, dots: int = 120) -> None:
    """Write a figure as PNG, with ``dots`` pixels per inch.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # characters that the font lacks are drawn as boxes
        with new_file(target) as file:
            figure.savefig(file, format="png", dpi=dots)
