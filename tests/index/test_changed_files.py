"""Corrections follow a photo whose file has changed, and no other photo."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from albumsort.index import Index
from albumsort.records import Box, PhotoFile

A, B = "/photos/a.jpg", "/photos/b.jpg"
NOON, LATER = "2024-05-17T12:00:00", "2024-05-17T12:00:01"
FAR = "0f1e2d3c4b5a6978"


def emotions(room: Any, path: str) -> list[str]:
    with Index(room.path) as index:
        return [face.emotion for face in index.photo(path).faces]


def at(face: Any, *box: float) -> Any:
    return replace(face, box=Box(*box))


@pytest.fixture
def corrected(room: Any, face: Callable) -> Any:
    """An index of a sad face that somebody called happy, on a photo that is on no disk."""
    room.put(A, face(sad=0.7), digest="first", taken_at=NOON)
    room.writer.correct(A, 1, "happy")
    return room


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"taken_at": None, "camera": "Another"},
        {"taken_at": LATER},
        {"phash": "00ff00ff00ff00fe"},  # in other light
        {"width": 2000, "height": 1500},
    ],
)
def test_a_file_that_was_changed_in_its_place_keeps_its_corrections(
    corrected: Any, face: Callable, facts: dict[str, Any]
) -> None:
    shown = face(sad=0.6) if facts.get("width") != 2000 else at(face(sad=0.6), 5, 10, 40, 50)
    corrected.put(A, shown, digest="second", **{"taken_at": NOON, **facts})
    assert emotions(corrected, A) == ["happy"]
    # Tuning cuts the face out of the photo as it is now, and undoing restores what the model says of it.
    with Index(corrected.path) as index:
        ((path, box, digest),) = [(one.path, one.box, one.digest) for one in index.corrections()]
    assert (path, box, digest) == (A, shown.box, "second")
    assert corrected.writer.uncorrect(A) == 1
    assert emotions(corrected, A) == ["sad"]


@pytest.mark.parametrize(
    ("facts", "moved"),
    [
        ({"phash": FAR}, 0),
        ({}, 900),
        ({"width": 3000, "height": 3000}, 900),
        ({"width": 3000, "height": 3000, "phash": FAR, "taken_at": LATER}, 0),
        ({"width": 6000, "height": 3000}, 0),
        ({"phash": None}, 0),
    ],
    ids=["unlike", "no face there", "cut, no face there", "of another shape and time", "twice as wide", "hardly read"],
)
def test_another_photo_in_the_place_of_the_first_has_no_corrections(
    corrected: Any, face: Callable, facts: dict[str, Any], moved: float
) -> None:
    x, y, w, h = face().box
    corrected.put(A, at(face(sad=0.6), x + moved, y, w, h), digest="second", **{"taken_at": NOON, **facts})
    assert emotions(corrected, A) == ["sad"]
    # The first photo comes back, and its correction with it.
    corrected.put(A, face(sad=0.6), digest="third", taken_at=NOON)
    assert emotions(corrected, A) == ["happy"]


@pytest.mark.parametrize(
    ("facts", "right", "down"),
    [
        ({"width": 3600}, 0, 0),
        ({"width": 3600, "phash": FAR}, 0, 0),
        ({"width": 3600, "taken_at": None}, 0, 0),
        ({"width": 3960, "height": 2900}, -20, -50),
        ({"width": 4200, "height": 3200}, 100, 100),
    ],
    ids=["cut at the right", "much of it", "without a time", "cut at each edge", "framed"],
)
def test_a_photo_that_was_cropped_or_framed_in_its_place_keeps_its_corrections(
    room: Any, face: Callable, facts: dict[str, Any], right: float, down: float
) -> None:
    room.put(A, at(face(sad=0.7), 500, 600, 80, 100), digest="first", taken_at=NOON)
    room.writer.correct(A, 1, "happy")
    shown = at(face(sad=0.6), 500 + right, 600 + down, 80, 100)
    room.put(A, shown, digest="second", **{"taken_at": NOON, **facts})
    assert emotions(room, A) == ["happy"]
    # What is undone stays undone, whatever is written into the file.
    assert room.writer.uncorrect(A) == 1
    room.put(A, shown, digest="third", **{"taken_at": NOON, **facts})
    assert emotions(room, A) == ["sad"]


#: By EXIF's orientation: the hash of a picture whose columns are dark and bright, and a box, as they are shown.
WIDE, TALL = (4000, 3000), (3000, 4000)
TURNED = {
    2: (WIDE, Box(3910, 20, 80, 100)),
    3: (WIDE, Box(3910, 2880, 80, 100)),
    4: (WIDE, Box(10, 2880, 80, 100)),
    5: (TALL, Box(20, 10, 100, 80)),
    6: (TALL, Box(2880, 10, 100, 80)),
    7: (TALL, Box(2880, 3910, 100, 80)),
    8: (TALL, Box(20, 3910, 100, 80)),
}


@pytest.fixture(scope="session")
def hashes(album: Path) -> dict[int, str]:
    """The perceptual hash of a photo, by the orientation in which it is shown."""
    import numpy as np
    from PIL import Image, ImageOps

    from albumsort.album.perceptual_hash import perceptual_hash

    shown = {}
    with Image.open(album / "dim.jpg") as image:
        for orientation in range(1, 9):
            image.getexif()[0x0112] = orientation
            exif = Image.Exif()
            exif[0x0112] = orientation
            turned = image.convert("RGB")
            turned.info["exif"] = exif.tobytes()
            turned._exif = None  # type: ignore[attr-defined]
            shown[orientation] = perceptual_hash(np.asarray(ImageOps.exif_transpose(turned)))
    return shown


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("path", [A, B], ids=["in its place", "elsewhere"])
def test_corrections_turn_with_the_photo(
    room: Any, face: Callable, hashes: dict[int, str], orientation: int, path: str
) -> None:
    (width, height), box = TURNED[orientation]
    room.put(A, face(sad=0.7), digest="first", phash=hashes[1], orientation=1)
    room.writer.correct(A, 1, "happy")
    facts = {"width": width, "height": height, "phash": hashes[orientation], "orientation": orientation}
    room.put(path, at(face(sad=0.6), *box), digest="second", **facts)
    assert emotions(room, path) == ["happy"]
    room.put(path, face(sad=0.6), digest="third", phash=hashes[1], orientation=1)
    assert emotions(room, path) == ["happy"]


def test_a_photo_whose_pixels_were_turned_keeps_its_corrections(
    room: Any, face: Callable, hashes: dict[int, str]
) -> None:
    room.put(A, face(sad=0.7), digest="first", phash=hashes[1], orientation=1)
    room.writer.correct(A, 1, "happy")
    (width, height), box = TURNED[6]
    room.put(A, at(face(sad=0.6), *box), digest="second", phash=hashes[6], width=width, height=height, orientation=1)
    assert emotions(room, A) == ["happy"]


def test_a_face_that_is_not_found_for_a_while_keeps_its_correction(
    room: Any, face: Callable, hashes: dict[int, str]
) -> None:
    room.put(A, face(sad=0.7), digest="first", phash=hashes[1], orientation=1)
    room.writer.correct(A, 1, "happy")
    room.put(A, digest="second", phash=hashes[6], width=3000, height=4000, orientation=6)
    assert emotions(room, A) == []
    room.put(A, face(sad=0.6), digest="third", phash=hashes[1], orientation=1)
    assert emotions(room, A) == ["happy"]


def test_a_face_that_is_not_found_beside_another_while_the_photo_lies_on_its_side_keeps_its_correction(
    room: Any, face: Callable, hashes: dict[int, str]
) -> None:
    room.put(A, face(sad=0.7), digest="first", phash=hashes[1], orientation=1)
    room.writer.correct(A, 1, "happy")
    another = at(face(fear=0.7), 500, 600, 80, 100)
    room.put(A, another, digest="second", phash=hashes[6], width=3000, height=4000, orientation=6)
    assert emotions(room, A) == ["fear"]
    with Index(room.path) as index:
        assert [one.emotion for _, one in index.corrections_of(index.photo(A))] == ["happy"]


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_file_that_was_moved_and_changed_keeps_its_corrections(
    corrected: Any, face: Callable, is_pruned: bool
) -> None:
    if is_pruned:
        corrected.change("DELETE FROM photos")
        corrected.change("DELETE FROM faces")
    corrected.put(B, face(sad=0.6), digest="second", taken_at=NOON)
    assert emotions(corrected, B) == ["happy"]


@pytest.mark.parametrize(
    "facts",
    [
        {"taken_at": LATER, "phash": "00ff00ff00ff00fe"},
        {"taken_at": LATER, "width": 2000, "height": 1500},
        {"phash": "00ff00ff00ff0000"},
        {"width": 2000, "height": 1500},
    ],
    ids=str,
)
def test_a_photo_under_another_name_must_have_the_same_time_size_and_sight(
    corrected: Any, face: Callable, facts: dict[str, Any]
) -> None:
    corrected.put(B, face(sad=0.6), digest="second", **{"taken_at": NOON, **facts})
    assert emotions(corrected, B) == ["sad"]


@pytest.fixture
def on_disk(room: Any, face: Callable, photo: Callable, tmp_path: Path) -> Path:
    """A corrected photo that is on the disk as it was scanned."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"first")
    result = photo(str(path), face(sad=0.7), digest="first", taken_at=NOON)
    facts = replace(result.photo, size=5, mtime_ns=path.stat().st_mtime_ns)
    room.writer.write(room.scan, [replace(result, photo=facts)])
    room.writer.correct(str(path), 1, "happy")
    return path


