"""Headers, the size to which a picture is decoded, and the errors of files that cannot be read."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from albumsort.album.formats import UnreadablePhotoError
from albumsort.album.photo import Header, open_photo, read_header
from albumsort.album.pixels import decode, decode_what_is_there, megapixels_in_memory

ORIGINAL, DIGITIZED, MODIFIED = 0x9003, 0x9004, 0x0132
OFFSET, OFFSET_ORIGINAL, OFFSET_DIGITIZED = 0x9010, 0x9011, 0x9012
DATES_OF_THE_PICTURE = {MODIFIED}


@pytest.fixture
def grey() -> Image.Image:
    return Image.new("RGB", (60, 40), "grey")


@pytest.fixture
def dated(read: Callable, written: Callable, grey: Image.Image) -> Callable[..., str | None]:
    """``taken_at`` of a JPEG with these EXIF tags."""

    def call(tags: dict[int, object]) -> str | None:
        exif = Image.Exif()
        for tag, value in tags.items():
            (exif if tag in DATES_OF_THE_PICTURE else exif.get_ifd(ExifTags.IFD.Exif))[tag] = value
        return read(written(grey, "JPEG", exif=exif))[0].taken_at

    return call


@pytest.mark.parametrize(
    ("tags", "taken_at"),
    [
        ({ORIGINAL: "2024:05:17 15:04:05"}, "2024-05-17T15:04:05"),
        ({ORIGINAL: "2024:05:17 15:04:05", OFFSET_ORIGINAL: "+02:00"}, "2024-05-17T15:04:05+02:00"),
        ({ORIGINAL: "2024:05:17 15:04:05", OFFSET_ORIGINAL: "-09:30"}, "2024-05-17T15:04:05-09:30"),
        ({ORIGINAL: "2024:05:17 15:04:05", OFFSET_ORIGINAL: "   :  "}, "2024-05-17T15:04:05"),
        ({ORIGINAL: "2024:05:17 15:04:05", OFFSET_DIGITIZED: "+02:00"}, "2024-05-17T15:04:05"),
        ({ORIGINAL: "2024:05:17 15:04:05", MODIFIED: "2025:01:01 00:00:00"}, "2024-05-17T15:04:05"),
        ({DIGITIZED: "2024:05:17 15:04:05", OFFSET_DIGITIZED: "+01:00"}, "2024-05-17T15:04:05+01:00"),
        ({MODIFIED: "2024:05:17 15:04:05", OFFSET: "+01:00"}, "2024-05-17T15:04:05+01:00"),
        ({ORIGINAL: "2024:02:30 10:00:00", MODIFIED: "2024:03:01 10:00:00"}, "2024-03-01T10:00:00"),
        ({ORIGINAL: "0000:00:00 00:00:00"}, None),
        ({ORIGINAL: "    :  :     :  :  "}, None),
        ({ORIGINAL: "2024:13:40 25:61:61"}, None),
        ({ORIGINAL: "yesterday"}, None),
        ({ORIGINAL: ""}, None),
        ({}, None),
    ],
)
def test_the_time_is_the_cameras_own_with_its_offset_where_there_is_one(
    dated: Callable, tags: dict[int, object], taken_at: str | None
) -> None:
    assert dated(tags) == taken_at


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("CANON", "Canon EOS R5", "Canon EOS R5"),
        ("Google", "Pixel 8", "Google Pixel 8"),
        ("Apple\0\0\0", "  iPhone 15 Pro  ", "Apple iPhone 15 Pro"),
        (None, "DSC-W55", "DSC-W55"),
        ("SONY", None, "SONY"),
        (None, None, None),
    ],
)
def test_the_camera_is_named_without_its_make_twice(
    read: Callable, written: Callable, grey: Image.Image, make: str | None, model: str | None, camera: str | None
) -> None:
    exif = Image.Exif()
    for tag, value in ((ExifTags.Base.Make, make), (ExifTags.Base.Model, model)):
        if value is not None:
            exif[tag] = value
    assert read(written(grey, "JPEG", exif=exif))[0].camera == camera


@pytest.mark.parametrize(("length", "kept"), [(199, 199), (200, 200), (201, 200)])
def test_the_name_of_a_camera_has_two_hundred_characters_at_most(
    read: Callable, written: Callable, grey: Image.Image, length: int, kept: int
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "m" * length
    assert read(written(grey, "JPEG", exif=exif))[0].camera == "m" * kept


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF"])
def test_time_and_camera_are_read_from_every_format_that_has_them(
    read: Callable, written: Callable, composer: object, grey: Image.Image, file_format: str
) -> None:
    header, _ = read(written(grey, file_format, exif=composer.exif("2024:05:17 15:00:00")))
    assert (header.taken_at, header.camera) == ("2024-05-17T15:00:00", "Example")
    assert (header.width, header.height) == (60, 40)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_a_header_is_read_without_decoding_a_pixel(written: Callable, grey: Image.Image, file_format: str) -> None:
    image = open_photo(io.BytesIO(written(grey, file_format)))
    assert (read_header(image).width, read_header(image).height) == (60, 40)
    # Pillow keeps the tiles that it has not decoded yet here, and none once it has.
    assert image.tile


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40,
        b"Exif\0\0not a header at all",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0six\0\0\0\0\0",
    ],
    ids=["empty", "directory-beyond-end", "garbage", "no-tiff", "orientation-99", "endless-directory", "text"],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_prevent_reading(
    read: Callable, written: Callable, grey: Image.Image, exif: bytes
) -> None:
    header, pixels = read(written(grey, "JPEG", exif=exif))
    assert (header.width, header.height, header.turn, header.taken_at) == (60, 40, 1, None)
    assert pixels.shape == (40, 60, 3)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(900, 300), (300, 900), (4000, 30)])
def test_a_large_picture_is_decoded_to_the_detail_asked_for(
    read: Callable, written: Callable, file_format: str, size: tuple[int, int]
) -> None:
    header, pixels = read(written(Image.new("RGB", size, "navy"), file_format), detail=128)
    assert (header.width, header.height) == size
    height, width = pixels.shape[:2]
    assert 0.75 * 128 <= max(width, height) <= 128
    assert width / height == pytest.approx(size[0] / size[1], rel=0.15) or min(width, height) == 1
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - (0, 0, 128)).max() < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 128), (128, 1), (127, 100), (128, 128)])
def test_a_small_picture_keeps_its_size(read: Callable, written: Callable, size: tuple[int, int]) -> None:
    assert read(written(Image.new("RGB", size), "PNG"), detail=128)[1].shape == (size[1], size[0], 3)


def test_a_picture_longer_than_wide_by_thousands_keeps_a_pixel_of_width(read: Callable, written: Callable) -> None:
    assert read(written(Image.new("RGB", (5000, 1)), "PNG"), detail=100)[1].shape == (1, 100, 3)


def test_pixels_are_those_of_a_plain_decode(read: Callable, album: Path) -> None:
    path = album / "portraits" / "grace-hopper.jpg"
    _, pixels = read(path.read_bytes())
    assert np.array_equal(pixels, np.asarray(Image.open(path).convert("RGB")))
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_photo_that_ends_too_early_is_truncated(read: Callable, album: Path, share: float) -> None:
    data = (album / "portraits" / "grace-hopper.jpg").read_bytes()
    with pytest.raises(UnreadablePhotoError, match=r"^truncated$"):
        read(data[: int(len(data) * share)])


def test_a_png_that_ends_too_early_is_truncated(read: Callable, written: Callable, composer: object) -> None:
    data = written(composer.portrait(composer.HAPPY), "PNG")
    with pytest.raises(UnreadablePhotoError, match=r"^truncated$"):
        read(data[: len(data) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_pixels_that_are_there_can_be_read_from_a_photo_that_ends_too_early(
    written: Callable, composer: object, form: str
) -> None:
    data = written(composer.portrait(composer.HAPPY), form)
    whole = decode(open_photo(io.BytesIO(data)), Header(1, 1), 4096)
    there = decode_what_is_there(io.BytesIO(data[: len(data) // 2]), Header(1, 1), 4096)
    assert there.shape == whole.shape
    upper, lower = slice(0, whole.shape[0] // 4), slice(-whole.shape[0] // 4, None)
    assert np.array_equal(there[upper], whole[upper])
    assert len(np.unique(there[lower])) == 1
    with pytest.raises(UnreadablePhotoError, match=r"^truncated$"):  # the setting for broken files is off again
        decode(open_photo(io.BytesIO(data[: len(data) // 2])), Header(1, 1), 4096)


def test_a_photo_that_ends_before_its_first_pixel_has_none(written: Callable, composer: object) -> None:
    data = written(composer.portrait(composer.HAPPY), "PNG")
    assert decode_what_is_there(io.BytesIO(data[:60]), Header(1, 1), 4096) is None


@pytest.mark.parametrize("share", [0.0003, 0.5])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF", "GIF", "BMP"])
def test_a_part_of_a_file_is_never_taken_for_the_whole(
    read: Callable, written: Callable, composer: object, file_format: str, share: float
) -> None:
    data = written(composer.portrait(composer.HAPPY), file_format)
    with pytest.raises(Exception):  # noqa: B017 - the decoder process makes a line of any exception
        read(data[: max(32, int(len(data) * share))])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"This is a text with a wrong name.\n" * 9, "not an image"),
        (b"\x00" * 500, "not an image"),
        (b"P6 1 1 255 \x00\x00\x00", "not an image"),
        (b"\xff\x0a" + b"\x80" * 60, "unsupported: JPEG XL"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl ", "unsupported: JPEG XL"),
    ],
)
def test_the_error_of_a_file_that_is_no_photo_says_what_it_is(read: Callable, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePhotoError, match=f"^{reason}$"):
        read(data)


@pytest.mark.parametrize(
    ("form", "options", "megapixels"),
    [("JPEG", {}, 0.75), ("JPEG", {"progressive": True}, 12.0), ("PNG", {"compress_level": 1}, 12.0)],
)
def test_how_much_is_decoded_at_once_depends_on_the_format(
    written: Callable, form: str, options: dict, megapixels: float
) -> None:
    image = open_photo(io.BytesIO(written(Image.new("L", (4000, 3000)), form, **options)))
    assert megapixels_in_memory(image, 1200) == pytest.approx(megapixels)


@pytest.mark.parametrize(
    ("long_side", "reduction"), [(3071, 1), (3072, 2), (6143, 2), (6144, 4), (12287, 4), (12288, 8)]
)
def test_a_jpeg_is_decoded_smaller_when_three_quarters_of_the_detail_are_left(
    written: Callable, long_side: int, reduction: int
) -> None:
    image = open_photo(io.BytesIO(written(Image.new("L", (long_side, 8)), "JPEG")))
    assert megapixels_in_memory(image, 2048) == pytest.approx(long_side * 8 / reduction**2 / 1e6)
