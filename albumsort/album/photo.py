"""One photo: opening the file and reading its header, before any pixel is decoded."""

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
# --max-megapixels limits the size, by the header, with our own message.
Image.MAX_IMAGE_PIXELS = None
# Programs write into a PNG how they made the picture, or the profile of a printer, which may take some megabytes.
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20

#: The formats that Pillow may try. It knows many more, which are not photos and would only be more to attack.
_PILLOW_FORMATS = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "HEIF", "AVIF", "BMP")
#: What Pillow raises on metadata that is broken; the picture itself may well be sound.
BROKEN_METADATA = (ValueError, TypeError, KeyError, IndexError, SyntaxError, OSError, struct.error, OverflowError)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its photo before any pixel is decoded.

    Attributes:
        width: pixels of the upright photo at full size.
        height: likewise.
        turn: EXIF's orientation, 1-8, by which the decoded pixels must still be turned. It is 1 for formats that Pillow
            turns.
        taken_at: ISO 8601, wall-clock time at the place of the photo, with the offset from UTC if EXIF has it.
        camera: make and model.
        stored_orientation: EXIF's orientation, 1-8, of the pixels in the file, no matter whether Pillow turns them.
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
        UnreadablePhotoError: the file is not a picture, or its format is not supported.
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
        # The pixels of a PNG may be good even if its text or date has a wrong checksum.
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
    """Let Pillow continue if a file ends too early or a checksum is wrong. This sets a global: not for threads."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = before or wanted
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
