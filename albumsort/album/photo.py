"""One photo: opening the file and reading its header, before any pixel is decoded."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, TypeGuard

import pillow_heif
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from albumsort.album.bare import BROKEN_METADATA, has_wrong_length, without_metadata
from albumsort.album.capture_time import exif_text, times_in_exif, times_in_xmp
from albumsort.album.formats import (
    SNIFF_BYTES,
    UnreadablePhotoError,
    ends_early,
    has_usual_brands,
    sniff,
    with_usual_brands,
)
from albumsort.album.raw import is_raw, open_raw
from albumsort.album.tiff import main_page, open_unusual, pillow_misreads, read_pages

pillow_heif.register_heif_opener(thumbnails=False)
# --max-megapixels limits the size, by the header, with our own message.
Image.MAX_IMAGE_PIXELS = None
# Programs write into a PNG how they made the picture, or the profile of a printer, which may take some megabytes.
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20

#: Pillow's names of the formats that ``sniff`` names otherwise. It may try the plugin of one format only.
_PILLOW_FORMATS = {"WebP": "WEBP"}
#: Bytes of a file, at most, that is copied in memory to mend it.
_LARGEST_COPY = 512 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its photo before any pixel is decoded.

    Attributes:
        width: pixels of the upright photo at full size.
        height: likewise.
        turn: EXIF's orientation, 1-8, that the decoded pixels still need. It is 1 for formats that Pillow turns itself.
        taken_at: ISO 8601, wall-clock time where the photo was taken, with its offset from UTC where the file has it;
            a day alone where that is all that is known.
        camera: make and model.
        stored_orientation: EXIF's orientation, 1-8, of the pixels in the file, whoever turns them.
        times: each time that EXIF and XMP give for when it was taken, best first, as ISO 8601.
        changed_at: when a program last changed the file, by its EXIF.
    """

    width: int
    height: int
    turn: int = 1
    taken_at: str | None = None
    camera: str | None = None
    stored_orientation: int = 1
    times: tuple[str, ...] = ()
    changed_at: str | None = None

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
        return _opened_tiff(file) if kind == "TIFF" else _opened(file, kind)
    except BROKEN_METADATA as error:
        if ends_early(file, kind):
            raise UnreadablePhotoError("truncated") from error
        raise UnreadablePhotoError(f"damaged: the header of this {kind} file makes no sense") from error


def _opened(file: BinaryIO, kind: str) -> Image.Image:
    """The photo as it is, or without its metadata if Pillow refuses the file because of them."""
    bare = open_bare(file, kind) if kind == "JPEG" and has_wrong_length(file) else None
    if bare is not None:
        return bare
    try:
        return _opened_by_pillow(file, kind)
    except BROKEN_METADATA:
        bare = open_bare(file, kind)
        if bare is None:
            raise
        return bare


def _opened_tiff(file: BinaryIO) -> Image.Image:
    """The page of a TIFF that is the photo, by Pillow if it can."""
    pages = read_pages(file)
    number = main_page(pages)
    file.seek(0)
    if pages and pillow_misreads(pages[number], file.read(2) == b"MM"):
        unusual = open_unusual(file, pages[number], number)
        if unusual is not None:
            return unusual
    try:
        if number == 0:
            return _opened(file, "TIFF")
        image = _opened_by_pillow(file, "TIFF")
        image.seek(number)
        _hide_orientation_in_xmp(image)
        return image
    except BROKEN_METADATA:
        unusual = open_unusual(file, pages[number], number) if pages else None
        if unusual is None:
            raise
        return unusual


def open_bare(file: IO[bytes], kind: str) -> Image.Image | None:
    """Open a photo without its metadata, but those that are whole.

    Args:
        file: an open file, which is copied in memory.
        kind: its format, as ``sniff`` names it.

    Returns:
        None when it cannot be opened like this either.
    """
    if file.seek(0, os.SEEK_END) > _LARGEST_COPY:
        return None
    file.seek(0)
    bare = without_metadata(file.read(), kind)
    try:
        return _opened_by_pillow(io.BytesIO(bare), kind) if bare else None
    except BROKEN_METADATA:
        return None


def _opened_by_pillow(file: IO[bytes], kind: str) -> Image.Image:
    file.seek(0)
    if kind in ("HEIF", "AVIF") and not has_usual_brands(file.read(SNIFF_BYTES), kind):
        if file.seek(0, os.SEEK_END) > _LARGEST_COPY:
            raise UnreadablePhotoError(f"unsupported: {kind} of unusual brands")
        file.seek(0)
        file = io.BytesIO(with_usual_brands(file.read(), kind))
    file.seek(0)
    # The pixels of a PNG may well be sound where its text or date has a wrong checksum.
    with forgiving(kind == "PNG"):
        image = Image.open(file, formats=(_PILLOW_FORMATS.get(kind, kind),))
    _hide_orientation_in_xmp(image)
    return image


def _hide_orientation_in_xmp(image: Image.Image) -> None:
    """Keep Pillow from turning a picture by XMP's orientation where EXIF has none. No viewer does that."""
    for key in ("xmp", "XML:com.adobe.xmp"):
        xmp = image.info.get(key)
        if isinstance(xmp, bytes):
            image.info[key] = xmp.replace(b"tiff:Orientation", b"tiff:orientation")
        elif isinstance(xmp, str):
            image.info[key] = xmp.replace("tiff:Orientation", "tiff:orientation")


def read_header(image: Image.Image) -> Header:
    """Size, orientation, time and camera of an opened photo. Broken metadata counts as missing."""
    exif, details = Image.Exif(), dict[int, object]()
    with contextlib.suppress(*BROKEN_METADATA):
        exif = _exif(image)
        details = exif.get_ifd(ExifTags.IFD.Exif)
    turn = exif.get(ExifTags.Base.Orientation, 1)
    if image.format == "TIFF" or not _is_orientation(turn):
        turn = 1  # Pillow turns a TIFF itself and gives its upright size
    width, height = image.size
    if turn >= 5:
        width, height = height, width
    make, model = (exif_text(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    taken, changed = times_in_exif(exif, details)
    taken += times_in_xmp(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"))
    taken_at = taken[0] if taken else changed
    stored = _stored_orientation(image)
    return Header(width, height, turn, taken_at, camera or None, stored, tuple(taken), changed)


def _exif(image: Image.Image) -> Image.Exif:
    """EXIF of an opened photo."""
    block = image.info.get("exif")
    if block and image.format != "TIFF":  # ``getexif`` may hold what Pillow has taken from XMP before
        exif = Image.Exif()
        exif.load(block)
        return exif
    # A PNG's own getexif decodes all pixels, to find a block behind them.
    return Image.Image.getexif(image) if image.format == "PNG" else image.getexif()


def _stored_orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1-8, of the pixels in the file."""
    try:
        orientation = _exif(image).get(ExifTags.Base.Orientation)
        if (
            image.format == "HEIF" and orientation is not None
        ):  # Pillow's plugin turns it, and sets the orientation to 1
            orientation = image.info.get("original_orientation")
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
