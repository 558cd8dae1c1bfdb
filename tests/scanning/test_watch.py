"""The watch scans when files are finished, and outlasts disks that go, scans that fail, and files that never end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from albumsort import Index
from albumsort.errors import AlbumsortError
from albumsort.scanning.watch import (
    FINISHED_SECONDS,
    IDLE_SECONDS,
    PATIENCE_SECONDS,
    RETRY_SECONDS,
    Scans,
    watch,
)
from albumsort.settings import ScanSettings

FINISHED, PATIENCE = int(FINISHED_SECONDS), int(PATIENCE_SECONDS)


class Story:
    """What happens to folders, second by second, and what a watch makes of it.

    Attributes:
        scans: the time of each scan, its roots, and the files that it was to leave out.
        told: what was told.
        given_back: the times at which memory was given back.
    """

    def __init__(self, *roots: Path) -> None:
        self.roots = roots
        self.now = 0.0
        self.scans: list[tuple[float, list[str], list[str]]] = []
        self.told: list[str] = []
        self.given_back: list[float] = []
        self.fails: Callable[[], None] = lambda: None

    def happens(self, *steps: int | Callable[[], Collection[Path] | None]) -> None:
        """Watch while it happens: a number of seconds without news, or something that changes the paths it returns."""
        rest = iter(steps)

        def changes(roots: Sequence[str]) -> Iterator[Collection[str]]:
            for step in rest:
                for _ in range(step if isinstance(step, int) else 1):
                    self.now += 1
                    changed = () if isinstance(step, int) else step() or ()
                    yield [str(path) for path in changed]

        give_back = lambda: self.given_back.append(self.now)  # noqa: E731
        watch(list(map(str, self.roots)), self._scan, changes, self.told.append, give_back, lambda: self.now)

    def _scan(self, roots: Sequence[str], unfinished: Sequence[str]) -> None:
        self.scans.append((self.now, [Path(root).name for root in roots], [Path(path).name for path in unfinished]))
        self.fails()


def grows(path: Path, *, is_told: bool = True) -> Callable[[], Collection[Path]]:
    """Some bytes are added to a file; the watch is told, or has to see it for itself."""

    def step() -> Collection[Path]:
        with path.open("ab") as file:
            file.write(b"more")
        return [path] if is_told else []

    return step


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Photos").mkdir()
    return tmp_path / "Photos"


@pytest.fixture
def story(root: Path) -> Story:
    return Story(root)


def test_the_first_scan_finds_what_came_while_nobody_watched(story):
    story.happens(FINISHED)
    assert story.scans == [(FINISHED, ["Photos"], [])]


def test_nothing_is_scanned_while_nothing_changes(story):
    story.happens(3600)
    assert len(story.scans) == 1


def test_a_photo_is_scanned_once_it_has_not_changed_for_some_seconds(story, root):
    story.happens(FINISHED, 100, grows(root / "a.jpg"), FINISHED, 100)
    assert [time for time, *_ in story.scans] == [5, 106 + FINISHED]


def test_a_photo_that_is_being_copied_is_not_scanned_even_if_the_system_tells_only_of_its_beginning(story, root):
    story.happens(
        *(FINISHED, 5, grows(root / "a.jpg"), 3),
        *(grows(root / "a.jpg", is_told=False), 3, grows(root / "a.jpg", is_told=False), FINISHED + 1),
    )
    assert [time for time, *_ in story.scans] == [5, 19 + FINISHED]


def test_photos_of_one_copying_are_scanned_together(story, root):
    story.happens(FINISHED, *(step for number in range(10) for step in (grows(root / f"{number}.jpg"), 2)), FINISHED)
    assert len(story.scans) == 2


def test_finished_photos_do_not_wait_for_the_end_of_a_long_copying_and_what_is_unfinished_is_left_out(story, root):
    film = [step for _ in range(PATIENCE // 2) for step in (grows(root / "large.jpg"), 1)]
    story.happens(FINISHED, grows(root / "a.jpg"), *film)
    assert len(story.scans) == 2
    assert story.scans[1][1:] == (["Photos"], ["large.jpg"])


def test_a_file_that_was_left_out_is_scanned_when_it_is_finished(story, root):
    film = [step for _ in range(PATIENCE // 2) for step in (grows(root / "large.jpg"), 1)]
    story.happens(FINISHED, grows(root / "a.jpg"), *film, FINISHED, 100)
    assert [unfinished for _, _, unfinished in story.scans] == [[], ["large.jpg"], []]


def test_a_photo_that_is_itself_watched_is_not_scanned_while_it_is_copied(root):
    photo = root / "a.jpg"
    photo.write_bytes(b"first")
    (root / "b").mkdir()
    story = Story(photo, root / "b")
    story.happens(*(step for _ in range(PATIENCE // 2) for step in (grows(photo), 1)))
    assert story.scans == [(PATIENCE, ["b"], ["a.jpg"])]


def test_a_folder_that_goes_is_told_once_and_scanned_when_it_is_back(story, root):
    away = root.with_name("away")
    story.happens(FINISHED, lambda: root.rename(away) and None, 1000, lambda: away.rename(root) and None, FINISHED + 1)
    assert story.told == [
        f"{root}: not there; waiting for it, and keeping its photos",
        f"{root}: there again",
    ]
    assert [roots for _, roots, _ in story.scans] == [["Photos"], ["Photos"]]


def test_while_one_folder_is_not_there_the_others_are_scanned(root, tmp_path):
    (tmp_path / "Phone").mkdir()
    story = Story(root, tmp_path / "Phone")
    story.happens(FINISHED, root.rmdir, 1, grows(tmp_path / "Phone" / "a.jpg"), FINISHED)
    assert [roots for _, roots, _ in story.scans] == [["Photos", "Phone"], ["Phone"]]


def test_a_folder_in_whose_place_another_disk_appears_is_scanned_anew(story, root):
    def plug_in() -> None:
        (root.parent / "disk").mkdir()
        root.rmdir()
        (root.parent / "disk").rename(root)

    story.happens(FINISHED, plug_in, FINISHED + 1)
    assert len(story.scans) == 2
    assert story.told == [f"{root}: another disk or folder has taken its place; no photo is dropped"]


def test_a_scan_that_fails_is_told_once_and_tried_again(story):
    def fail() -> None:
        if story.now < 150:
            raise AlbumsortError("the index is locked")

    story.fails = fail
    story.happens(1000)
    assert [time for time, *_ in story.scans] == [FINISHED + number * RETRY_SECONDS for number in range(4)]
    assert story.told == ["the scan has failed, and will be tried again: the index is locked"]


def test_after_a_scan_that_failed_the_next_change_is_not_kept_waiting(story, root):
    def fail() -> None:
        if len(story.scans) == 1:
            raise OSError(5, "Input/output error", "/Photos")

    story.fails = fail
    story.happens(FINISHED, 1, grows(root / "a.jpg"), FINISHED)
    assert [time for time, *_ in story.scans] == [5, 7 + FINISHED]


def test_memory_is_given_back_when_there_has_been_nothing_to_do_for_minutes(story, root):
    story.happens(FINISHED, int(IDLE_SECONDS) - 1)
    assert story.given_back == []
    story = Story(root)
    story.happens(FINISHED, int(IDLE_SECONDS))
    assert story.given_back == [FINISHED + IDLE_SECONDS]


def test_an_interrupted_scan_ends_the_watch(story):
    def stop() -> None:
        raise KeyboardInterrupt

    story.fails = stop
    with pytest.raises(KeyboardInterrupt):
        story.happens(100)
    assert len(story.scans) == 1


@pytest.fixture
def scans(tmp_path, reader) -> Scans:
    return Scans(tmp_path / "index.db", ScanSettings(workers=1), reader)


def test_the_networks_stay_loaded_until_they_are_given_back_and_the_next_scan_loads_them(scans, root, album, reader):
    scans.give_back()  # nothing is loaded yet
    for name in ("dim.jpg", "groups/both.jpg"):
        shutil.copy(album / name, root)
        assert scans([str(root)]).scanned == 1
    assert (reader.unloads, reader.loaded_card) == (0, reader.card)
    scans.give_back()
    scans.give_back()
    assert reader.unloads == 1
    shutil.copy(album / "groups" / "far-away.jpg", root)
    assert scans([str(root)]).scanned == 1


def test_another_model_that_is_in_use_now_is_loaded(scans, root, album, reader):
    shutil.copy(album / "dim.jpg", root)
    scans([str(root)])
    reader.loaded_card = replace(reader.card, name="the model before")
    scans([str(root)])
    assert reader.unloads == 1


def test_files_that_are_not_finished_are_not_read_whatever_their_names(scans, root, album):
    names = ["a.jpg", "b[1].jpg", "b1.jpg", "c*?.jpg"]
    for name in names:
        shutil.copy(album / "dim.jpg", root / name)
    summary = scans([str(root)], [str(root / "b[1].jpg"), str(root / "c*?.jpg")])
    assert summary.photos == 2
    assert scans([str(root)]).photos == 4


def test_photos_of_a_folder_that_is_not_there_stay_in_the_index(scans, root, album, tmp_path):
    shutil.copy(album / "dim.jpg", root)
    story = Story(root)
    story.fails = lambda: scans([str(root)]) and None
    story.happens(FINISHED, lambda: root.rename(tmp_path / "away") and None, 100, root.mkdir, FINISHED + 1)
    assert len(story.scans) == 2
    with Index(tmp_path / "index.db") as index:
        assert index.stats()["photos"] == 1
