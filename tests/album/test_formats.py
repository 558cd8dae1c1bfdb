"""The format of a file is told by its first bytes, whatever its name."""

import io

import pillow_heif
import pytest
from PIL import Image

from albumsort.album.formats import RAW_SUFFIXES, SNIFF_BYTES, SUFFIXES, sniff

pillow_heif.register_heif_opener()


def written(pillow_format: str, **options: object) -> bytes:
    """The first bytes of a picture as Pillow writes it."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(buffer, pillow_format, **options)
    return buffer.getvalue()[:SNIFF_BYTES]


@pytest.mark.parametrize(
    ("pillow_format", "name"),
    [
        ("JPEG", "JPEG"),
        ("PNG", "PNG"),
        ("WEBP", "WebP"),
        ("HEIF", "HEIF"),
        ("AVIF", "AVIF"),
        ("TIFF", "TIFF"),
        ("BMP", "BMP"),
        ("DIB", None),
        ("GIF", "GIF"),
        ("PPM", None),
        ("ICO", None),
    ],
)
def test_a_format_is_known_by_its_first_bytes(pillow_format: str, name: str | None) -> None:
    assert sniff(written(pillow_format)) == name


def test_a_big_tiff_is_a_tiff() -> None:
    assert sniff(written("TIFF", big_tiff=True)) == "TIFF"


@pytest.mark.parametrize("start", [b"MM\x00*\x00\x00\x00\x08", b"MM\x00+\x00\x08\x00\x00"])
def test_a_tiff_of_a_big_endian_machine_is_a_tiff(start: bytes) -> None:
    assert sniff(start) == "TIFF"


def test_gifs_of_both_versions_are_known() -> None:
    assert sniff(b"GIF87a\x01\x00\x01\x00") == sniff(b"GIF89a\x01\x00\x01\x00") == "GIF"


@pytest.mark.parametrize("start", [b"\xff\x0a\xfa\x1f\x41", b"\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl "])
def test_jpeg_xl_is_known_bare_and_in_its_container(start: bytes) -> None:
    assert sniff(start) == "JPEG XL"


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"mif1\x00\x00\x00\x00mif1heic", "HEIF"),
        (b"mif1\x00\x00\x00\x00mif1avif", "AVIF"),
        (b"msf1\x00\x00\x00\x00msf1hevc", "HEIF"),
        (b"avis\x00\x00\x00\x00avismsf1", "AVIF"),
        (b"heix\x00\x00\x00\x00mif1heix", "HEIF"),
        (b"MA1A\x00\x00\x00\x00mif1miaf", "AVIF"),
        (b"MA1B\x00\x00\x00\x00mif1miaf", "AVIF"),
        (b"avio\x00\x00\x00\x00msf1avio", "AVIF"),
        (b"miaf\x00\x00\x00\x00MA1Bmif1", "AVIF"),
        (b"MiHB\x00\x00\x00\x00mif1miaf", "HEIF"),
        (b"MiHE\x00\x00\x00\x00mif1miaf", "HEIF"),
        (b"heif\x00\x00\x00\x00mif1heif", "HEIF"),
        (b"miaf\x00\x00\x00\x00miafmif1", "HEIF"),
        (b"isom\x00\x00\x00\x00mif1heic", "HEIF"),
        (b"\x7fOdd\x00\x00\x00\x00mif1avif", "AVIF"),
        (b"crx \x00\x00\x00\x01crx isom", "RAW"),
    ],
)
def test_a_plain_container_is_told_by_the_brands_that_follow(brands: bytes, name: str) -> None:
    assert sniff(b"\x00\x00\x00\x18ftyp" + brands) == name


@pytest.mark.parametrize("place", [16, 28, 400, SNIFF_BYTES - 4])
def test_the_brand_that_names_the_codec_may_stand_far_behind(place: int) -> None:
    brands = (b"\x00\x00\x20\x00ftypmif1\x00\x00\x00\x00" + b"miaf" * SNIFF_BYTES)[:place] + b"avif"
    assert sniff(brands[:SNIFF_BYTES]) == "AVIF"


def test_brands_behind_the_box_do_not_count() -> None:
    assert sniff(b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00iso2" + b"avif" * 9) is None


@pytest.mark.parametrize("brand", [b"isom", b"mp42", b"qt  ", b"M4A "])
def test_a_video_in_the_same_container_is_no_picture(brand: bytes) -> None:
    assert sniff(b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x02\x00isommp42") is None


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\xff",
        b"GIF",
        b"Dear diary, today we went to the sea.",
        b"BMW is a car maker, and this is a text.",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"%PDF-1.7\n",
        b"PK\x03\x04",
        b"\x00" * SNIFF_BYTES,
    ],
)
def test_what_is_no_picture_is_none(start: bytes) -> None:
    assert sniff(start) is None


@pytest.mark.parametrize(
    "start",
    [
        b"II*\x00\x10\x00\x00\x00CR\x02\x00",
        b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom",
        b"FUJIFILMCCD-RAW 0201FF129502",
        b"IIRO\x08\x00\x00\x00",
        b"IIRS\x08\x00\x00\x00",
        b"MMOR\x00\x00\x00\x08",
        b"IIU\x00\x18\x00\x00\x00",
        b"\x00MRM\x00\x00\x00\x00",
        b"II\x1a\x00\x00\x00HEAPCCDR",
        b"FOVb\x00\x00\x03\x00",
    ],
    ids=["cr2", "cr3", "raf", "orf", "orf-s", "orf-big-endian", "rw2", "mrw", "crw", "x3f"],
)
def test_raw_files_with_a_mark_of_their_own_are_known(start: bytes) -> None:
    assert sniff(start) == "RAW"


def test_every_format_has_its_usual_suffixes() -> None:
    usual = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".jxl"}
    assert usual <= SUFFIXES
    assert {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"} <= RAW_SUFFIXES <= SUFFIXES
    assert all(suffix == suffix.lower() for suffix in SUFFIXES)