def test_the_next_frame_of_a_burst_has_no_corrections_of_the_last(room: Any, face: Callable, on_disk: Path) -> None:
    x, y, w, h = face().box
    room.put(B, at(face(sad=0.6), x + 3, y, w, h), digest="next", taken_at=NOON)
    assert emotions(room, B) == ["sad"]
    for digest, taken_at in (("third", NOON), ("last", LATER)):
        room.put("/photos/c.jpg", replace(face(sad=0.6), sharpness=130.0), digest=digest, taken_at=taken_at)
        assert emotions(room, "/photos/c.jpg") == ["sad"]


def test_of_several_photos_that_look_alike_the_one_that_is_gone_was_moved_first_one_of_the_same_folder(
    room: Any, face: Callable, on_disk: Path
) -> None:
    for path, emotion in (("/photos/x/c.jpg", "fear"), (B, "angry"), ("/photos/z/d.jpg", "surprise")):
        room.put(path, face(sad=0.7), digest=f"digest of {path}")
        room.writer.correct(path, 1, emotion)
    room.change("UPDATE corrections SET corrected_at = '2024-05-18' || id")
    room.put("/photos/new.jpg", face(sad=0.7), digest="new")
    assert emotions(room, "/photos/new.jpg") == ["angry"]
    room.put("/elsewhere/new.jpg", face(sad=0.7), digest="newer")
    assert emotions(room, "/elsewhere/new.jpg") == ["surprise"]  # the last word
    assert emotions(room, str(on_disk)) == ["happy"]


