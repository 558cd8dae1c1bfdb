"""Contact sheets as HTML files."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from html.parser import HTMLParser

import pytest
from PIL import Image

from albumsort.album.thumbnails import Thumbnail
from albumsort.report.sheet import Sheet
from albumsort.report.sheet_html import write_html_sheet


class Page(HTMLParser):
    """The tags and texts of a page, as a browser would read them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page(tmp_path):
    """Writes a sheet and parses it: ``page(rows, thumbnails)``."""

    def make(rows, pictures, heading: str = "happy") -> Page:
        target = tmp_path / "sheet.html"
        target.unlink(missing_ok=True)
        write_html_sheet(Sheet(heading, rows, 0.5), pictures, target)
        return Page(target.read_text("utf-8"))

    return make


def test_photos_are_best_first_whatever_the_order_of_their_thumbnails(ranked, grey, page):
    rows = [ranked(f"/photos/{k}.jpg", ("happy", 0.9), score=0.9 - k / 10) for k in range(4)]
    seen = page(rows, [grey(row) for row in reversed(rows)])
    names = [text for text in seen.texts if text.endswith(".jpg")]
    assert names == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert [text for text in seen.texts if text.startswith("0.") and text[2:].isdigit()] == [
        "0.900",
        "0.800",
        "0.700",
        "0.600",
    ]


def test_pictures_are_inside_the_file_and_have_a_text_for_people_who_cannot_see_them(ranked, grey, page):
    seen = page([row := ranked("/photos/a.jpg", ("happy", 0.9), ("sad", 0.4))], [grey(row)])
    (image,) = seen.all("img")
    head, data = image["src"].split(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (int(image["width"]), int(image["height"]))
        assert not picture.getexif()
    assert image["alt"] == "2 faces: happy 90%, uncertain 40%"


def test_a_page_loads_nothing_and_runs_nothing(ranked, grey, page, tmp_path):
    seen = page([row := ranked("/photos/a.jpg", ("happy", 0.9))], [grey(row)])
    names = {tag for tag, _ in seen.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "a", "svg"}
    for _, attributes in seen.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "href", "srcset")]
    assert (
        "url(" not in (tmp_path / "sheet.html").read_text() and "@import" not in (tmp_path / "sheet.html").read_text()
    )


def test_the_security_policy_allows_only_inner_pictures_and_the_pages_own_style(ranked, grey, page, tmp_path):
    seen = page([row := ranked("/photos/a.jpg", ("happy", 0.9))], [grey(row)])
    (policy,) = (meta["content"] for meta in seen.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    source = (tmp_path / "sheet.html").read_text()
    style = source.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["style-src"] == f"'sha256-{digest}'"


HOSTILE = [
    "<img src=x onerror=alert(1)>.jpg",
    "<script>alert(1)<.jpg",
    '" onload="alert(1).jpg',
    "a&lt;b&amp;.jpg",
    "line\nbreak\x1b[2J.jpg",
    os.fsdecode(b"caf\xe9.jpg"),
    "\u202egpj.exe",
    "写真 😀.jpg",
]


def test_hostile_names_are_only_text(ranked, grey, page):
    row = ranked("/photos/plain.jpg", ("happy", 0.9))
    harmless = {tag for tag, _ in page([row], [grey(row)]).tags}
    rows = [ranked(f"/photos/{name}", ("happy", 0.9)) for name in HOSTILE]
    seen = page(rows, map(grey, rows))
    assert {tag for tag, _ in seen.tags} == harmless
    assert len(seen.all("img")) == len(seen.all("figure")) == len(HOSTILE)
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], HOSTILE[7]} <= set(seen.texts)
    assert all(text.strip().isprintable() for text in seen.texts if text.endswith((".jpg", ".exe")))


def test_a_hostile_heading_is_only_text(ranked, grey, page):
    seen = page([row := ranked("/photos/a.jpg")], [grey(row)], "<b>happy</b>")
    assert "<b>happy</b>" in seen.texts


def test_a_photo_that_cannot_be_shown_has_the_reason_in_its_place(ranked, grey, page, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    rows = [ranked("/photos/gone.jpg"), ranked(tmp_path / "broken.jpg"), ranked("/photos/a.jpg")]
    reasons = [
        Thumbnail(rows[0].photo.path, None, error="vanished"),
        Thumbnail(rows[1].photo.path, None, error="<odd>"),
    ]
    seen = page(rows, [*reasons, grey(rows[2])])
    assert {"no longer there", "<odd>"} <= set(seen.texts)
    assert len(seen.all("img")) == 1


def test_a_photo_is_named_by_its_path_below_the_folder_that_all_share(ranked, grey, page):
    rows = [ranked("/home/me/Photos/2023/a.jpg"), ranked("/home/me/Photos/2024/a.jpg")]
    seen = page(rows, map(grey, rows))
    assert [div["title"] for div in seen.all("div")] == ["2023/a.jpg", "2024/a.jpg"]


def test_an_existing_file_is_never_overwritten(ranked, grey, tmp_path):
    (tmp_path / "sheet.html").write_text("mine")
    row = ranked("/photos/a.jpg")
    with pytest.raises(FileExistsError):
        write_html_sheet(Sheet("happy", [row], 0.5), [grey(row)], tmp_path / "sheet.html")
    assert (tmp_path / "sheet.html").read_text() == "mine"
