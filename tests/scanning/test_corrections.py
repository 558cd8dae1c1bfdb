"""A correction survives what other programs do to the file of the photo."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS
from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.scanning.scan import scan

PORTRAIT = "portraits/eileen-collins.jpg"
needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="no exiftool here: apt install libimage-exiftool-perl"
)


def exiftool(*args: object) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        subprocess.run(["exiftool", "-q", "-m", "-overwrite_original", *map(str, args), path], check=True)
        return path

    return write


def encode_again(path: Path) -> Path:
    with Image.open(path) as image:
        image.load()
        image.save(path, quality=70)
    return path


def moved_by(change: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def move(path: Path) -> Path:
        (path.parent / "sorted").mkdir()
        return change(path.rename(path.parent / "sorted" / "other name.jpg"))

    return move


def copied_by(change: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def copy(path: Path) -> Path:
        return change(Path(shutil.copy(path, path.parent / "copy.jpg")))

    return copy


KEYWORD, RATING = exiftool("-IPTC:Keywords=summer", "-XMP-dc:Subject=summer"), exiftool("-Rating=4", "-XMP:Rating=4")


@pytest.fixture
def corrected(album: Path, tmp_path: Path, reader: Any) -> Path:
    """A photo that was scanned, and whose face was corrected."""
    (tmp_path / "album").mkdir()
    path = Path(shutil.copy(album / PORTRAIT, tmp_path / "album" / "a.jpg"))
    scan([tmp_path / "album"], tmp_path / "index.db", reader=reader)
    with IndexWriter(tmp_path / "index.db") as writer:
        writer.correct(str(path), 1, "disgust")
    return path


@needs_exiftool
@pytest.mark.parametrize(
    "change",
    [
        KEYWORD,
        RATING,
        exiftool("-AllDates=2001:01:01 10:00:00"),
        exiftool("-all="),
        encode_again,
        moved_by(KEYWORD),
        moved_by(encode_again),
        copied_by(RATING),
    ],
    ids=["keyword", "rating", "time", "no metadata", "encoded", "moved, keyword", "moved, encoded", "copied, rating"],
)
def test_a_correction_survives_a_change_of_the_file(
    corrected: Path, tmp_path: Path, reader: Any, change: Callable[[Path], Path]
) -> None:
    before = corrected.read_bytes()
    now = change(corrected)
    assert now.read_bytes() != before
    scan([tmp_path / "album"], tmp_path / "index.db", reader=reader)
    with Index(tmp_path / "index.db") as index:
        assert [face.probability("disgust") for face in index.photo(str(now)).faces] == [1.0]
        (labelled,) = {one.path: one for one in index.corrections() if one.path == str(now)}.values()
        assert labelled.emotion == "disgust" and labelled.emotion in EMOTIONS
        assert labelled.box == index.photo(str(now)).faces[0].box


@needs_exiftool
def test_a_correction_survives_a_move_a_prune_and_a_change(corrected: Path, tmp_path: Path, reader: Any) -> None:
    away = corrected.rename(tmp_path / "elsewhere.jpg")
    (tmp_path / "album" / "notes.txt").touch()
    with IndexWriter(tmp_path / "index.db") as writer:
        assert writer.prune()[0] == 1
    KEYWORD(away)
    os.rename(away, tmp_path / "album" / "b.jpg")
    scan([tmp_path / "album"], tmp_path / "index.db", reader=reader)
    with Index(tmp_path / "index.db") as index:
        assert [face.emotion for face in index.photo(str(tmp_path / "album" / "b.jpg")).faces] == ["disgust"]


@pytest.mark.slow
@needs_exiftool
@pytest.mark.parametrize("orientation", [2, 6])
def test_a_correction_survives_a_rotation_flag_there_and_back(album: Path, tmp_path: Path, orientation: int) -> None:
    """The networks find the mirrored face again, and perhaps the one that lies on its side."""
    (tmp_path / "album").mkdir()
    path = Path(shutil.copy(album / PORTRAIT, tmp_path / "album" / "a.jpg"))
    scan([tmp_path / "album"], tmp_path / "index.db")
    with IndexWriter(tmp_path / "index.db") as writer:
        writer.correct(str(path), 1, "disgust")
    for turned in (orientation, 1):
        exiftool("-n", f"-Orientation={turned}")(path)
        scan([tmp_path / "album"], tmp_path / "index.db")
        with Index(tmp_path / "index.db") as index:
            shown = index.photo(str(path))
        assert shown.photo.orientation == turned
        if turned != 6:
            assert [face.probability("disgust") for face in shown.faces] == [1.0]
