"""Folders of faces by class, whose pictures are of any kind that a scan reads."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from albumsort.album import pixels
from albumsort.album.photo import Header
from albumsort.training import datasets
from albumsort.training.datasets import load_folder

#: Dark at the left, light at the right: 48 x 48, 0-188.
RAMP = np.tile(np.arange(48, dtype=np.uint8) * 4, (48, 1))


@pytest.fixture
def happy(tmp_path: Path) -> Path:
    """A class folder with one sound picture, of white."""
    folder = tmp_path / "faces" / "happy"
    folder.mkdir(parents=True)
    Image.new("L", (48, 48), 255).save(folder / "0.png")
    return folder


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(np.ascontiguousarray(np.rot90(RAMP))).save(path.with_suffix(".png"), exif=exif)


def in_alpha(path: Path) -> None:
    black = np.zeros((48, 48, 3), np.uint8)
    Image.fromarray(np.dstack([black, 255 - RAMP])).save(path.with_suffix(".png"))


KINDS: dict[str, Callable[[Path], None]] = {
    "8 bits": lambda path: Image.fromarray(RAMP).save(path.with_suffix(".png")),
    "16 bits": lambda path: Image.fromarray(RAMP.astype(np.uint16) * 257).save(path.with_suffix(".png")),
    "floats": lambda path: Image.fromarray(RAMP.astype(np.float32) / 255).save(path.with_suffix(".tif")),
    "turned": turned,
    "in alpha": in_alpha,
}


@pytest.mark.parametrize("write", KINDS.values(), ids=KINDS)
def test_pictures_are_read_upright_in_8_bits_on_white(happy, write):
    write(happy / "1")
    faces = load_folder(happy.parent)
    assert not faces.broken
    assert faces.pixels[1] == pytest.approx(RAMP.astype(int), abs=1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes) -> bytes:
    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


DAMAGED = {
    "empty": b"",
    "a header alone": b"\x89PNG\r\n\x1a\n",
    "not deflated": png(48, 48, b"no pixels"),
    "ends early": png(48, 48, zlib.compress(np.random.default_rng(0).bytes(49 * 48))[:1000]),
    "a bomb": png(20_000, 20_000, zlib.compress(bytes(20_001 * 100))),
    "a TIFF without a directory": b"II*\x00\xff\xff\xff\xff",
    "a HEIF of one box": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "a RAW of zeros": b"FUJIFILMCCD-RAW" + bytes(4000),
    "JPEG XL": b"\xff\x0a" + bytes(100),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_picture_costs_itself_alone(happy, content):
    (happy / "1.png").write_bytes(content)
    faces = load_folder(happy.parent)
    assert len(faces) == 1
    assert faces.broken == {"not a picture that can be read": 1}


def test_whatever_a_decoder_raises_costs_that_picture_alone(happy, monkeypatch):
    def decode(image: Image.Image, header: Header, detail: int) -> NDArray[np.uint8]:
        if image.size == (30, 30):
            raise RuntimeError("a decoder that gave up")
        return pixels.decode(image, header, detail)

    Image.new("L", (30, 30)).save(happy / "1.png")
    monkeypatch.setattr(datasets, "decode", decode)
    assert load_folder(happy.parent).broken == {"not a picture that can be read": 1}
