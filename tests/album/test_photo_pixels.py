"""Pixels come upright and in sRGB, whatever a file stores."""

import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, WebPImagePlugin

from albumsort.album.decoder_worker import Decoded, decode_file
from albumsort.album.formats import UnreadablePhotoError

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
CORNERS = {(0, 0): RED, (0, 1): GREEN, (1, 0): BLUE, (1, 1): WHITE}
#: What a camera does to the upright picture before it stores it with this orientation (CIPA DC-008, figure 5).
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def corners(width: int = 96, height: int = 64) -> Image.Image:
    """A picture whose four quarters differ."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for (row, column), colour in CORNERS.items():
        pixels[row * height // 2 : (row + 1) * height // 2, column * width // 2 : (column + 1) * width // 2] = colour
    return Image.fromarray(pixels)


def assert_upright(pixels: NDArray[np.uint8], tolerance: int = 12) -> None:
    height, width = pixels.shape[:2]
    for (row, column), colour in CORNERS.items():
        found = pixels[(2 * row + 1) * height // 4, (2 * column + 1) * width // 4].astype(int)
        assert np.abs(found - colour).max() <= tolerance, (row, column, found)


def ramp(dtype: type, top: float) -> NDArray[np.generic]:
    """A grey ramp from 0 to ``top``, 256 x 4."""
    return np.tile(np.linspace(0, top, 256), (4, 1)).astype(dtype)


def assert_ramp(pixels: NDArray[np.uint8], tolerance: int = 1) -> None:
    assert pixels.shape == (4, 256, 3)
    assert np.abs(pixels.astype(int) - np.arange(256)[None, :, None]).max() <= tolerance


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_gives_the_same_upright_picture(
    read: Callable, written: Callable, composer: object, file_format: str, orientation: int
) -> None:
    turn = STORED[orientation]
    stored = corners() if turn is None else corners().transpose(turn)
    exif = composer.exif("2024:05:17 15:00:00", orientation)
    header, pixels = read(written(stored, file_format, exif=exif))
    assert (header.width, header.height) == (96, 64)
    assert pixels.shape == (64, 96, 3)
    assert_upright(pixels)


@pytest.mark.parametrize("orientation", [5, 6])
def test_a_turned_picture_is_upright_also_when_it_is_shrunk(
    read: Callable, written: Callable, composer: object, orientation: int
) -> None:
    stored = corners(960, 640).transpose(STORED[orientation])
    header, pixels = read(written(stored, "JPEG", exif=composer.exif("2024:05:17 15:00:00", orientation)), detail=96)
    assert (header.width, header.height) == (960, 640)
    assert_upright(pixels)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_become_eight(read: Callable, written: Callable, file_format: str) -> None:
    assert_ramp(read(written(Image.fromarray(ramp(np.uint16, 65535)), file_format))[1])


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_a_dark_picture_of_sixteen_bits_stays_dark(read: Callable, written: Callable, file_format: str) -> None:
    _, pixels = read(written(Image.fromarray(ramp(np.uint16, 6553)), file_format))
    assert 24 <= pixels.max() <= 26


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_of_colour_become_eight(read: Callable, suffix: str) -> None:
    wide = np.asarray(corners())[..., ::-1].astype(np.uint16) * 257
    written, data = cv2.imencode(suffix, wide)
    assert written
    assert_upright(read(data.tobytes())[1])


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_a_picture_of_floats_is_scaled_by_its_range(read: Callable, written: Callable, top: float) -> None:
    assert_ramp(read(written(Image.fromarray(ramp(np.float32, top)), "TIFF"))[1])


def test_floats_that_are_no_numbers_are_black(read: Callable, written: Callable) -> None:
    values = ramp(np.float32, 1.0)
    values[0, :3] = np.nan, np.inf, -np.inf
    _, pixels = read(written(Image.fromarray(values), "TIFF"))
    assert pixels[0, :3].max() == 0
    assert pixels[1, -1].min() == 255


def test_whole_numbers_of_thirty_two_bits_are_scaled_by_their_range(read: Callable, written: Callable) -> None:
    assert_ramp(read(written(Image.fromarray(ramp(np.int32, 65535)), "TIFF"))[1])


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(read: Callable, written: Callable, file_format: str) -> None:
    half = Image.fromarray(ramp(np.uint8, 255)).point(lambda value: value > 127, "1")
    _, pixels = read(written(half, file_format))
    assert (pixels[0, 0].tolist(), pixels[0, -1].tolist()) == ([0, 0, 0], [255, 255, 255])


def test_grey_has_three_equal_channels(read: Callable, written: Callable) -> None:
    assert_ramp(read(written(Image.fromarray(ramp(np.uint8, 255)), "PNG"))[1])


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "TIFF", "BMP"])
def test_a_palette_is_looked_up(read: Callable, written: Callable, file_format: str) -> None:
    assert_upright(read(written(corners().quantize(8), file_format))[1])


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_the_transparent_entry_of_a_palette_is_white(read: Callable, written: Callable, file_format: str) -> None:
    image = corners().quantize(4)
    _, pixels = read(written(image, file_format, transparency=image.getpixel((0, 0))))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert np.abs(pixels[0, -1].astype(int) - GREEN).max() <= 2


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparent_pixels_are_on_white(read: Callable, written: Callable, file_format: str) -> None:
    image = Image.new("RGBA", (32, 32), (*BLACK, 0))
    image.paste((*BLACK, 128), (0, 0, 16, 16))
    image.paste((*RED, 255), (16, 16, 32, 32))
    options = {"lossless": True} if file_format == "WEBP" else {}
    _, pixels = read(written(image, file_format, **options))
    for at, colour in (((4, 4), (127, 127, 127)), ((28, 4), WHITE), ((28, 28), RED)):
        assert np.abs(pixels[at].astype(int) - colour).max() <= 12, at


def test_transparent_grey_pixels_are_on_white(read: Callable, written: Callable) -> None:
    image = Image.new("LA", (2, 1), (0, 0))
    image.putpixel((1, 0), (10, 255))
    assert read(written(image, "PNG"))[1].tolist() == [[[255] * 3, [10] * 3]]


def test_cmyk_becomes_rgb(read: Callable, written: Callable) -> None:
    # Without a profile, cyan is the absence of red. Pillow writes CMYK inverted and marks it so, as Adobe does.
    _, pixels = read(written(corners().convert("CMYK"), "JPEG", quality=95))
    assert_upright(pixels)


UNREADABLE_IN_PILLOW_12 = pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13, reason="Pillow 12 cannot read the YCbCr TIFFs that it writes"
)


@pytest.mark.parametrize("mode", [pytest.param("YCbCr", marks=UNREADABLE_IN_PILLOW_12), "LAB"])
def test_other_colour_spaces_of_tiff_are_read(read: Callable, written: Callable, mode: str) -> None:
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        image = ImageCms.applyTransform(corners(), to_lab)
    else:
        image = corners().convert(mode)
    assert_upright(read(written(image, "TIFF"))[1], tolerance=40)  # eight bits of Lab are coarse


def profile_with_red_and_green_swapped() -> bytes:
    """sRGB, but red is shown as green and green as red: a reader that ignores it shows wrong colours."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))
    return data.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_an_embedded_profile_is_applied(read: Callable, written: Callable, file_format: str) -> None:
    profile = profile_with_red_and_green_swapped()
    swapped = Image.fromarray(np.asarray(corners())[..., [1, 0, 2]])
    assert_upright(read(written(swapped, file_format, icc_profile=profile))[1], tolerance=20)


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_profile_is_applied_to_pictures_with_transparency_and_palettes(
    read: Callable, written: Callable, mode: str
) -> None:
    swapped = Image.fromarray(np.asarray(corners())[..., [1, 0, 2]])
    image = swapped.quantize(8) if mode == "P" else swapped.convert(mode)
    _, pixels = read(written(image, "PNG", icc_profile=profile_with_red_and_green_swapped()))
    assert_upright(pixels, tolerance=20)


