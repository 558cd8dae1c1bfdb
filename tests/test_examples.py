"""The scripts in examples/ do what their docstrings say."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult, mtime_ns

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def example(tmp_path):
    """Runs a script of examples/ in an empty folder, and checks its exit code."""

    def call(name: str, *args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.fixture
def burst(tmp_path, album, face_of):
    """A folder of three frames of one moment and a photo of another day, and their index; frame 2 smiles most."""
    folder = tmp_path / "wedding"
    folder.mkdir()
    results = []
    for number, smile in enumerate((0.6, 0.9, 0.3, 0.95), 1):
        path = folder / f"IMG_{number}.jpg"
        path.write_bytes((album / "dim.jpg").read_bytes() + bytes(number))
        status, digest = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
        taken_at = f"2024-05-17T12:00:0{number}" if number < 4 else "2024-06-01T12:00:00"
        photo = Photo(str(path), status.st_size, mtime_ns(status), digest, 512, 512, taken_at, "Example", "00ff" * 4)
        results.append(PhotoResult(photo, (face_of("happy", smile),)))
    with IndexWriter(tmp_path / "wedding.db") as writer:
        scan_id = writer.start_scan({"paths": [str(folder)], "threshold": 0.5})
        writer.write(scan_id, results)
        writer.finish_scan(scan_id)
    return folder


@pytest.mark.slow
def test_the_best_of_a_year_are_copied_best_first_and_only_once(example, scanned, album, tmp_path):
    shutil.copy(scanned, tmp_path / "photos.db")
    example("best_of_year.py", album, "2024", tmp_path / "best", "-n", 2)
    names = sorted(path.name for path in (tmp_path / "best").glob("*.jpg"))
    assert len(names) == 2
    assert names[0].startswith("001_") and names[0].endswith("everybody-smiles.jpg")
    again = example("best_of_year.py", album, "2024", tmp_path / "best", "-n", 2)
    assert again.stdout.count("present") == 2
    assert sorted(path.name for path in (tmp_path / "best").glob("*.jpg")) == names


@pytest.mark.slow
def test_the_best_frame_of_a_burst_is_linked_and_the_others_are_listed(example, burst, tmp_path):
    done = example("burst_cull.py", burst, tmp_path / "picks", "--db", tmp_path / "wedding.db")
    (pick,) = (tmp_path / "picks").glob("*.jpg")
    assert os.readlink(pick) == str(burst / "IMG_2.jpg")
    assert set(done.stdout.splitlines()) == {str(burst / "IMG_1.jpg"), str(burst / "IMG_3.jpg")}
    assert len(list(burst.iterdir())) == 4


def test_the_timeline_tells_the_happiest_month_and_draws_the_plot(example, scanned, tmp_path):
    done = example("timeline.py", scanned, tmp_path / "timeline.png")
    assert "the happiest month: 2024-05" in done.stdout
    assert "without a date: 2 faces" in done.stdout
    with Image.open(tmp_path / "timeline.png") as picture:
        assert picture.format == "PNG"


def test_a_timeline_that_cannot_be_read_or_written_says_so_in_a_line(example, index_of, album, tmp_path):
    missing = example("timeline.py", "missing.db", code=1)
    assert missing.stderr == "missing.db: no such index; create it with: albumsort scan FOLDER --db missing.db\n"
    (tmp_path / "timeline.png").write_bytes(b"mine")
    again = example("timeline.py", index_of({album / "dim.jpg": [("happy", 0.9)]}), "timeline.png", code=1)
    assert again.stderr == "timeline.png: File exists\n"
    assert (tmp_path / "timeline.png").read_bytes() == b"mine"


@pytest.mark.parametrize("year", ["24", "2024-05", "last", ""])
def test_what_is_no_year_is_refused_before_anything_is_scanned(example, album, tmp_path, year):
    printed = example("best_of_year.py", album, year, tmp_path / "best", code=2).stderr
    assert f"argument year: invalid year value: {year!r}" in printed
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_of_one_line(example, tmp_path):
    printed = example("best_of_year.py", tmp_path / "missing", "2024", tmp_path / "best", code=1).stderr
    assert printed.count("\n") == 1 and str(tmp_path / "missing") in printed


def test_the_timeline_of_an_album_without_faces_is_short(example, index_of, album):
    assert "0 faces" in example("timeline.py", index_of({album / "places" / "cat.jpg": []})).stdout
