"""Reading a picture as a decoder does, without the process around it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from albumsort.album.photo import Header, open_photo, read_header
from albumsort.album.pixels import decode

Reader = Callable[..., "tuple[Header, NDArray[np.uint8]]"]
Writer = Callable[..., bytes]


@pytest.fixture(scope="session")
def written() -> Writer:
    """The bytes of a file of a picture: ``written(image, "PNG", exif=exif)``."""

    def write(image: Image.Image, file_format: str, **options: object) -> bytes:
        if isinstance(options.get("exif"), Image.Exif):
            # Of an object, Pillow leaves the inner directory out of a TIFF; pillow-heif sees no orientation in one.
            options["exif"] = options["exif"].tobytes()
        buffer = io.BytesIO()
        image.save(buffer, file_format, **options)
        return buffer.getvalue()

    return write


@pytest.fixture(scope="session")
def read() -> Reader:
    """Header and pixels of the bytes of a file."""

    def call(data: bytes, detail: int = 2048) -> tuple[Header, NDArray[np.uint8]]:
        image = open_photo(io.BytesIO(data))
        header = read_header(image)
        return header, decode(image, header, detail)

    return call


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str], Path]:
    """Puts a small picture at a path below ``tmp_path``; its name's suffix need not be one."""

    def make(below: str) -> Path:
        path = tmp_path / below
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "teal").save(path, "JPEG")
        return path

    return make
