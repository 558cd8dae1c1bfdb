"""The batch writer writes in few transactions, loses nothing, and gives up copies whose photo is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from albumsort.album.decoders import KnownPhoto
from albumsort.index import Index
from albumsort.index.filters import Filters
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoFile, PhotoResult
from albumsort.scanning.batch_writer import BatchWriter
from albumsort.scanning.summary import ScanSummary


class Room:
    """An index in which one photo is known: ``old.jpg`` of digest ``d0``, with a happy face."""

    def __init__(self, folder: Path, reader: Any, face: Any) -> None:
        self.folder, self.reader, self.face = folder, reader, face
        self.writer = IndexWriter(folder / "index.db")
        self.write(self.writer.start_scan({"paths": [str(folder)], "threshold": 0.5}), "old.jpg", "d0")
        self.scan_id = self.writer.start_scan({"paths": [str(folder)], "threshold": 0.5})
        self.summary = ScanSummary()

    def result(self, name: str, digest: str) -> PhotoResult:
        (self.folder / name).touch()  # a photo that is not there is taken for moved
        return PhotoResult(Photo(str(self.folder / name), 1, 1, digest, 400, 300), (self.face,))

    def write(self, scan_id: int, name: str, digest: str) -> None:
        self.writer.write(scan_id, [self.result(name, digest)])

    def copy(self, name: str, digest: str) -> KnownPhoto:
        return KnownPhoto(PhotoFile(str(self.folder / name), 1, 1), digest, None)

    def batches(self, **options: Any) -> BatchWriter:
        return BatchWriter(self.writer, self.scan_id, self.reader, self.summary, **options)

    def names(self) -> set[str]:
        with Index(self.folder / "index.db") as index:
            return {Path(row.photo.path).name for row in index.top("happy", n=None, filters=Filters(with_copies=True))}


@pytest.fixture
def room(tmp_path: Path, reader: Any, face_of: Any) -> Iterator[Room]:
    made = Room(tmp_path, reader, face_of("happy", 0.9))
    with made.writer:
        yield made


def test_results_are_written_when_enough_of_them_wait(room: Room) -> None:
    batches = room.batches(photos=3, seconds=1e9)
    for number in range(5):
        batches.add(room.result(f"{number}.jpg", f"d{number + 1}"))
    assert room.names() == {"old.jpg", "0.jpg", "1.jpg", "2.jpg"}
    batches.flush()
    assert room.names() == {"old.jpg", *(f"{number}.jpg" for number in range(5))}


def test_results_are_written_when_they_have_waited_long_enough(room: Room) -> None:
    room.batches(photos=1000, seconds=-1).add(room.result("new.jpg", "d1"))
    assert room.names() == {"old.jpg", "new.jpg"}


def test_a_copy_takes_the_faces_of_the_known_photo(room: Room) -> None:
    batches = room.batches()
    batches.add(room.copy("copy.jpg", "d0"))
    batches.flush()
    assert room.names() == {"old.jpg", "copy.jpg"}
    assert (room.summary.photos, room.summary.moved, room.summary.errors) == (1, 1, 0)
    assert batches.take_left_over() == []


def test_a_copy_waits_for_the_photo_that_is_still_being_read(room: Room) -> None:
    batches = room.batches()
    batches.add(room.copy("copy.jpg", "d1"))
    batches.flush()
    assert room.names() == {"old.jpg"} and room.summary.moved == 0
    batches.add(room.result("new.jpg", "d1"))
    batches.flush()
    assert room.names() == {"old.jpg", "new.jpg", "copy.jpg"} and room.summary.moved == 1


def test_a_copy_is_known_before_another_photo_takes_the_name_of_its_own(room: Room) -> None:
    batches = room.batches()
    batches.add(room.copy("moved.jpg", "d0"))
    batches.add(room.result("old.jpg", "d1"))
    batches.flush()
    assert room.names() == {"old.jpg", "moved.jpg"}
    assert batches.take_left_over() == []


def test_a_copy_whose_photo_was_replaced_is_left_over_once(room: Room) -> None:
    batches, copy = room.batches(), room.copy("copy.jpg", "d0")
    batches.add(room.result("old.jpg", "d1"))
    batches.flush()
    batches.add(copy)
    batches.flush()
    assert batches.take_left_over() == [copy]
    assert batches.take_left_over() == []


def test_copies_may_be_bound_to_what_this_scan_has_read(room: Room) -> None:
    batches = room.batches(known_since=room.scan_id)
    batches.add(room.copy("copy.jpg", "d0"))
    batches.flush()
    assert room.names() == {"old.jpg"}
    assert len(batches.take_left_over()) == 1


def test_the_model_is_named_with_the_first_faces_that_it_has_read(room: Room) -> None:
    batches = room.batches()
    batches.flush()
    assert room.writer.models() == set()
    room.reader.loaded_card = room.reader.card
    batches.flush()
    assert room.writer.models() == {room.reader.card.identity}
