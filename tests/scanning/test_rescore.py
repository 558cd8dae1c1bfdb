"""Faces that another model has read are told of, and read again on request, without a new search."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Face
from albumsort.scanning.scan import scan
from albumsort.settings import ScanSettings
from albumsort.vision.models import read_card, shipped_model

PEOPLE = 7  # photos of the example album with faces in them


@pytest.fixture
def of_another_model(album: Path, scanned: Path, tmp_path: Path) -> Path:
    """An index of the example album whose faces another model has read, each as disgust."""
    index = tmp_path / "index.db"
    shutil.copy(scanned, index)
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute("UPDATE scans SET model = 'older 0123456789ab'")
        rest = "angry = 0, fear = 0, happy = 0, sad = 0, surprise = 0, neutral = 0"
        connection.execute(f"UPDATE faces SET emotion = 'disgust', confidence = 1, disgust = 1, {rest}")
    return index


def faces(index: Path) -> dict[str, tuple[Face, ...]]:
    with closing(sqlite3.connect(index)) as connection:
        paths = [os.fsdecode(path) for (path,) in connection.execute("SELECT path FROM photos")]
    with Index(index) as opened:
        known = {path: opened.photo(path) for path in paths}
    return {path: found.faces for path, found in known.items() if found is not None}


def test_a_scan_says_how_many_photos_another_model_has_read(album: Path, of_another_model: Path, reader: Any) -> None:
    before = faces(of_another_model)
    assert scan([album], of_another_model, reader=reader).of_other_models == PEOPLE
    assert scan([album / "groups"], of_another_model, reader=reader).of_other_models == 3
    assert faces(of_another_model) == before


def test_rescore_reads_the_faces_again_where_they_are(
    album: Path, scanned: Path, of_another_model: Path, reader: Any
) -> None:
    summary = scan([album], of_another_model, ScanSettings(rescore=True), reader=reader)
    assert (summary.rescored, summary.of_other_models, summary.scanned) == (PEOPLE, 0, 0)
    assert (reader.pictures, reader.crops) == (0, sum(map(len, faces(scanned).values())))
    wanted = faces(scanned)
    for path, found in faces(of_another_model).items():
        assert [face.box for face in found] == [face.box for face in wanted[path]]
        for face, other in zip(found, wanted[path], strict=True):
            assert face.probabilities == pytest.approx(other.probabilities, abs=0.02)
    with Index(of_another_model) as index:
        assert index.stats()["last_scan"]["model"] == read_card(shipped_model()).identity
    assert scan([album], of_another_model, ScanSettings(rescore=True), reader=reader).rescored == 0


def test_what_a_person_said_stays_when_faces_are_read_again(album: Path, of_another_model: Path, reader: Any) -> None:
    both = str(album / "groups" / "both.jpg")
    with IndexWriter(of_another_model) as writer:
        writer.correct(both, 1, "surprise")
        writer.correct(both, 2, None)
    scan([album], of_another_model, ScanSettings(rescore=True), reader=reader)
    assert [(face.emotion, face.confidence) for face in faces(of_another_model)[both]] == [("surprise", 1.0)]
    with IndexWriter(of_another_model) as writer:
        writer.uncorrect(both)
    # Both are read by the model in use now, that which was no face among them.
    assert "disgust" not in {face.emotion for face in faces(of_another_model)[both]}
    assert len(faces(of_another_model)[both]) == 2


def test_moved_and_copied_photos_stay_read_by_the_model_that_read_them(
    album: Path, of_another_model: Path, tmp_path: Path, reader: Any
) -> None:
    folder = tmp_path / "copies"
    shutil.copytree(album / "groups", folder)
    scan([folder], of_another_model, reader=reader)
    assert scan([folder], of_another_model, reader=reader).of_other_models == 3


@pytest.mark.slow
def test_the_command_tells_and_reads_again(album: Path, of_another_model: Path, run: Any) -> None:
    told = run("scan", album, "--db", of_another_model)
    assert f"{PEOPLE} photos with faces that another model has read" in told.stderr
    done = run("scan", album, "--db", of_another_model, "--rescore", "--json")
    assert json.loads(done.stdout)["rescored"] == PEOPLE
    assert "another model" not in done.stderr


@pytest.mark.slow
def test_photos_that_cannot_be_read_again_are_told_of(album: Path, of_another_model: Path, run: Any) -> None:
    with closing(sqlite3.connect(of_another_model)) as connection, connection:
        # As if it had been replaced by a photo of the same size, at the same time.
        connection.execute("UPDATE photos SET digest = 'other' WHERE path = ?", (str(album / "groups" / "both.jpg"),))
    done = run("scan", album, "--db", of_another_model, "--rescore")
    assert done.returncode == 0, done.stderr
    assert f"The faces of {PEOPLE - 1} photos were read again." in done.stdout
    assert "1 photo with faces that another model has read; gone or not readable, and left as it was" in done.stderr
