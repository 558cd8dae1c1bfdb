"""albumsort bursts: found in a real scan, the best frame first."""

from __future__ import annotations

import json
from pathlib import Path

import piexif
import pytest
from PIL import Image, ImageFilter

pytestmark = pytest.mark.slow


def shoot(image: Image.Image, path: Path, second: int) -> None:
    when = f"2024:05:17 12:00:{second:02d}".encode()
    exif = {"0th": {piexif.ImageIFD.Model: b"Example"}, "Exif": {piexif.ExifIFD.DateTimeOriginal: when}}
    image.save(path, "JPEG", quality=92, exif=piexif.dump(exif))


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory, composer) -> Path:
    """Four frames of one portrait, one sharp and well lit, and a photo of another scene a second later."""
    folder = tmp_path_factory.mktemp("burst")
    portrait = composer.portrait(composer.HAPPY)
    shoot(portrait.filter(ImageFilter.GaussianBlur(5)), folder / "blurred.jpg", 1)
    shoot(portrait, folder / "good.jpg", 2)
    shoot(portrait.point(lambda value: max(0, value - 150)), folder / "dark.jpg", 3)
    moved = portrait.crop((20, 0, portrait.width, portrait.height - 20))
    shoot(moved.filter(ImageFilter.GaussianBlur(2)), folder / "moved.jpg", 4)
    shoot(composer.portrait(composer.NEUTRAL), folder / "somebody-else.jpg", 5)
    return folder


@pytest.fixture(scope="module")
def index(burst, tmp_path_factory) -> Path:
    from albumsort.scanning.scan import scan

    made = tmp_path_factory.mktemp("index") / "index.db"
    scan([burst], made)
    return made


def test_frames_of_a_moment_are_listed_with_the_best_first(call, burst, index):
    done = call("bursts", burst, "--db", index, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = json.loads(done.stdout)
    names = [Path(frame["path"]).name for frame in found["frames"]]
    assert names[0] == "good.jpg"
    assert set(names) == {"good.jpg", "blurred.jpg", "dark.jpg", "moved.jpg"}
    assert all(set(frame["parts"]) >= {"exposure", "sharpness"} for frame in found["frames"])


def test_the_table_marks_the_best_frame(call, index):
    lines = call("bursts", "--db", index).stdout.splitlines()
    assert "4 frames" in lines[0] and "2024-05-17 12:00:01" in lines[0]
    assert [line.strip().startswith("*") for line in lines[1:]] == [True, False, False, False]
    assert lines[1].endswith("good.jpg")


def test_a_list_has_one_frame_of_it(call, index):
    rows = json.loads(call("top", "happy", "--db", index, "--format", "json").stdout)
    assert [row["others"] for row in rows if "somebody" not in row["path"]] == [3]
    assert "(+3 like it)" in call("top", "happy", "--db", index).stdout
    everything = call("top", "happy", "--db", index, "--all").stdout
    assert len(everything.splitlines()) >= 3 and "like it" not in everything


def test_other_weights_give_another_order(call, index):
    done = call("bursts", "--db", index, "--weights", "exposure=1", "--json")
    (found,) = json.loads(done.stdout)
    scores = [frame["score"] for frame in found["frames"]]
    assert scores == [frame["parts"]["exposure"] for frame in found["frames"]]
    assert Path(found["frames"][-1]["path"]).name == "dark.jpg"


@pytest.mark.parametrize(
    "weights", ["smile=1", "emotion", "emotion=0", "emotion=-1", "emotion=inf", "emotion=1,emotion=2"]
)
def test_weights_that_are_none_exit_2_and_show_the_right_ones(call, index, weights):
    done = call("bursts", "--db", index, "--weights", weights)
    assert done.returncode == 2
    assert "emotion" in done.stderr and "Traceback" not in done.stderr


def test_filters_that_no_burst_passes_are_to_blame(call, index):
    done = call("bursts", "--db", index, "--since", "2025")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no burst passes these filters\n")


def test_a_folder_that_is_named_twice_is_wrong_usage(call, burst, index):
    done = call("bursts", burst, "--under", burst, "--db", index)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--under" in done.stderr


def test_without_bursts_it_says_so(call, index_of, album):
    index = index_of({album / "dim.jpg": [("happy", 0.9)]})
    done = call("bursts", "--db", index)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no bursts" in done.stderr
