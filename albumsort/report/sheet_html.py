"""Contact sheets as HTML: one file that contains all pictures, has no scripts, and loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from albumsort.album.thumbnails import Thumbnail
from albumsort.files import new_file
from albumsort.records import RankedPhoto
from albumsort.report.sheet import SPARE, Sheet, name_of, notes, shortened, tile, why_missing
from albumsort.text import count, drawable, score_text

#: The smallest and the largest number of pixels on the long side of a picture. The smallest is about twice what a
#: picture has on a screen before it is enlarged.
_SMALL, _LARGE = 560, 1400
#: A sheet of so many photos has pictures of this many pixels on the long side, and about 10 MB, which can be sent by
#: mail. Fewer photos have larger pictures, more photos smaller ones.
_PHOTOS, _SIDE = 40, 1200
#: The height of text on a picture, as a share of its long side.
_TEXT = 1 / 28
#: The number of characters of a name that fit on one line of a narrow cell.
_NAME = 32
#: A target that no element has: a link to it shows the page as it was.
_NOWHERE = "#-"

_STYLE = """
:root { color-scheme: light dark; --page: #f4f3f1; --card: #fff; --hole: #e9e7e4; --text: #1c1b1a; --dim: #66625e;
  --edge: #e0dedb }
@media (prefers-color-scheme: dark) {
  :root { --page: #161616; --card: #242424; --hole: #1e1e1e; --text: #f2f2f2; --dim: #a8a8a8; --edge: #303030 }
}
* { box-sizing: border-box }
body { margin: 0; padding: clamp(.75rem, 3vw, 2rem); background: var(--page); color: var(--text);
  font: 1rem/1.4 system-ui, sans-serif }
h1 { display: inline; margin: 0 .4em 0 0; font-size: 1.8rem }
header p { display: inline; color: var(--dim) }
ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .8rem 0 1.4rem; padding: 0; list-style: none }
ul span { display: inline-block; width: .9em; height: .9em; margin-right: .45em; vertical-align: -.08em;
  border: 1px solid #0006 }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); gap: 1rem; margin: 0;
  padding: 0; list-style: none }
li { break-inside: avoid }
figure { height: 100%; margin: 0; padding: .6rem; background: var(--card);
  border: 1px solid var(--edge); border-radius: .5rem }
a { color: inherit }
img, figure > p { display: block; width: 100%; height: auto; margin: 0; object-fit: contain }
figure > p { display: grid; place-items: center; background: var(--hole); color: var(--dim) }
figcaption { margin-top: .5rem; font-size: .9rem; overflow-wrap: anywhere }
figcaption span, figcaption p { color: var(--dim) }
figcaption p { margin: 0 }
figcaption span + b { margin: 0 .5em }
figcaption small { float: right; color: var(--dim) }
figcaption div { clear: both }
figcaption div, figcaption p { text-align: left }
nav { display: none }
@media screen {
  figure > a { cursor: zoom-in }
  body:has(li:target) { overflow: hidden }
  li:target figure { position: fixed; inset: 0; z-index: 1; display: flex; flex-direction: column; border: 0;
    border-radius: 0; background: var(--page) }
  li:target figure > a, li:target figure > p { flex: 1; min-height: 0 }
  li:target img { height: 100%; aspect-ratio: auto; object-fit: scale-down }
  li:target nav { display: flex; justify-content: center; gap: 2rem; padding: .6rem }
  li:target nav .close::before { content: ""; position: absolute; inset: 0; cursor: zoom-out }
  li:target nav a:not(.close), li:target figcaption a { position: relative; z-index: 2 }
}
@media print {
  @page { margin: 12mm }
  :root { color-scheme: light; --page: #fff; --card: #fff; --hole: #f0efed; --text: #000; --dim: #555; --edge: #ccc }
  body { padding: 0; font-size: 9pt }
  h1 { font-size: 16pt }
  ol { grid-template-columns: repeat(3, 1fr); gap: 4mm }
  figure { padding: 1.5mm; border-radius: 0 }
  a { text-decoration: none }
  ul span { print-color-adjust: exact; -webkit-print-color-adjust: exact }
}
"""


def thumbnail_side(photos: int) -> int:
    """The number of pixels to request on the long side of a thumbnail for a sheet of so many photos."""
    return round(SPARE * _side(photos))


def _side(photos: int) -> int:
    return round(min(max(_SIDE * math.sqrt(_PHOTOS / photos), _SMALL), _LARGE))


def write_html_sheet(sheet: Sheet, thumbnails: Iterable[Thumbnail], target: Path, links: bool = False) -> int:
    """Write a contact sheet as HTML.

    A click on a picture enlarges it. The page has no path of this machine, so that it can be sent to others.

    Args:
        sheet: what to show.
        thumbnails: those of its photos, in any order.
        target: must not exist.
        links: whether names are links to the photos' files, by their paths from the target.

    Returns:
        the number of photos that could not be shown.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    rows = {row.photo.path: row for row in sheet.ranking}
    ranks = {path: rank for rank, path in enumerate(rows, 1)}
    pictures: dict[str, str] = {}
    missing = 0
    for thumbnail in thumbnails:
        row = rows[thumbnail.path]
        shape = () if thumbnail.pixels is None else thumbnail.pixels.shape
        side = min(_side(len(rows)), max((_SMALL, *shape)))  # enlarging its pixels would only make the file larger
        picture = tile(row, thumbnail, (side, side), sheet, round(_TEXT * side))
        if picture is None:
            missing += 1
            pictures[thumbnail.path] = f"<p>{escape(why_missing(thumbnail))}</p>"
        else:
            image = _image(picture, _alternative(row, sheet.threshold))
            pictures[thumbnail.path] = f'<a href="#p{ranks[thumbnail.path]}">{image}</a>'
    folder = os.path.dirname(os.path.abspath(target))
    with new_file(target) as file:
        file.write(_head(sheet).encode())
        for path, row in rows.items():
            link = _link(path, folder) if links else None
            file.write(_figure(sheet, ranks[path], row, pictures[path], link).encode())
        file.write(b"</ol></main>\n</body></html>\n")
    return missing


def _link(path: str, folder: str) -> str:
    """The address of a photo from a page in a folder."""
    try:
        return quote(os.fsencode(os.path.relpath(path, folder).replace(os.sep, "/")))
    except ValueError:  # another drive of Windows
        return Path(path).as_uri()


def _head(sheet: Sheet) -> str:
    colours = {word: f".{word} {{ background: {colour} }}\n" for word, colour in sheet.legend.items()}
    shape = f"img, figure > p {{ aspect-ratio: {sheet.side} / {sheet.height} }}\n"
    style = _STYLE + shape + "".join(colours.values())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    legend = "".join(f'<li><span class="{word}"></span>{word}</li>' for word in colours)
    heading = escape(drawable(sheet.heading))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading or 'albumsort'}</title>\n<style>{style}</style></head>\n"
        f'<body><header><h1 dir="auto">{heading}</h1>'
        f"<p>{count(len(sheet.ranking), 'photo')}, best first</p>\n"
        f"<ul>{legend}</ul></header>\n<main><ol>\n"
    )


def _figure(sheet: Sheet, rank: int, row: RankedPhoto, picture: str, link: str | None) -> str:
    name, folder = drawable(name_of(row)), drawable(sheet.folder(row))
    short = escape(shortened(name, lambda text: len(text) <= _NAME))
    title = f'<a href="{escape(link)}">{short}</a>' if link else short
    whole = drawable(os.path.relpath(row.photo.path, sheet.shared_folder)) if sheet.shared_folder else name
    steps = [
        f'<a href="#p{number}">{word}</a>'
        for number, word in ((rank - 1, "previous"), (rank + 1, "next"))
        if 1 <= number <= len(sheet.ranking)
    ]
    return (
        f'<li id="p{rank}"><figure>{picture}'
        f"<figcaption><small>{escape(', '.join(notes(row)))}</small><span>{rank}</span> "
        f"<b>{score_text(row.score or 0.0)}</b>"
        f'<div title="{escape(whole)}" dir="auto">{title}</div>'
        f'<p dir="auto">{escape(folder)}</p></figcaption>'
        f'<nav>{" ".join(steps)} <a class="close" href="{_NOWHERE}">close</a></nav></figure></li>\n'
    )


def _image(picture: Image.Image, alternative: str) -> str:
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=82, optimize=True)
    data = base64.b64encode(jpeg.getvalue()).decode()
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img {size} alt="{escape(alternative)}" src="data:image/jpeg;base64,{data}">'


def _alternative(row: RankedPhoto, threshold: float) -> str:
    """The picture in words, for people who cannot see it."""
    faces = [
        f"{face.emotion if face.confidence >= threshold else 'uncertain'} {face.confidence:.0%}" for face in row.faces
    ]
    return f"{count(len(faces), 'face')}: {', '.join(faces)}"