def test_an_srgb_profile_leaves_every_pixel_as_it_is(read: Callable, written: Callable) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(read(written(noise, "PNG", icc_profile=profile))[1], np.asarray(noise))


@pytest.mark.parametrize("damage", ["noise", "half", "of grey pictures"])
def test_a_damaged_profile_or_one_for_other_pictures_is_ignored(read: Callable, written: Callable, damage: str) -> None:
    profile = profile_with_red_and_green_swapped()
    if damage == "noise":
        profile = b"\x01\x02" * 200
    elif damage == "half":
        profile = profile[: len(profile) // 2]
    else:
        profile = profile[:16] + b"GRAY" + profile[20:]
    assert_upright(read(written(corners(), "PNG", icc_profile=profile))[1])


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "AVIF", "TIFF", "MPO"])
def test_the_first_of_several_frames_is_read(read: Callable, written: Callable, file_format: str) -> None:
    later = [Image.new("RGB", (96, 64), colour) for colour in ("black", "navy")]
    data = written(corners(), file_format, save_all=True, append_images=later)
    assert Image.open(io.BytesIO(data)).n_frames == 3
    assert_upright(read(data)[1])


@pytest.fixture
def pillow_never_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ImageFile.ImageFile, WebPImagePlugin.WebPImageFile):
        monkeypatch.setattr(kind, "load", lambda image: pytest.fail("Pillow decodes"))


