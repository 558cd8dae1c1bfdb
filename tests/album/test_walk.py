"""The walk finds photos, each once and in a stable order, and never loses its way."""

import os
import socket
import subprocess
import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from albumsort.album.walk import NotPhoto, WalkProblem, photo_file, walk
from albumsort.records import PhotoFile
from albumsort.text import printable


def files(*roots: Path, **options: object) -> list[PhotoFile]:
    """The candidates that a walk finds."""
    return [item for item in walk(map(str, roots), **options) if isinstance(item, PhotoFile)]


def below(root: Path, *roots: Path, **options: object) -> list[str]:
    """Paths of the candidates that a walk finds, relative to its first root."""
    return [os.path.relpath(file.path, root) for file in files(root, *roots, **options)]


def test_photos_are_found_by_suffix_in_any_case(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    for name in ("a.jpg", "b.JPG", "c.Heic", "d.jxl"):
        picture(name)
    assert below(tmp_path) == ["a.jpg", "b.JPG", "c.Heic", "d.jxl"]


def test_photos_without_a_suffix_are_found_by_content(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    picture("IMG_0001")
    picture("photo.jpg.2")
    (tmp_path / "notes").write_text("no picture")
    assert below(tmp_path) == ["IMG_0001", "photo.jpg.2"]


def test_a_found_photo_comes_with_its_size_and_time(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    path = picture("a.jpg")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert list(walk([str(tmp_path)])) == [PhotoFile(str(path), path.stat().st_size, 1_700_000_000_123_456_789)]


def test_the_order_is_that_of_the_names_bytes_folder_by_folder(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    for name in ("ä.jpg", "b/2.jpg", "b.jpg", "a/z.jpg", "B.jpg", "b/10.jpg", "c.jpg"):
        picture(name)
    assert below(tmp_path) == ["B.jpg", "a/z.jpg", "b/10.jpg", "b/2.jpg", "b.jpg", "c.jpg", "ä.jpg"]


@pytest.mark.parametrize(
    "folder", [".thumbnails", ".Trash-1000", "$RECYCLE.BIN", "@eaDir", "__MACOSX", "lost+found", "#recycle"]
)
def test_hidden_and_system_folders_are_passed_over(tmp_path: Path, picture: Callable[[str], Path], folder: str) -> None:
    picture(f"2024/{folder}/deep/a.jpg")
    picture("2024/b.jpg")
    assert below(tmp_path) == ["2024/b.jpg"]


def test_a_hidden_folder_that_is_asked_for_is_walked(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    picture(".private/a.jpg")
    assert below(tmp_path / ".private") == ["a.jpg"]


def test_apple_double_files_are_no_photos(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    picture("._a.jpg")
    picture("a.jpg")
    assert below(tmp_path) == ["a.jpg"]


def test_excludes_match_names_of_files_and_folders_and_paths_below_the_root(
    tmp_path: Path, picture: Callable[[str], Path]
) -> None:
    for name in ("a.jpg", "a.png", "screenshots/b.jpg", "2023/raw/c.jpg", "2024/raw/c.jpg"):
        picture(name)
    assert below(tmp_path, exclude=["*.png", "screenshots", "2023/raw"]) == ["2024/raw/c.jpg", "a.jpg"]


def test_names_with_line_breaks_and_bytes_that_are_no_utf8_are_found(
    tmp_path: Path, picture: Callable[[str], Path]
) -> None:
    names = ["caf\n1.jpg", os.fsdecode(b"caf\xe9.jpg"), os.fsdecode(b"caf\xff")]
    for name in names:
        picture(name)
    assert below(tmp_path, exclude=["*.png"]) == names


def test_a_path_is_printed_on_one_line_whatever_is_in_it() -> None:
    line = printable(os.fsdecode(b"caf\xe9\n\x1b[31m.jpg"))
    line.encode()
    assert line == "caf\\udce9\\n\\x1b[31m.jpg"
    assert printable("Ärger 日本.jpg") == "Ärger 日本.jpg"


def test_links_are_passed_over_unless_asked_for(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    elsewhere = picture("elsewhere/a.jpg")
    root = tmp_path / "root"
    root.mkdir()
    (root / "file.jpg").symlink_to(elsewhere)
    (root / "folder").symlink_to(elsewhere.parent)
    assert below(root) == []
    assert below(root, follow_links=True) == ["file.jpg", "folder/a.jpg"]


def test_a_link_loop_ends(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    picture("folder/a.jpg")
    (tmp_path / "folder" / "up").symlink_to(tmp_path)
    (tmp_path / "folder" / "twin").symlink_to(tmp_path / "folder")
    assert below(tmp_path, follow_links=True) == ["folder/a.jpg"]


def test_links_that_lead_nowhere_or_to_themselves_stop_nothing(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    picture("z.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "not there")
    (tmp_path / "itself.jpg").symlink_to(tmp_path / "itself.jpg")
    assert below(tmp_path) == ["z.jpg"]
    assert below(tmp_path, follow_links=True) == ["z.jpg"]


def test_sockets_and_pipes_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    # A socket's address is limited to about a hundred bytes, less than pytest's folders may take.
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.jpg")
            assert below(tmp_path) == []
    finally:
        os.chdir(here)


def state(path: Path) -> dict[str, tuple[int, int]]:
    """Size and time of a file by its path, as the index keeps them."""
    status = path.stat()
    return {str(path): (status.st_size, status.st_mtime_ns)}


def test_a_file_that_is_no_picture_comes_as_such(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no picture")
    (found,) = walk([str(tmp_path)])
    assert found == NotPhoto(PhotoFile(str(tmp_path / "notes"), 10, (tmp_path / "notes").stat().st_mtime_ns))


def test_a_file_that_is_known_to_be_no_picture_is_not_opened_until_it_changes(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    Image.new("RGB", (8, 8)).save(notes, "PNG")  # when it is opened, it is found to be a picture
    assert list(walk([str(tmp_path)], not_photos=state(notes))) == []
    for size, time in ((1, 0), (0, 1)):
        changed = {path: (known + size, when + time) for path, (known, when) in state(notes).items()}
        assert below(tmp_path, not_photos=changed) == ["notes"]


def test_a_file_without_a_suffix_that_is_known_as_a_photo_is_not_opened_until_it_changes(tmp_path: Path) -> None:
    photo = tmp_path / "photo"
    photo.write_text("no picture")  # when it is opened, it is found to be none
    assert below(tmp_path, photos=state(photo)) == ["photo"]
    for size, time in ((1, 0), (0, 1)):
        changed = {path: (known + size, when + time) for path, (known, when) in state(photo).items()}
        assert below(tmp_path, photos=changed) == []


def test_a_single_file_is_found_as_the_walk_finds_it(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    path = picture("a.jpg")
    assert [photo_file(str(path))] == files(tmp_path)
    assert photo_file(str(tmp_path / "b.jpg")) == PhotoFile(str(tmp_path / "b.jpg"), 0, 0)


def test_overlapping_roots_give_each_file_once(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    a, b = picture("x/a.jpg"), picture("x/y/b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    roots = [b, tmp_path / "x" / "y", tmp_path / "x", tmp_path, tmp_path / "x" / ".." / "x", tmp_path / "link"]
    assert sorted(file.path for file in files(*roots)) == [str(a), str(b)]


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    here, levels = os.getcwd(), 1200
    os.chdir(tmp_path)
    try:
        # Shorter than PATH_MAX, deeper than Python's recursion limit.
        for _ in range(levels):
            os.mkdir("d")
            os.chdir("d")
        Image.new("RGB", (8, 8)).save("a.jpg")
    finally:
        os.chdir(here)
    try:
        assert below(tmp_path) == ["d/" * levels + "a.jpg"]
    finally:
        # Python 3.11 and earlier, and so pytest's own cleaning, cannot remove what is this deep.
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_an_unreadable_folder_is_noted_and_the_rest_is_walked(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    Image.new("RGB", (8, 8)).save(public_folder / "z.jpg")
    closed = public_folder / "closed"
    closed.mkdir(mode=0)
    nameless = public_folder / "nameless"
    nameless.touch(mode=0)
    with unprivileged():
        first, second, photo = walk([str(public_folder)])
    assert first == WalkProblem(str(closed), "permission denied")
    assert second == WalkProblem(str(nameless), "permission denied")
    assert isinstance(photo, PhotoFile) and photo.path == str(public_folder / "z.jpg")


@pytest.mark.parametrize(("written", "typed"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("glob", ["Zoë", "Zoë/*", "*/Zoë/é*.jpg", "*é.jpg"])
def test_excludes_match_names_with_accents_composed_or_not(
    tmp_path: Path, picture: Callable[[str], Path], written: Any, typed: Any, glob: str
) -> None:
    picture(unicodedata.normalize(written, "Zoë/é.jpg"))
    picture("Zoe/e.jpg")
    assert below(tmp_path, exclude=[unicodedata.normalize(typed, glob)]) == ["Zoe/e.jpg"]


@pytest.mark.parametrize("form", ["skipped", "skipped/", "./skipped", "{root}/skipped", "skipped/*"])
def test_a_folder_is_excluded_in_each_form_that_people_type(tmp_path: Path, form: str) -> None:
    for name in ("kept", "skipped"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").touch()
    assert below(tmp_path, exclude=[form.format(root=tmp_path)]) == ["kept/a.jpg"]
