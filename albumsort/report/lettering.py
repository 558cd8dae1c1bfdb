"""Text in pictures, in any script: no character becomes an empty box.

The DejaVu fonts, which come with matplotlib, have Latin, Greek, Cyrillic, Arabic, Hebrew and many symbols. The system's
fonts are searched for other characters. Text that no font can show is written in Latin letters, so that 写真 becomes
XieZhen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from unicodedata import bidirectional, category

import numpy as np
from anyascii import anyascii
from PIL import Image, ImageDraw

from albumsort.report.safe_matplotlib import FONTS, FontProperties, findSystemFonts, fontManager, ft2font, get_font
from albumsort.text import drawable

_PLAIN, _BOLD = str(FONTS / "DejaVuSans.ttf"), str(FONTS / "DejaVuSans-Bold.ttf")
#: Since 3.11, matplotlib orders text from right to left and joins letters as Arabic and Indian scripts need it.
SHAPES = hasattr(ft2font, "__libraqm_version__")
#: Scripts from Devanagari to Sinhala, Tibetan, Burmese and Khmer, whose signs are drawn in another order or joined.
_JOINED = re.compile("[\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff]")
#: Fonts that have a box or nothing for every character.
_EMPTY_FONTS = ("lastresort", "blank", "notdef")


def system_fonts() -> list[str]:
    """The files of the system's fonts; upright ones without serifs, of normal weight, come first."""

    def rank(file: str) -> tuple[bool, bool, int, str]:
        name = os.path.basename(file).lower()
        is_special = re.search("bold|italic|oblique|black|light|thin|condensed|mono|narrow", name) is not None
        return is_special, "serif" in name, len(name), name

    files = {file for file in findSystemFonts() if not any(word in file.lower() for word in _EMPTY_FONTS)}
    return sorted(files, key=rank)


class Lettering:
    """Fonts for some texts, and how these are drawn with them.

    Attributes:
        fonts: the files of fonts that are needed beside DejaVu.
    """

    def __init__(
        self, texts: Iterable[str], fonts: Callable[[], Iterable[str]] = system_fonts, shapes: bool = SHAPES
    ) -> None:
        """Find the fonts.

        Args:
            texts: what is going to be drawn.
            fonts: the files of fonts to search. Called only if DejaVu does not have all characters.
            shapes: whether matplotlib can draw text from right to left and join letters. If not, such text is written
                in Latin letters.
        """
        self._base = ft2font.FT2Font(_PLAIN)
        self._shapes = shapes
        self._found: set[str] = set()
        self.fonts: list[str] = []
        wanted = {c for c in set("".join(texts)) if not self._is_drawn(c) and self._is_simple(c) and drawable(c) == c}
        for file in fonts() if wanted else ():
            if found := _characters(file, wanted):
                self.fonts.append(file)
                self._found |= found
                wanted -= found
            if not wanted:
                break

    @cached_property
    def families(self) -> list[str]:
        """The names of the fonts for matplotlib, in the order in which they are tried."""
        known = {entry.fname for entry in fontManager.ttflist}
        for file in self.fonts:
            if file not in known:
                fontManager.addfont(file)
        return ["DejaVu Sans", *(FontProperties(fname=file).get_name() for file in self.fonts)]

    def legible(self, text: str) -> str:
        """The text on one line, with Latin letters in place of words that no font can show."""
        return re.sub("[^\x00-\x7f]+", lambda word: self._word(word[0]), drawable(text))

    def width(self, text: str, size: int, bold: bool = False) -> float:
        """The width of a legible text in pixels, if letters are ``size`` pixels high."""
        return self._set(text, size, bold).get_width_height()[0] / 64

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        place: tuple[float, float],
        text: str,
        colour: str,
        size: int,
        *,
        bold: bool = False,
        shift: float = 0.0,
    ) -> None:
        """Draw one line of legible text.

        Args:
            draw: the picture.
            place: where the line begins, in pixels; ``y`` is that of the line on which letters stand.
            text: the result of ``legible``.
            colour: as Pillow names it.
            size: the height of letters in pixels, with room above and below.
            bold: whether letters are bold.
            shift: how far the text is moved to the left, as a share of its width.
        """
        font = self._set(text, size, bold)
        font.draw_glyphs_to_bitmap(antialiased=True)
        mask = np.array(font.get_image())
        if not mask.size:
            return
        left, down = (value / 64 for value in font.get_bitmap_offset())
        x = place[0] + left - shift * font.get_width_height()[0] / 64
        y = place[1] + down + font.get_descent() / 64 - len(mask)
        draw.bitmap((round(x), round(y)), Image.fromarray(mask), colour)

    def _set(self, text: str, size: int, bold: bool) -> ft2font.FT2Font:
        font = get_font([_BOLD, _PLAIN, *self.fonts] if bold else [_PLAIN, *self.fonts])
        font.set_size(size, 72)
        font.set_text(text)
        return font

    def _is_drawn(self, character: str) -> bool:
        has_glyph = character in self._found or self._base.get_char_index(ord(character)) > 0
        return has_glyph and self._is_simple(character)

    def _is_simple(self, character: str) -> bool:
        return self._shapes or not (bidirectional(character) in ("R", "AL") or _JOINED.match(character))

    def _word(self, word: str) -> str:
        if all(map(self._is_drawn, word)):
            return word
        return anyascii(word) or "".join(c.encode("unicode_escape").decode() for c in word if category(c)[0] != "M")


def _characters(file: str, wanted: Iterable[str]) -> set[str]:
    """Those of some characters that a font can draw at any size."""
    try:
        font = ft2font.FT2Font(file)
        return {c for c in wanted if _has_ink(font, c)} if font.scalable else set()
    except (OSError, RuntimeError):  # a broken font
        return set()


def _has_ink(font: ft2font.FT2Font, character: str) -> bool:
    """Whether a font draws a character. Fonts for coloured emoji may have an empty glyph."""
    if not font.get_char_index(ord(character)):
        return False
    return category(character)[0] in "MCZ" or any(font.load_char(ord(character)).bbox)
