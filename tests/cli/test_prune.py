"""albumsort prune asks before it drops the photos of a whole folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from albumsort.index import Index


@pytest.fixture
def index(index_of, tmp_path):
    names = ("a.jpg", "disk/b.jpg", "disk/c.jpg")
    (tmp_path / "disk").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    return index_of({tmp_path / name: [("happy", 0.9)] for name in names})


@pytest.mark.parametrize("is_missing", [False, True])
def test_a_whole_folder_is_not_dropped_unless_it_is_certain(call, index, tmp_path, is_missing):
    shutil.rmtree(tmp_path / "disk")
    if not is_missing:
        (tmp_path / "disk").mkdir()
    done = call("prune", "--db", index)
    assert done.returncode == 1 and f"{tmp_path / 'disk'}: missing or empty, 2 photos" in done.stderr
    assert "2 photos would be dropped" in call("prune", "--dry-run", "--db", index).stdout
    assert call("prune", "--yes", "--db", index).stdout == "2 photos dropped, 1 kept\n"


def test_photos_of_a_folder_that_has_others_are_dropped(call, index, tmp_path):
    (tmp_path / "disk/b.jpg").unlink()
    assert call("prune", "--db", index).stdout == "1 photo dropped, 2 kept\n"
    with Index(index) as left:
        assert [Path(row.photo.path).name for row in left.photos()] == ["a.jpg", "c.jpg"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize(("answer", "kept"), [("n", 3), ("y", 1)])
def test_a_person_at_a_terminal_is_asked_about_a_whole_folder(on_a_terminal, index, tmp_path, answer, kept):
    shutil.rmtree(tmp_path / "disk")
    _, printed = on_a_terminal("prune", "--db", index, answer=answer, cwd=tmp_path)
    assert "Drop the photos of these folders" in printed
    with Index(index) as opened:
        assert len(list(opened.photos())) == kept
