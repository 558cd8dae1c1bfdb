"""Contact sheets: the photos of a top list on one picture, with boxes around the faces, with scores and names."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageOps

from albumsort.album.drawn import mark
from albumsort.album.presence import is_as_scanned, is_gone
from albumsort.album.thumbnails import Thumbnail
from albumsort.emotions import EMOTIONS
from albumsort.files import new_file
from albumsort.records import Face, RankedPhoto
from albumsort.report.drawing import COLOURS, UNCERTAIN
from albumsort.report.lettering import Lettering
from albumsort.text import count, drawable, score_text

#: In pixels: the width of a page with one photo, the margin of a page, the gap between cards, the padding of a card.
_PAGE, _EDGE, _GAP, _PAD = 900, 32, 16, 10
#: The smallest and the largest height of text, in pixels.
_SMALL, _LARGE = 13, 20
#: Limits of the pictures' height, as a share of their width.
_SQUAT, _TALL = 0.6, 1.25
#: The height of a letter above the line on which it stands, as a share of the height of text, and half of that.
_ASCENT, _MIDDLE = 0.93, 0.36
#: The height of the percentages on faces, as a share of the height of other text.
_LABEL = 0.8
#: The smallest height of the percentage on a narrow face, as a share of the usual one.
_NARROW = 0.65
#: Decoders may return a picture up to a quarter smaller than requested, because JPEGs can be decoded at some sizes
#: only. So this many times the needed pixels are requested.
SPARE = 4 / 3
#: The long side of a sheet as a PDF in inches: that of A4, so that it is printed without being scaled.
_PAPER = 11.69


class _Colours(NamedTuple):
    """The colours of a page: its ground, cards, places without a picture, text, and less important text."""

    page: str
    card: str
    hole: str
    text: str
    dim: str


_SCREEN = _Colours("#161616", "#262626", "#1E1E1E", "#F2F2F2", "#A8A8A8")
#: A PDF is printed, and dark pages take much ink.
_PRINT = _Colours("#FFFFFF", "#FFFFFF", "#F0EFED", "#1C1B1A", "#66625E")


@dataclass(frozen=True)
class Sheet:
    """What a contact sheet shows.

    Attributes:
        heading: the first line.
        ranking: at least one photo, best first.
        threshold: the probability from which a face is certain, 0..1.
        has_boxes: whether faces have boxes and percentages, and the sheet a legend.
    """

    heading: str
    ranking: Sequence[RankedPhoto]
    threshold: float
    has_boxes: bool = True

    @cached_property
    def lettering(self) -> Lettering:
        """The fonts for everything that is written on the sheet."""
        names = (text for row in self.ranking for text in (name_of(row), self.folder(row)))
        return Lettering((self.heading, *names))

    @cached_property
    def shared_folder(self) -> str:
        """The folder that all photos share; empty if that is a whole disk or if there is none."""
        try:
            shared = os.path.commonpath([os.path.dirname(row.photo.path) for row in self.ranking])
        except ValueError:  # photos on several drives of Windows
            return ""
        return "" if os.path.dirname(shared) == shared else shared

    def folder(self, row: RankedPhoto) -> str:
        """The folder of a photo below the folder that all share, or the name of that folder.

        It is no path of this machine: people send sheets to others.
        """
        folder = os.path.dirname(row.photo.path)
        if self.shared_folder in ("", folder):
            return os.path.basename(folder)
        return os.path.relpath(folder, self.shared_folder)

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
        return round(SPARE * max(self.side, self.height))

    @cached_property
    def height(self) -> int:
        """The height of a picture in pixels, which follows from the median shape of the photos."""
        shapes = [(row.photo.height or 3) / (row.photo.width or 4) for row in self.ranking]
        return round(self.side * min(max(statistics.median(shapes), _SQUAT), _TALL))

    @property
    def card(self) -> tuple[int, int]:
        """The width and height in pixels of a card, which is a picture with its caption."""
        return self.side + 2 * _PAD, self.height + 5 * _PAD + 3 * self.text_height

    @property
    def page(self) -> tuple[int, int]:
        """Width and height of the page in pixels."""
        x, y = self.corner(-(-len(self.ranking) // self.columns) * self.columns - 1)
        return x + self.card[0] + _EDGE, y + self.card[1] + _EDGE

    def corner(self, number: int) -> tuple[int, int]:
        """The top left corner of a card in pixels; cards are numbered from 0."""
        row, column = divmod(number, self.columns)
        top = 2 * _EDGE + (4 if self.legend else 2) * self.text_height
        return _EDGE + column * (self.card[0] + _GAP), top + row * (self.card[1] + _GAP)

    @property
    def text_height(self) -> int:
        """The height of a line of text in pixels."""
        return min(max(self.side // 22, _SMALL), _LARGE)

    @cached_property
    def legend(self) -> dict[str, str]:
        """The colours of the boxes on the sheet, by emotion or ``uncertain``."""
        if not self.has_boxes:
            return {}
        faces = [face for row in self.ranking for face in row.faces]
        certain = {face.emotion for face in faces if face.confidence >= self.threshold}
        words = {emotion: COLOURS[emotion] for emotion in EMOTIONS if emotion in certain}
        return words | ({"uncertain": UNCERTAIN} if any(face.confidence < self.threshold for face in faces) else {})


#: What a sheet is by its suffix, and how Pillow is to write it.
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {}),
    ".pdf": ("PDF", {}),
}
#: The quality of the pictures on a sheet, 1..100.
_QUALITY = 82


def draw_sheet(sheet: Sheet, thumbnails: Iterable[Thumbnail], target: Path) -> int:
    """Write a contact sheet as a picture.

    Args:
        sheet: what to show.
        thumbnails: those of its photos, in any order.
        target: must not exist; the suffix makes it a PNG, a WebP or a PDF of one page, any other a JPEG.

    Returns:
        the number of photos that could not be shown.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    form, options = _FORMATS.get(target.suffix.lower(), ("JPEG", {"optimize": True, "progressive": True}))
    colours = _PRINT if form == "PDF" else _SCREEN
    page = Image.new("RGB", sheet.page, colours.page)
    draw = ImageDraw.Draw(page)
    _heading(draw, sheet, colours)
    places = {}
    for number, row in enumerate(sheet.ranking):
        x, y = sheet.corner(number)
        width, height = sheet.card
        draw.rounded_rectangle((x, y, x + width - 1, y + height - 1), 8, colours.card)
        _caption(draw, (x + _PAD, y + sheet.height + 2 * _PAD), sheet, number + 1, row, colours)
        places[row.photo.path] = (row, x + _PAD, y + _PAD)
    missing = 0
    for thumbnail in thumbnails:
        row, x, y = places[thumbnail.path]
        picture = tile(row, thumbnail, (sheet.side, sheet.height), sheet, sheet.text_height)
        if picture is None:
            missing += 1
            draw.rectangle((x, y, x + sheet.side - 1, y + sheet.height - 1), colours.hole)
            words = _fitting(sheet, why_missing(thumbnail), sheet.side - 2 * _PAD, sheet.text_height)
            centre = (x + sheet.side / 2, y + sheet.height / 2 + _MIDDLE * sheet.text_height)
            sheet.lettering.draw(draw, centre, words, colours.dim, sheet.text_height, shift=0.5)
        else:
            page.paste(picture, (x + (sheet.side - picture.width) // 2, y + (sheet.height - picture.height) // 2))
    with new_file(target) as file:
        if form == "PDF":
            options = {"resolution": max(page.size) / _PAPER, "title": drawable(sheet.heading)}
        else:
            options = {**options, "exif": mark()}
        page.save(file, form, **{"quality": _QUALITY, **options})
    return missing


def tile(
    row: RankedPhoto, thumbnail: Thumbnail, room: tuple[int, int], sheet: Sheet, text_height: int
) -> Image.Image | None:
    """The picture of a photo with a box around each face.

    Args:
        row: the photo.
        thumbnail: its picture.
        room: the width and height in pixels that the result may have; it fills one of them.
        sheet: says whether there are boxes, and which faces are certain.
        text_height: the height of text in pixels.

    Returns:
        None if there is no picture. A photo that changed since the scan has no boxes.
    """
    if thumbnail.pixels is None:
        return None
    picture = ImageOps.contain(Image.fromarray(thumbnail.pixels), room, Image.Resampling.LANCZOS)
    if not sheet.has_boxes or _is_changed(row):
        return picture
    draw = ImageDraw.Draw(picture)
    # The size of the thumbnail's file is no help: a RAW file's boxes are in pixels of its JPEG, but its thumbnail shows
    # the preview.
    scale = picture.width / (row.photo.width or picture.width)
    for face in reversed(row.faces):  # the largest face is drawn last, so that it is on top
        _box(draw, face, scale, sheet, round(_LABEL * text_height))
    return picture


def why_missing(thumbnail: Thumbnail) -> str:
    """The reason why a photo cannot be shown, which is printed in place of the picture."""
    return "no longer there" if is_gone(thumbnail.path) else thumbnail.error or ""


def name_of(row: RankedPhoto) -> str:
    """The name of a photo's file."""
    return os.path.basename(row.photo.path)


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


def _fitting(sheet: Sheet, text: str, width: float, size: int, bold: bool = False) -> str:
    """A text that can be drawn within a width in pixels."""
    return shortened(sheet.lettering.legible(text), lambda part: sheet.lettering.width(part, size, bold) <= width)


def _heading(draw: ImageDraw.ImageDraw, sheet: Sheet, colours: _Colours) -> None:
    size, letters = sheet.text_height, sheet.lettering
    photos = f"{count(len(sheet.ranking), 'photo')}, best first"
    line, room = _EDGE + 1.5 * size, sheet.page[0] - 2 * _EDGE
    heading = _fitting(sheet, sheet.heading, room - letters.width(photos, size) - size, 2 * size, bold=True)
    letters.draw(draw, (_EDGE, line), heading, colours.text, 2 * size, bold=True)
    right = _EDGE + (letters.width(heading, 2 * size, bold=True) + size if heading else 0)
    letters.draw(draw, (right, line), photos, colours.dim, size)
    x, y = float(_EDGE), _EDGE + 3.5 * size
    for word, colour in sheet.legend.items():
        draw.rectangle((x, y - 0.8 * size, x + 0.8 * size, y), colour)
        letters.draw(draw, (x + 1.2 * size, y), word, colours.text, size)
        x += 2.6 * size + letters.width(word, size)


def _caption(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], sheet: Sheet, rank: int, row: RankedPhoto, colours: _Colours
) -> None:
    size, width, letters = sheet.text_height, sheet.side, sheet.lettering
    x, y = place[0], place[1] + _ASCENT * size
    left = x + letters.width(f"{rank}  ", size)
    score = f"{score_text(row.score or 0.0)} "
    letters.draw(draw, (x, y), f"{rank}", colours.dim, size)
    letters.draw(draw, (left, y), score, colours.text, size, bold=True)
    room = x + width - left - letters.width(score, size, bold=True)
    facts = notes(row)
    while facts and letters.width("  ".join(facts), size) > room:
        del facts[0]
    letters.draw(draw, (x + width, y), "  ".join(facts), colours.dim, size, shift=1.0)
    for text, colour in ((name_of(row), colours.text), (sheet.folder(row), colours.dim)):
        y += size + _PAD
        letters.draw(draw, (x, y), _fitting(sheet, text, width, size), colour, size)


def _box(draw: ImageDraw.ImageDraw, face: Face, scale: float, sheet: Sheet, size: int) -> None:
    x, y, w, h = face.box.scaled(scale, scale)
    colour = COLOURS[face.emotion] if face.confidence >= sheet.threshold else UNCERTAIN
    # A dark line on both sides makes a box visible on any background.
    line = max(2, size // 5)
    draw.rectangle((x - 1, y - 1, x + w + 1, y + h + 1), outline="black", width=line + 2)
    draw.rectangle((x, y, x + w, y + h), outline=colour, width=line)
    label = f"{face.confidence:.0%}"
    # A narrow face has smaller letters, so that its label hides little of what is beside it.
    size = max(round(size * min(1.0, w / (sheet.lettering.width(label, size) + 6))), round(_NARROW * size))
    wide, high = sheet.lettering.width(label, size) + 6, size + 4
    left = max(0.0, min(x - 1, draw.im.size[0] - wide))
    bottom = max(y, high)
    draw.rectangle((left, bottom - high, left + wide, bottom), colour)
    sheet.lettering.draw(draw, (left + 3, bottom - 4), label, "black", size)
