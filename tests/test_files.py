"""Files that get their name when they are whole, also on disks without hard links, as memory cards are."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from albumsort import files as new_files
from albumsort.files import new_file


@pytest.fixture(params=["links", "no links", "neither"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A disk that can link, one that can only rename, and one that cannot even do that without replacing."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param != "links":
        monkeypatch.setattr(os, "link", refuse)
    if request.param == "neither":
        monkeypatch.setattr(new_files, "_rename_to_free", lambda source, target: False)
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


@pytest.mark.skipif(sys.platform != "linux", reason="renames without replacing by a call of Linux")
def test_without_hard_links_no_empty_file_stands_for_it_at_any_time(
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


@pytest.mark.skipif(sys.platform != "linux", reason="renames without replacing by a call of Linux")
def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match="gone"):
        new_files._rename_to_free(tmp_path / "a.part", tmp_path / "gone" / "a.txt")
