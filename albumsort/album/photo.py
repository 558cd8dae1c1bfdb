"""One photo: what its header says, and its pixels, bounded in size, upright and in sRGB."""

from __future__ import annotations

import contextlib
import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import BinaryIO

import cv2
import numpy as np
import pillow_heif
import simplejpeg
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile, PngImagePlugin

from albumsort.album.formats import SNIFF_BYTES, UnreadablePhotoError, ends_early, sniff
from albumsort.album.raw import is_raw, open_raw

pillow_heif.register_heif_opener(thumbnails=False)
#: Size is limited by ``--max-megapixels``, from the header, with a sentence of our own.
Image.MAX_IMAGE_PIXELS = None
# Programs that make pictures write how they made them, and printers their profiles, into a PNG: some megabytes.
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20

#: What Pillow may try; it reads many more formats, which are no photos and are so much more to attack.
_PILLOW_FORMATS = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "HEIF", "AVIF", "BMP")
#: A JPEG is decoded straight at 1/2, 1/4 or 1/8 when that leaves at least this share of the wanted detail: 4032 pixels
#: at 1/2 are 2016, near enough to 2048, at half the work.
_ENOUGH_DETAIL = 0.75
#: What Pillow raises on metadata that is broken; the picture itself may well be sound.
_BROKEN_METADATA = (ValueError, TypeError, KeyError, IndexError, SyntaxError, OSError, struct.error, OverflowError)
#: Characters of an EXIF string that are kept.
_TEXT = 200
#: Megapixels from which a WebP is decoded by OpenCV, which holds it once.
_LARGE_WEBP = 16.0
#: What the decoders say of a file that ends within its pixels.
_SAYS_CUT = re.compile("truncated|end of file", re.IGNORECASE)
#: What turns stored pixels upright, by EXIF's orientation.
_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda pixels: np.asarray(cv2.flip(pixels, 1), np.uint8),
    3: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_180), np.uint8),
    4: lambda pixels: np.asarray(cv2.flip(pixels, 0), np.uint8),
    5: lambda pixels: np.asarray(cv2.transpose(pixels), np.uint8),
    6: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), np.uint8),
    7: lambda pixels: np.asarray(cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180), np.uint8),
    8: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8),
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a photo says of itself before a pixel is decoded.

    Attributes:
        width: of the upright photo at full size, in pixels; so is ``height``.
        orientation: EXIF's 1-8, that the stored pixels still need; 1 where the decoder turns them itself.
        stored: EXIF's 1-8 of the pixels as the file holds them, whoever turns them.
        taken_at: ISO 8601, wall-clock time where the photo was taken, with the offset to UTC where EXIF has it.
    """

    width: int
    height: int
    orientation: int = 1
    taken_at: str | None = None
    camera: str | None = None
    stored: int = 1

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


def open_photo(file: BinaryIO) -> Image.Image:
    """The picture of an open file, its pixels not decoded yet. Of an animation, the first frame; of a RAW, the preview.

    Raises:
        UnreadablePhotoError: it is no picture, or one of a format that is not supported.
    """
    start = file.read(SNIFF_BYTES)
    file.seek(0)
    if not start:
        raise UnreadablePhotoError("empty file")
    kind = sniff(start)
    if kind is None:
        raise UnreadablePhotoError("not an image")
    if kind == "JPEG XL":
        raise UnreadablePhotoError("unsupported: JPEG XL")
    try:
        if kind == "RAW" or (kind == "TIFF" and is_raw(file)):
            return open_raw(file)
        # Of a PNG, whose text or date has a wrong checksum, the pixels may well be sound.
        with _forgiving(kind == "PNG"):
            return Image.open(file, formats=_PILLOW_FORMATS)
    except _BROKEN_METADATA as error:
        if ends_early(file, kind):
            raise UnreadablePhotoError("truncated") from error
        raise UnreadablePhotoError(f"damaged: the header of this {kind} file makes no sense") from error


def read_header(image: Image.Image) -> Header:
    """Size, orientation, time and camera of an opened photo. Broken metadata reads as missing."""
    try:
        # A PNG's own getexif decodes all pixels, to find a block behind them.
        exif = Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    except _BROKEN_METADATA:
        exif, details, orientation = Image.Exif(), {}, 1
    stored = _stored_orientation(image)
    if image.format == "TIFF" or orientation not in _TURNS:
        orientation = 1  # Pillow turns a TIFF itself and gives its upright size
    width, height = image.size
    if orientation >= 5:
        width, height = height, width
    make, model = (_text(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Header(width, height, orientation, _taken_at(exif, details), camera or None, stored)


def _stored_orientation(image: Image.Image) -> int:
    try:
        if image.format == "HEIF":
            orientation = image.info.get("original_orientation")
        else:
            exif = Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
            orientation = exif.get(ExifTags.Base.Orientation)
    except _BROKEN_METADATA:
        orientation = None
    return orientation if orientation in _TURNS else 1


def megapixels_in_memory(image: Image.Image, detail: int) -> float:
    """How much of an opened photo is decoded at once when it is decoded to ``detail``."""
    width, height = image.size
    # Of a progressive JPEG all coefficients are held, at whatever scale it is decoded.
    reduction = 1 if image.info.get("progressive") else _reduction(image, detail)
    return width * height / reduction**2 / 1e6


def _reduction(image: Image.Image, detail: int) -> int:
    """The scale, as 1 / 1, 2, 4 or 8, at which a JPEG is decoded; other formats know only 1."""
    if image.format not in ("JPEG", "MPO"):
        return 1
    return next((r for r in (8, 4, 2) if max(image.size) / r >= _ENOUGH_DETAIL * detail), 1)


def decode(image: Image.Image, header: Header, detail: int) -> NDArray[np.uint8]:
    """The pixels of an opened photo: RGB ``(height, width, 3)``, upright, sRGB, at most ``detail`` on the long side.

    A picture smaller than ``detail`` keeps its size. Transparent pixels are laid on white. 16 bits become 8.

    Raises:
        UnreadablePhotoError: the file ends too early.
    """
    pixels = _decoded(image, detail)
    return _TURNS[header.orientation](pixels) if header.orientation != 1 else pixels


def _decoded(image: Image.Image, detail: int) -> NDArray[np.uint8]:
    """As ``decode``, but as the pixels are stored."""
    profile = image.info.get("icc_profile")
    if image.format in ("JPEG", "MPO"):
        reduction = _reduction(image, detail)
        pixels = _sound_jpeg(image, reduction)
        if pixels is not None:
            is_done = max(pixels.shape) <= detail and _transform(profile, "RGB") is None
            return pixels if is_done else _in_srgb(_fitted(Image.fromarray(pixels), detail), profile)
        image.draft(None, (max(1, image.size[0] // reduction), max(1, image.size[1] // reduction)))
    try:
        if image.format == "WEBP" and megapixels_in_memory(image, detail) > _LARGE_WEBP and image.mode == "RGB":
            return _large_webp(image, detail)
        image.load()
    except _BROKEN_METADATA as error:
        if _SAYS_CUT.search(str(error)):
            raise UnreadablePhotoError("truncated") from error
        raise
    if image.mode == "RGBA":  # made small first, and laid on white then: a large one would be held three times
        image = _on_white(_fitted(image, detail))
    return _in_srgb(_fitted(_eight_bits(image), detail), profile)


def _sound_jpeg(image: Image.Image, reduction: int) -> NDArray[np.uint8] | None:
    """The pixels of an opened JPEG in RGB, 1 / ``reduction`` as large, in two thirds of the time that Pillow takes.

    None where anything about it is odd: Pillow goes on then, or has words for it.
    """
    if image.mode != "RGB" or not isinstance(image, ImageFile.ImageFile) or image.fp is None:
        return None
    width, height = (-(-side // reduction) for side in image.size)
    image.fp.seek(0)
    try:
        pixels = simplejpeg.decode_jpeg(image.fp.read(), "RGB", min_height=height, min_width=width)
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None


def decode_what_is_there(file: BinaryIO, header: Header, detail: int) -> NDArray[np.uint8] | None:
    """The pixels of a photo that ends too early, as ``decode`` gives them; what is missing has one colour.

    None when nothing is there.
    """
    try:
        with _forgiving():
            file.seek(0)
            pixels = decode(open_photo(file), header, detail)
    except _BROKEN_METADATA:
        return None
    return pixels if (pixels != pixels[-1, -1]).any() else None


@contextlib.contextmanager
def _forgiving(wanted: bool = True) -> Iterator[None]:
    """Pillow goes on where a file ends too early or a checksum is wrong. Not for threads: it is told by a global."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = before or wanted
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _large_webp(image: Image.Image, detail: int) -> NDArray[np.uint8]:
    """As ``_decoded``; Pillow holds a WebP as an animation, five times as large as it is."""
    profile, size = image.info.get("icc_profile"), image.size
    assert isinstance(image, ImageFile.ImageFile) and image.fp is not None  # noqa: S101 - it was opened from a file
    file = image.fp
    file.seek(0)
    pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape[1::-1] != size:
        raise UnreadablePhotoError("truncated" if ends_early(file, "WebP") else "damaged: this WebP cannot be decoded")
    in_rgb = np.ascontiguousarray(np.asarray(_fitted(Image.fromarray(pixels), detail))[..., ::-1])
    return _in_srgb(Image.fromarray(in_rgb), profile)


