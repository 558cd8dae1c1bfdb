"""Broken metadata never costs a picture: its pixels are read, and what is broken counts as missing."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from . import metadata_faults as faults

LOSSLESS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"lossless": True},
    "GIF": {},
    "TIFF": {},
    "HEIF": {"quality": 100},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}


@pytest.mark.parametrize("file_format", LOSSLESS)
@pytest.mark.filterwarnings("ignore")
def test_the_pixels_are_those_of_the_sound_file(read: Callable, file_format: str) -> None:
    _, sound = read(faults.encoded(file_format, **LOSSLESS[file_format]))
    wrong = {}
    files = faults.all_of_them()[file_format]
    assert len(files) > 50
    for name, data in files.items():
        try:
            header, pixels = read(data)
        except Exception as error:
            wrong[name] = f"{type(error).__name__}: {error}"
            continue
        if (header.width, header.height) != (64, 48) or np.abs(pixels.astype(int) - sound).max() > 2:
            wrong[name] = f"other pixels: {header.width} x {header.height}"
    assert wrong == {}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_metadata_that_are_whole_are_kept_beside_broken_ones(
    read: Callable, composer: object, file_format: str
) -> None:
    exif = composer.exif("2024:05:17 15:00:00", 6).tobytes()  # type: ignore[attr-defined]
    data = faults.encoded(file_format, exif=exif, **LOSSLESS[file_format])
    broken = {
        "JPEG": data[:2] + faults.segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\xff") + data[2:],
        "PNG": data[:33] + faults.chunk(b"zTXt", b"Comment\0x words") + data[33:],
        "WEBP": data[:30] + struct.pack("<4sI", b"PRIV", 99) + b"words" + data[30:],
    }[file_format]
    header, pixels = read(broken)
    assert (header.turn, header.taken_at, header.camera) == (6, "2024-05-17T15:00:00", "Example")
    assert pixels.shape == (64, 48, 3)


def test_a_jpeg_whose_colours_adobe_names_keeps_them_beside_broken_metadata(read: Callable) -> None:
    data = faults.encoded("JPEG", quality=95, keep_rgb=True)
    assert b"Adobe" in data[:60]
    _, pixels = read(data[:2] + faults.segment(0xE0, b"JFIF\0") + data[2:])
    assert np.abs(pixels.astype(int) - np.asarray(faults.scene())).max() < 20


def test_a_thumbnail_inside_a_segment_of_a_wrong_length_is_not_taken_for_the_photo(read: Callable) -> None:
    small = Image.new("RGB", (16, 12), "red")
    content = faults.EXIF + faults.jpeg_of(small)
    data = faults.encoded("JPEG")
    segment = struct.pack(">BBH", 0xFF, 0xE1, len(faults.EXIF) + 6) + content
    header, pixels = read(data[:2] + segment + data[2:])
    assert (header.width, header.height, pixels.shape) == (64, 48, (48, 64, 3))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_that_ends_within_its_pixels_is_not_made_whole_by_leaving_metadata_out(
    read: Callable, file_format: str
) -> None:
    data = next(iter(faults.all_of_them()[file_format].values()))
    with pytest.raises(Exception):  # noqa: B017 - any error becomes a row in problems
        read(data[: len(data) // 2])


def test_a_webp_that_ends_within_its_last_metadata_is_read(read: Callable) -> None:
    data = faults.encoded("WEBP", lossless=True, exif=faults.EXIF)
    assert read(data[:-8])[1].shape == (48, 64, 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_the_orientation_counts_where_the_inner_directory_of_exif_is_broken(
    read: Callable, written: Callable, kind: str
) -> None:
    entries = struct.pack("<HHII", 274, 3, 1, 6) + struct.pack("<HHII", 0x8769, 4, 1, 0x7FFFFF00)
    block = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries + bytes(4)
    if kind == "TIFF":
        buffer = io.BytesIO()
        faults.scene().save(buffer, "TIFF", exif=block[6:])
        data = buffer.getvalue()
    else:
        data = written(faults.scene(), kind, exif=block)
    header, pixels = read(data)
    assert (header.width, header.height, pixels.shape) == (48, 64, (64, 48, 3))
