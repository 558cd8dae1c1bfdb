"""What pictures are drawn with: matplotlib, deaf to settings that lie in the working directory.

When it is loaded it reads a file ``matplotlibrc`` of that directory before any other, and what that says goes as far as
running TeX. Photo folders come from strangers, so it is loaded elsewhere.
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
    try:
        here = os.getcwd()
    except FileNotFoundError:  # it was deleted, and holds no files
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

#: DejaVu, which has many scripts and comes with matplotlib.
FONTS = Path(get_data_path()) / "fonts" / "ttf"

__all__ = ["FONTS", "Axes", "Figure", "FigureCanvasAgg", "MaxNLocator", "Rectangle", "bare", "page", "save"]


def page(width: float, height: float) -> Figure:
    """An empty figure of so many inches, whose parts make room for each other."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Take away the lines above and on the right, which nothing is read from."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save(figure: Figure, target: Path, dots: int = 120) -> None:
    """Write a figure as PNG, of so many dots an inch.

    Raises:
        OSError: the target is there, or cannot be written.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a title in a script that the font lacks shows boxes
        with new_file(target) as file:
            figure.savefig(file, format="png", dpi=dots)
