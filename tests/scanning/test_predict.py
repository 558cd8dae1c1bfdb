"""Prediction: photos and arrays come back in the order given, with their faces or with their errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from albumsort.records import Box
from albumsort.scanning.predict import predict

HAPPY, CAT, BOTH = "portraits/eileen-collins.jpg", "places/cat.jpg", "groups/both.jpg"


@pytest.fixture
def array(album: Path) -> np.ndarray:
    with Image.open(album / HAPPY) as image:
        return np.asarray(image.convert("RGB"))


def test_photos_come_in_the_order_in_which_they_are_given(album: Path, reader: Any) -> None:
    names = (HAPPY, CAT, "nowhere.jpg", BOTH, HAPPY)
    read = list(predict([str(album / name) for name in names], reader=reader))
    assert [photo.photo.path for photo in read] == [str(album / name) for name in names]
    assert [len(photo.faces) for photo in read] == [1, 0, 0, 2, 1]
    assert [photo.crops.shape for photo in read] == [(count, 48, 48) for count in (1, 0, 0, 2, 1)]
    assert read[2].photo.error == "no such file"


def test_a_folder_is_no_photo(album: Path, reader: Any) -> None:
    folder, photo = predict([album / "groups", album / HAPPY], reader=reader)
    assert folder.photo.error == "a folder, not a photo" and not folder.faces
    assert photo.photo.error is None and photo.faces


def test_paths_and_arrays_may_be_mixed(album: Path, array: np.ndarray, reader: Any) -> None:
    read = list(predict([array, album / BOTH, album / CAT, array, array, album / HAPPY], reader=reader))
    assert [os.path.basename(photo.photo.path) for photo in read] == [
        "",
        "both.jpg",
        "cat.jpg",
        "",
        "",
        "eileen-collins.jpg",
    ]
    assert [len(photo.faces) for photo in read] == [1, 2, 0, 1, 1, 1]
    assert read[0].faces == read[3].faces == read[5].faces
    assert (read[0].photo.width, read[0].photo.height) == array.shape[1::-1]


def test_arrays_alone_start_no_process(array: np.ndarray, reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albumsort.scanning.predict.Decoders", None)
    assert len(list(predict([array] * 14, reader=reader))) == 14


def test_a_relative_path_comes_back_absolute(album: Path, reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album)
    (read,) = predict([Path(HAPPY)], reader=reader)
    assert read.photo.path == str(album / HAPPY)


def test_a_cropped_image_is_one_face_from_edge_to_edge(album: Path, array: np.ndarray, reader: Any) -> None:
    first, broken, second = predict([album / CAT, album / "renamed-notes.jpg", array], cropped=True, reader=reader)
    with Image.open(album / CAT) as image:
        assert first.faces[0].box == Box(0, 0, *image.size)
    assert second.faces[0].box == Box(0, 0, *array.shape[1::-1])
    assert (broken.faces, broken.photo.error) == ((), "not an image")


def test_an_array_that_is_no_rgb_picture_is_refused(reader: Any) -> None:
    with pytest.raises(ValueError, match="uint8"):
        list(predict([np.zeros((4, 4))], reader=reader))


def test_nothing_gives_nothing(reader: Any) -> None:
    assert list(predict([], reader=reader)) == []


def test_one_path_or_picture_alone_is_read_as_a_list_of_one(album: Path, array: np.ndarray, reader: Any) -> None:
    for image in (str(album / HAPPY), album / HAPPY, array):
        (read,) = predict(image, reader=reader)
        assert len(read.faces) == 1
