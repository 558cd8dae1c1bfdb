"""The work of a scan: it can be sent to another process, and several shards give what one does."""

from __future__ import annotations

import pickle
from contextlib import closing
from pathlib import Path
from typing import Any

from albumsort.album.decoders import KnownPhoto
from albumsort.album.walk import photo_file
from albumsort.records import PhotoFile, PhotoResult
from albumsort.scanning.batches import face_reader
from albumsort.scanning.distribute import ReadFiles, local
from albumsort.settings import ScanSettings


def files(album: Path) -> list[PhotoFile]:
    return [photo_file(str(path)) for path in sorted(album.rglob("*.jpg"))]


def test_shards_give_together_what_all_files_give(album: Path, reader: Any) -> None:
    everything = files(album)
    one = list(local(ReadFiles(ScanSettings(), reader, set()), [everything]))
    two = list(local(ReadFiles(ScanSettings(), reader, set()), [everything[:5], [], everything[5:]]))
    assert all(type(item) is PhotoResult for item in one)
    assert sorted(item.photo.path for item in one) == [file.path for file in everything]
    assert sorted(one, key=repr) == sorted(two, key=repr)


def test_of_equal_files_one_is_read_and_of_known_ones_none(album: Path, reader: Any) -> None:
    (file,) = [file for file in files(album) if file.path.endswith("cat.jpg")]
    work = ReadFiles(ScanSettings(), reader, set())
    first, second = local(work, [[file, file]])
    assert sorted(map(type, (first, second)), key=str) == [KnownPhoto, PhotoResult]
    assert [type(item) for item in local(work, [[file]])] == [KnownPhoto]


def test_the_work_can_be_sent_to_another_process() -> None:
    work = ReadFiles(ScanSettings(min_face=7), face_reader(ScanSettings(min_face=7)), {"digest"})
    arrived = pickle.loads(pickle.dumps(work))
    assert (arrived.settings, arrived.known) == (work.settings, {"digest"})
    assert arrived.reader.loaded_card is None


def test_work_that_is_left_early_stops(album: Path, reader: Any) -> None:
    with closing(local(ReadFiles(ScanSettings(), reader, set()), [files(album)] * 50)) as items:
        next(items)
    assert list(items) == []
