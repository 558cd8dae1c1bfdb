"""Faces that are known are cut out and read again, photo by photo."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from albumsort.records import Box, PhotoResult
from albumsort.scanning.recrop import cut_faces, read_again
from albumsort.settings import ScanSettings
from albumsort.vision.crop import crop_face, whole_picture


@pytest.fixture
def results(album: Path, known_results: Any) -> dict[str, PhotoResult]:
    """The photos of the example album with faces, by path."""
    return {result.photo.path: result for result in known_results(album) if result.faces}


def test_a_box_is_cut_out_as_a_scan_does_it(album: Path) -> None:
    path, box = str(album / "portraits" / "eileen-collins.jpg"), Box(100, 50, 120, 150)
    ((photo, crops),) = cut_faces([path], lambda path: [box, None])
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert photo.path == path
    assert np.array_equal(crops[0], crop_face(pixels, box)[0])
    assert np.array_equal(crops[1], whole_picture(pixels)[0])


@pytest.mark.parametrize(
    ("box", "is_on_it"),
    [
        (Box(-40, -40, 80, 80), True),  # its centre is the corner
        (Box(-41, 0, 80, 80), False),
        (Box(0, -41, 80, 80), False),
        (Box(-40 + 512, -40 + 512, 80, 80), True),
        (Box(-39 + 512, 0, 80, 80), False),
        (Box(0, -39 + 512, 80, 80), False),
        (Box(10, 10, 0, 20), False),
        (Box(10, 10, 20, 0), False),
        (Box(0, 0, 1024, 20), True),
        (Box(0, 0, 1025, 20), False),
        (Box(0, 0, 20, 1024), True),
        (Box(0, 0, 20, 1025), False),
    ],
)
def test_a_box_lies_on_the_photo_when_its_centre_does_and_its_size_is_possible(
    tmp_path: Path, box: Box, is_on_it: bool
) -> None:
    Image.new("RGB", (512, 512), "teal").save(tmp_path / "photo.png")
    ((_, (crop,)),) = cut_faces([str(tmp_path / "photo.png")], lambda path: [box])
    assert (crop is not None) == is_on_it


def test_boxes_are_in_pixels_of_the_full_size_photo(tmp_path: Path) -> None:
    picture = Image.new("RGB", (1200, 800), "black")
    picture.paste("white", (600, 400, 800, 600))
    picture.save(tmp_path / "photo.png")
    ((_, (crop,)),) = cut_faces(
        [str(tmp_path / "photo.png")], lambda path: [Box(640, 440, 120, 120)], ScanSettings(detail=600)
    )
    assert crop is not None and (crop > 250).all()


def test_a_photo_that_cannot_be_read_has_no_crops(album: Path, tmp_path: Path) -> None:
    paths = [str(album / "renamed-notes.jpg"), str(tmp_path / "nowhere.jpg")]
    found = {photo.path: (photo.error, crops) for photo, crops in cut_faces(paths, lambda path: [None])}
    assert found == {paths[0]: ("not an image", []), paths[1]: ("vanished during the scan", [])}


def test_only_the_probabilities_are_new(results: dict[str, PhotoResult], reader: Any) -> None:
    wrong = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    before = {
        path: replace(result, faces=tuple(replace(face, probabilities=wrong) for face in result.faces))
        for path, result in results.items()
    }
    again = {result.photo.path: result for result in read_again(before, before.get, reader, ScanSettings())}
    assert again == results


def test_results_are_asked_for_when_their_photo_is_decoded(results: dict[str, PhotoResult], reader: Any) -> None:
    asked: list[str] = []

    def result_of(path: str) -> PhotoResult:
        asked.append(path)
        return results[path]

    with closing(read_again(results, result_of, reader, ScanSettings())) as again:
        for done, result in enumerate(again, 1):
            assert len(asked) == done
            assert asked[-1] == result.photo.path


def test_photos_that_have_changed_or_are_not_known_any_more_are_left_out(
    results: dict[str, PhotoResult], tmp_path: Path, reader: Any
) -> None:
    forgotten, changed, moved, same = list(results)[:4]
    far_away = replace(results[moved].faces[0], box=Box(9e9, 0, 1, 1))
    asked = {
        forgotten: None,
        changed: replace(results[changed], photo=replace(results[changed].photo, digest="other")),
        moved: replace(results[moved], faces=(*results[moved].faces, far_away)),
        same: results[same],
    }
    again = list(read_again(asked, asked.get, reader, ScanSettings()))
    assert [result.photo.path for result in again] == [same]
    assert reader.crops == len(results[same].faces)
