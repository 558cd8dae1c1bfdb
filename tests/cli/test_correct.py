"""albumsort correct."""

from __future__ import annotations

import shutil

import pytest

from albumsort.cli.correct import correct
from albumsort.errors import AlbumsortError
from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile


def test_a_raw_file_beside_its_jpeg_can_be_corrected_until_the_jpeg_changes(album, index_of, tmp_path):
    jpeg, raw = tmp_path / "IMG_1.JPG", tmp_path / "IMG_1.NEF"
    shutil.copy(album / "dim.jpg", jpeg)
    raw.write_bytes(b"what a sensor saw")
    index = index_of({jpeg: [("happy", 0.9)]})
    with IndexWriter(index) as writer:
        writer.pair(1, [(PhotoFile(str(raw), 17, 1), str(jpeg))])
    correct(raw, "sad", db=index)
    with Index(index) as opened:
        assert [row.photo.path for row in opened.top("sad")] == [str(jpeg)]
    jpeg.write_bytes(b"another")
    with pytest.raises(AlbumsortError, match="has changed since"):
        correct(raw, "fear", db=index)
