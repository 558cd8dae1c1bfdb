"""New files get their name when they are whole, also on disks without hard links such as memory cards."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sys
from pathlib import Path

import pytest

from albumsort.files import SIGN_OF_LIFE_BYTES, new_file, sha256


@pytest.fixture(params=["links", "no links", "neither"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three disks: one has hard links, one can rename without replacing a file, one can do neither."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param != "links":
        monkeypatch.setattr(os, "link", refuse)
    if request.param == "neither":
        monkeypatch.setattr(sys, "platform", "a system without renameat2")
    return str(request.param)


def test_a_file_gets_its_name_when_it_is_whole(disk: str, tmp_path: Path) -> None:
    with new_file(tmp_path / "a.txt") as file:
        file.write(b"all of it")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_name_that_is_taken_stays_with_its_file(disk: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"somebody's")
    with pytest.raises(FileExistsError), new_file(tmp_path / "a.txt") as file:
        file.write(b"ours")
    assert (tmp_path / "a.txt").read_bytes() == b"somebody's"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_goes_wrong_leaves_nothing(disk: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "a.txt") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's renameat2")
def test_without_hard_links_the_name_is_never_claimed_by_an_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, real = [], os.open

    def noted(path: str | Path, *rest: int) -> int:
        opened.append(Path(path).name)
        return real(path, *rest)

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "open", noted)
    with new_file(tmp_path / "a.txt") as file:
        file.write(b"all of it")
    assert len(opened) == 1 and opened[0].endswith(".part")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's renameat2")
def test_a_folder_that_disappears_is_named_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=r"folder/a\.txt"), new_file(tmp_path / "folder" / "a.txt") as file:
        file.write(b"all of it")
        (tmp_path / "folder").rename(tmp_path / "moved")


@pytest.mark.parametrize("content", [b"", b"a photo", bytes(range(256)) * 9000])
def test_the_digest_of_a_path_and_of_an_open_file_is_that_of_all_bytes(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    with open(tmp_path / "photo.jpg", "rb") as file:
        file.read(3)
        assert sha256(tmp_path / "photo.jpg") == sha256(file) == hashlib.sha256(content).hexdigest()
        assert file.tell() == 0


def test_a_large_file_gives_signs_of_life_while_it_is_read() -> None:
    signs: list[int] = []
    content = bytes(2 * SIGN_OF_LIFE_BYTES + 1)
    assert sha256(io.BytesIO(content), lambda: signs.append(1)) == hashlib.sha256(content).hexdigest()
    assert len(signs) == 2