def webp(width: int, height: int, written: Callable, profile: bytes = b"", swapped: bool = False) -> bytes:
    """A WebP with lossless ``corners`` that is quick to encode; ``swapped`` exchanges red and green."""
    pixels = np.asarray(corners(width, height))
    image = Image.fromarray(pixels[..., [1, 0, 2]] if swapped else pixels)
    return written(image, "WEBP", lossless=True, quality=0, method=0, icc_profile=profile)


@pytest.mark.usefixtures("pillow_never_decodes")
def test_a_webp_of_more_than_16_megapixels_is_not_decoded_by_pillow(read: Callable, written: Callable) -> None:
    header, pixels = read(webp(4000, 4002, written), detail=300)
    assert (header.width, header.height, pixels.shape) == (4000, 4002, (300, 300, 3))
    assert_upright(pixels)


@pytest.mark.usefixtures("pillow_never_decodes")
def test_a_webp_of_16_megapixels_is_decoded_by_pillow(read: Callable, written: Callable) -> None:
    with pytest.raises(pytest.fail.Exception, match="Pillow decodes"):
        read(webp(4000, 4000, written), detail=300)


def test_a_large_webp_that_ends_too_early_is_truncated(read: Callable, written: Callable) -> None:
    data = webp(4000, 4002, written)
    with pytest.raises(UnreadablePhotoError, match=r"^truncated$"):
        read(data[: len(data) // 2], detail=300)


def test_the_profile_of_a_large_webp_is_applied(read: Callable, written: Callable) -> None:
    data = webp(4000, 4002, written, profile_with_red_and_green_swapped(), swapped=True)
    assert_upright(read(data, detail=300)[1], tolerance=20)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"icc_profile": SRGB}])
@pytest.mark.parametrize("detail", [2048, 500, 330, 160])
def test_a_sound_jpeg_is_decoded_by_simplejpeg_to_the_pixels_that_pillow_decodes(
    read: Callable, written: Callable, composer: object, monkeypatch: pytest.MonkeyPatch, options: dict, detail: int
) -> None:
    portrait = composer.portrait(composer.HAPPY).resize((641, 853))  # type: ignore[attr-defined]
    data = written(portrait, "JPEG", **options)
    with monkeypatch.context() as without:
        without.setattr(simplejpeg, "decode_jpeg", unable)
        by_pillow = read(data, detail)[1]
    if detail in (2048, 500):  # 330 and 160 need a resize after the decoder's, which goes through a picture of Pillow's
        monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("Pillow decodes"))
    pixels = read(data, detail)[1]
    assert pixels.shape == by_pillow.shape and max(pixels.shape) <= detail
    assert np.abs(pixels.astype(int) - by_pillow).max() <= 1


def unable(*args: object, **options: object) -> None:
    raise ValueError("as simplejpeg does on a file that it cannot decode")


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_without_three_colours_is_read(read: Callable, written: Callable, mode: str) -> None:
    _, pixels = read(written(Image.new(mode, (64, 48), 0), "JPEG"))
    assert pixels.shape == (48, 64, 3)
    assert pixels.mean() == pytest.approx(0 if mode == "L" else 255, abs=2)


def test_the_bytes_of_a_large_jpeg_are_held_once(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48)).save(path)
    os.truncate(path, 200_000_000)  # as a phone's motion photo, which has a film behind its end
    memory = memoryview(bytearray(3 * (32**2 + 64**2)))
    tracemalloc.start()
    try:
        assert isinstance(decode_file(str(path), lambda _: memory, 64, 32), Decoded)
        assert tracemalloc.get_traced_memory()[1] < 300_000_000
    finally:
        tracemalloc.stop()
