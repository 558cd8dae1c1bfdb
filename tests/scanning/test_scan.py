"""A scan finds the faces, reads nothing twice, loses nothing, and leaves every photo as it was."""

import hashlib
import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from PIL import Image

from albumsort.errors import AlbumsortError
from albumsort.index import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Face
from albumsort.scanning import distribute
from albumsort.scanning.scan import scan
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings

Box = tuple[float, float, float, float]
HAPPY, NEUTRAL = "portraits/eileen-collins.jpg", "portraits/grace-hopper.jpg"


def iou(a: Box, b: Box) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def faces_on(index: Path, photo: Path) -> tuple[Face, ...]:
    with Index(index) as opened:
        known = opened.photo(str(photo))
    assert known is not None, f"{photo} is not in the index"
    return known.faces


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests(index: Path) -> dict[str, str]:
    with closing(sqlite3.connect(index)) as connection:
        return {os.fsdecode(path): digest for path, digest in connection.execute("SELECT path, digest FROM photos")}


def forbidden(*_: object, **__: object) -> NoReturn:
    raise AssertionError("this scan has no need of it")


@dataclass
class Home:
    """An album of one's own that was scanned before."""

    album: Path
    index: Path
    reader: Any

    @property
    def photos(self) -> int:
        return sum(path.is_file() for path in self.album.rglob("*"))

    def scan(self, **options: Any) -> ScanSummary:
        return scan([self.album], self.index, ScanSettings(**options), reader=self.reader)


@pytest.fixture
def home(album: Path, scanned: Path, tmp_path: Path, reader: Any) -> Home:
    """A copy of the example album and of its index, as if it had been scanned where it is now."""
    made = Home(tmp_path / "album", tmp_path / "index.db", reader)
    shutil.copytree(album, made.album)
    shutil.copy(scanned, made.index)
    with closing(sqlite3.connect(made.index)) as connection, connection:
        connection.execute("UPDATE photos SET path = ? || substr(path, ?)", (str(made.album), len(str(album)) + 1))
    return made


def expected_faces(composer: Any) -> Iterator[tuple[str, list[Box]]]:
    for name, box in composer.FACES.items():
        yield f"portraits/{name}.jpg", [box]
    yield "camera-turned.jpg", [composer.FACES[composer.NEUTRAL]]
    yield "dim.jpg", [composer.FACES[composer.HAPPY]]
    for name, people in composer.GROUPS.items():
        yield f"groups/{name}", composer.group(people)[1]


def test_faces_are_found_where_they_are_and_nowhere_else(scanned: Path, album: Path, composer: Any) -> None:
    for name, boxes in expected_faces(composer):
        found = [face.box for face in faces_on(scanned, album / name)]
        assert len(found) == len(boxes), name
        for box in boxes:
            assert max(iou(box, other) for other in found) >= 0.4, (name, box, found)


def test_there_are_no_faces_where_nobody_is(scanned: Path, album: Path) -> None:
    for place in (album / "places").iterdir():
        assert faces_on(scanned, place) == ()


def test_landmarks_are_on_their_face_in_pixels_of_the_photo(scanned: Path, album: Path, composer: Any) -> None:
    for name, boxes in expected_faces(composer):
        for face in faces_on(scanned, album / name):
            left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
            x, y, w, h = max(boxes, key=lambda box: iou(box, face.box))
            assert all(x <= px <= x + w and y <= py <= y + h for px, py in face.landmarks), name
            assert left_eye[0] < right_eye[0]
            assert left_mouth[0] < right_mouth[0]
            assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_the_largest_face_comes_first_and_probabilities_sum_to_one(scanned: Path, album: Path) -> None:
    faces = faces_on(scanned, album / "groups" / "far-away.jpg")
    areas = [face.box[2] * face.box[3] for face in faces]
    assert areas == sorted(areas, reverse=True)
    assert all(sum(face.probabilities) == pytest.approx(1, abs=1e-3) for face in faces)


def test_the_scan_is_recorded_with_its_settings_and_its_model(scanned: Path, album: Path) -> None:
    with Index(scanned) as index:
        last = index.stats()["last_scan"]
        assert index.problems() == [(str(album / "renamed-notes.jpg"), "not an image")]
    assert last["settings"]["paths"] == [str(album)]
    assert last["settings"]["threshold"] == 0.5
    assert last["model"]
    assert last["finished_at"]


