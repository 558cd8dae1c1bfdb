"""Figures of faces in rows, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray

from albumsort.report.canvas import Axes, Figure, page

#: The distance between tiles, and the height of a line of text below a tile, in pixels of the tiles.
GAP, LINE = 4, 8

#: The mean width of a letter of a title, in points.
_LETTER = 6.0


class TilePage:
    """A figure of grey tiles in rows, with space for text below each. The unit of ``axes`` is a pixel of the tiles."""

    def __init__(self, tiles: NDArray, columns: int, lines: int = 0, scale: float = 1.2) -> None:
        """Place the tiles.

        Args:
            tiles: ``(n, height, width)``, grey, 0 to 255.
            columns: tiles per row.
            lines: lines of text to leave space for below each tile.
            scale: points per pixel of the tiles.
        """
        _, self._height, self._width = tiles.shape
        self._columns, self._room = columns, LINE * lines + (GAP if lines else 0)
        sheet = montage(tiles, columns, GAP, self._room)
        height, width = sheet.shape
        self.figure: Figure = page(scale * width / 72 + 1.6, scale * height / 72 + 0.6)
        self.axes: Axes = self.figure.add_subplot()
        self.axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
        self.axes.set_axis_off()

    def title(self, text: str) -> None:
        """Write a title above all tiles, in as many lines as the width of the figure needs."""
        lines = wrap(text, int(self.figure.get_figwidth() * 72 / _LETTER))
        self.figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)

    def caption(self, number: int, lines: Sequence[tuple[str, str]]) -> None:
        """Write lines below a tile; each is a text and its colour. Tiles count from 0."""
        x = number % self._columns * (self._width + GAP) + self._width / 2
        y = number // self._columns * (self._height + GAP + self._room) + self._height + 1
        for number_of_line, (line, colour) in enumerate(lines):
            self.axes.text(x, y + LINE * number_of_line, line, ha="center", va="top", fontsize=7, color=colour)

    def name_row(self, row: int, text: str) -> None:
        """Write a text beside a row; rows count from 0."""
        y = row * (self._height + GAP + self._room) + self._height / 2
        self.axes.text(-2 * GAP, y, text, ha="right", va="center", fontsize=9)


def montage(tiles: NDArray, columns: int, gap: int, room: int = 0) -> NDArray:
    """Place tiles ``(n, height, width)`` in rows on white.

    Args:
        tiles: grey, 0 to 255.
        columns: tiles per row.
        gap: pixels between tiles.
        room: pixels of free space below each tile.
    """
    count, height, width = tiles.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap + room) - gap, columns * (width + gap) - gap), 255, tiles.dtype)
    for number, tile in enumerate(tiles):
        y, x = number // columns * (height + gap + room), number % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet
