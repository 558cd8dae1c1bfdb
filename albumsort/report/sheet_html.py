"""Contact sheets as HTML: one file that contains all pictures, has no scripts, and loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterable
from html import escape
from pathlib import Path

from PIL import Image

from albumsort.album.thumbnails import Thumbnail
from albumsort.files import new_file
from albumsort.records import RankedPhoto
from albumsort.report.sheet import Sheet, notes, shortened, tile, why_missing
from albumsort.text import count, printable

#: The number of pixels on the long side of a picture, about twice as many as it has on a screen.
SIDE = 560
_TEXT = 20
#: The number of characters of a name that fit on one line of a narrow cell.
_NAME = 32

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
img, figure > p { width: 100%; height: auto; margin: 0; object-fit: contain }
figure > p { display: grid; place-items: center; background: var(--hole); color: var(--dim) }
figcaption { margin-top: .5rem; font-size: .9rem; overflow-wrap: anywhere }
figcaption span { color: var(--dim) }
figcaption span + b { margin: 0 .5em }
figcaption small { float: right; color: var(--dim) }
figcaption div { clear: both }
"""


def write_html_sheet(sheet: Sheet, thumbnails: Iterable[Thumbnail], target: Path) -> int:
    """Write a contact sheet as HTML.

    Args:
        sheet: what to show.
        thumbnails: those of its photos, in any order.
        target: must not exist.

    Returns:
        the number of photos that could not be shown.

    Raises:
        OSError: the target exists already, or cannot be written.
    """
    rows = {row.photo.path: row for row in sheet.ranking}
    folder = os.path.commonpath([os.path.dirname(path) for path in rows])
    pictures: dict[str, str] = {}
    missing = 0
    for thumbnail in thumbnails:
        row = rows[thumbnail.path]
        picture = tile(row, thumbnail, (SIDE, SIDE), sheet.threshold, _TEXT)
        if picture is None:
            missing += 1
            pictures[thumbnail.path] = f"<p>{escape(why_missing(thumbnail))}</p>"
        else:
            pictures[thumbnail.path] = _image(picture, _alternative(row, sheet.threshold))
    with new_file(target) as file:
        file.write(_head(sheet).encode())
        for rank, (path, row) in enumerate(rows.items(), 1):
            file.write(_figure(rank, row, pictures[path], os.path.relpath(path, folder)).encode())
        file.write(b"</ol></main>\n</body></html>\n")
    return missing


def _head(sheet: Sheet) -> str:
    colours = {word: f".{word} {{ background: {colour} }}\n" for word, colour in sheet.legend.items()}
    shape = f"img, figure > p {{ aspect-ratio: {sheet.side} / {sheet.height} }}\n"
    style = _STYLE + shape + "".join(colours.values())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    legend = "".join(f'<li><span class="{word}"></span>{word}</li>' for word in colours)
    heading = escape(sheet.heading)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{style}</style></head>\n"
        f"<body><header><h1>{heading}</h1><p>{count(len(sheet.ranking), 'photo')}, best first</p>\n"
        f"<ul>{legend}</ul></header>\n<main><ol>\n"
    )


def _figure(rank: int, row: RankedPhoto, picture: str, name: str) -> str:
    short = shortened(printable(os.path.basename(row.photo.path)), lambda text: len(text) <= _NAME)
    return (
        f"<li><figure>{picture}<figcaption><small>{escape(', '.join(notes(row)))}</small>"
        f'<span>{rank}</span> <b>{row.score:.3f}</b><div title="{escape(printable(name))}">{escape(short)}</div>'
        "</figcaption></figure></li>\n"
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