def test_a_second_scan_opens_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribute, "Decoders", forbidden)
    summary = home.scan()
    assert (summary.unchanged, summary.scanned, summary.moved) == (home.photos, 0, 0)
    assert summary.photos == home.photos


def test_touched_moved_and_copied_photos_keep_their_faces_without_inference(home: Home) -> None:
    faces = faces_on(home.index, home.album / "groups" / "both.jpg")
    (home.album / "groups").rename(home.album / "people")
    copy = home.album / "places" / os.fsdecode(b"copy \xff.jpg")
    shutil.copy(home.album / HAPPY, copy)
    os.utime(home.album / NEUTRAL, ns=(1, 1))
    summary = home.scan()
    assert (summary.scanned, summary.moved) == (0, 5)
    assert summary.photos == home.photos
    assert faces_on(home.index, home.album / "people" / "both.jpg") == faces
    assert faces_on(home.index, copy) == faces_on(home.index, home.album / HAPPY) != ()
    assert set(digests(home.index)) == {str(path) for path in home.album.rglob("*") if path.is_file()}
    assert home.scan().unchanged == home.photos
    assert home.reader.pictures == 0


def test_a_date_comes_from_the_photo_itself_before_any_name_and_else_from_the_name_that_it_has_now(
    album: Path, tmp_path: Path, reader: Any
) -> None:
    folder, index = tmp_path / "photos", tmp_path / "index.db"
    folder.mkdir()

    def dates() -> dict[str, str | None]:
        with Index(index) as opened:
            return {Path(row.photo.path).name: row.photo.taken_at for row in opened.photos()}

    moment = "2024-05-10T15:00:00"  # what EXIF says, and with that name the name, too
    for name, source in (("IMG-20240517-WA0001.jpg", "coffee"), ("cat.jpg", "cat"), ("20210101.jpg", "rocket")):
        shutil.copy(album / "places" / f"{source}.jpg", folder / name)
    shutil.copy(album / "groups" / "both.jpg", folder / "IMG_20240510_150000.jpg")
    scan([folder], index, reader=reader)
    assert dates() == {
        "IMG-20240517-WA0001.jpg": "2024-05-17",
        "cat.jpg": None,
        "20210101.jpg": "2021-01-01",
        "IMG_20240510_150000.jpg": moment,
    }
    shutil.copy(folder / "IMG-20240517-WA0001.jpg", folder / "IMG-20220202-WA0003.jpg")
    (folder / "cat.jpg").rename(folder / "IMG-20230101-WA0009.jpg")
    (folder / "20210101.jpg").rename(folder / "holiday.jpg")
    (folder / "IMG_20240510_150000.jpg").rename(folder / "party.jpg")
    assert scan([folder], index, reader=reader).moved == 4
    assert dates() == {
        "IMG-20240517-WA0001.jpg": "2024-05-17",
        "IMG-20220202-WA0003.jpg": "2022-02-02",
        "IMG-20230101-WA0009.jpg": "2023-01-01",
        "holiday.jpg": None,
        "party.jpg": moment,
    }


def test_a_changed_photo_is_read_again(home: Home) -> None:
    shutil.copy(home.album / "places" / "cat.jpg", home.album / HAPPY)
    with Image.open(home.album / NEUTRAL) as image:
        image.rotate(90, expand=True).rotate(-90, expand=True).save(home.album / "places" / "rocket.jpg", quality=80)
    summary = home.scan()
    assert (summary.scanned, summary.moved, summary.photos) == (1, 1, home.photos)
    assert faces_on(home.index, home.album / HAPPY) == ()
    assert len(faces_on(home.index, home.album / "places" / "rocket.jpg")) == 1


def test_two_photos_that_swap_their_names_swap_their_faces(home: Home) -> None:
    one, other, aside = home.album / HAPPY, home.album / NEUTRAL, home.album / "aside"
    before = faces_on(home.index, one), faces_on(home.index, other)
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    summary = home.scan()
    assert summary.photos == home.photos
    assert (digests(home.index)[str(one)], digests(home.index)[str(other)]) == (sha256(one), sha256(other))
    assert (faces_on(home.index, other), faces_on(home.index, one)) == before
    assert home.reader.pictures == 0