@pytest.mark.parametrize("taken_at", [LATER, "2024-05-18T12:00:00", "2024-05-18T12:00:00+02:00"])
def test_a_file_with_the_same_pixels_keeps_its_corrections_under_another_name_and_time(
    corrected: Any, face: Callable, taken_at: str
) -> None:
    corrected.change("DELETE FROM photos")
    corrected.change("DELETE FROM faces")
    corrected.put(B, face(sad=0.6), digest="second", taken_at=taken_at)
    assert emotions(corrected, B) == ["happy"]
    assert corrected.writer.forget(B) == 1  # and no trace of it stays under the earlier name
    assert corrected.sql("SELECT count(*) FROM marked") == corrected.sql("SELECT count(*) FROM corrections") == [(0,)]


def test_a_copy_with_other_metadata_has_the_corrections_of_its_original(
    room: Any, face: Callable, on_disk: Path
) -> None:
    room.put(B, face(sad=0.6), digest="second", taken_at=NOON)
    assert emotions(room, B) == emotions(room, str(on_disk)) == ["happy"]
    # Undoing counts for this copy, also when it is read again.
    room.writer.uncorrect(B)
    room.put(B, face(sad=0.6), digest="second", taken_at=NOON)
    assert emotions(room, B) == ["sad"] and emotions(room, str(on_disk)) == ["happy"]
    room.put(B, face(sad=0.6), digest="third", taken_at=NOON)
    assert emotions(room, B) == ["sad"] and emotions(room, str(on_disk)) == ["happy"]


