"""Contact sheets: the photos of a top list on one picture, with boxes around the faces, scores and names."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from albumsort.album.presence import is_as_scanned, is_gone
from albumsort.album.thumbnails import Thumbnail
from albumsort.emotions import EMOTIONS
from albumsort.files import new_file
from albumsort.records import Face, RankedPhoto
from albumsort.report.canvas import FONTS
from albumsort.report.drawing import COLOURS, UNCERTAIN
from albumsort.text import count, printable

#: Pixels: the width of a page of one photo, its edge, between cards, inside cards, and the least and the most for text.
_PAGE, _EDGE, _GAP, _PAD, _SMALL, _LARGE = 900, 32, 16, 10, 13, 20
_DARK, _CARD, _HOLE, _WHITE, _GREY = "#161616", "#262626", "#1E1E1E", "#F2F2F2", "#A8A8A8"
#: Height of the pictures, of their width, whatever shapes the photos have.
_SQUAT, _TALL = 0.6, 1.25
#: Size of the percentages on faces, of the text.
_LABEL = 0.8
#: Decoders make a picture up to a quarter smaller than asked for, where that is what a JPEG gives.
_SPARE = 4 / 3


@dataclass(frozen=True)
class Sheet:
    """What a contact sheet shows.

    Attributes:
        heading: its first line.
        ranking: the photos, best first; at least one.
        threshold: probability from which a face is certain, 0..1.
    """

    heading: str
    ranking: Sequence[RankedPhoto]
    threshold: float

    @property
    def columns(self) -> int:
        """As many as rows, or one more."""
        return math.ceil(math.sqrt(len(self.ranking)))

    @property
    def side(self) -> int:
        """Pixels that a picture is wide: few photos are shown large, many small, on a page that grows slowly."""
        return round(_PAGE / math.sqrt(self.columns))

    @property
    def decoded(self) -> int:
        """Pixels on the long side that a thumbnail should have."""
        return round(_SPARE * max(self.side, self.height))

    @cached_property
    def height(self) -> int:
        """Pixels that a picture is high, by the shape that most of the photos have."""
        shapes = [(row.photo.height or 3) / (row.photo.width or 4) for row in self.ranking]
        return round(self.side * min(max(statistics.median(shapes), _SQUAT), _TALL))

    @property
    def card(self) -> tuple[int, int]:
        """Width and height of a picture with its caption."""
        return self.side + 2 * _PAD, self.height + 4 * _PAD + 2 * self.text

    @property
    def page(self) -> tuple[int, int]:
        """Width and height of all."""
        x, y = self.place(-(-len(self.ranking) // self.columns) * self.columns - 1)
        return x + self.card[0] + _EDGE, y + self.card[1] + _EDGE

    def place(self, number: int) -> tuple[int, int]:
        """The top left corner of a card, counted from 0."""
        row, column = divmod(number, self.columns)
        return _EDGE + column * (self.card[0] + _GAP), 2 * _EDGE + 4 * self.text + row * (self.card[1] + _GAP)

    @property
    def text(self) -> int:
        """Pixels that a line of text is high."""
        return min(max(self.side // 22, _SMALL), _LARGE)

    @property
    def legend(self) -> dict[str, str]:
        """The colours of the boxes, by what they stand for."""
        faces = [face for row in self.ranking for face in row.faces]
        certain = {face.emotion for face in faces if face.confidence >= self.threshold}
        words = {emotion: COLOURS[emotion] for emotion in EMOTIONS if emotion in certain}
        return words | ({"uncertain": UNCERTAIN} if any(face.confidence < self.threshold for face in faces) else {})


def draw_sheet(sheet: Sheet, thumbnails: Iterable[Thumbnail], target: Path) -> int:
    """Write a contact sheet as a picture.

    Args:
        sheet: what it shows.
        thumbnails: of its photos, in any order.
        target: a ``.png``, else it is a JPEG; must not be there.

    Returns:
        how many photos could not be shown.

    Raises:
        OSError: the file cannot be written.
    """
    page = Image.new("RGB", sheet.page, _DARK)
    draw = ImageDraw.Draw(page)
    _heading(draw, sheet)
    places = {}
    for number, row in enumerate(sheet.ranking):
        x, y = sheet.place(number)
        width, height = sheet.card
        draw.rounded_rectangle((x, y, x + width - 1, y + height - 1), 8, _CARD)
        _caption(draw, (x + _PAD, y + sheet.height + 2 * _PAD), sheet, number + 1, row)
        places[row.photo.path] = (row, x + _PAD, y + _PAD)
    missing = 0
    for thumbnail in thumbnails:
        row, x, y = places[thumbnail.path]
        picture = tile(row, thumbnail, (sheet.side, sheet.height), sheet.threshold, sheet.text)
        if picture is None:
            missing += 1
            draw.rectangle((x, y, x + sheet.side - 1, y + sheet.height - 1), _HOLE)
            words = shortened(why_not(thumbnail), lambda text: _fits(draw, text, sheet.side - 2 * _PAD, sheet.text))
            centre = (x + sheet.side / 2, y + sheet.height / 2)
            draw.text(centre, words, _GREY, _font(sheet.text), anchor="mm")
        else:
            page.paste(picture, (x + (sheet.side - picture.width) // 2, y + (sheet.height - picture.height) // 2))
    with new_file(target) as file:
        if target.suffix.lower() == ".png":
            page.save(file, "PNG")
        else:
            page.save(file, "JPEG", quality=82, optimize=True, progressive=True)
    return missing


def tile(
    row: RankedPhoto, thumbnail: Thumbnail, room: tuple[int, int], threshold: float, text: int
) -> Image.Image | None:
    """The picture of a photo with its faces boxed, as large as a room of so many pixels holds it.

    None when there is no picture. A photo that is another than the one that was scanned has no boxes.
    """
    if thumbnail.pixels is None:
        return None
    picture = ImageOps.contain(Image.fromarray(thumbnail.pixels), room, Image.Resampling.LANCZOS)
    if _is_changed(row):
        return picture
    draw = ImageDraw.Draw(picture)
    # Not by the file's own width: boxes of a RAW file are in pixels of its JPEG, and its picture is of its preview.
    scale = picture.width / (row.photo.width or picture.width)
    for face in reversed(row.faces):  # the largest last, on top
        _box(draw, face, scale, threshold, round(_LABEL * text))
    return picture


def why_not(thumbnail: Thumbnail) -> str:
    """What stands in place of a picture."""
    return "no longer there" if is_gone(thumbnail.path) else thumbnail.error or ""


def notes(row: RankedPhoto) -> list[str]:
    """What else there is to say of a photo, what matters most last."""
    like_it = f"+{row.others} like it" if row.others else ""
    day = "changed since the scan" if _is_changed(row) else (row.photo.taken_at or "")[:10]
    return [words for words in (like_it, day) if words]


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """``text``, without its middle when it does not fit: names that differ at the end stay apart."""
    if fits(text):
        return text
    kept = len(text) - 1
    while kept > 2 and not fits(_without_middle(text, kept)):
        kept -= 1
    return _without_middle(text, kept)


def _without_middle(text: str, kept: int) -> str:
    return f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"


def _is_changed(row: RankedPhoto) -> bool:
    try:
        return not is_as_scanned(row.photo)
    except OSError:  # gone, or out of reach: its picture will tell
        return False


@lru_cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)


def _fits(draw: ImageDraw.ImageDraw, text: str, width: float, size: int) -> bool:
    return draw.textlength(text, _font(size)) <= width


def _heading(draw: ImageDraw.ImageDraw, sheet: Sheet) -> None:
    size, title = sheet.text, _font(2 * sheet.text, bold=True)
    draw.text((_EDGE, _EDGE + 1.5 * size), sheet.heading, _WHITE, title, anchor="ls")
    photos = f"{count(len(sheet.ranking), 'photo')}, best first"
    right = _EDGE + draw.textlength(sheet.heading, title) + size
    draw.text((right, _EDGE + 1.5 * size), photos, _GREY, _font(size), anchor="ls")
    x, y = float(_EDGE), _EDGE + 3.5 * size
    for word, colour in sheet.legend.items():
        draw.rectangle((x, y - 0.8 * size, x + 0.8 * size, y), colour)
        draw.text((x + 1.2 * size, y), word, _WHITE, _font(size), anchor="ls")
        x += 2.6 * size + draw.textlength(word, _font(size))


def _caption(draw: ImageDraw.ImageDraw, place: tuple[int, int], sheet: Sheet, rank: int, row: RankedPhoto) -> None:
    x, y = place
    size, width = sheet.text, sheet.side
    left = x + draw.textlength(f"{rank}  ", _font(size))
    score = f"{row.score:.3f} "
    draw.text((x, y), f"{rank}", _GREY, _font(size), anchor="la")
    draw.text((left, y), score, _WHITE, _font(size, bold=True), anchor="la")
    room = x + width - left - draw.textlength(score, _font(size, bold=True))
    said = notes(row)
    while said and not _fits(draw, "  ".join(said), room, size):
        del said[0]
    draw.text((x + width, y), "  ".join(said), _GREY, _font(size), anchor="ra")
    name = shortened(printable(os.path.basename(row.photo.path)), lambda text: _fits(draw, text, width, size))
    draw.text((x, y + size + _PAD), name, _WHITE, _font(size), anchor="la")


def _box(draw: ImageDraw.ImageDraw, face: Face, scale: float, threshold: float, size: int) -> None:
    x, y, w, h = face.box.scaled(scale, scale)
    colour = COLOURS[face.emotion] if face.confidence >= threshold else UNCERTAIN
    # A dark line on both sides, so that a box is seen on any ground.
    line = max(2, size // 5)
    draw.rectangle((x - 1, y - 1, x + w + 1, y + h + 1), outline="black", width=line + 2)
    draw.rectangle((x, y, x + w, y + h), outline=colour, width=line)
    label = f"{face.confidence:.0%}"
    wide, high = draw.textlength(label, _font(size)) + 6, size + 4
    if w >= 0.8 * wide:  # nothing on a face that it would hide
        bottom = max(y, high)
        draw.rectangle((x - 1, bottom - high, x - 1 + wide, bottom), colour)
        draw.text((x + 2, bottom - 4), label, "black", _font(size), anchor="ls")
