"""albumsort predict: faces of single photos, without an index."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from albumsort.cli.predict import predict
from albumsort.emotions import EMOTIONS

pytestmark = pytest.mark.slow


@pytest.fixture
def lines(capsys):
    """The objects that ``predict --json`` prints: ``lines([photo], cropped=True)``."""

    def call(images: list[Path], **options: object) -> list[dict]:
        predict(images, form="json", **options)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return call


def test_one_object_a_line_in_the_order_given(lines, album):
    # The text is done first and the two large groups last, so the order given is not the order of being done.
    files = [
        album / "groups" / "both.jpg",
        album / "renamed-notes.jpg",
        album / "portraits" / "grace-hopper.jpg",
        album / "groups" / "far-away.jpg",
        album / "places" / "coffee.jpg",
        album / "portraits" / "grace-hopper.jpg",
    ]
    objects = lines(files)
    assert [item["path"] for item in objects] == [str(file) for file in files]
    assert all(list(item) == ["path", "faces", "error"] for item in objects)
    assert [len(item["faces"]) for item in objects] == [2, 0, 1, 3, 0, 1]
    assert [item["error"] for item in objects] == [None, "not an image", None, None, None, None]
    assert objects[2] == objects[5]
    for face in (face for item in objects for face in item["faces"]):
        assert list(face) == ["box", "detection", "confidence", "emotion", "probabilities", "corrected"]
        assert list(face["probabilities"]) == list(EMOTIONS)
        assert sum(face["probabilities"].values()) == pytest.approx(1, abs=2e-3)


def test_the_command_prints_nothing_but_its_objects(run, album):
    done = run("predict", album / "portraits" / "grace-hopper.jpg", album / "renamed-notes.jpg", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert len(first["faces"]) == 1 and first["error"] is None
    assert second["faces"] == [] and second["error"]


def test_under_the_threshold_no_emotion_is_named(lines, album):
    ((face,),) = (item["faces"] for item in lines([album / "portraits" / "grace-hopper.jpg"], threshold=1.0))
    assert face["emotion"] is None
    assert 0 < face["confidence"] < 1


def test_a_cropped_picture_is_one_face_from_edge_to_edge(lines, album):
    picture = album / "places" / "coffee.jpg"
    width, height = Image.open(picture).size
    (item,) = lines([picture], cropped=True)
    (face,) = item["faces"]
    assert face["box"] == [0, 0, width, height]
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=2e-3)


def test_relative_paths_are_printed_absolute(lines, album, monkeypatch):
    monkeypatch.chdir(album / "portraits")
    (item,) = lines([Path("grace-hopper.jpg")], cropped=True)
    assert item["path"] == str(album / "portraits" / "grace-hopper.jpg")


def test_a_missing_file_comes_with_an_error(lines, album, tmp_path):
    missing, found = lines([tmp_path / "nowhere.jpg", album / "portraits" / "grace-hopper.jpg"], cropped=True)
    assert missing["error"] and not missing["faces"]
    assert found["faces"] and not found["error"]


def test_without_json_each_face_is_a_line(album, capsys):
    predict([album / "groups" / "both.jpg", album / "renamed-notes.jpg"])
    head, first, second, error = capsys.readouterr().out.splitlines()
    assert head == f"{album / 'groups' / 'both.jpg'}: 2 faces"
    assert all("%" in line and " x " in line for line in (first, second))
    assert error == f"{album / 'renamed-notes.jpg'}: not an image"


def test_crops_are_kept_as_grey_pictures_of_48_pixels(lines, album, tmp_path):
    objects = lines([album / "groups" / "both.jpg", album / "places" / "coffee.jpg"], crops=tmp_path / "crops")
    kept = sorted((tmp_path / "crops").iterdir())
    assert len(kept) == sum(len(item["faces"]) for item in objects) == 2
    for path in kept:
        picture = Image.open(path)
        assert (picture.format, picture.size, picture.mode) == ("PNG", (48, 48), "L")
        assert "both_face" in path.name
        assert len(picture.getcolors()) > 20  # a face, not a flat tile


def test_crops_are_written_once_and_never_overwritten(lines, album, tmp_path):
    photo = album / "portraits" / "grace-hopper.jpg"
    for _ in range(2):
        lines([photo], cropped=True, crops=tmp_path)
    (kept,) = tmp_path.iterdir()
    crop = kept.read_bytes()
    kept.write_bytes(b"mine")
    lines([photo], cropped=True, crops=tmp_path)
    assert kept.read_bytes() == b"mine"
    assert kept.with_name(f"{kept.stem}-2.png").read_bytes() == crop


def test_crops_of_a_photo_with_a_very_long_name_are_kept(lines, album, tmp_path):
    photo = tmp_path / ("n" * 246 + ".jpg")
    shutil.copy(album / "portraits" / "grace-hopper.jpg", photo)
    lines([photo], cropped=True, crops=tmp_path / "crops")
    assert len(list((tmp_path / "crops").iterdir())) == 1
