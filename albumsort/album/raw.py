"""RAW files: the preview that the camera put in; where there is none worth reading, what the sensor saw."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from albumsort.album.formats import NEEDS_RAWPY, UnreadablePhotoError

if TYPE_CHECKING:
    from rawpy import RawPy

#: Pixels on the long side that a preview must have; on fewer, faces cannot be read.
LEAST_PREVIEW = 640
#: Bytes of a RAW file, which LibRaw is given in memory: names that are no UTF-8 it could not open.
LARGEST = 1 << 30
#: What LibRaw calls the turn of a picture (4: along the diagonal, 2: up and down, 1: left and right), as EXIF has it.
_ORIENTATION = (1, 2, 4, 3, 5, 8, 6, 7)
#: PhotometricInterpretation of what only a sensor gives: a mosaic of colours, or linear light (DNG 1.7, TIFF/EP).
_SENSOR = (32803, 34892)
_DNG_VERSION, _SUB_DIRECTORIES = 50706, 330
#: Directories within the first that are looked at; cameras write up to four.
_MOST_DIRECTORIES = 8
#: First bytes of files that are laid out as a TIFF is: TIFF itself, BigTIFF, ORF and RW2.
_LIKE_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_FACTS = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.DateTime)
_TIMES = (
    *(ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized),
    *(ExifTags.Base.OffsetTime, ExifTags.Base.OffsetTimeOriginal, ExifTags.Base.OffsetTimeDigitized),
)


def is_raw(file: BinaryIO) -> bool:
    """Whether a TIFF holds what a sensor saw, as DNG, NEF, ARW, PEF and many others do; the file is left at its start.

    The first directory of a DNG says so; of others, one of its own or of those within it is not of a finished picture.
    """
    first = _directory(file)
    inner = first.get(_SUB_DIRECTORIES, ())
    places = (inner if isinstance(inner, tuple) else (inner,))[:_MOST_DIRECTORIES]
    directories = [first, *(_directory(file, place) for place in places)]
    file.seek(0)
    kinds = (directory.get(ExifTags.Base.PhotometricInterpretation) for directory in directories)
    return _DNG_VERSION in first or any(kind in _SENSOR for kind in kinds)


def open_raw(file: BinaryIO) -> Image.Image:
    """The picture of a RAW file, its pixels not decoded yet, with EXIF that says how to turn it and when it was taken.

    It is the largest preview, of the size that this has. Where there is none of ``LEAST_PREVIEW`` pixels, it is what
    the sensor saw, of the sensor's size, which is developed at half of that when its pixels are asked for.

    Raises:
        UnreadablePhotoError: LibRaw is not installed, does not know the file, or finds it cut.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnreadablePhotoError(NEEDS_RAWPY) from error
    size = file.seek(0, os.SEEK_END)
    if size > LARGEST:
        raise UnreadablePhotoError(f"a RAW file of {size / 1e9:.1f} GB; up to {LARGEST / 1e9:.1f} GB are read")
    file.seek(0)
    with _libraw_in_words():
        raw = rawpy.imread(file)
    sensor = (raw.sizes.iwidth, raw.sizes.iheight)
    image: Image.Image | None = _preview(raw)
    if image is None or max(image.size) < min(LEAST_PREVIEW, max(sensor)):
        image = _Undeveloped(raw)
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = _orientation(
        image.size, exif.get(ExifTags.Base.Orientation, 0), _ORIENTATION[raw.sizes.flip & 7], sensor
    )
    _take_facts(file, exif)
    return image


class _Undeveloped(Image.Image):
    """What a sensor saw, developed when its pixels are asked for: then it is half as large."""

    def __init__(self, raw: RawPy) -> None:
        super().__init__()
        self._mode, self._size = "RGB", (raw.sizes.iwidth, raw.sizes.iheight)
        self._raw: RawPy | None = raw

    def load(self) -> Image.core.PixelAccess | None:
        if self._raw is not None:
            with _libraw_in_words(), self._raw as raw:
                # Not turned: that is done for all photos in one place.
                developed = _in_rgb(raw.postprocess(half_size=True, use_camera_wb=True, user_flip=0))
            self._raw, self.im, self._size = None, developed.im, developed.size
        return super().load()


def _preview(raw: RawPy) -> Image.Image | None:
    """The largest picture that a RAW file has in it; None where there is none, or none that can be read."""
    import rawpy

    try:
        preview = raw.extract_thumb()
        if isinstance(preview.data, bytes):
            return Image.open(io.BytesIO(preview.data), formats=("JPEG",))
        return _in_rgb(preview.data)
    except (rawpy.LibRawError, OSError, ValueError):
        return None


def _in_rgb(pixels: NDArray[np.uint8]) -> Image.Image:
    """What LibRaw gives, ``(height, width, 3)``, or ``(height, width, 1)`` of a sensor without colours."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")


def _orientation(size: tuple[int, int], own: int, of_raw: int, sensor: tuple[int, int]) -> int:
    """How a preview is to be turned, as EXIF's 1-8: once, whoever says so.

    Its own EXIF knows best (LibRaw gives one to a preview that has none). But some programs lay an upright preview into
    a file that is to be turned, or copy EXIF without the orientation: upright, it must have the shape of the photo.
    """
    is_wide = (sensor[0] > sensor[1]) != (of_raw >= 5)
    fitting = (one for one in (own, of_raw, 1) if one in range(1, 9) and ((size[0] > size[1]) != (one >= 5)) == is_wide)
    return next(fitting, of_raw)


def _take_facts(file: BinaryIO, exif: Image.Exif) -> None:
    """Put what a RAW file laid out like a TIFF says of camera and time in place of what its preview says."""
    file.seek(0)
    if file.read(4) not in _LIKE_TIFF:
        return
    first = _directory(file)
    place = first.get(ExifTags.IFD.Exif)
    details = _directory(file, place) if isinstance(place, int) else {}
    exif.update({tag: first[tag] for tag in _FACTS if tag in first})
    exif.get_ifd(ExifTags.IFD.Exif).update({tag: details[tag] for tag in _TIMES if tag in details})


def _directory(file: BinaryIO, place: int | None = None) -> ImageFileDirectory_v2:
    """A directory of a file laid out like a TIFF: the first, or the one at a place. Broken ones are empty."""
    file.seek(0)
    start = file.read(16)
    if b"+" not in start[:4]:  # Pillow knows no other magic
        start = (b"MM\0*" if start[:2] == b"MM" else b"II*\0") + start[4:8]
    directory = ImageFileDirectory_v2(start)
    file.seek(directory.next if place is None else place)
    directory.load(file)
    return directory


@contextmanager
def _libraw_in_words() -> Iterator[None]:
    """LibRaw's errors as the line that ``problems`` shows."""
    import rawpy

    try:
        yield
    except rawpy.LibRawIOError as error:
        raise UnreadablePhotoError("truncated") from error
    except rawpy.LibRawError as error:
        raise UnreadablePhotoError("damaged, or a RAW file of a kind that LibRaw does not know") from error
