"""RAW files: albumsort reads the preview in them; without a usable preview, it develops the sensor's data."""

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

#: Pixels on the long side that a preview must have. Faces on a smaller one cannot be read.
LEAST_PREVIEW = 640
#: The largest RAW file in bytes. LibRaw gets the file in memory, because it cannot open names that are not UTF-8.
LARGEST = 1 << 30
#: EXIF's orientation for each flip of LibRaw, whose bits are 4: transposed, 2: top and bottom, 1: left and right.
_ORIENTATION = (1, 2, 4, 3, 5, 8, 6, 7)
#: PhotometricInterpretation of a sensor's data: a mosaic of colours, or linear light (DNG 1.7, TIFF/EP).
_SENSOR = (32803, 34892)
_DNG_VERSION, _SUB_DIRECTORIES = 50706, 330
#: The number of directories within the first that are read; cameras write up to four.
_MOST_DIRECTORIES = 8
#: The first bytes of files with the layout of a TIFF: TIFF itself, BigTIFF, ORF and RW2.
_LIKE_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_CAMERA_AND_CHANGE_TIME = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.DateTime)
_TIMES = (
    *(ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized),
    *(ExifTags.Base.OffsetTime, ExifTags.Base.OffsetTimeOriginal, ExifTags.Base.OffsetTimeDigitized),
)


def is_raw(file: BinaryIO) -> bool:
    """Whether a TIFF is a RAW file (DNG, NEF, ARW, PEF and many others). The file is left at its start.

    The first directory of a DNG says so. Other RAW files have a sensor's data in it or in one of its inner directories.
    """
    first = _directory(file)
    inner = first.get(_SUB_DIRECTORIES, ())
    places = (inner if isinstance(inner, tuple) else (inner,))[:_MOST_DIRECTORIES]
    directories = [first, *(_directory(file, place) for place in places)]
    file.seek(0)
    kinds = (directory.get(ExifTags.Base.PhotometricInterpretation) for directory in directories)
    return _DNG_VERSION in first or any(kind in _SENSOR for kind in kinds)


def open_raw(file: BinaryIO, max_bytes: int = LARGEST) -> Image.Image:
    """Open a RAW file without decoding its pixels. The picture has EXIF with its orientation, time and camera.

    The picture is the largest preview. If that has fewer than ``LEAST_PREVIEW`` pixels on its long side, the picture
    has the sensor's size, and is developed at half that size when its pixels are loaded.

    Args:
        file: an open RAW file.
        max_bytes: a larger file is refused.

    Raises:
        UnreadablePhotoError: the file is too large, LibRaw is not installed, does not know it, or finds it truncated.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnreadablePhotoError(NEEDS_RAWPY) from error
    size = file.seek(0, os.SEEK_END)
    if size > max_bytes:
        raise UnreadablePhotoError(f"a RAW file of {size / 1e9:.1f} GB; up to {max_bytes / 1e9:.1f} GB are read")
    file.seek(0)
    with _libraw_errors():
        raw = rawpy.imread(file)
    sensor = (raw.sizes.iwidth, raw.sizes.iheight)
    image: Image.Image | None = _preview(raw)
    if image is None or max(image.size) < min(LEAST_PREVIEW, max(sensor)):
        image = _Undeveloped(raw)
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = _orientation(
        image.size, exif.get(ExifTags.Base.Orientation, 0), _ORIENTATION[raw.sizes.flip & 7], sensor
    )
    copy_camera_and_time(file, exif)
    image.info.pop("exif", None)  # what the preview's file says; ``getexif`` has what counts
    return image


class _Undeveloped(Image.Image):
    """A picture of a sensor's data. Loading it develops the data, and makes its sides half as long."""

    def __init__(self, raw: RawPy) -> None:
        super().__init__()
        self._mode, self._size = "RGB", (raw.sizes.iwidth, raw.sizes.iheight)
        self._raw: RawPy | None = raw

    def load(self) -> Image.core.PixelAccess | None:
        if self._raw is not None:
            with _libraw_errors(), self._raw as raw:
                # It is not turned here, because ``decode`` turns all photos.
                developed = _in_rgb(raw.postprocess(half_size=True, use_camera_wb=True, user_flip=0))
            self._raw, self.im, self._size = None, developed.im, developed.size
        return super().load()


def _preview(raw: RawPy) -> Image.Image | None:
    """The largest preview in a RAW file; None if there is none that can be read."""
    import rawpy

    try:
        preview = raw.extract_thumb()
        if isinstance(preview.data, bytes):
            return Image.open(io.BytesIO(preview.data), formats=("JPEG",))
        return _in_rgb(preview.data)
    except (rawpy.LibRawError, OSError, ValueError):
        return None


def _in_rgb(pixels: NDArray[np.uint8]) -> Image.Image:
    """A picture made of LibRaw's pixels: ``(height, width, 3)``, or ``(height, width, 1)`` from a monochrome sensor."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")


def _orientation(size: tuple[int, int], own: int, of_raw: int, sensor: tuple[int, int]) -> int:
    """EXIF's orientation, 1-8, of a preview.

    The preview's own EXIF decides (LibRaw adds EXIF to a preview that has none). But some programs put an upright
    preview into a file that is turned, or copy EXIF without the orientation. So the preview, once turned upright, must
    also have the shape of the photo.

    Args:
        size: width and height of the preview as it is stored.
        own: orientation in the preview's EXIF; 0 if there is none.
        of_raw: orientation of the sensor's data.
        sensor: width and height of the sensor's data as they are stored.
    """
    is_wide = (sensor[0] > sensor[1]) != (of_raw >= 5)
    for orientation in (own, of_raw, 1):
        if orientation in range(1, 9) and ((size[0] > size[1]) != (orientation >= 5)) == is_wide:
            return orientation
    return of_raw


def copy_camera_and_time(file: BinaryIO, exif: Image.Exif) -> None:
    """Replace camera and time of a preview with those of its RAW file, if that has the layout of a TIFF.

    Args:
        file: the RAW file.
        exif: EXIF of the preview, which is changed.
    """
    file.seek(0)
    if file.read(4) not in _LIKE_TIFF:
        return
    first = _directory(file)
    place = first.get(ExifTags.IFD.Exif)
    details = _directory(file, place) if isinstance(place, int) else {}
    exif.update({tag: first[tag] for tag in _CAMERA_AND_CHANGE_TIME if tag in first})
    exif.get_ifd(ExifTags.IFD.Exif).update({tag: details[tag] for tag in _TIMES if tag in details})


def _directory(file: BinaryIO, place: int | None = None) -> ImageFileDirectory_v2:
    """The first directory of a file with the layout of a TIFF, or the one at an offset; empty if it is broken."""
    file.seek(0)
    start = file.read(16)
    prefix = start[:2]
    if b"+" in start[:4]:  # Pillow knows a BigTIFF by its third byte, which is right for one byte order only
        start = b"II+\0" + start[4:]
    else:  # it knows no other magic
        start = (b"MM\0*" if prefix == b"MM" else b"II*\0") + start[4:8]
    directory = ImageFileDirectory_v2(start, prefix=prefix)
    file.seek(directory.next if place is None else place)
    directory.load(file)
    return directory


@contextmanager
def _libraw_errors() -> Iterator[None]:
    """Raise LibRaw's errors as ``UnreadablePhotoError``."""
    import rawpy

    try:
        yield
    except rawpy.LibRawIOError as error:
        raise UnreadablePhotoError("truncated") from error
    except rawpy.LibRawError as error:
        raise UnreadablePhotoError("damaged, or a RAW file of a kind that LibRaw does not know") from error
