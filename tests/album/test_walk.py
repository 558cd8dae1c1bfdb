"""The walk finds photos, each once and in a stable order, and never loses its way."""

import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image

from albumsort.album.walk import walk
from albumsort.records import PhotoFile
from albumsort.text import printable


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str], Path]:
    """Puts a small picture at a path below ``tmp_path``; its name's suffix need not be one."""

    def make(below: str) -> Path:
        path = tmp_path / below
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "teal").save(path, "JPEG")
        return path

    return make


def below(root: Path, *roots: Path, **options: object) -> list[str]:
    """Paths of what a walk finds, relative to its first root."""
    return [os.path.relpath(file.path, root) for file in walk(map(str, (root, *roots)), **options)]


def test_photos_are_found_by_suffix_in_any_case(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    for name in ("a.jpg", "b.JPG", "c.Heic", "d.jxl"):
        picture(name)
    assert below(tmp_path) == ["a.jpg", "b.JPG", "c.Heic", "d.jxl"]


def test_photos_without_a_suffix_are_found_by_content(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    picture("IMG_0001")
    picture("photo.jpg_original")
    (tmp_path / "notes").write_text("no picture")
    assert below(tmp_path) == ["IMG_0001", "photo.jpg_original"]


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


def test_what_was_seen_to_be_no_picture_is_not_opened_again(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no picture")
    others: list[PhotoFile] = []
    assert below(tmp_path, note_other=others.append) == []
    assert [file.path for file in others] == [str(tmp_path / "notes")]

    # If it were opened now, it would be found to be a picture.
    Image.new("RGB", (8, 8)).save(tmp_path / "notes", "PNG")
    asked: list[str] = []
    assert below(tmp_path, is_known=lambda file: not asked.append(file.path)) == []
    assert asked == [str(tmp_path / "notes")]
    assert below(tmp_path) == ["notes"]


def test_overlapping_roots_give_each_file_once(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    a, b = picture("x/a.jpg"), picture("x/y/b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    roots = [b, tmp_path / "x" / "y", tmp_path / "x", tmp_path, tmp_path / "x" / ".." / "x", tmp_path / "link"]
    assert sorted(file.path for file in walk(map(str, roots))) == [str(a), str(b)]


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
    problems: list[tuple[str, str]] = []
    with unprivileged():
        found = below(public_folder, note_problem=lambda *problem: problems.append(problem))
    assert found == ["z.jpg"]
    assert problems == [(str(closed), "permission denied"), (str(nameless), "permission denied")]


@pytest.mark.parametrize("form", ["skipped", "skipped/", "./skipped", "{root}/skipped", "skipped/*"])
def test_a_folder_is_excluded_in_each_form_that_people_type(tmp_path: Path, form: str) -> None:
    for name in ("kept", "skipped"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").touch()
    found = walk([str(tmp_path)], exclude=[form.format(root=tmp_path)])
    assert [file.path for file in found] == [str(tmp_path / "kept" / "a.jpg")]
