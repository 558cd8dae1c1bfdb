"""What runs inside a decoder process: it opens a file, digests it and decodes it into shared memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing import connection
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from albumsort.album.capture_time import capture_time
from albumsort.album.decoder_environment import end_with_parent, ready_for_signals
from albumsort.album.drawn import is_drawn
from albumsort.album.formats import SNIFF_BYTES, UnreadablePhotoError, sniff
from albumsort.album.perceptual_hash import perceptual_hash
from albumsort.album.photo import Header, open_photo, read_header
from albumsort.album.pixels import decode, decode_what_is_there, megapixels_in_memory
from albumsort.album.shared_pixels import SharedPixels
from albumsort.files import sha256
from albumsort.resize import shrink
from albumsort.text import printable

#: The error of a photo whose decoder got no memory.
NO_MEMORY = "too large for the memory of this machine"
#: Photos with more bytes are not read, by format. A sparse file of a few kilobytes may claim any size, and some
#: decoders hold the whole file in memory: those of the formats with the lowest limit.
LARGEST = {
    **dict.fromkeys(("JPEG", "WebP", "HEIF", "AVIF", "JPEG XL"), 512_000_000),
    **dict.fromkeys(("GIF", "BMP", "RAW"), 1_000_000_000),
    "PNG": 2_000_000_000,
    "TIFF": 4_000_000_000,
}
#: Files that are not pictures are read up to this size, so that they are known again by their bytes.
_SMALL_FILE = 64 << 20
#: The memory that a worker may allocate: a base for its libraries, and so many bytes for each pixel that is allowed. A
#: TIFF of floating-point numbers needs most, 20 bytes per pixel.
_BASE_MEMORY, _BYTES_PER_PIXEL = 1 << 30, 20
#: The highest grey level that counts as black, and the lowest that counts as white.
_BLACK, _WHITE = 8, 247
#: A worker that has decoded more megapixels at once than this returns its memory to the system afterwards.
_LARGE = 16.0
#: Perceptual hash and exposure are computed from a copy with this many pixels on the long side, which is quick.
_HASH_SIDE = 128


@dataclass(frozen=True, slots=True)
class Ready:
    """A sign of life: the worker has started, or still reads a large file."""


@dataclass(frozen=True, slots=True)
class HasRead:
    """All bytes of the file were read once. From now on, the time that a worker takes says something about the file."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file is a photo. The worker waits for the number of a slot, or for None if the photo should not be decoded.

    Attributes:
        digest: SHA-256 of the file's bytes, in hexadecimal.
        header: what the file says about the photo.
        megapixels: how many the decoder will hold in memory at once.
    """

    digest: str
    header: Header
    megapixels: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo was decoded into the slot that was granted: first the small picture, then the pixels.

    Attributes:
        small: shape ``(height, width, 3)`` of the small picture.
        pixels: shape ``(height, width, 3)`` of the photo.
        phash: perceptual hash, 16 hexadecimal digits.
        exposure: share of the pixels that are neither black nor white, 0..1.
        brightness: the mean of the pixels, 0..1.
        error: what is wrong with the pixels; None if the photo is complete.
    """

    small: tuple[int, ...]
    pixels: tuple[int, ...]
    phash: str
    exposure: float
    brightness: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The file cannot be read.

    Attributes:
        reason: one line.
        digest: SHA-256 of its bytes, in hexadecimal; None if they could not be read, or were not worth reading.
    """

    reason: str
    digest: str | None


def decoder_process(
    pipe: connection.Connection,
    memory: SharedPixels,
    slot_bytes: int,
    detail: int,
    small_side: int,
    max_megapixels: float,
) -> None:
    """Decode one file after the other until the pipe closes. For each it receives a path, and then a slot or None.

    Args:
        pipe: the worker's end; it sends ``Ready``, ``HasRead``, ``Opened``, ``Decoded`` and ``Failed``.
        memory: holds the slots.
        slot_bytes: bytes of a slot.
        detail: as for ``decode_file``.
        small_side: likewise.
        max_megapixels: the size of the largest photo that it has to decode.
    """
    _limit_memory(max_megapixels)
    ready_for_signals()
    end_with_parent()
    # Pillow warns about broken EXIF and odd palettes, but a user can do nothing about them.
    warnings.simplefilter("ignore")
    # One thread per worker: there are as many workers as cores.
    cv2.setNumThreads(1)
    pipe.send(Ready())

    granted = 0.0

    def grant(opened: Opened) -> memoryview | None:
        nonlocal granted
        granted = opened.megapixels
        pipe.send(opened)
        slot = pipe.recv()
        return None if slot is None else memory.buffer[slot * slot_bytes : (slot + 1) * slot_bytes]

    try:
        while True:
            path = pipe.recv()
            signs = (lambda: pipe.send(Ready())), (lambda: pipe.send(HasRead()))
            message = decode_file(path, grant, detail, small_side, *signs)
            if granted > _LARGE:
                _give_memory_back()
            if message is not None:
                pipe.send(message)
    except (EOFError, OSError):
        pass  # the parent is gone or has closed the pipe: nobody is left to tell


def _limit_memory(max_megapixels: float) -> None:
    """Let a file that needs more memory than any photo should fail here, before the system has none left."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = _BASE_MEMORY + _BYTES_PER_PIXEL * min(max_megapixels, 1e6) * 1e6
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft == resource.RLIM_INFINITY or limit < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), hard))


