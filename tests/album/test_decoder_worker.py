"""What a decoder process makes of one file, without the process around it."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from albumsort.album.decoder_worker import Decoded, Failed, Opened, decode_file


def test_a_photo_that_may_not_be_read_has_permission_denied_as_its_error(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    path = public_folder / "private.png"
    Image.new("RGB", (300, 200), "teal").save(path)
    path.chmod(0)
    # In this process: another user may not be able to start Python where it is installed for root alone.
    with unprivileged():
        failed = decode_file(str(path), lambda opened: None, 256, 64)
    assert failed == Failed("permission denied", None)


@pytest.mark.parametrize(
    ("start", "megabytes"),
    [(b"\xff\xd8\xff\xe0", 512), (b"\x89PNG\r\n\x1a\n", 2000), (b"GIF89a", 1000), (b"II*\0", 4000)],
)
def test_a_file_that_claims_to_be_huge_is_not_read(tmp_path: Path, start: bytes, megabytes: int) -> None:
    with open(tmp_path / "hole.jpg", "wb") as file:
        file.write(start)
        file.truncate(megabytes * 1_000_000 + 1_000_000)  # takes no room on the disk
    failed = decode_file(str(tmp_path / "hole.jpg"), lambda opened: None, 256, 64)
    assert failed == Failed(f"too large a file ({megabytes + 1} MB > {megabytes} MB)", None)


def test_a_file_is_read_up_to_the_limit_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (300, 200), "teal").save(path)
    size, opened = path.stat().st_size, list[Opened]()
    assert decode_file(str(path), opened.append, 256, 64, largest={"PNG": size}) is None
    assert len(opened) == 1
    failed = decode_file(str(path), opened.append, 256, 64, largest={"PNG": size - 1})
    assert failed == Failed("too large a file (0 MB > 0 MB)", None)


@pytest.mark.parametrize(("size", "has_digest"), [((64 << 20) - 1, True), (64 << 20, False)])
def test_a_large_file_that_is_no_picture_is_not_read_to_its_end(tmp_path: Path, size: int, has_digest: bool) -> None:
    path = tmp_path / "film.jpg"
    with open(path, "wb") as file:
        file.truncate(size)
    failed = decode_file(str(path), lambda opened: None, 256, 64)
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.digest is not None) == ("not an image", has_digest)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="has no file that cannot be read")
def test_an_error_of_the_disk_is_told_apart_from_one_of_a_decoder() -> None:
    failed = decode_file("/proc/self/mem", lambda opened: None, 256, 64)
    assert failed == Failed("cannot be read (Input/output error)", None)


def decoded(path: str) -> Decoded:
    message = decode_file(path, lambda opened: memoryview(bytearray(3 * (256**2 + 64**2))), 256, 64)
    assert isinstance(message, Decoded)
    return message


@pytest.mark.parametrize(("grey", "exposure"), [(8, 0.0), (9, 1.0), (246, 1.0), (247, 0.0)])
def test_exposure_is_the_share_of_pixels_that_are_neither_black_nor_white(
    tmp_path: Path, grey: int, exposure: float
) -> None:
    Image.new("L", (40, 40), grey).save(tmp_path / "plain.png")
    assert decoded(str(tmp_path / "plain.png")).exposure == exposure
    halves = Image.new("L", (40, 40), grey)
    halves.paste(128, (0, 0, 20, 40))
    halves.save(tmp_path / "halves.png")
    assert decoded(str(tmp_path / "halves.png")).exposure == (1 + exposure) / 2


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="has no file without an end")
def test_a_device_without_an_end_is_not_read() -> None:
    failed = decode_file("/dev/zero", lambda opened: None, 256, 64)
    assert failed == Failed("not an image", None)


@pytest.mark.parametrize("size", [(640, 480), (250, 190), (60, 40)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_pixels_lie_in_the_slot_whether_the_decoder_writes_there_or_not(
    tmp_path: Path, size: tuple[int, int], orientation: int
) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (size[1] // 10, size[0] // 10, 3), np.uint8)).resize(size)
    exif = Image.Exif()
    exif[274] = orientation
    image.save(tmp_path / "a.jpg", quality=95, exif=exif)
    slot = memoryview(bytearray(3 * (64**2 + 256**2)))
    decoded = decode_file(str(tmp_path / "a.jpg"), lambda opened: slot, 256, 64)
    assert isinstance(decoded, Decoded)
    pixels = np.ndarray(decoded.pixels, np.uint8, slot, 3 * 64**2)
    small = np.ndarray(decoded.small, np.uint8, slot)
    with Image.open(tmp_path / "a.jpg") as opened:
        wanted = ImageOps.exif_transpose(opened)
        for array in (pixels, small):
            resized = np.asarray(wanted.resize(array.shape[1::-1], Image.Resampling.BOX), float)
            assert np.abs(array - resized).mean() < 10  # of two pictures without relation: 85
