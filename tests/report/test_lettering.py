"""Text in pictures, in any script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageDraw

from albumsort.report.lettering import Lettering

NAMES = {
    "latin": "Ärger & Spaß.jpg",
    "cyrillic": "Фото.jpg",
    "chinese": "写真.jpg",
    "japanese": "夏のアルバム.jpg",
    "korean": "사진.jpg",
    "arabic": "صورة.jpg",
    "persian": "می\u200cکنم.jpg",
    "hebrew": "תמונה.jpg",
    "hindi": "क्षत्रिय.jpg",
    "thai": "ภาพถ่าย.jpg",
    "emoji": "😀🎉❤️👨\u200d👩\u200d👧.jpg",
    "hieroglyphs": "\U00013000.jpg",
    "private use": "\ue000.jpg",
    "bytes": "caf\udce9.jpg",
    "escapes": "a\nb\x1b[2J\u202e.jpg",
    "nothing": "",
}


def font(path: Path, characters: str, ink: bool = True) -> str:
    """A font whose every character is a full square, or is empty."""
    pen = TTGlyphPen(None)
    empty = pen.glyph()
    if ink:
        pen.moveTo((0, 0))
        for corner in ((0, 900), (900, 900), (900, 0)):
            pen.lineTo(corner)
        pen.closePath()
    glyph = pen.glyph()
    names = [".notdef", *(f"u{ord(character):X}" for character in characters)]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): f"u{ord(character):X}" for character in characters})
    builder.setupGlyf({name: empty if name == ".notdef" else glyph for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": f"Made {path.stem}", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


def ink(lettering: Lettering, text: str, size: int = 40) -> int:
    """How many pixels a text blackens."""
    picture = Image.new("L", (800, 100))
    lettering.draw(ImageDraw.Draw(picture), (20, 70), text, "white", size)
    return int((np.asarray(picture) > 128).sum())


@pytest.mark.filterwarnings("error")  # matplotlib warns about each character that becomes a box
@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("shapes", [False, True])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_character_becomes_a_box_where_no_font_but_dejavu_is_installed(name, shapes, bold):
    lettering = Lettering([name], lambda: [], shapes)
    text = lettering.legible(name)
    assert text.isprintable() or "\u200c" in text or "\u200d" in text
    lettering.draw(ImageDraw.Draw(Image.new("RGB", (500, 50))), (5, 40), text, "white", 20, bold=bold)
    assert lettering.width(text, 20, bold) > 0 or not name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_character_becomes_a_box_with_the_fonts_of_this_system(name):
    lettering = Lettering([name])
    assert ink(lettering, lettering.legible(name), 20) > 0 or not name


@pytest.mark.parametrize(
    ("text", "spelling"),
    [("写真 夏.jpg", "XieZhen Xia.jpg"), ("ภาพ", "phaph"), ("तस्वीर", "tsvir"), ("🎉", ":tada:"), ("Ä 写", "Ä Xie")],
)
def test_words_that_no_font_can_show_are_in_latin_letters(text, spelling):
    assert Lettering([text], lambda: []).legible(text) == spelling


@pytest.mark.parametrize("text", ["Ärger", "Фото", "Ελλάδα", "صورة", "תמונה", "❤ ☀ 😀", "(+11)…"])
def test_what_dejavu_has_stays_and_no_other_font_is_searched_for_it(text):
    def no_fonts() -> list[str]:
        raise AssertionError("fonts were searched")

    assert Lettering([text], no_fonts, shapes=True).legible(text) == text


@pytest.mark.parametrize("text", ["صورة", "תמונה", "तस्वीर"])
def test_scripts_that_an_older_matplotlib_would_draw_backwards_or_apart_are_in_latin_letters(text, tmp_path):
    fonts = [font(tmp_path / "any.ttf", text)]
    assert Lettering([text], lambda: fonts, shapes=False).legible(text).isascii()
    assert Lettering([text], lambda: fonts, shapes=True).legible(text) == text


def test_a_font_of_the_system_draws_what_dejavu_lacks(tmp_path):
    fonts = [font(tmp_path / "one.ttf", "写"), font(tmp_path / "other.ttf", "真写")]
    lettering = Lettering(["写真"], lambda: fonts)
    assert lettering.legible("写真 a") == "写真 a"
    assert lettering.fonts == fonts
    assert ink(lettering, "写真") == pytest.approx(2 * 36 * 36, rel=0.1)  # two squares of 0.9 of the size


def test_fonts_that_are_broken_or_empty_are_passed_over(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    empty, good = font(tmp_path / "empty.ttf", "写", ink=False), font(tmp_path / "good.ttf", "写")
    fonts = [str(tmp_path / "gone.ttf"), str(tmp_path / "broken.ttf"), empty, good]
    assert Lettering(["写"], lambda: fonts).fonts == [good]


def test_figures_use_the_fonts_of_the_system_and_read_no_formula(tmp_path):
    (tmp_path / "fonts").mkdir()
    font(tmp_path / "fonts" / "squares.ttf", "写真")
    without, with_font = (int(in_another_process(DRAW, folder)) for folder in (tmp_path / "none", tmp_path))
    assert without * 1.5 < with_font


#: Draws a title, an axis and a legend, and prints how many pixels are black.
DRAW = """
import numpy, warnings
from pathlib import Path
from PIL import Image
from albumsort.report.canvas import page, save
warnings.simplefilter("error")
figure = page(4, 3)
axes = figure.add_subplot()
axes.plot([0, 1], [0, 0], color="white", label="写真 $x_{")
axes.set_title("写真写真写真", fontsize=30)
axes.set_yticks([0, 1], ["写", "真"])
axes.legend()
save(figure, Path("figure.png"), replace=True)
print((numpy.asarray(Image.open("figure.png").convert("L")) < 64).sum())
"""


def in_another_process(code: str, folder: Path) -> str:
    """What code prints where the user's fonts are below a folder; matplotlib learns their place when it is loaded."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "XDG_DATA_HOME": str(folder)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder).stdout