def _give_memory_back() -> None:
    """Return freed memory to the system. glibc would keep it for the next photo; after a large one that is too much."""
    with contextlib.suppress(OSError, AttributeError):  # another C library, which keeps nothing
        ctypes.CDLL(None).malloc_trim(0)


def _pixels(
    image: Image.Image, file: BinaryIO, header: Header, detail: int, memory: memoryview
) -> tuple[NDArray[np.uint8], str | None]:
    """The pixels of an opened photo, if possible in ``memory``, and the error if the file ends too early, else None."""
    try:
        return decode(image, header, detail, memory), None
    except UnreadablePhotoError as error:
        pixels = decode_what_is_there(file, header, detail)
        if pixels is None:
            raise
        return pixels, str(error)


def decode_file(
    path: str,
    grant: Callable[[Opened], memoryview | None],
    detail: int,
    small_side: int,
    alive: Callable[[], None] = lambda: None,
    has_read: Callable[[], None] = lambda: None,
    largest: Mapping[str, int] = LARGEST,
) -> Decoded | Failed | None:
    """Open and decode one file. Nothing that the file contains makes this raise an exception.

    Args:
        path: path of the file.
        grant: called with what the file is. It returns memory of ``3 * (small_side**2 + detail**2)`` bytes, or None if
            the file should not be decoded.
        detail: pixels on the photo's long side, at most.
        small_side: pixels on the small picture's long side, at most.
        alive: called from time to time while a large file is read.
        has_read: called when all bytes were read once.
        largest: the bytes of the largest file that is read, by format.

    Returns:
        what is in that memory now, or what is wrong with the file; None if it should not be decoded.
    """
    digest: str | None = None
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):  # which may have no end
                raise UnreadablePhotoError("not an image")
            # A file that is not a picture may be a film of any size, which need not be read to its end.
            kind = sniff(file.read(SNIFF_BYTES))
            if kind is not None or status.st_size < _SMALL_FILE:
                limit = largest.get(kind or "", _SMALL_FILE)
                if status.st_size > limit:
                    size = f"{status.st_size / 1e6:.0f} MB > {limit / 1e6:.0f} MB"
                    raise UnreadablePhotoError(f"too large a file ({size})")
                digest = sha256(file, alive)
                has_read()
            file.seek(0)
            image = open_photo(file)
            if is_drawn(image):
                raise UnreadablePhotoError("drawn by albumsort, and no photo of its own")
            assert digest is not None  # noqa: S101 - open_photo refuses files that are not pictures
            header = read_header(image)
            taken_at = capture_time(path, status.st_mtime_ns, header.times, header.changed_at)
            header = replace(header, taken_at=taken_at)
            memory = grant(Opened(digest, header, megapixels_in_memory(image, detail)))
            if memory is None:
                return None
            pixels, error = _pixels(image, file, header, detail, memory[small_side**2 * 3 :])
        small = shrink(pixels, small_side)
        for array, offset in ((small, 0), (pixels, small_side**2 * 3)):
            target = np.ndarray(array.shape, np.uint8, memory, offset)
            if not np.may_share_memory(array, target):
                target[...] = array
        tiny = shrink(small, _HASH_SIDE)
        return Decoded(small.shape, pixels.shape, perceptual_hash(tiny), _exposure(tiny), _brightness(tiny), error)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return Failed("vanished during the scan", None)
    except PermissionError:
        return Failed("permission denied", None)
    except Exception as error:  # decoders raise all kinds of exceptions on a damaged file, and only that file is lost
        return Failed(_reason(error), digest)


def _reason(error: Exception) -> str:
    """One line that says why a file could not be decoded."""
    if isinstance(error, UnreadablePhotoError):
        return str(error)
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, OSError) and error.errno is not None:  # an error of the disk, not of a decoder: it may pass
        return f"cannot be read ({printable(error.strerror or str(error))})"
    return f"cannot be decoded ({printable(f'{type(error).__name__}: {error}')[:160]})"


def _exposure(pixels: NDArray[np.uint8]) -> float:
    """The share of the pixels that are neither black nor white, 0..1."""
    grey = pixels.mean(-1)
    return round(float(((grey > _BLACK) & (grey < _WHITE)).mean()), 4)


def _brightness(pixels: NDArray[np.uint8]) -> float:
    """The mean of the pixels, 0..1."""
    return round(float(pixels.mean()) / 255, 4)
