"""TIFFs as scanners and editors write them are read, and what is not read is named in words."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from albumsort.album.formats import UnreadablePhotoError

from . import tiffs
from .tiffs import Page, tiff

ACROSS, DOWN = np.meshgrid(np.arange(64) * 4, np.arange(48) * 5)
COLOURS = np.stack([ACROSS, DOWN, (ACROSS + DOWN) // 2], -1).astype(np.uint8)
GREYS = COLOURS[..., 0]
OPAQUE = np.full_like(GREYS, 255)
GREY_IN_COLOUR = np.dstack([GREYS] * 3)


def deep(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return pixels.astype(np.uint16) * 257


def light(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / 255


def twelve_bits(pixels: NDArray[np.uint8]) -> bytes:
    """Two values in three bytes."""
    values = pixels.astype(np.uint16).reshape(-1, 2) * 16 + pixels.reshape(-1, 2) // 16
    first, second = values[:, 0], values[:, 1]
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).astype(np.uint8).tobytes()


CMYK = np.dstack([255 - COLOURS, np.zeros_like(GREYS)])
GREY_PAGES = {
    "grey": Page(GREYS),
    "grey, white is 0": Page(255 - GREYS, tiffs.GREY_WHITE_IS_ZERO),
    "grey 16": Page(deep(GREYS)),
    "grey 16, white is 0": Page(65535 - deep(GREYS), tiffs.GREY_WHITE_IS_ZERO),
    "grey 16 signed": Page(GREYS.astype(np.int16) * 128),
    "grey 32": Page(GREYS.astype(np.uint32) * 16843009),
    "grey 12": Page(GREYS, data=twelve_bits(GREYS), tags={258: (12,)}),
    "grey half": Page(light(GREYS).astype(np.float16)),
    "grey float": Page(light(GREYS)),
    "grey float, white is 0": Page(1 - light(GREYS), tiffs.GREY_WHITE_IS_ZERO),
    "grey double": Page(light(GREYS).astype(np.float64)),
    "grey and opaque": Page(np.dstack([GREYS, OPAQUE]), tags={338: (2,)}),
    "grey 16 and opaque": Page(deep(np.dstack([GREYS, OPAQUE])), tags={338: (2,)}),
}
GREY_PAGES["grey float, Deflate"] = Page(light(GREYS), data=zlib.compress(light(GREYS).tobytes()), tags={259: (8,)})
GREY_PAGES["colour of one sample"] = Page(light(GREYS).astype(np.float64), tiffs.RGB)
GREY_PAGES["grey and something else"] = Page(light(np.dstack([GREYS, 255 - GREYS, GREYS])), tags={338: (0, 0)})
COLOUR_PAGES = {
    "RGB": Page(COLOURS, tiffs.RGB),
    "RGB 16": Page(deep(COLOURS), tiffs.RGB),
    "RGB 32": Page(COLOURS.astype(np.uint32) * 16843009, tiffs.RGB),
    "RGB half": Page(light(COLOURS).astype(np.float16), tiffs.RGB),
    "RGB float": Page(light(COLOURS), tiffs.RGB),
    "RGB double": Page(light(COLOURS).astype(np.float64), tiffs.RGB),
    "RGB in planes": Page(COLOURS, tiffs.RGB, planar=True),
    "RGB 16 in planes": Page(deep(COLOURS), tiffs.RGB, planar=True),
    "RGB float in planes": Page(light(COLOURS), tiffs.RGB, planar=True),
    "RGB in tiles": Page(COLOURS, tiffs.RGB, tile=32),
    "RGB 16 in tiles": Page(deep(COLOURS), tiffs.RGB, tile=32),
    "RGB float in tiles": Page(light(COLOURS), tiffs.RGB, tile=32),
    "RGB float in tiles in planes": Page(light(COLOURS), tiffs.RGB, planar=True, tile=32),
    "RGB and opaque": Page(np.dstack([COLOURS, OPAQUE]), tiffs.RGB, tags={338: (2,)}),
    "RGB 16 and a mask": Page(deep(np.dstack([COLOURS, OPAQUE])), tiffs.RGB, tags={338: (0,)}),
    "RGB and two masks": Page(np.dstack([COLOURS, GREYS, GREYS]), tiffs.RGB, tags={338: (0, 0)}),
    "CMYK": Page(CMYK, tiffs.CMYK),
    "CMYK 16": Page(deep(CMYK), tiffs.CMYK),
    "RGB float, Deflate": Page(
        light(COLOURS), tiffs.RGB, data=zlib.compress(light(COLOURS).tobytes()), tags={259: (8,)}
    ),
}


@pytest.mark.parametrize("big", [False, True], ids=["", "BigTIFF"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("kind", [*GREY_PAGES, *COLOUR_PAGES])
@pytest.mark.filterwarnings("ignore")
def test_each_kind_of_pixels_is_read(read: Callable, kind: str, order: str, big: bool) -> None:
    page = GREY_PAGES.get(kind) or COLOUR_PAGES[kind]
    if page.data is not None and "Deflate" in kind and order == ">":
        page = Page(
            page.pixels, page.photometric, data=zlib.compress(page.pixels.astype(">f4").tobytes()), tags=page.tags
        )
    header, pixels = read(tiff(page, order=order, big=big))
    assert (header.width, header.height) == (64, 48)
    wanted = GREY_IN_COLOUR if kind in GREY_PAGES else COLOURS
    assert np.abs(pixels.astype(int) - wanted).max() <= 4


@pytest.mark.parametrize("kind", ["grey", "RGB float", "RGB float, Deflate"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.filterwarnings("ignore")
def test_unusual_kinds_are_turned_upright(read: Callable, kind: str, orientation: int) -> None:
    page = GREY_PAGES.get(kind) or COLOUR_PAGES[kind]
    turned = Page(page.pixels, page.photometric, data=page.data, tags={**page.tags, 274: (orientation,)})
    big_endian = kind == "grey"
    header, pixels = read(tiff(turned, order=">" if big_endian else "<", big=big_endian))
    stored = GREY_IN_COLOUR if kind in GREY_PAGES else COLOURS
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]  # Image.Transpose for each orientation
    method = turns[orientation]
    upright = Image.fromarray(stored)
    upright = upright if method is None else upright.transpose(Image.Transpose(method))
    assert (header.width, header.height) == upright.size
    assert np.abs(pixels.astype(int) - np.asarray(upright)).max() <= 2


@pytest.mark.parametrize("small_first", [True, False])
@pytest.mark.parametrize("tags", [{254: (1,)}, {}], ids=["marked as smaller", "not marked"])
def test_the_largest_page_is_the_photo(read: Callable, small_first: bool, tags: dict[int, tuple[int, ...]]) -> None:
    thumbnail = Page(np.zeros((12, 16, 3), np.uint8), tiffs.RGB, tags=tags)
    pages = [thumbnail, COLOUR_PAGES["RGB"]] if small_first else [COLOUR_PAGES["RGB"], thumbnail]
    header, pixels = read(tiff(*pages))
    assert (header.width, header.height) == (64, 48)
    assert np.array_equal(pixels, COLOURS)


def test_a_page_that_is_marked_as_a_smaller_copy_or_a_mask_is_not_the_photo(read: Callable) -> None:
    for kind in (1, 4):
        other = Page(np.zeros((96, 128), np.uint8), tags={254: (kind,)})
        assert np.array_equal(read(tiff(other, COLOUR_PAGES["RGB"]))[1], COLOURS)


def test_a_photo_that_pillow_does_not_read_is_found_behind_its_thumbnail(read: Callable) -> None:
    thumbnail = Page(np.zeros((12, 16, 3), np.uint8), tiffs.RGB, tags={254: (1,)})
    for kind in ("RGB float", "RGB float, Deflate"):
        _, pixels = read(tiff(thumbnail, COLOUR_PAGES[kind]))
        assert np.abs(pixels.astype(int) - COLOURS).max() <= 2


def test_of_pages_of_one_size_the_first_is_the_photo(read: Callable) -> None:
    other = Page(np.zeros_like(COLOURS), tiffs.RGB)
    assert np.array_equal(read(tiff(COLOUR_PAGES["RGB"], other, other))[1], COLOURS)


def test_pages_that_go_round_in_circles_end(read: Callable) -> None:
    data = bytearray(tiff(COLOUR_PAGES["RGB"]))
    count = int.from_bytes(data[8:10], "little")
    data[10 + 12 * count : 14 + 12 * count] = (8).to_bytes(4, "little")
    assert np.array_equal(read(bytes(data))[1], COLOURS)


@pytest.mark.parametrize("top", [1e-3, 0.8, 3.0, 200.0, 1e6])
def test_floats_of_any_range_are_scaled_by_their_bright_end(read: Callable, top: float) -> None:
    values = np.tile(np.linspace(0, top, 256, dtype=np.float32), (8, 1))[..., None].repeat(3, -1)
    _, pixels = read(tiff(Page(values, tiffs.RGB)))
    assert pixels[0, 0].max() == 0
    assert pixels[0, -1].min() > 150
    assert (np.diff(pixels[0, :, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("glint", [1e30, np.inf, -np.inf, np.nan])
def test_a_glint_or_what_is_no_number_does_not_make_a_photo_of_floats_black(read: Callable, glint: float) -> None:
    values = np.repeat(np.repeat(light(COLOURS), 2, 0), 2, 1) * 3
    values[5, 5] = glint
    _, pixels = read(tiff(Page(values, tiffs.RGB)))
    assert pixels[60:].mean() > 100


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(GREYS, tags={259: (34712,)}), "unsupported: a TIFF with JPEG 2000, 1 x 8 bits"),
        (Page(COLOURS, tiffs.RGB, tags={259: (50002,)}), "unsupported: a TIFF with JPEG XL, 3 x 8 bits"),
        (Page(GREYS, tags={259: (60000,)}), "unsupported: a TIFF with compression 60000, 1 x 8 bits"),
        (
            Page(light(COLOURS), tiffs.RGB, tags={256: (19_000,), 257: (10_000,)}),
            "unsupported: a TIFF with no compression, 3 x 32 floating-point bits, of more than 2 GB",
        ),
        (Page(GREYS, tags={339: (5,)}), "unsupported: a TIFF with no compression, 1 x 8 complex bits"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_read_is_called_unsupported(read: Callable, page: Page, words: str) -> None:
    with pytest.raises(UnreadablePhotoError) as caught:
        read(tiff(page))
    assert str(caught.value) == words


@pytest.mark.parametrize("kind", ["grey", "RGB float"])
def test_an_unusual_tiff_that_ends_too_early_is_truncated(read: Callable, kind: str) -> None:
    data = tiff(GREY_PAGES.get(kind) or COLOUR_PAGES[kind], order=">", big=True)
    with pytest.raises(UnreadablePhotoError, match=r"^truncated$"):
        read(data[: len(data) // 2])


@pytest.mark.parametrize("alpha", [0, 9])
def test_a_bmp_whose_alpha_is_0_throughout_is_opaque(read: Callable, written: Callable, alpha: int) -> None:
    image = Image.fromarray(np.dstack([COLOURS, np.zeros_like(GREYS)]))
    image.putpixel((0, 0), (*image.getpixel((0, 0))[:3], alpha))
    data = bytearray(written(image, "BMP"))
    # Pillow writes 32 bits without masks; editors write them with masks, alpha's too (BITMAPV4HEADER).
    head = bytearray(108)
    head[:40] = data[14:54]
    head[0:4], head[16:20] = (108).to_bytes(4, "little"), (3).to_bytes(4, "little")
    for number, mask in enumerate((0xFF0000, 0xFF00, 0xFF, 0xFF000000)):
        head[40 + 4 * number : 44 + 4 * number] = mask.to_bytes(4, "little")
    start = data[:10] + (14 + 108).to_bytes(4, "little")
    _, pixels = read(bytes(start + head + data[54:]))
    assert np.array_equal(pixels, COLOURS) == (alpha == 0)
