"""The reader: faces come out in pixels of the full-size photo, whatever pixels went in."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsort.errors import AlbumsortError
from albumsort.records import Box, Detection
from albumsort.vision import reader as module
from albumsort.vision.crop import crop_face
from albumsort.vision.models import read_card, shipped_model
from albumsort.vision.reader import FaceReader, Picture

#: Where the detector of the tests finds a face in every picture, in shares of its sides.
SHARES = Box(0.25, 0.5, 0.25, 0.25)


class OneFaceEach:
    """A detector that finds one face in each picture, always at the same place."""

    def __init__(self, *_: object) -> None:
        self.sizes: list[tuple[int, int]] = []

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[Detection]]:
        self.sizes += [picture.shape[1::-1] for picture in pictures]
        return [[self.face(*picture.shape[1::-1])] for picture in pictures]

    @staticmethod
    def face(width: int, height: int) -> Detection:
        box = SHARES.scaled(width, height)
        return Detection(box, 0.99, ((box.x, box.y),))


class HappyOrUnknown:
    """A classifier that knows two emotions and reads all faces alike."""

    engine = "no network"

    def __init__(self, *_: object, **__: object) -> None:
        self.card = read_card(shipped_model())

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        row = np.array([np.nan, np.nan, np.nan, 0.75, np.nan, np.nan, 0.25], np.float32)
        return np.repeat(row[None], len(crops), 0)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> FaceReader:
    monkeypatch.setattr(module, "FaceDetector", OneFaceEach)
    monkeypatch.setattr(module, "EmotionClassifier", HappyOrUnknown)
    return FaceReader()


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_boxes_and_landmarks_are_in_pixels_of_the_full_size_photo(reader: FaceReader) -> None:
    ((read,),) = reader.read([Picture(noise(400, 200), noise(100, 50), (4000, 2000))])
    assert read.face.box == Box(1000, 1000, 1000, 500)
    assert read.face.landmarks == ((1000, 1000),)
    assert read.face.detection == 0.99


def test_without_a_size_they_are_in_pixels_of_the_picture(reader: FaceReader) -> None:
    ((read,),) = reader.read([Picture(noise(400, 200), noise(100, 50))])
    assert read.face.box == Box(100, 100, 100, 50)


def test_the_crop_is_cut_out_of_the_picture_and_not_of_its_small_copy(reader: FaceReader) -> None:
    pixels = noise(400, 200)
    ((read,),) = reader.read([Picture(pixels, np.zeros((50, 100, 3), np.uint8), (4000, 2000))])
    crop, sharpness = crop_face(pixels, Box(100, 100, 100, 50))
    assert np.array_equal(read.crop, crop)
    assert read.face.sharpness == sharpness


@pytest.mark.parametrize(
    ("size", "small"), [((2048, 1024), (1024, 512)), ((1024, 10), (1024, 10)), ((30, 20), (30, 20))]
)
def test_the_small_copy_has_at_most_1024_pixels(
    reader: FaceReader, size: tuple[int, int], small: tuple[int, int]
) -> None:
    ((read,),) = reader.read([Picture(noise(*size))])
    assert reader.detector.sizes == [small]
    assert read.face.box == SHARES.scaled(*size)


def test_what_the_model_does_not_know_is_none(reader: FaceReader) -> None:
    ((read,),) = reader.read([Picture(noise(60, 60))])
    assert read.face.probabilities == (None, None, None, 0.75, None, None, 0.25)
    assert read.face.emotion == "happy"


def test_faces_stay_with_their_pictures(reader: FaceReader) -> None:
    read = reader.read([Picture(noise(100 * n, 50)) for n in (1, 2, 3)])
    assert [face.face.box.w for (face,) in read] == [25, 50, 75]
    assert reader.read([]) == []


def test_without_pictures_only_the_detector_is_loaded(reader: FaceReader) -> None:
    assert reader.read([]) == []
    assert reader.loaded_card is None


def test_a_cropped_picture_is_one_face_from_edge_to_edge(reader: FaceReader) -> None:
    first, second = reader.read_cropped([Picture(noise(60, 80)), Picture(noise(60, 80), size=(600, 800))])
    assert first.face.box == Box(0, 0, 60, 80) and second.face.box == Box(0, 0, 600, 800)
    assert first.face.detection == 1.0 and first.face.landmarks == ()
    assert first.crop.shape == (48, 48)


def test_a_model_is_known_by_its_card_before_it_is_loaded(reader: FaceReader) -> None:
    assert reader.card == read_card(shipped_model())
    assert reader.loaded_card is None
    assert reader.engine is None
    reader.probabilities(np.zeros((1, 48, 48), np.uint8))
    assert reader.loaded_card == reader.card
    assert reader.engine == "no network"


def test_a_reader_travels_with_its_options_and_without_its_networks() -> None:
    reader = FaceReader(min_face=7.5, device="cpu", model=Path("nowhere.keras"), callers=3)
    arrived = pickle.loads(pickle.dumps(reader))
    assert arrived.loaded_card is None
    with pytest.raises(AlbumsortError, match=r"nowhere\.keras"):
        _ = arrived.card
    with pytest.raises(ValueError, match="min_face"):
        _ = pickle.loads(pickle.dumps(FaceReader(min_face=0))).detector


def test_networks_are_loaded_once_for_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []

    class Counted(OneFaceEach):
        def __init__(self, *options: object) -> None:
            super().__init__()
            loaded.append(options)

    monkeypatch.setattr(module, "FaceDetector", Counted)
    monkeypatch.setattr(module, "EmotionClassifier", HappyOrUnknown)
    reader = FaceReader(min_face=5, device="cpu", callers=2)
    with ThreadPoolExecutor(4) as threads:
        read = list(threads.map(reader.read, [[Picture(noise(50, 50))]] * 8))
    assert loaded == [(5, "cpu", 2)]
    assert len(read) == 8


@pytest.mark.parametrize(("shape", "dtype"), [((5, 5, 3), float), ((5, 5), "u1"), ((5, 5, 4), "u1"), ((0, 5, 3), "u1")])
def test_what_is_no_rgb_picture_is_refused(shape: tuple[int, ...], dtype: str) -> None:
    pixels = np.zeros(shape, dtype)
    with pytest.raises(ValueError, match="uint8"):
        Picture(pixels)
    with pytest.raises(ValueError, match="uint8"):
        Picture(noise(5, 5), pixels)


def test_the_faces_of_a_picture_are_found_and_read(composer: ModuleType) -> None:
    portrait = np.asarray(composer.portrait(composer.HAPPY).convert("RGB"))
    reader = pickle.loads(pickle.dumps(FaceReader(device="cpu")))
    ((read,), nobody) = reader.read([Picture(portrait), Picture(np.zeros((200, 300, 3), np.uint8))])
    x, y, w, h = composer.FACES[composer.HAPPY]
    assert nobody == []
    assert read.face.box == pytest.approx((x, y, w, h), abs=0.3 * h)
    assert read.face.emotion == "happy"
    assert reader.probabilities(read.crop[None]) == [read.face.probabilities]


def test_networks_that_were_unloaded_are_loaded_again_and_find_the_same(composer: ModuleType) -> None:
    reader = FaceReader(device="cpu")
    pictures = [Picture(np.asarray(composer.portrait(composer.HAPPY).convert("RGB")))]
    reader.unload()  # nothing is loaded yet
    before = reader.read(pictures)
    reader.unload()
    assert reader.loaded_card is None
    assert reader.read(pictures) == before
    assert reader.loaded_card == reader.card