def _fitted(image: Image.Image, detail: int) -> Image.Image:
    """The picture with at most ``detail`` pixels on the long side."""
    if max(image.size) <= detail:
        return image
    scale = detail / max(image.size)
    size = (max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale)))
    # A gap of 2 lets Pillow shrink by whole factors first: as good to the eye, several times faster.
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _on_white(image: Image.Image) -> Image.Image:
    """A picture in RGBA as one in RGB."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be scaled and colour-managed: L, RGB or CMYK."""
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        top = float(values.max(initial=0.0))
        if image.mode.startswith("I;16") or 255 < top <= 65535:
            top = 65535.0
        elif 1 < top <= 255:
            top = 255.0
        elif image.mode == "F" and top <= 1:
            top = 1.0
        return Image.fromarray((values.clip(0, top) * (255 / max(top, 1.0))).round().astype(np.uint8))
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    return image.convert("L" if image.mode == "1" else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> NDArray[np.uint8]:
    return np.asarray(_srgb(image, profile))


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _transform(profile, image.mode)
    if transform is not None:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):  # as for a damaged profile
            converted = ImageCms.applyTransform(image, transform)
            assert converted is not None  # noqa: S101 - None is only for in-place transforms
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")  # to convert nothing is to copy


def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What makes a picture sRGB; None where nothing has to.

    One with a damaged profile, or with one for another kind of picture, is shown as if it had none, as viewers do.
    """
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        return _to_srgb(profile, mode) if profile else None
    return None


@lru_cache(maxsize=32)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from an embedded profile to sRGB, made once a profile; None when it is sRGB already."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
        return None
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


def _taken_at(exif: Image.Exif, details: dict[int, object]) -> str | None:
    base = ExifTags.Base
    for when, offset, source in (
        (base.DateTimeOriginal, base.OffsetTimeOriginal, details),
        (base.DateTimeDigitized, base.OffsetTimeDigitized, details),
        (base.DateTime, base.OffsetTime, exif),
    ):
        try:
            moment = datetime.strptime(_text(source.get(when))[:19], "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue  # missing, blank, zeros or impossible
        zone = _text(details.get(offset))
        try:
            return datetime.strptime(f"{moment.isoformat()}{zone}", "%Y-%m-%dT%H:%M:%S%z").isoformat()
        except ValueError:
            return moment.isoformat()
    return None


def _text(value: object) -> str:
    """An EXIF string without the padding that cameras leave, nor what no name has in it; '' for what is no string."""
    if isinstance(value, bytes):
        value = value[:_TEXT].decode("ascii", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:_TEXT].split("\0")[0] if c.isprintable()).strip()
