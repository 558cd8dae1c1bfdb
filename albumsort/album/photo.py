"""One photo: it is opened, and its header is read, before a pixel is decoded."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeGuard

import pillow_heif
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from albumsort.album.capture_time import exif_text, time_in_exif
from albumsort.album.formats import SNIFF_BYTES, UnreadablePhotoError, ends_early, sniff
from albumsort.album.raw import is_raw, open_raw

pillow_heif.register_heif_opener(thumbnails=False)
# Size is limited by --max-megapixels, from the header, with a message of our own.
Image.MAX_IMAGE_PIXELS = None
# Programs that make pictures write how they made them, and printers their profiles, into a PNG: some megabytes.
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20

#: The formats that Pillow may try. It knows many more, which are no photos and would only be more to attack.
_PILLOW_FORMATS = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "HEIF", "AVIF", "BMP")
#: What Pillow raises on metadata that is broken; the picture itself may well be sound.
BROKEN_METADATA = (ValueError, TypeError, KeyError, IndexError, SyntaxError, OSError, struct.error, OverflowError)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its photo before a pixel is decoded.

    Attributes:
        width: pixels of the upright photo at full size.
        height: likewise.
        turn: EXIF's orientation, 1-8, that the decoded pixels still need. It is 1 for formats that Pillow turns itself.
        taken_at: ISO 8601, wall-clock time where the photo was taken, with its offset from UTC where EXIF has it.
        camera: make and model.
        stored_orientation: EXIF's orientation, 1-8, of the pixels in the file, whoever turns them.
    """

    width: int
    height: int
    turn: int = 1
    taken_at: str | None = None
    camera: str | None = None
    stored_orientation: int = 1

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


def open_photo(file: BinaryIO) -> Image.Image:
    """Open a photo without decoding its pixels: the first picture of an animation, the preview of a RAW file.

    Raises:
        UnreadablePhotoError: the file is no picture, or one of a format that is not supported.
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
        # The pixels of a PNG may well be sound where its text or date has a wrong checksum.
        with forgiving(kind == "PNG"):
            return Image.open(file, formats=_PILLOW_FORMATS)
    except BROKEN_METADATA as error:
        if ends_early(file, kind):
            raise UnreadablePhotoError("truncated") from error
        raise UnreadablePhotoError(f"damaged: the header of this {kind} file makes no sense") from error


def read_header(image: Image.Image) -> Header:
    """Size, orientation, time and camera of an opened photo. Broken metadata counts as missing."""
    try:
        exif = _exif(image)
        details = exif.get_ifd(ExifTags.IFD.Exif)
        turn = exif.get(ExifTags.Base.Orientation, 1)
    except BROKEN_METADATA:
        exif, details, turn = Image.Exif(), {}, 1
    if image.format == "TIFF" or not _is_orientation(turn):
        turn = 1  # Pillow turns a TIFF itself and gives its upright size
    width, height = image.size
    if turn >= 5:
        width, height = height, width
    make, model = (exif_text(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Header(width, height, turn, time_in_exif(exif, details), camera or None, _stored_orientation(image))


def _exif(image: Image.Image) -> Image.Exif:
    # A PNG's own getexif decodes all pixels, to find a block behind them.
    return Image.Image.getexif(image) if image.format == "PNG" else image.getexif()


def _stored_orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1-8, of the pixels in the file."""
    try:
        if image.format == "HEIF":  # Pillow's plugin turns it, and sets the orientation to 1
            orientation = image.info.get("original_orientation")
        else:
            orientation = _exif(image).get(ExifTags.Base.Orientation)
    except BROKEN_METADATA:
        orientation = None
    return orientation if _is_orientation(orientation) else 1


def _is_orientation(value: object) -> TypeGuard[int]:
    return value in range(1, 9)


@contextlib.contextmanager
def forgiving(wanted: bool = True) -> Iterator[None]:
    """Let Pillow go on where a file ends too early or a checksum is wrong. It sets a global: not for threads."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = before or wanted
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
