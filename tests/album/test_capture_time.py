"""Times as cameras, programs, messengers, phones and people write them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from albumsort.album.capture_time import capture_time, date_in_name, parse_time, time_in_takeout, times_in_xmp
from albumsort.album.decoder_worker import Opened, decode_file


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024:05:17 15:04:05", "2024-05-17T15:04:05"),
        ("2024-05-17 15:04:05", "2024-05-17T15:04:05"),
        ("2024/05/17 15:04:05", "2024-05-17T15:04:05"),
        ("2024.05.17 15:04:05", "2024-05-17T15:04:05"),
        ("2024-05-17T15:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17T15:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17_15:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17  15:04:05 ", "2024-05-17T15:04:05"),
        ("2024:05:17 15-04-05", "2024-05-17T15:04:05"),
        ("2024:05:17 15.04.05", "2024-05-17T15:04:05"),
        ("2024: 5:17  5:04:05", "2024-05-17T05:04:05"),
        ("2024:5:7 5:04:05", "2024-05-07T05:04:05"),
        ("2024:05:17 15:04", "2024-05-17T15:04:00"),
        ("2024:05:17", "2024-05-17"),
        ("2024-05-17", "2024-05-17"),
        ("2024:05:17 15:04:05.123", "2024-05-17T15:04:05"),
        ("2024:05:17 15:04:05,5", "2024-05-17T15:04:05"),
        ("2024-05-17T15:04:05Z", "2024-05-17T15:04:05+00:00"),
        ("2024-05-17T15:04:05.12+02:00", "2024-05-17T15:04:05+02:00"),
        ("2024-05-17T15:04:05-0930", "2024-05-17T15:04:05-09:30"),
        ("2024:05:17 15:04:05+99:00", "2024-05-17T15:04:05"),
        ("2024:05:17 24:04:05", "2024-05-17T00:04:05"),
        ("2024:05:17 15:04:60", "2024-05-17T15:05:00"),
        ("2024:12:31 23:59:60", "2025-01-01T00:00:00"),
        ("2024:05:17 15:04:61", None),
        ("2024:05:17 25:04:05", None),
        ("2024:05:17 15:60:05", None),
        ("2024:05:17 03:04:05 PM", "2024-05-17T15:04:05"),
        ("2024:05:17 3:04:05 p.m.", "2024-05-17T15:04:05"),
        ("2024:05:17 12:04:05 AM", "2024-05-17T00:04:05"),
        ("2024:05:17 12:04:05 PM", "2024-05-17T12:04:05"),
        ("2024:05:17 15:04:05 PM", "2024-05-17T15:04:05"),
        ("2024:05:17 03:04pm", "2024-05-17T15:04:00"),
        ("2024:05:17 PM 03:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17 上午 03:04:05", "2024-05-17T03:04:05"),
        ("2024:05:17 下午3:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17 午後 3:04", "2024-05-17T15:04:00"),
        ("2024:05:17 오후 03:04:05", "2024-05-17T15:04:05"),
        ("2024年05月17日 15:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17:15:04:05", "2024-05-17T15:04:05"),
        ("2024-05-17-15-04-05", "2024-05-17T15:04:05"),
        ("2024;05;17 15:04:05", "2024-05-17T15:04:05"),
        ("2024:05:17 15h04m05s", "2024-05-17T15:04:05"),
        ("2024:05:17 15:4:5", "2024-05-17T15:04:05"),
        ("2024:05:17 15:04:  ", "2024-05-17T15:04:00"),
        ("2024:05:17   :  :  ", "2024-05-17"),
        ("2024.05.17. 15:04:05", "2024-05-17T15:04:05"),
        ("17.05.2024 15:04:05", "2024-05-17T15:04:05"),
        ("2024-05-17T15:04:05+02", "2024-05-17T15:04:05+02:00"),
        ("2024:05:17 15:04:05 UTC", "2024-05-17T15:04:05+00:00"),
        ("2024:05:17 15:04:05 CEST", "2024-05-17T15:04:05"),
        ("17 May 2024 15:04:05", "2024-05-17T15:04:05"),
        ("Fri, 17 May 2024 15:04:05 +0200", "2024-05-17T15:04:05"),
        ("Fri May 17 15:04:05 CEST 2024", "2024-05-17T15:04:05"),
        ("May 17, 2024 3:04:05 PM", "2024-05-17T15:04:05"),
        ("17 May 24 15:04:05", None),
        ("20240517T150405", "2024-05-17T15:04:05"),
        ("20240517T150405Z", "2024-05-17T15:04:05+00:00"),
        ("20240517", "2024-05-17"),
        ("Fri May 17 15:04:05 2024", "2024-05-17T15:04:05"),
        ("1826:01:01 12:00:00", "1826-01-01T12:00:00"),
        ("1825:12:31 12:00:00", None),
        ("0001:01:01 00:00:00", None),
        ("0000:00:00 00:00:00", None),
        ("2024:02:30 10:00:00", None),
        ("2024:00:00 00:00:00", None),
        ("2024-05", None),
        ("2024", None),
        ("9999:12:31 23:59:60", None),
        ("    :  :     :  :  ", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_it_is_written(written: str, time: str | None) -> None:
    assert parse_time(written) == time


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG-20240517-WA0001.jpg", "2024-05-17"),
        ("VID-20191231-WA0042.jpg", "2019-12-31"),
        ("IMG_20240517_150405.jpg", "2024-05-17T15:04:05"),
        ("PXL_20240517_150405123.jpg", "2024-05-17T15:04:05"),
        ("20240517_150405.jpg", "2024-05-17T15:04:05"),
        ("Screenshot_20240517-150405.png", "2024-05-17T15:04:05"),
        ("2024-05-17 15.04.05.jpg", "2024-05-17T15:04:05"),
        ("signal-2024-05-17-15-04-05-123.jpg", "2024-05-17T15:04:05"),
        ("Photo 2024.05.17.jpg", "2024-05-17"),
        ("1234_20240517.jpg", "2024-05-17"),
        ("20240517150405.jpg", "2024-05-17T15:04:05"),
        ("Screenshot_20240517150405123.png", "2024-05-17T15:04:05"),
        ("IMG20240517150405.jpg", "2024-05-17T15:04:05"),
        ("WhatsApp Image 2024-05-17 at 15.04.05.jpeg", "2024-05-17T15:04:05"),
        ("WhatsApp Image 2024-05-17 at 15.04.05 (1).jpeg", "2024-05-17T15:04:05"),
        ("WhatsApp Image 2024-05-17 at 3.04.05 PM.jpeg", "2024-05-17T15:04:05"),
        ("WhatsApp Bild 2024-05-17 um 15.04.05.jpg", "2024-05-17T15:04:05"),
        ("Screenshot 2024-05-17 at 3.04.05 PM.png", "2024-05-17T15:04:05"),
        ("Screenshot 2024-05-17 at 3.04.05\u202fPM.png", "2024-05-17T15:04:05"),
        ("Screen Shot 2024-05-17 at 12.04.05 AM.png", "2024-05-17T00:04:05"),
        ("Bildschirmfoto 2024-05-17 um 15.04.05.png", "2024-05-17T15:04:05"),
        ("Screenshot 2024-05-17 150405.png", "2024-05-17T15:04:05"),
        ("Screenshot 2024-05-17 at 15.04.png", "2024-05-17T15:04:00"),
        ("Screenshot_2024-05-17-15-04-05-123_com.example.app.png", "2024-05-17T15:04:05"),
        ("2024-05-17 (3).jpg", "2024-05-17"),
        ("Schermata 2024-05-17 alle 15.04.05.png", "2024-05-17T15:04:05"),
        ("Schermafbeelding 2024-05-17 om 15.04.05.png", "2024-05-17T15:04:05"),
        ("Zrzut ekranu 2024-05-17 o 15.04.05.png", "2024-05-17T15:04:05"),
        ("Снимок экрана 2024-05-17 в 15.04.05.png", "2024-05-17T15:04:05"),
        ("截屏2024-05-17 下午3.04.05.png", "2024-05-17T15:04:05"),
        ("2024-05-17 15h04m05s.jpg", "2024-05-17T15:04:05"),
        ("2024-05-17 party 12.30.jpg", "2024-05-17"),
        ("2024-05-17 of 12.30.jpg", "2024-05-17"),
    ],
)
def test_a_date_in_a_name_is_read(name, date):
    assert date_in_name(f"/photos/2001-01-01/{name}") == date


@pytest.mark.parametrize(
    "name",
    [
        "DSC01234.jpg",
        "IMG_2024.jpg",
        "20241399.jpg",
        "20240230_101010.jpg",
        "120240517.jpg",
        "202405171.jpg",
        "202405171504.jpg",
        "20240517250405.jpg",
        "20249917150405.jpg",
        "120240517150405.jpg",
        "2024-0517.jpg",
        "party at 2024.jpg",
        "18991231.jpg",
        "FB_IMG_1558101845123.jpg",
        "2024051715040512345.jpg",
        "10157_20240517123_n.jpg",
        "3f20240517ab9c4de1.jpg",
        "20190102-e29b-41d4-a716-446655440000.jpg",
    ],
)
def test_a_number_that_is_no_date_is_ignored(name):
    assert date_in_name(name) is None


def test_a_number_before_the_date_does_not_hide_it():
    assert date_in_name("20241399 20240517.jpg") == "2024-05-17"


XMP = "<rdf:Description xmlns:exif='http://ns.adobe.com/exif/1.0/' {}/>"


@pytest.mark.parametrize(
    ("attributes", "times"),
    [
        ('exif:DateTimeOriginal="2024-05-17T15:04:05"', ["2024-05-17T15:04:05"]),
        ("exif:DateTimeOriginal='2024-05-17T15:04:05+02:00'", ["2024-05-17T15:04:05+02:00"]),
        ('xmp:CreateDate="2024-05-17T15:04:05Z"', ["2024-05-17T15:04:05+00:00"]),
        ('photoshop:DateCreated="2024-05-17"', ["2024-05-17"]),
        ("><exif:DateTimeOriginal>2024-05-17T15:04</exif:DateTimeOriginal><x", ["2024-05-17T15:04:00"]),
        ('xmp:CreateDate="2025-01-01" photoshop:DateCreated="2024-05-17"', ["2024-05-17", "2025-01-01"]),
        ('xmp:ModifyDate="2024-05-17T15:04:05"', []),
        ('exif:DateTimeOriginal="soon"', []),
        ("<!ENTITY a '&b;&b;'> exif:DateTimeOriginal=\"&a;\"", []),
    ],
)
def test_the_times_in_xmp_are_read_best_first(attributes: str, times: list[str]) -> None:
    assert times_in_xmp(XMP.format(attributes).encode()) == times


def test_what_is_no_packet_has_no_time() -> None:
    assert times_in_xmp(None) == times_in_xmp(b"") == times_in_xmp(b"\xff\xfe" * 3_000_000) == []


def takeout(timestamp: object = "1715958245") -> str:
    """What Google writes beside a photo of 2024-05-17T15:04:05 UTC."""
    return json.dumps({"title": "IMG_1.jpg", "photoTakenTime": {"timestamp": timestamp, "formatted": "17 May 2024"}})


@pytest.mark.parametrize(
    ("photo", "beside"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-me.json"),
        ("IMG_1.jpg", "IMG_1.jpg.su.json"),
        ("IMG_1.jpg", "IMG_1.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1(2).jpg", "IMG_1(2).jpg.json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1-edited(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1-bearbeitet.jpg", "IMG_1.jpg.json"),
        ("original_5a6b7c8d-0123-4567-89ab-cdef01234567_P.jpg", "original_5a6b7c8d-0123-4567-89ab-cdef01234567_.json"),
        ("a name of thirty-four letters.jpg", "a name of thirty-four letters.jpg.supplemental.json"),
    ],
)
def test_the_time_in_the_takeout_file_beside_a_photo_is_found(tmp_path: Path, photo: str, beside: str) -> None:
    (tmp_path / beside).write_text(takeout())
    assert time_in_takeout(str(tmp_path / photo)) == "2024-05-17T15:04:05+00:00"


@pytest.mark.parametrize("beside", ["IMG_10.jpg.json", "IMG_1(3).jpg.json", "IMG_1.jpg(3).json", "IMG_1.png.json"])
def test_the_takeout_file_of_another_photo_is_not_taken(tmp_path: Path, beside: str) -> None:
    (tmp_path / beside).write_text(takeout())
    assert time_in_takeout(str(tmp_path / "IMG_1.jpg")) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "7",
        "{}",
        "[" * 100_000,
        '{"photoTakenTime": 5}',
        '{"photoTakenTime": {"timestamp": [1]}}',
        takeout("soon"),
        takeout(10**30),
        takeout(True),
        takeout("-99999999999"),
        takeout() + " " * (1 << 20),
    ],
)
def test_a_file_that_is_not_from_takeout_has_no_time(tmp_path: Path, content: str) -> None:
    (tmp_path / "IMG_1.jpg.json").write_text(content)
    assert time_in_takeout(str(tmp_path / "IMG_1.jpg")) is None


def test_a_pipe_with_the_name_of_a_takeout_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "IMG_1.jpg.json")
    assert time_in_takeout(str(tmp_path / "IMG_1.jpg")) is None


NOW = 1_750_000_000 * 10**9  # 2025-06-15


@pytest.mark.parametrize(
    ("name", "taken", "changed", "beside", "time"),
    [
        ("IMG_20190101_120000.jpg", ["2018-05-05T10:00:00"], None, None, "2018-05-05T10:00:00"),
        ("IMG_20190101_120000.jpg", [], "2021-03-03T03:03:03", None, "2019-01-01T12:00:00"),
        ("IMG_1.jpg", [], "2021-03-03T03:03:03", None, "2021-03-03T03:03:03"),
        ("IMG_1.jpg", [], "2025-03-03T03:03:03", takeout(), "2024-05-17T15:04:05+00:00"),
        ("IMG_20240517_170405.jpg", [], None, takeout(), "2024-05-17T17:04:05"),
        ("IMG-20240517-WA0001.jpg", [], None, takeout(), "2024-05-17T15:04:05+00:00"),
        ("IMG_20110101_120000.jpg", [], None, takeout(), "2024-05-17T15:04:05+00:00"),
        ("IMG_1.jpg", ["2099-01-01T00:00:00", "2018-05-05T10:00:00"], None, None, "2018-05-05T10:00:00"),
        ("IMG_1.jpg", ["2025-06-16T12:00:00"], None, None, "2025-06-16T12:00:00"),
        ("IMG_1.jpg", ["2025-06-18T12:00:00"], "2025-06-18T12:00:00", None, None),
        ("IMG_20990101_120000.jpg", [], None, None, None),
        ("IMG_1.jpg", [], None, None, None),
    ],
)
def test_the_most_trustworthy_time_that_is_possible_counts(
    tmp_path: Path, name: str, taken: list[str], changed: str | None, beside: str | None, time: str | None
) -> None:
    if beside is not None:
        (tmp_path / f"{name}.json").write_text(beside)
    assert capture_time(str(tmp_path / name), NOW, taken, changed) == time


@pytest.mark.parametrize("lost", [0, 315_532_800 * 10**9])
def test_a_file_that_lost_its_own_time_does_not_make_a_photos_time_impossible(lost: int) -> None:
    assert capture_time("IMG_1.jpg", lost, ["2024-05-17T15:04:05"], None) == "2024-05-17T15:04:05"


def scanned_time(path: Path) -> str | None:
    """The time that a decoder finds for a file."""
    opened: list[Opened] = []

    def grant(message: Opened) -> None:
        opened.append(message)

    assert decode_file(str(path), grant, 64, 32) is None
    return opened[0].header.taken_at


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_a_scan_takes_the_time_from_xmp_where_exif_has_none(tmp_path: Path, file_format: str) -> None:
    packet = XMP.format('exif:DateTimeOriginal="2024-05-17T15:04:05"')
    options: dict[str, object] = {"xmp": packet.encode()}
    if file_format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet)
        options = {"pnginfo": info}
    elif file_format == "TIFF":
        options = {"tiffinfo": {700: packet.encode()}}
    path = tmp_path / "photo"
    Image.new("RGB", (64, 48)).save(path, file_format, **options)
    assert scanned_time(path) == "2024-05-17T15:04:05"


def test_a_scan_takes_the_time_that_stands_in_the_first_directory(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTimeOriginal] = "2011:07:19 11:36:39"
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48)).save(path, exif=exif)
    assert scanned_time(path) == "2011-07-19T11:36:39"


def test_a_scan_reads_the_half_of_the_day_that_a_camera_wrote_in_chinese(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTimeOriginal] = "2011:07:19 下午 03:36:39".encode()
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48)).save(path, exif=exif)
    assert scanned_time(path) == "2011-07-19T15:36:39"


def test_a_scan_takes_the_name_before_the_time_of_a_change_and_reads_takeout(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2021:03:03 03:03:03"
    for name in ("IMG_20190101_120000.jpg", "IMG_1.jpg", "IMG_2.jpg"):
        Image.new("RGB", (64, 48)).save(tmp_path / name, exif=exif)
    (tmp_path / "IMG_1.jpg.supplemental-metadata.json").write_text(takeout())
    assert scanned_time(tmp_path / "IMG_20190101_120000.jpg") == "2019-01-01T12:00:00"
    assert scanned_time(tmp_path / "IMG_1.jpg") == "2024-05-17T15:04:05+00:00"
    assert scanned_time(tmp_path / "IMG_2.jpg") == "2021-03-03T03:03:03"
