"""The plan of a scan is worked out from what was found and what is known, without a disk."""

from __future__ import annotations

import pytest

from albumsort.album.walk import NotPhoto, WalkProblem
from albumsort.records import PhotoFile
from albumsort.scanning.plan import KnownPhotos, plan_scan, settle_pairs

JPEG, RAW = PhotoFile("/p/1.jpg", 10, 1), PhotoFile("/p/1.dng", 90, 1)
OTHER = PhotoFile("/p/2.jpg", 20, 2)


def known(*files: PhotoFile, raws: dict[str, str] | None = None) -> KnownPhotos:
    return KnownPhotos({file.path: (file.size, file.mtime_ns) for file in files}, raws or {})


def test_new_files_are_read_in_the_order_of_the_walk() -> None:
    plan = plan_scan([OTHER, JPEG], known())
    assert (plan.to_read, plan.unchanged, plan.pairs, plan.found) == ([OTHER, JPEG], 0, [], 2)


def test_files_that_are_as_they_were_are_not_read() -> None:
    plan = plan_scan([JPEG, OTHER], known(JPEG))
    assert (plan.to_read, plan.unchanged, plan.found) == ([OTHER], 1, 2)


@pytest.mark.parametrize("changed", [PhotoFile(JPEG.path, 11, 1), PhotoFile(JPEG.path, 10, 2)])
def test_a_file_of_another_size_or_time_is_read(changed: PhotoFile) -> None:
    assert plan_scan([changed], known(JPEG)).to_read == [changed]


def test_a_raw_file_beside_its_jpeg_is_a_pair_and_not_read() -> None:
    plan = plan_scan([RAW, JPEG], known(RAW))
    assert (plan.to_read, plan.unchanged, plan.pairs, plan.found) == ([JPEG], 0, [(RAW, JPEG.path)], 2)


def test_a_raw_file_whose_jpeg_is_gone_is_read_though_it_has_not_changed() -> None:
    assert plan_scan([RAW], known(RAW, raws={RAW.path: JPEG.path})).to_read == [RAW]
    assert plan_scan([RAW], known(RAW)).to_read == []


def test_what_is_no_photo_and_what_could_not_be_read_is_kept_apart() -> None:
    plan = plan_scan([NotPhoto(OTHER), WalkProblem("/p/closed", "permission denied"), JPEG], known())
    assert plan.not_photos == [OTHER]
    assert plan.problems == [("/p/closed", "permission denied")]
    assert plan.found == 1


def test_a_pair_whose_jpeg_could_be_read_is_noted_once() -> None:
    pairs = [(RAW, JPEG.path)]
    assert settle_pairs(pairs, set(), known()).to_pair == pairs
    assert settle_pairs(pairs, set(), known(RAW)).to_pair == pairs  # it was read for itself
    assert settle_pairs(pairs, set(), known(RAW, raws={RAW.path: "/p/1.heic"})).to_pair == pairs
    changed = [(PhotoFile(RAW.path, 91, 1), JPEG.path)]
    assert settle_pairs(changed, set(), known(RAW, raws={RAW.path: JPEG.path})).to_pair == changed
    settled = settle_pairs(pairs, set(), known(RAW, raws={RAW.path: JPEG.path}))
    assert (settled.to_read, settled.unchanged, settled.to_pair) == ([], 0, [])


def test_a_raw_file_whose_jpeg_cannot_be_read_is_read_unless_it_was() -> None:
    pairs, unreadable = [(RAW, JPEG.path)], {JPEG.path}
    for before in (known(), known(RAW, raws={RAW.path: JPEG.path})):
        settled = settle_pairs(pairs, unreadable, before)
        assert (settled.to_read, settled.unchanged, settled.to_pair) == ([RAW], 0, [])
    settled = settle_pairs(pairs, unreadable, known(RAW))
    assert (settled.to_read, settled.unchanged, settled.to_pair) == ([], 1, [])