def test_an_original_kept_beside_its_edited_photo_is_in_the_index(home: Home) -> None:
    """As many editors do: the original gets another name, the new photo takes its place."""
    edited, original = home.album / HAPPY, home.album / "portraits" / "eileen-collins (original).jpg"
    faces = faces_on(home.index, edited)
    edited.rename(original)
    shutil.copy(home.album / "places" / "cat.jpg", edited)
    with open(edited, "ab") as file:
        file.write(b"edited")
    summary = home.scan()
    assert summary.photos == home.photos
    assert faces_on(home.index, original) == faces
    assert faces_on(home.index, edited) == ()


class Blind:
    """A reader that finds nobody."""

    def __init__(self, reader: Any) -> None:
        self.card = self.loaded_card = reader.card
        self.engine = reader.engine

    def read(self, pictures: list[Any]) -> list[list[Any]]:
        return [[] for _ in pictures]


def test_a_rescan_reads_copies_anew_as_well(tmp_path: Path, album: Path, reader: Any) -> None:
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(album / HAPPY, tmp_path / name)
    index = tmp_path / "index.db"
    assert scan([tmp_path], index, reader=Blind(reader)).faces == 0
    assert scan([tmp_path], index, ScanSettings(rescan=True), reader=reader).photos == 2
    assert [len(faces_on(index, tmp_path / name)) for name in ("a.jpg", "b.jpg")] == [1, 1]


def test_one_folder_alone_is_scanned_as_a_list_of_one(tmp_path: Path, album: Path, reader: Any) -> None:
    assert scan(str(album / "portraits"), tmp_path / "a.db", reader=reader).photos == 2
    assert scan(album / "portraits", tmp_path / "b.db", reader=reader).photos == 2
    with pytest.raises(ValueError, match="paths is empty"):
        scan([], tmp_path / "c.db", reader=reader)
    assert not (tmp_path / "c.db").exists()


def test_a_copy_is_read_after_all_when_its_photo_is_forgotten_while_it_waits(home: Home) -> None:
    copy = home.album / "copy.jpg"
    shutil.copy(home.album / HAPPY, copy)

    def forget(summary: ScanSummary) -> None:
        if not summary.scanned and not summary.moved:
            with IndexWriter(home.index) as writer:
                writer.forget(str(home.album / HAPPY))

    summary = scan([home.album], home.index, progress=forget, reader=home.reader)
    assert (summary.scanned, summary.moved, summary.faces) == (1, 0, 1)
    assert len(faces_on(home.index, copy)) == 1


def test_a_deleted_photo_stays_until_it_is_pruned(home: Home) -> None:
    (home.album / HAPPY).unlink()
    home.scan()
    assert faces_on(home.index, home.album / HAPPY)
    with IndexWriter(home.index) as writer:
        assert writer.prune() == (1, home.photos)
    assert str(home.album / HAPPY) not in digests(home.index)


def test_an_interrupted_scan_keeps_what_is_done_and_the_next_completes_it(
    album: Path, tmp_path: Path, reader: Any
) -> None:
    index = tmp_path / "index.db"

    def interrupt(summary: ScanSummary) -> None:
        if summary.scanned >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan([album], index, progress=interrupt, reader=reader)
    assert not multiprocessing.active_children()
    done = digests(index)
    photos = sum(path.is_file() for path in album.rglob("*"))
    assert 3 <= len(done) < photos
    with Index(index) as opened:
        assert opened.stats()["last_scan"]["finished_at"] is None

    summary = scan([album], index, reader=reader)
    assert (summary.unchanged, summary.scanned, summary.photos) == (len(done), photos - len(done), photos)
    assert len(digests(index)) == photos


def test_a_path_that_is_not_there_is_an_error_and_makes_no_index(tmp_path: Path) -> None:
    with pytest.raises(AlbumsortError, match="no such folder or photo"):
        scan([tmp_path / "nowhere"], tmp_path / "index.db")
    assert not (tmp_path / "index.db").exists()


@pytest.mark.slow
def test_an_index_among_the_photos_stays_locked_during_a_scan(
    tmp_path: Path, album: Path, reader: Any, is_locked: Callable[[Path], bool]
) -> None:
    """The walk opens files without a picture's suffix, and a process that closes a file loses its locks on it."""
    shutil.copytree(album / "portraits", tmp_path / "photos")
    index = tmp_path / "photos" / "index.db"
    locked = []
    scan([tmp_path / "photos"], index, progress=lambda summary: locked.append(is_locked(index)), reader=reader)
    assert locked and all(locked)
