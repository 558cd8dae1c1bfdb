"""Pages of face tiles in rows, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from albumsort.report.canvas import Axes, Figure, page

#: Pixels between tiles, and of a line of text below one.
GAP, LINE = 4, 8


class TilePage:
    """A figure of grey tiles in rows, with room for lines of text below each; ``axes`` is in pixels of the tiles."""

    def __init__(self, tiles: NDArray, columns: int, lines: int = 0, scale: float = 1.2) -> None:
        """Lay out tiles ``(n, height, width)`` on the 0-255 scale; ``scale`` is points a pixel."""
        _, self._height, self._width = tiles.shape
        self._columns, self._room = columns, LINE * lines + (GAP if lines else 0)
        sheet = montage(tiles, columns, GAP, self._room)
        height, width = sheet.shape
        self.figure: Figure = page(scale * width / 72 + 1.2, scale * height / 72 + 0.5)
        self.axes: Axes = self.figure.add_subplot()
        self.axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
        self.axes.set_axis_off()

    def caption(self, number: int, lines: Sequence[tuple[str, str]]) -> None:
        """Write lines, each a text and its colour, below a tile."""
        x = number % self._columns * (self._width + GAP) + self._width / 2
        y = number // self._columns * (self._height + GAP + self._room) + self._height + 1
        for place, (line, colour) in enumerate(lines):
            self.axes.text(x, y + LINE * place, line, ha="center", va="top", fontsize=7, color=colour)

    def name_row(self, row: int, text: str) -> None:
        """Write beside a row."""
        y = row * (self._height + GAP + self._room) + self._height / 2
        self.axes.text(-2 * GAP, y, text, ha="right", va="center", fontsize=9)


def montage(tiles: NDArray, columns: int, gap: int, room: int = 0) -> NDArray:
    """Tiles ``(n, height, width)`` in rows on white, so many pixels apart, with room below each."""
    count, height, width = tiles.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap + room) - gap, columns * (width + gap) - gap), 255, tiles.dtype)
    for number, tile in enumerate(tiles):
        y, x = number // columns * (height + gap + room), number % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet
