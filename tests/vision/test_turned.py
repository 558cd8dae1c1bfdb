"""Photos that are not upright: their faces are found, and read as if they were."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.records import Box, Detection
from albumsort.scanning.recrop import cut_faces
from albumsort.vision.crop import crop_face
from albumsort.vision.reader import FaceReader, Picture, ReadFace
from albumsort.vision.turned import turn_of, turned, turned_back, turned_box, without_rivals

#: An upright face in a picture of 400 x 300 pixels: its box and landmarks.
BOX, POINTS = Box(100, 50, 80, 100), ((120.0, 90.0), (160.0, 92.0), (141.0, 110.0), (124.0, 130.0), (156.0, 131.0))


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def after(turn: int, width: int = 400, height: int = 300) -> Detection:
    """The face after the picture was turned so that ``turn`` puts it upright."""
    return turned_back(Detection(BOX, 0.99, POINTS), turn, width, height)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_landmarks_tell_the_turn_that_puts_a_face_upright(turn: int) -> None:
    assert turn_of(after(turn).landmarks) == turn


def test_a_tilted_face_and_one_without_landmarks_are_upright() -> None:
    tilted = tuple((x * 0.8 - y * 0.6, x * 0.6 + y * 0.8) for x, y in POINTS)  # by 37 degrees
    assert turn_of(tilted) == turn_of(()) == turn_of(POINTS[:3]) == 0


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_box_turns_with_its_picture(turn: int) -> None:
    picture = np.zeros((300, 400), np.uint8)
    picture[50:150, 100:180] = 1
    x, y, w, h = (round(value) for value in turned_box(BOX, turn, 400, 300))
    there = turned(picture, turn)
    assert there[y : y + h, x : x + w].all() and there.sum() == w * h


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_face_that_is_not_upright_is_cropped_upright(turn: int) -> None:
    upright = noise(400, 300)
    picture, face = np.ascontiguousarray(np.rot90(upright, -turn)), after(turn)
    crop, sharpness = crop_face(picture, face.box, face.landmarks)
    expected, as_sharp = crop_face(upright, BOX)
    assert np.array_equal(crop, expected)
    assert sharpness == pytest.approx(as_sharp)


def test_of_faces_at_one_place_the_surest_is_kept() -> None:
    weak, sure = Detection(Box(0, 0, 100, 100), 0.91, ()), Detection(Box(10, 10, 90, 90), 0.99, ())
    elsewhere = Detection(Box(200, 0, 300, 300), 0.92, ())
    assert without_rivals([weak, sure, elsewhere]) == [elsewhere, sure]
    assert without_rivals([]) == []


@pytest.fixture(scope="module")
def real_reader() -> FaceReader:
    return FaceReader(device="cpu")


def read(reader: FaceReader, picture: NDArray[np.uint8], turn: int = 0) -> list[ReadFace]:
    (faces,) = reader.read([Picture(np.ascontiguousarray(np.rot90(picture, -turn)))])
    return faces


@pytest.mark.slow
@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("size", [0.4, 1.0, 3.0])
def test_a_turned_portrait_has_the_face_and_the_emotion_of_the_upright_one(
    real_reader: FaceReader, composer: ModuleType, turn: int, size: float
) -> None:
    for person, emotion in ((composer.NEUTRAL, "neutral"), (composer.HAPPY, "happy")):
        portrait = composer.portrait(person).convert("RGB")
        picture = np.asarray(portrait.resize((round(portrait.width * size), round(portrait.height * size))))
        (upright,) = read(real_reader, picture)
        (face,) = read(real_reader, picture, turn)
        place = turned_box(upright.face.box, -turn % 4, picture.shape[1], picture.shape[0])
        assert face.face.emotion == emotion
        assert tuple(face.face.box) == pytest.approx(tuple(place), abs=0.1 * place.h)
        assert turn_of(face.face.landmarks) == turn


@pytest.mark.slow
@pytest.mark.parametrize("name", ["both.jpg", "everybody-smiles.jpg", "far-away.jpg"])
def test_no_face_of_a_group_upside_down_is_certain_of_another_emotion(
    real_reader: FaceReader, composer: ModuleType, name: str
) -> None:
    # The first look finds a face of both.jpg that stands on its head, and its score is high.
    picture = np.asarray(composer.group(composer.GROUPS[name])[0].convert("RGB"))
    upright, over = read(real_reader, picture), read(real_reader, picture, 2)
    width, height = picture.shape[1::-1]
    assert len(over) == len(upright)
    for face in over:
        place = turned_box(face.face.box, 2, width, height)
        other = min(upright, key=lambda each: abs(each.face.box.x - place.x) + abs(each.face.box.y - place.y))
        assert face.face.emotion == other.face.emotion


@pytest.mark.slow
def test_turned_places_without_people_have_no_faces(real_reader: FaceReader) -> None:
    rng = np.random.default_rng(0)
    textures = [rng.integers(0, 256, (300, 400, 3), np.uint8), np.full((200, 300, 3), 90, np.uint8)]
    assert real_reader.read([Picture(each) for each in textures]) == [[], []]


@pytest.mark.slow
def test_a_turned_face_of_the_index_is_cut_out_upright_again(
    real_reader: FaceReader, composer: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "turned.png"
    portrait = composer.portrait(composer.NEUTRAL).convert("RGB").rotate(90, expand=True)
    portrait.save(path)
    (face,) = read(real_reader, np.asarray(portrait))
    place = Detection(face.face.box, face.face.detection, face.face.landmarks)
    ((_, (crop,)),) = cut_faces([str(path)], lambda path: [place])
    assert crop is not None and np.array_equal(crop, face.crop)
    assert EMOTIONS[int(np.argmax(real_reader.probabilities(crop[None])[0]))] == "neutral"
