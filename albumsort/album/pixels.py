"""The pixels of an opened photo: bounded in size, upright, in sRGB."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import IO, BinaryIO

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin

from albumsort.album.bare import BROKEN_METADATA
from albumsort.album.colour import in_eight_bits, in_srgb, on_white, to_srgb
from albumsort.album.formats import SNIFF_BYTES, UnreadablePhotoError, ends_early, sniff
from albumsort.album.photo import Header, forgiving, open_bare, open_photo

#: A JPEG is decoded directly at 1/2, 1/4 or 1/8 if that leaves at least this share of the wanted detail. For example,
#: 4032 pixels at 1/2 are 2016, which is near enough to 2048, for half the work.
ENOUGH_DETAIL = 0.75
#: OpenCV decodes a WebP with more megapixels than this: it holds the pixels once in memory, Pillow five times.
LARGE_WEBP = 16.0
#: Words in the messages of decoders about a file that ends within its pixels.
_TRUNCATED = re.compile("truncated|end of file", re.IGNORECASE)
#: For each orientation of EXIF (CIPA DC-008), how the stored pixels are turned upright.
_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda pixels: np.asarray(cv2.flip(pixels, 1), np.uint8),
    3: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_180), np.uint8),
    4: lambda pixels: np.asarray(cv2.flip(pixels, 0), np.uint8),
    5: lambda pixels: np.asarray(cv2.transpose(pixels), np.uint8),
    6: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), np.uint8),
    7: lambda pixels: np.asarray(cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180), np.uint8),
    8: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8),
}


def megapixels_in_memory(image: Image.Image, detail: int) -> float:
    """How many megapixels the decoder holds in memory at once when ``decode`` is called with this ``detail``."""
    width, height = image.size
    # The decoder of a progressive JPEG holds all coefficients, whatever the scale.
    reduction = 1 if image.info.get("progressive") else _reduction(image, detail)
    return width * height / reduction**2 / 1e6


def _reduction(image: Image.Image, detail: int) -> int:
    """The scale at which a JPEG is decoded, as 1, 2, 4 or 8 for 1/1 to 1/8; 1 for other formats."""
    if image.format not in ("JPEG", "MPO"):
        return 1
    return next((r for r in (8, 4, 2) if max(image.size) / r >= ENOUGH_DETAIL * detail), 1)


def decode(image: Image.Image, header: Header, detail: int, memory: memoryview | None = None) -> NDArray[np.uint8]:
    """Decode an opened photo.

    Args:
        image: what ``open_photo`` returned.
        header: what ``read_header`` returned for it.
        detail: the largest number of pixels on the long side. A smaller photo keeps its size.
        memory: where the pixels may be put, at its start; a decoder that can write there saves a copy.

    Returns:
        uint8 RGB ``(height, width, 3)``, upright, sRGB. Transparent pixels are on white; 16 bits become 8.

    Raises:
        UnreadablePhotoError: the file ends too early, or is damaged.
        Exception: decoders raise all kinds of exceptions on a damaged file.
    """
    size, file = image.size, image.fp if isinstance(image, ImageFile.ImageFile) else None
    try:
        pixels = _as_stored(image, detail, memory)
    except (*BROKEN_METADATA, UnreadablePhotoError):
        bare = _without_metadata(file, size, detail) if file is not None and not file.closed else None
        if bare is None:
            raise
        pixels = bare
    return _TURNS[header.turn](pixels) if header.turn != 1 else pixels


def decode_what_is_there(file: BinaryIO, header: Header, detail: int) -> NDArray[np.uint8] | None:
    """Decode a photo that ends too early, like ``decode``. All missing pixels have the same colour.

    Returns:
        the pixels; None if there are none.
    """
    try:
        with forgiving():
            file.seek(0)
            pixels = decode(open_photo(file), header, detail)
    except BROKEN_METADATA:
        return None
    return pixels if (pixels != pixels[-1, -1]).any() else None


def _without_metadata(file: IO[bytes], size: tuple[int, int], detail: int) -> NDArray[np.uint8] | None:
    """The pixels that ``decode`` returns for a photo whose metadata its decoder refuses. None when it is not that."""
    file.seek(0)
    kind = sniff(file.read(SNIFF_BYTES))
    bare = open_bare(file, kind) if kind else None
    try:
        return _as_stored(bare, detail) if bare is not None and bare.size == size else None
    except (*BROKEN_METADATA, UnreadablePhotoError):
        return None


def _as_stored(image: Image.Image, detail: int, memory: memoryview | None = None) -> NDArray[np.uint8]:
    """The pixels that ``decode`` returns, before they are turned upright."""
    profile = image.info.get("icc_profile")
    if image.format in ("JPEG", "MPO"):
        reduction = _reduction(image, detail)
        pixels = _sound_jpeg(image, reduction, memory)
        if pixels is not None:
            is_done = max(pixels.shape) <= detail and to_srgb(profile, "RGB") is None
            return pixels if is_done else np.asarray(in_srgb(_fitted(Image.fromarray(pixels), detail), profile))
        image.draft(None, (max(1, image.size[0] // reduction), max(1, image.size[1] // reduction)))
    try:
        if image.format == "WEBP" and megapixels_in_memory(image, detail) > LARGE_WEBP and image.mode == "RGB":
            return _large_webp(image, detail)
        image.load()
    except BROKEN_METADATA as error:
        if _TRUNCATED.search(str(error)):
            raise UnreadablePhotoError("truncated") from error
        raise
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        image = image.convert("RGB")  # its fourth byte is unused
    if image.format == "TIFF" and image.mode[0] in "IF" and _is_white_zero(image):
        return np.asarray(in_srgb(ImageOps.invert(_fitted(in_eight_bits(image), detail)), profile))
    if image.mode in ("RGBA", "LA"):  # shrunk before it is put on white: a large one would be held three times
        image = on_white(_fitted(image, detail).convert("RGBA"))
    return np.asarray(in_srgb(_fitted(in_eight_bits(image), detail), profile))


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF says that white is zero. Pillow turns that round for eight bits only."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(262) == 0


def _sound_jpeg(image: Image.Image, reduction: int, memory: memoryview | None) -> NDArray[np.uint8] | None:
    """The RGB pixels of an opened JPEG at 1 / ``reduction`` of its size, in two thirds of the time that Pillow takes.

    None if anything about the file is unusual: Pillow then reads it, or reports what is wrong.
    """
    if image.mode != "RGB" or not isinstance(image, ImageFile.ImageFile) or image.fp is None:
        return None
    width, height = (-(-side // reduction) for side in image.size)
    if memory is not None and memory.nbytes < 3 * width * height:  # it will be shrunk
        memory = None
    try:
        pixels = simplejpeg.decode_jpeg(_whole(image.fp), "RGB", min_height=height, min_width=width, buffer=memory)
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None


def _whole(file: IO[bytes]) -> NDArray[np.uint8]:
    """All bytes of an open file ``(n,)``. Its own ``read`` would hold them twice for a moment."""
    data = np.empty(file.seek(0, os.SEEK_END), np.uint8)
    file.seek(0)
    return data[: file.readinto(data)]  # type: ignore[attr-defined]  # every open file has it, but not its type


def _large_webp(image: Image.Image, detail: int) -> NDArray[np.uint8]:
    """The pixels of an opened WebP, decoded by OpenCV: Pillow would need five times the memory, as for an animation."""
    profile, size = image.info.get("icc_profile"), image.size
    assert isinstance(image, ImageFile.ImageFile) and image.fp is not None  # noqa: S101 - it has a file
    file = image.fp
    pixels = cv2.imdecode(_whole(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape[1::-1] != size:
        raise UnreadablePhotoError("truncated" if ends_early(file, "WebP") else "damaged: this WebP cannot be decoded")
    in_rgb = np.ascontiguousarray(np.asarray(_fitted(Image.fromarray(pixels), detail))[..., ::-1])
    return np.asarray(in_srgb(Image.fromarray(in_rgb), profile))


def _fitted(image: Image.Image, detail: int) -> Image.Image:
    """The picture with at most ``detail`` pixels on the long side."""
    if max(image.size) <= detail:
        return image
    scale = detail / max(image.size)
    size = (max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale)))
    # A gap of 2 lets Pillow shrink by whole factors first: as good to the eye, several times faster.
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
