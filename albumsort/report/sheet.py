"""Contact sheets: the photos of a top list on one picture, with boxes around the faces, with scores and names."""

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

#: In pixels: the width of a page with one photo, the margin of a page, the gap between cards, the padding of a card.
_PAGE, _EDGE, _GAP, _PAD = 900, 32, 16, 10
#: The smallest and the largest height of text, in pixels.
_SMALL, _LARGE = 13, 20
_DARK, _CARD, _HOLE, _WHITE, _GREY = "#161616", "#262626", "#1E1E1E", "#F2F2F2", "#A8A8A8"
#: Limits of the pictures' height, as a share of their width.
_SQUAT, _TALL = 0.6, 1.25
#: The height of the percentages on faces, as a share of the height of other text.
_LABEL = 0.8
#: Decoders may return a picture up to a quarter smaller than requested, because JPEGs can be decoded at some sizes
#: only. So this many times the needed pixels are requested.
_SPARE = 4 / 3


@dataclass(frozen=True)
class Sheet:
    """What a contact sheet shows.

    Attributes:
        heading: the first line.
        ranking: at least one photo, best first.
        threshold: the probability from which a face is certain, 0..1.
    """

    heading: str
    ranking: Sequence[RankedPhoto]
    threshold: float

    @property
    def columns(self) -> int:
        """The number of columns, which equals the number of rows or is one more."""
        return math.ceil(math.sqrt(len(self.ranking)))

    @property
    def side(self) -> int:
        """The width of a picture in pixels. More photos make smaller pictures and a slightly larger page."""
        return round(_PAGE / math.sqrt(self.columns))

    @property
    def thumbnail_side(self) -> int:
        """The number of pixels to request on the long side of a thumbnail."""
        return round(_SPARE * max(self.side, self.height))

    @cached_property
    def height(self) -> int:
        """The height of a picture in pixels, which follows from the median shape of the photos."""
        shapes = [(row.photo.height or 3) / (row.photo.width or 4) for row in self.ranking]
        return round(self.side * min(max(statistics.median(shapes), _SQUAT), _TALL))

    @property
    def card(self) -> tuple[int, int]:
        """The width and height in pixels of a card, which is a picture with its caption."""
        return self.side + 2 * _PAD, self.height + 4 * _PAD + 2 * self.text_height

    @property
    def page(self) -> tuple[int, int]:
        """Width and height of the page in pixels."""
        x, y = self.corner(-(-len(self.ranking) // self.columns) * self.columns - 1)
        return x + self.card[0] + _EDGE, y + self.card[1] + _EDGE

    def corner(self, number: int) -> tuple[int, int]:
        """The top left corner of a card in pixels; cards are numbered from 0."""
        row, column = divmod(number, self.columns)
        return _EDGE + column * (self.card[0] + _GAP), 2 * _EDGE + 4 * self.text_height + row * (self.card[1] + _GAP)

    @property
    def text_height(self) -> int:
        """The height of a line of text in pixels."""
        return min(max(self.side // 22, _SMALL), _LARGE)

    @property
    def legend(self) -> dict[str, str]:
        """The colours of the boxes on the sheet, by emotion or ``uncertain``."""
        faces = [face for row in self.ranking for face in row.faces]
        certain = {face.emotion for face in faces if face.confidence >= self.threshold}
        words = {emotion: COLOURS[emotion] for emotion in EMOTIONS if emotion in certain}
        return words | ({"uncertain": UNCERTAIN} if any(face.confidence < self.threshold for face in faces) else {})


def draw_sheet(sheet: Sheet, thumbnails: Iterable[Thumbnail], target: Path) -> int:
    """Write a contact sheet as a picture.

    Args:
        sheet: what to show.
        thumbnails: those of its photos, in any order.
        target: must not exist; the suffix ``.png`` makes it a PNG, any other a JPEG.

    Returns:
        the number of photos that could not be shown.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    page = Image.new("RGB", sheet.page, _DARK)
    draw = ImageDraw.Draw(page)
    _heading(draw, sheet)
    places = {}
    for number, row in enumerate(sheet.ranking):
        x, y = sheet.corner(number)
        width, height = sheet.card
        draw.rounded_rectangle((x, y, x + width - 1, y + height - 1), 8, _CARD)
        _caption(draw, (x + _PAD, y + sheet.height + 2 * _PAD), sheet, number + 1, row)
        places[row.photo.path] = (row, x + _PAD, y + _PAD)
    missing = 0
    for thumbnail in thumbnails:
        row, x, y = places[thumbnail.path]
        picture = tile(row, thumbnail, (sheet.side, sheet.height), sheet.threshold, sheet.text_height)
        if picture is None:
            missing += 1
            draw.rectangle((x, y, x + sheet.side - 1, y + sheet.height - 1), _HOLE)
            words = shortened(
                why_missing(thumbnail), lambda text: _fits(draw, text, sheet.side - 2 * _PAD, sheet.text_height)
            )
            centre = (x + sheet.side / 2, y + sheet.height / 2)
            draw.text(centre, words, _GREY, _font(sheet.text_height), anchor="mm")
        else:
            page.paste(picture, (x + (sheet.side - picture.width) // 2, y + (sheet.height - picture.height) // 2))
    with new_file(target) as file:
        if target.suffix.lower() == ".png":
            page.save(file, "PNG")
        else:
            page.save(file, "JPEG", quality=82, optimize=True, progressive=True)
    return missing


def tile(
    row: RankedPhoto, thumbnail: Thumbnail, room: tuple[int, int], threshold: float, text_height: int
) -> Image.Image | None:
    """The picture of a photo with a box around each face.

    Args:
        row: the photo.
        thumbnail: its picture.
        room: the width and height in pixels that the result may have; it fills one of them.
        threshold: the probability from which a face is certain, 0..1.
        text_height: the height of text in pixels.

    Returns:
        None if there is no picture. A photo that changed since the scan has no boxes.
    """
    if thumbnail.pixels is None:
        return None
    picture = ImageOps.contain(Image.fromarray(thumbnail.pixels), room, Image.Resampling.LANCZOS)
    if _is_changed(row):
        return picture
    draw = ImageDraw.Draw(picture)
    # The size of the thumbnail's file is no help: a RAW file's boxes are in pixels of its JPEG, but its thumbnail shows
    # the preview.
    scale = picture.width / (row.photo.width or picture.width)
    for face in reversed(row.faces):  # the largest face is drawn last, so that it is on top
        _box(draw, face, scale, threshold, round(_LABEL * text_height))
    return picture


def why_missing(thumbnail: Thumbnail) -> str:
    """The reason why a photo cannot be shown, which is printed in place of the picture."""
    return "no longer there" if is_gone(thumbnail.path) else thumbnail.error or ""


def notes(row: RankedPhoto) -> list[str]:
    """Further facts about a photo in words, the most important one last."""
    like_it = f"+{row.others} like it" if row.others else ""
    day = "changed since the scan" if _is_changed(row) else (row.photo.taken_at or "")[:10]
    return [words for words in (like_it, day) if words]


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """Remove the middle of a text that does not fit. Names that differ at the end remain distinguishable."""
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
    except OSError:  # gone, or not readable; ``why_missing`` says so in place of the picture
        return False


@lru_cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)


def _fits(draw: ImageDraw.ImageDraw, text: str, width: float, size: int) -> bool:
    return draw.textlength(text, _font(size)) <= width


def _heading(draw: ImageDraw.ImageDraw, sheet: Sheet) -> None:
    size, title = sheet.text_height, _font(2 * sheet.text_height, bold=True)
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
    size, width = sheet.text_height, sheet.side
    left = x + draw.textlength(f"{rank}  ", _font(size))
    score = f"{row.score:.3f} "
    draw.text((x, y), f"{rank}", _GREY, _font(size), anchor="la")
    draw.text((left, y), score, _WHITE, _font(size, bold=True), anchor="la")
    room = x + width - left - draw.textlength(score, _font(size, bold=True))
    facts = notes(row)
    while facts and not _fits(draw, "  ".join(facts), room, size):
        del facts[0]
    draw.text((x + width, y), "  ".join(facts), _GREY, _font(size), anchor="ra")
    name = shortened(printable(os.path.basename(row.photo.path)), lambda text: _fits(draw, text, width, size))
    draw.text((x, y + size + _PAD), name, _WHITE, _font(size), anchor="la")


def _box(draw: ImageDraw.ImageDraw, face: Face, scale: float, threshold: float, size: int) -> None:
    x, y, w, h = face.box.scaled(scale, scale)
    colour = COLOURS[face.emotion] if face.confidence >= threshold else UNCERTAIN
    # A dark line on both sides makes a box visible on any background.
    line = max(2, size // 5)
    draw.rectangle((x - 1, y - 1, x + w + 1, y + h + 1), outline="black", width=line + 2)
    draw.rectangle((x, y, x + w, y + h), outline=colour, width=line)
    label = f"{face.confidence:.0%}"
    wide, high = draw.textlength(label, _font(size)) + 6, size + 4
    if w >= 0.8 * wide:  # on a narrower face the label would hide too much
        bottom = max(y, high)
        draw.rectangle((x - 1, bottom - high, x - 1 + wide, bottom), colour)
        draw.text((x + 2, bottom - 4), label, "black", _font(size), anchor="ls")
