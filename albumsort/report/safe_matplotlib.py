"""Loads matplotlib so that it ignores settings in the working directory.

When it is loaded, matplotlib first looks for a file ``matplotlibrc`` in the working directory. Such a file can even
make it run TeX. Photo folders may come from strangers, so matplotlib is loaded in another directory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


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
    from matplotlib import ft2font, get_data_path
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager, get_font
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text
    from matplotlib.ticker import MaxNLocator, PercentFormatter

#: The folder of the DejaVu fonts, which cover many scripts and come with matplotlib.
FONTS = Path(get_data_path()) / "fonts" / "ttf"

__all__ = [
    "FONTS",
    "Axes",
    "Figure",
    "FigureCanvasAgg",
    "FontProperties",
    "MaxNLocator",
    "PercentFormatter",
    "Rectangle",
    "Text",
    "findSystemFonts",
    "fontManager",
    "ft2font",
    "get_font",
]
