"""RAW files are read by the preview in them, upright, with the time and the camera that they name."""

import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from albumsort.album import raw
from albumsort.album.decoder_worker import Failed, decode_file
from albumsort.album.decoders import DecodedPhoto, Decoders, DecoderSettings
from albumsort.album.formats import NEEDS_RAWPY, UnreadablePhotoError, reads_raw
from albumsort.album.photo import open_photo
from albumsort.album.pixels import megapixels_in_memory
from albumsort.records import Photo, PhotoFile

TURNS = range(1, 9)


@pytest.fixture(scope="module")
def upright(composer: Any) -> Image.Image:
    return composer.portrait(composer.NEUTRAL).resize((800, 900))


@pytest.fixture(scope="module")
def seen(upright: Image.Image) -> Image.Image:
    """The sensor's data for the same picture. They are smaller than the preview, to save time."""
    return upright.resize((400, 450))


def likeness(pixels: NDArray[np.uint8], image: Image.Image) -> float:
    """The correlation of two pictures, whatever their size and exposure: 1 when they are the same."""
    height, width = pixels.shape[:2]
    pairs = np.stack([pixels.mean(-1).ravel(), np.asarray(image.resize((width, height)).convert("L")).ravel()])
    return float(np.corrcoef(pairs)[0, 1])


@pytest.mark.parametrize("turn", TURNS)
def test_a_preview_is_turned_as_the_raw_file_says(
    read: Callable, camera: Any, upright: Image.Image, seen: Image.Image, turn: int
) -> None:
    header, pixels = read(camera.dng(seen, camera.jpeg(camera.stored(upright, turn)), turn), 300)
    assert (header.width, header.height) == upright.size
    assert pixels.shape == (225, 200, 3)  # decoded at a quarter of its size
    assert likeness(pixels, upright) > 0.99


@pytest.mark.parametrize("turn", TURNS)
def test_it_is_turned_once_when_preview_and_raw_file_both_say_so(
    read: Callable, camera: Any, upright: Image.Image, seen: Image.Image, turn: int
) -> None:
    header, pixels = read(camera.dng(seen, camera.jpeg(camera.stored(upright, turn), turn), turn), 300)
    assert (header.width, header.height) == upright.size
    assert likeness(pixels, upright) > 0.99


@pytest.mark.parametrize("turn", TURNS)
def test_a_preview_that_says_that_it_is_upright_is_not_turned(
    read: Callable, camera: Any, upright: Image.Image, seen: Image.Image, turn: int
) -> None:
    assert likeness(read(camera.dng(seen, camera.jpeg(upright, 1), turn), 300)[1], upright) > 0.99


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_a_preview_that_has_the_shape_of_the_upright_photo_is_upright(
    read: Callable, camera: Any, upright: Image.Image, seen: Image.Image, turn: int
) -> None:
    assert likeness(read(camera.dng(seen, camera.jpeg(upright), turn), 300)[1], upright) > 0.99


@pytest.mark.parametrize("turn", [6, 8])
def test_a_preview_whose_exif_forgets_the_turn_is_turned(
    read: Callable, camera: Any, upright: Image.Image, seen: Image.Image, turn: int
) -> None:
    data = camera.dng(seen, camera.jpeg(camera.stored(upright, turn), 1), turn)
    assert likeness(read(data, 300)[1], upright) > 0.99


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("tiny", [False, True])
def test_without_a_preview_that_is_large_enough_the_photo_is_developed(
    read: Callable, camera: Any, upright: Image.Image, turn: int, tiny: bool
) -> None:
    preview = camera.jpeg(camera.stored(upright, turn).resize((160, 160))) if tiny else None
    header, pixels = read(camera.dng(upright, preview, turn), 2048)
    assert (header.width, header.height) == upright.size
    assert pixels.shape == (450, 400, 3)
    assert likeness(pixels, upright) > 0.95


def test_data_of_a_sensor_without_colours_are_developed_in_grey(
    read: Callable, camera: Any, upright: Image.Image
) -> None:
    row = "<HHIHH"
    linear = camera.dng(upright).replace(struct.pack(row, 262, 3, 1, 32803, 0), struct.pack(row, 262, 3, 1, 34892, 0))
    _, pixels = read(linear)
    assert (pixels[..., 0] == pixels[..., 2]).all()
    assert pixels.std() > 20


def test_time_and_camera_are_those_of_the_raw_file(
    read: Callable, camera: Any, upright: Image.Image, seen: Image.Image
) -> None:
    for preview in (camera.jpeg(upright), camera.jpeg(upright, 1), None):
        header, _ = read(camera.dng(seen, preview, taken_at="2023:12:24 19:30:00", offset="-05:00"))
        assert (header.taken_at, header.camera) == ("2023-12-24T19:30:00-05:00", "Example One")


def test_the_preview_of_a_raw_file_that_is_no_tiff_gives_time_and_camera(camera: Any, upright: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0110] = "As the preview says"
    raw.copy_camera_and_time(io.BytesIO(b"FUJIFILMCCD-RAW 0201"), exif)
    assert dict(exif) == {0x0110: "As the preview says"}


@pytest.mark.parametrize("magic", [b"IIRO", b"IIRS", b"IIU\0"])
def test_time_and_camera_are_read_behind_other_magics_of_tiff(camera: Any, seen: Image.Image, magic: bytes) -> None:
    exif = Image.Exif()
    raw.copy_camera_and_time(io.BytesIO(magic + camera.dng(seen)[4:]), exif)
    assert exif[0x0110] == "Example One"
    assert exif.get_ifd(0x8769)[0x9003] == "2024:05:17 15:04:05"


def test_a_large_preview_is_decoded_small(camera: Any, seen: Image.Image, upright: Image.Image) -> None:
    image = open_photo(io.BytesIO(camera.dng(seen, camera.jpeg(upright.resize((4000, 4500))))))
    assert megapixels_in_memory(image, 2048) == pytest.approx(18 / 4)


def test_a_photo_that_is_developed_counts_with_all_pixels_of_the_sensor(camera: Any, upright: Image.Image) -> None:
    image = open_photo(io.BytesIO(camera.dng(upright)))
    assert megapixels_in_memory(image, 256) == pytest.approx(0.72)


def test_a_tiff_with_data_of_a_sensor_is_raw_and_others_are_not(
    camera: Any, written: Callable, seen: Image.Image
) -> None:
    for preview in (None, camera.jpeg(seen)):
        assert raw.is_raw(io.BytesIO(camera.dng(seen, preview)))
        assert raw.is_raw(io.BytesIO(camera.dng(seen, preview, version=False)))
    for options in ({}, {"big_tiff": True}, {"compression": "tiff_lzw"}):
        data = written(seen, "TIFF", **options)
        assert not raw.is_raw(io.BytesIO(data))
        assert open_photo(io.BytesIO(data)).format == "TIFF"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"FUJIFILMCCD-RAW 0201" + bytes(4000), "LibRaw does not know"),
        (b"\0\0\0\x18ftypcrx " + bytes(4000), "LibRaw does not know"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(4000), "LibRaw does not know"),
        (b"IIU\0\x18\0\0\0" + bytes(4000), "LibRaw does not know"),
        (b"IIRO\x08\0\0\0" + bytes(4000), "LibRaw does not know"),
        (b"FOVb" + bytes(4000), "LibRaw does not know"),
    ],
    ids=["raf", "cr3", "cr2", "rw2", "orf", "x3f"],
)
def test_garbage_behind_the_magic_of_a_maker_is_reported(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePhotoError, match=reason):
        open_photo(io.BytesIO(data))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_raw_file_that_ends_too_early_is_truncated(read: Callable, camera: Any, upright: Image.Image) -> None:
    data = camera.dng(upright, camera.jpeg(upright))
    for share in (0.3, 0.9, 0.9995):  # within the sensor's data, the preview, the last directory
        with pytest.raises(UnreadablePhotoError, match=r"^truncated$"):
            read(data[: int(len(data) * share)])


def test_a_preview_that_is_garbage_is_not_used(read: Callable, camera: Any, upright: Image.Image) -> None:
    preview = camera.jpeg(upright)
    data = camera.dng(upright, preview)
    for broken in (bytes(len(preview)), bytes(40) + preview[40:]):
        assert likeness(read(data.replace(preview, broken))[1], upright) > 0.95


def test_a_file_larger_than_the_limit_is_not_read(camera: Any, seen: Image.Image) -> None:
    data = camera.dng(seen)
    assert raw.open_raw(io.BytesIO(data), max_bytes=len(data)).size == seen.size
    with pytest.raises(UnreadablePhotoError, match=r"^a RAW file of 0\.0 GB; up to 0\.0 GB are read$"):
        raw.open_raw(io.BytesIO(data), max_bytes=len(data) - 1)


@pytest.mark.parametrize(("long_side", "size"), [(640, (640, 480)), (639, (800, 900))])
def test_a_preview_is_used_from_640_pixels_on(
    camera: Any, upright: Image.Image, long_side: int, size: tuple[int, int]
) -> None:
    preview = camera.jpeg(Image.new("RGB", (long_side, 480), "teal"))
    assert open_photo(io.BytesIO(camera.dng(upright, preview))).size == size


def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, camera: Any, seen: Image.Image
) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(camera.dng(seen))
    assert reads_raw()
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert not reads_raw()
    failed = decode_file(str(path), lambda opened: None, 256, 64)
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.digest is None) == (NEEDS_RAWPY, False)


def decoded(path: Path, limit: float = 200.0) -> list[Photo]:
    photos = []
    settings = DecoderSettings(1, 64, 256, max_megapixels=limit, slots=3)
    with Decoders(iter([PhotoFile(str(path), 0, 0)]), settings) as decoders:
        for item in decoders:
            photos.append(item.photo if isinstance(item, DecodedPhoto) else item)
            if isinstance(item, DecodedPhoto):
                decoders.release(item)
    return photos


def test_a_worker_reads_raw_files_whatever_they_are_called_and_runs_no_module_beside_them(
    tmp_path: Path, camera: Any, upright: Image.Image, seen: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rawpy.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "caf\udce9\n.jpg"
    path.write_bytes(camera.dng(seen, camera.jpeg(upright)))
    (photo,) = decoded(path)
    assert (photo.error, photo.width, photo.height, photo.camera) == (None, 800, 900, "Example One")
    assert not (tmp_path / "owned").exists()


def test_more_megapixels_than_allowed_are_refused_by_the_header(
    tmp_path: Path, camera: Any, upright: Image.Image, seen: Image.Image
) -> None:
    path = tmp_path / "a.nef"
    for data in (camera.dng(seen, camera.jpeg(upright)), camera.dng(upright)):
        path.write_bytes(data)
        (photo,) = decoded(path, 0.5)
        assert (photo.error, photo.width) == ("too large (0.7 MP > 0.5 MP; see --max-megapixels)", 800)
