"""A RAW file and the JPEG beside it are one photo."""

import pytest

from albumsort.album.raw_pairs import jpegs_of_raws


@pytest.mark.parametrize(
    ("raw", "jpeg"),
    [
        ("/p/IMG_1.CR2", "/p/IMG_1.JPG"),
        ("/p/IMG_1.cr3", "/p/IMG_1.HIF"),
        ("/p/_DSC1.NEF", "/p/_dsc1.jpeg"),
        ("/p/a.b.dng", "/p/a.b.jpg"),
        ("/p/caf\udce9.raf", "/p/caf\udce9.jpg"),
    ],
)
def test_files_with_one_name_but_for_suffix_and_capitals_are_a_pair(raw: str, jpeg: str) -> None:
    assert jpegs_of_raws([raw, jpeg]) == jpegs_of_raws([jpeg, raw]) == {raw: jpeg}


@pytest.mark.parametrize(
    ("raw", "other"),
    [
        ("/p/IMG_1.CR2", "/q/IMG_1.JPG"),
        ("/p/IMG_1.CR2", "/P/IMG_1.JPG"),
        ("/p/IMG_1.CR2", "/p/IMG_2.JPG"),
        ("/p/IMG_1.CR2", "/p/IMG_1.CR2.jpg"),
        ("/p/IMG_1.CR2", "/p/IMG_1-edited.jpg"),
        ("/p/IMG_1.CR2", "/p/IMG_1.tif"),
        ("/p/IMG_1.CR2", "/p/IMG_1"),
        ("/p/IMG_1.CR2", "/p/IMG_1.DNG"),
        ("/p/.CR2", "/p/.jpg"),
    ],
)
def test_anything_else_is_a_photo_of_its_own(raw: str, other: str) -> None:
    assert jpegs_of_raws([raw, other]) == {}


def test_the_jpeg_counts_when_there_is_a_heif_too() -> None:
    for paths in (["/p/a.heic", "/p/a.jpg", "/p/a.dng"], ["/p/a.dng", "/p/a.jpg", "/p/a.heic"]):
        assert jpegs_of_raws(paths) == {"/p/a.dng": "/p/a.jpg"}


def test_two_raw_files_may_share_a_jpeg() -> None:
    assert jpegs_of_raws(["/p/a.nef", "/p/a.dng", "/p/a.jpg"]) == {"/p/a.nef": "/p/a.jpg", "/p/a.dng": "/p/a.jpg"}