def test_of_two_copies_both_keep_the_correction_when_one_is_edited(room: Any, face: Callable) -> None:
    for path in (A, B):
        room.put(path, face(sad=0.7), digest="first")
    room.writer.correct(A, 1, "happy")
    room.put(B, face(sad=0.6), digest="second", phash="00ff00ff00ff00fe")
    assert emotions(room, A) == emotions(room, B) == ["happy"]


def test_the_newest_word_counts_when_the_old_bytes_come_back(corrected: Any, face: Callable) -> None:
    corrected.put(A, face(sad=0.6), digest="second")
    corrected.writer.correct(A, 1, "fear")
    corrected.put(A, face(sad=0.7), digest="first")
    assert emotions(corrected, A) == ["fear"]
    corrected.writer.uncorrect(A)
    for digest in ("second", "third", "first"):
        corrected.put(A, face(sad=0.7), digest=digest)
        assert emotions(corrected, A) == ["sad"]
    assert corrected.sql("SELECT * FROM marked") == corrected.sql("SELECT * FROM corrections") == []


def test_photos_that_change_their_names_keep_their_own_corrections(room: Any, face: Callable) -> None:
    room.put(A, face(sad=0.7), digest="a", taken_at=NOON)
    room.put(B, face(sad=0.7), digest="b", taken_at=LATER)
    room.writer.correct(A, 1, "happy")
    for path, digest, taken_at in ((A, "b", LATER), (B, "a", NOON)):
        room.put(path, face(sad=0.7), digest=digest, taken_at=taken_at)
    assert (emotions(room, A), emotions(room, B)) == (["sad"], ["happy"])


@pytest.mark.parametrize("taken_at", [NOON, LATER])
def test_what_is_undone_for_a_moved_file_does_not_come_back_from_its_old_place(
    corrected: Any, face: Callable, taken_at: str
) -> None:
    corrected.put(B, face(sad=0.6), digest="second", taken_at=taken_at)
    assert corrected.writer.uncorrect(B) == 1
    for digest in ("third", "fourth"):
        corrected.put(B, face(sad=0.6), digest=digest, taken_at=taken_at)
        assert emotions(corrected, B) == ["sad"]


def test_what_is_not_a_face_stays_none(room: Any, face: Callable) -> None:
    other = at(face(fear=0.6), 900, 20, 80, 100)
    room.put(A, face(sad=0.7), other, digest="first")
    room.writer.correct(A, 2, None)
    room.put(A, face(sad=0.7), other, digest="second")
    assert emotions(room, A) == ["sad"]


def test_forgetting_a_folder_leaves_the_corrections_of_other_photos_that_are_gone(
    corrected: Any, face: Callable
) -> None:
    corrected.change("DELETE FROM photos")  # as prune does
    corrected.put("/secret/c.jpg", face(sad=0.7), digest="c", phash=FAR)
    corrected.writer.correct("/secret/c.jpg", 1, "fear")
    corrected.put("/secret/c.jpg", face(sad=0.7), digest="c2", phash=FAR)
    corrected.writer.forget("/secret")
    assert corrected.sql("SELECT digest FROM corrections") == corrected.sql("SELECT digest FROM marked") == [("first",)]
    corrected.writer.forget("/photos")
    assert corrected.sql("SELECT digest FROM corrections") == corrected.sql("SELECT digest FROM marked") == []


def test_a_forgotten_place_of_a_photo_that_is_also_elsewhere_is_not_kept(room: Any, face: Callable) -> None:
    for path in ("/secret/a.jpg", A):
        room.put(path, face(sad=0.7), digest="first")
    room.writer.correct("/secret/a.jpg", 1, "happy")
    room.writer.forget("/secret")
    assert room.sql("SELECT path FROM marked") == [(A,)]
    assert os.fsencode("/secret") not in room.path.read_bytes()


def test_a_moved_photo_is_forgotten_where_it_is_now(corrected: Any) -> None:
    known = replace(corrected.writer.known_files.result("first"), is_gone=True)
    corrected.writer.reuse([(PhotoFile("/secret/a.jpg", 1, 1), NOON, known)])
    corrected.writer.forget("/photos")
    assert emotions(corrected, "/secret/a.jpg") == ["happy"]
    corrected.writer.forget("/secret")
    assert corrected.sql("SELECT * FROM marked") == corrected.sql("SELECT * FROM corrections") == []
