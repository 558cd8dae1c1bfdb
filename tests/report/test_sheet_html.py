"""Contact sheets as HTML files."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from PIL import Image

from albumsort.album.thumbnails import Thumbnail
from albumsort.report.sheet import Sheet
from albumsort.report.sheet_html import thumbnail_side, write_html_sheet


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

    def make(rows, pictures, heading: str = "happy", *, has_boxes: bool = True, links: bool = False) -> Page:
        target = tmp_path / "sheet.html"
        target.unlink(missing_ok=True)
        write_html_sheet(Sheet(heading, rows, 0.5, has_boxes), pictures, target, links)
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
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "svg"}
    for _, attributes in seen.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
        assert attributes.get("href", "#").startswith("#")
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


def test_a_click_on_a_picture_enlarges_it_and_another_shows_the_page_again(ranked, grey, page):
    rows = [ranked(f"/photos/{k}.jpg", ("happy", 0.9)) for k in range(3)]
    seen = page(rows, map(grey, rows))
    places = [item["id"] for item in seen.all("li") if "id" in item]
    pictures = [before["href"] for (_, before), (tag, _) in pairwise(seen.tags) if tag == "img"]
    assert pictures == [f"#{place}" for place in places] and len(places) == 3
    steps = [link["href"] for link in seen.all("a") if link["href"] not in pictures]
    assert len(steps) == 3 and len({*steps}) == 1  # each picture can be closed
    assert [link["href"] for link in seen.all("a")][:3] == [f"#{places[0]}", f"#{places[1]}", steps[0]]


def test_few_photos_can_be_enlarged_more_and_small_ones_are_not_stored_larger(ranked, page):
    def widths(count: int, side: int) -> set[int]:
        rows = [ranked(f"/photos/{k}.jpg", size=(6000, 4000)) for k in range(count)]
        shape = (side * 2 // 3, side, 3)
        seen = page(rows, [Thumbnail(row.photo.path, np.zeros(shape, np.uint8)) for row in rows])
        return {int(image["width"]) for image in seen.all("img")}

    assert widths(1, thumbnail_side(1)) == {1400}
    assert widths(90, thumbnail_side(90)) == {800}
    assert widths(1, 700) == {700}
    assert thumbnail_side(500) < 800


def test_a_page_for_the_mail_has_no_path_of_this_machine(ranked, grey, page, tmp_path):
    rows = [ranked("/home/anna/Private/2019/Roma/a.jpg"), ranked("/home/anna/Private/b.jpg")]
    page(rows, map(grey, rows))
    source = (tmp_path / "sheet.html").read_text("utf-8")
    assert "anna" not in source and str(tmp_path) not in source and "file:" not in source
    assert "2019/Roma" in source


def test_on_request_each_name_is_a_link_to_the_file_from_where_the_page_is(ranked, grey, page, tmp_path):
    names = ["50% & <b>.jpg", "写真.jpg", "a#b?c.jpg", os.fsdecode(b"caf\xe9.jpg")]
    rows = [ranked(tmp_path / "Photos" / name) for name in names]
    seen = page(rows, map(grey, rows), links=True)
    links = [link["href"] for link in seen.all("a") if not link["href"].startswith("#")]
    assert [os.fsdecode(unquote_to_bytes(link)) for link in links] == [f"Photos/{name}" for name in names]
    assert all(link.isascii() and "#" not in link and "?" not in link for link in links)


def test_folder_and_date_stand_under_each_picture(ranked, grey, page):
    rows = [ranked("/photos/Roma/a.jpg"), ranked("/photos/تركيا/b.jpg"), ranked("/photos/c.jpg")]
    seen = page(rows, map(grey, rows))
    assert [text for text in seen.texts if text in ("Roma", "تركيا", "photos")] == ["Roma", "تركيا", "photos"]
    assert seen.texts.count("2024-05-17") == 3


def test_a_page_without_boxes_has_neither_boxes_nor_legend(ranked, grey, page):
    row = ranked("/photos/a.jpg", ("happy", 0.9, (100.0, 100.0, 60.0, 80.0)))
    with_boxes, without = (page([row], [grey(row)], has_boxes=has) for has in (True, False))
    assert len(with_boxes.all("span")) == 2 and len(without.all("span")) == 1
    assert "happy" in with_boxes.texts[-12:] or with_boxes.all("ul")
    (image,) = without.all("img")
    with Image.open(io.BytesIO(base64.b64decode(image["src"].split(",")[1]))) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) == 0


def test_print_has_its_own_style(ranked, grey, page, tmp_path):
    page([row := ranked("/photos/a.jpg")], [grey(row)])
    printed = (tmp_path / "sheet.html").read_text("utf-8").split("@media print {")[1].split("</style>")[0]
    assert "--page: #fff" in printed and "@page" in printed


def test_joined_emoji_and_words_are_no_escapes(ranked, grey, page):
    rows = [ranked(f"/photos/{name}") for name in ("👨\u200d👩\u200d👧.jpg", "می\u200cکنم.jpg")]
    seen = page(rows, map(grey, rows))
    assert {"👨\u200d👩\u200d👧.jpg", "می\u200cکنم.jpg"} <= set(seen.texts)


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
