"""Contact sheets as pictures."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from albumsort.album.thumbnails import Thumbnail, thumbnails
from albumsort.report.drawing import COLOURS
from albumsort.report.sheet import Sheet, draw_sheet, shortened, tile


def drawn(target: Path) -> np.ndarray:
    with Image.open(target) as picture:
        return np.asarray(picture.convert("RGB"))


def has(pixels: np.ndarray, colour: str) -> bool:
    return bool((pixels == ImageColor.getrgb(colour)).all(-1).any())


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_any_number_of_photos_makes_a_page_of_sensible_shape(ranked, grey, tmp_path, count):
    rows = [ranked(f"/photos/{k}.jpg", ("happy", 0.9)) for k in range(count)]
    assert draw_sheet(Sheet("happy", rows, 0.5), map(grey, rows), tmp_path / "sheet.png") == 0
    height, width, _ = drawn(tmp_path / "sheet.png").shape
    assert 550 < height < 3000 and 850 < width < 3500
    assert 0.5 < height / width < 2


def test_five_hundred_photos_stay_a_page_of_bounded_memory(ranked):
    for size in ((400, 300), (300, 400)):
        sheet = Sheet("happy", [ranked(f"/photos/{k}.jpg", size=size) for k in range(500)], 0.5)
        width, height = sheet.page
        assert width * height * 3 < 150e6
        assert sheet.side >= 180


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "JPEG"), ("a.jpeg", "JPEG"), ("a.PNG", "PNG"), ("a.webp", "WEBP")]
)
def test_the_suffix_decides_the_format(ranked, grey, tmp_path, name, kind):
    row = ranked("/photos/a.jpg")
    draw_sheet(Sheet("happy", [row], 0.5), [grey(row)], tmp_path / name)
    with Image.open(tmp_path / name) as picture:
        assert picture.format == kind


def test_a_pdf_is_one_page_of_the_size_of_a4_with_the_title_and_no_name_of_a_file(ranked, grey, tmp_path):
    rows = [ranked(f"/photos/{k}.jpg") for k in range(3)]
    draw_sheet(Sheet("Our summer", rows, 0.5), map(grey, rows), tmp_path / "sheet.pdf")
    content = (tmp_path / "sheet.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and content.count(b"/Type /Page\n") == 1
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", content)
    assert max(map(float, box.groups())) == pytest.approx(842, abs=1)  # 297 mm in points
    assert "Our summer".encode("utf-16-be") in content or b"Our summer" in content
    assert b".part" not in content and b"albumsort-" not in content


def test_a_sheet_without_boxes_has_neither_boxes_nor_legend_and_is_lower_by_that(ranked, grey, tmp_path):
    row = ranked("/photos/a.jpg", ("sad", 0.9, (100.0, 100.0, 60.0, 80.0)))
    draw_sheet(Sheet("sad", [row], 0.5), [grey(row)], tmp_path / "with.png")
    draw_sheet(Sheet("sad", [row], 0.5, has_boxes=False), [grey(row)], tmp_path / "without.png")
    with_boxes, without = drawn(tmp_path / "with.png"), drawn(tmp_path / "without.png")
    assert has(with_boxes, COLOURS["sad"]) and not has(without, COLOURS["sad"])
    assert len(without) < len(with_boxes)


def test_the_folder_under_a_picture_begins_below_what_all_photos_share(ranked):
    def folders(*paths: str) -> list[str]:
        rows = [ranked(path) for path in paths]
        return [Sheet("", rows, 0.5).folder(row) for row in rows]

    assert folders("/home/me/Photos/2023/Roma/a.jpg", "/home/me/Photos/2024/b.jpg", "/home/me/Photos/c.jpg") == [
        os.path.join("2023", "Roma"),
        "2024",
        "Photos",
    ]
    assert folders("/home/me/Photos/a.jpg", "/home/me/Photos/b.jpg") == ["Photos", "Photos"]
    assert folders("/home/me/Photos/a.jpg", "/media/disk/b.jpg") == ["Photos", "disk"]


def test_another_folder_or_date_is_another_picture(ranked, grey, tmp_path):
    shown = {}
    for name, path in (("one", "/photos/Roma/a.jpg"), ("other", "/photos/Paris/a.jpg")):
        row = ranked(path)
        draw_sheet(Sheet("", [row], 0.5), [grey(row)], tmp_path / f"{name}.png")
        shown[name] = drawn(tmp_path / f"{name}.png")
    assert not np.array_equal(shown["one"], shown["other"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("title", ["", "Our summer", "夏の思い出", "t" * 500, "line\nbreak", os.fsdecode(b"caf\xe9")])
def test_a_title_of_any_length_and_script_fits_on_the_page(ranked, grey, tmp_path, title):
    row = ranked("/photos/a.jpg")
    for suffix in ("pdf", "png"):
        draw_sheet(Sheet(title, [row], 0.5), [grey(row)], tmp_path / f"sheet.{suffix}")
    pixels = drawn(tmp_path / "sheet.png")
    assert (pixels[:, -30:] == pixels[0, -1]).all()  # nothing runs over the margin


def test_pictures_keep_their_shape_and_fill_the_room_they_have(ranked):
    for shape in ((300, 1200), (1200, 300), (30, 40)):
        row = ranked("/photos/a.jpg")
        picture = tile(
            row, Thumbnail("/photos/a.jpg", np.zeros((*shape, 3), np.uint8)), (200, 150), Sheet("", [row], 0.5), 15
        )
        assert picture.width / picture.height == pytest.approx(shape[1] / shape[0], rel=0.03)
        assert picture.width == 200 or picture.height == 150


def test_faces_are_boxed_in_the_colour_of_their_emotion_and_white_when_uncertain(ranked, grey):
    certain, uncertain = (100.0, 100.0, 60.0, 80.0), (250.0, 100.0, 60.0, 80.0)
    row = ranked("/photos/a.jpg", ("sad", 0.9, certain), ("happy", 0.4, uncertain))
    picture = tile(row, grey(row, 150, 200), (200, 150), Sheet("", [row], 0.5), 15)  # at half the size
    for (x, y, w, h), colour in ((certain, COLOURS["sad"]), (uncertain, "#FFFFFF")):
        for corner in ((x, y + h), (x + w, y + h)):
            assert picture.getpixel((round(corner[0] / 2), round(corner[1] / 2))) == ImageColor.getrgb(colour)
        assert picture.getpixel((round(x / 2 + w / 4), round(y / 2 + h / 4))) == (100, 100, 100)


def test_faces_of_a_raw_file_are_boxed_where_they_are_in_its_preview(ranked, camera, tmp_path):
    pytest.importorskip("rawpy")
    seen = Image.new("RGB", (800, 600), (100, 100, 100))
    raw = tmp_path / "photo.dng"
    raw.write_bytes(camera.dng(seen, camera.jpeg(seen)))
    row = ranked(raw, ("sad", 0.9, (800.0, 800.0, 480.0, 640.0)), size=(3200, 2400))  # the JPEG is larger
    (thumbnail,) = thumbnails([str(raw)], 400)
    picture = tile(row, thumbnail, (400, 300), Sheet("", [row], 0.5), 15)
    assert picture.getpixel((160, 180)) == ImageColor.getrgb(COLOURS["sad"])


def test_the_legend_has_only_what_is_on_the_sheet(ranked):
    rows = [ranked("/photos/a.jpg", ("sad", 0.9), ("angry", 0.6)), ranked("/photos/b.jpg", ("fear", 0.4))]
    assert list(Sheet("sad", rows, 0.5).legend) == ["angry", "sad", "uncertain"]
    assert list(Sheet("sad", rows, 0.2).legend) == ["angry", "fear", "sad"]


def test_photos_that_cannot_be_shown_are_counted(ranked, grey, tmp_path):
    rows = [ranked("/photos/a.jpg"), ranked("/photos/gone.jpg")]
    pictures = [Thumbnail("/photos/gone.jpg", None, error="vanished"), grey(rows[0])]
    assert draw_sheet(Sheet("happy", rows, 0.5), pictures, tmp_path / "sheet.png") == 1
    assert drawn(tmp_path / "sheet.png").size


def test_a_photo_that_changed_since_the_scan_has_no_boxes(ranked, grey, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"as it was scanned")
    row = ranked(path, ("happy", 0.9, (100.0, 100.0, 60.0, 80.0)))
    assert has(np.asarray(tile(row, grey(row), (400, 300), Sheet("", [row], 0.5), 15)), COLOURS["happy"])
    path.write_bytes(b"edited")
    assert not has(np.asarray(tile(row, grey(row), (400, 300), Sheet("", [row], 0.5), 15)), COLOURS["happy"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name",
    ["写真.jpg", "😀.jpg", "صورة.jpg", "a\nb\x1b[2J.jpg", os.fsdecode(b"caf\xe9.jpg"), "n" * 255, ""],
    ids=["chinese", "emoji", "arabic", "escapes", "bytes", "long", "none"],
)
def test_names_in_any_script_and_of_any_length_are_drawn_without_a_warning(ranked, grey, tmp_path, name):
    row = ranked(f"/photos/{name}", ("happy", 0.9), others=11)
    draw_sheet(Sheet("happy", [row] * 1, 0.5), [grey(row)], tmp_path / "sheet.png")
    assert drawn(tmp_path / "sheet.png").size


def test_a_face_beyond_the_edge_does_not_change_the_size_of_the_picture(ranked, grey):
    row = ranked(
        "/photos/a.jpg", ("happy", 0.9, (-50.0, -50.0, 900.0, 900.0)), ("sad", 0.9, (390.0, 290.0, 80.0, 90.0))
    )
    assert tile(row, grey(row), (400, 300), Sheet("", [row], 0.5), 15).size == (400, 300)


def test_a_long_name_loses_its_middle():
    def fits(text: str) -> bool:
        return len(text) <= 20

    assert shortened("IMG_0001.jpg", fits) == "IMG_0001.jpg"
    short = shortened("best-shot-of-the-whole-summer-0017.jpg", fits)
    assert len(short) == 20
    assert short.startswith("best-shot") and "…" in short and short.endswith("-0017.jpg")


def test_an_existing_file_is_never_overwritten(ranked, grey, tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"mine")
    row = ranked("/photos/a.jpg")
    with pytest.raises(FileExistsError):
        draw_sheet(Sheet("happy", [row], 0.5), [grey(row)], tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert (tmp_path / "sheet.png").read_bytes() == b"mine"


@pytest.mark.parametrize("place", [0, 200, 388])
def test_a_narrow_face_has_its_percentage_too(ranked, face_of, grey, tmp_path, place):
    row = ranked("/photos/a.jpg", ("happy", 0.9), size=(400, 300))
    row = replace(row, faces=(face_of("happy", 0.9, (place, 100.0, 12.0, 16.0)),))
    picture = tile(row, grey(row), (400, 300), Sheet("happy", [row], 0.5), 16)
    colour = (np.asarray(picture) == ImageColor.getrgb(COLOURS["happy"])).all(-1)
    above = colour[80:98]  # where the label is; the box is below
    assert above.sum() > 100 and above.any(0).sum() > 15
