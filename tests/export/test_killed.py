"""An export that is killed at any moment leaves no file that ``--undo`` does not know."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from albumsort.errors import AlbumsortError
from albumsort.export.folders import export
from albumsort.export.manifest import JOURNAL, NAME, Manifest
from albumsort.export.sidecars import write_sidecars
from albumsort.index.query import Query
from albumsort.index.reader import Index

#: Kills itself as it calls the function of ``os`` that is named for the time that is given, before or after it works.
KILLED = """
import os, signal, sys
from pathlib import Path
from albumsort.export.folders import ExportOptions, export
from albumsort.export.sidecars import write_sidecars
from albumsort.index.query import Query
from albumsort.index.reader import Index

index, out, mode, name, times, when = sys.argv[1:]
real, left = getattr(os, name), int(times)

def counted(*args, **options):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*args, **options)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(os, name, counted)
with Index(index) as opened:
    query = opened.settled(Query(("happy", "sad")))
    write_sidecars(Path(out), export(opened, Path(out), query, ExportOptions(mode=mode)), query, tag_originals=True)
"""


@pytest.fixture
def mine(album, tmp_path) -> Path:
    (tmp_path / "mine").mkdir()
    for number in range(5):
        (tmp_path / "mine" / f"{number}.jpg").write_bytes((album / "dim.jpg").read_bytes() + bytes([number]))
    return tmp_path / "mine"


@pytest.fixture
def index(mine, index_of) -> Path:
    emotions = ("happy", "sad")
    return index_of({photo: [(emotions[k % 2], 0.9)] for k, photo in enumerate(sorted(mine.iterdir()))})


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def tree(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def killed(index: Path, out: Path, *how: str) -> bool:
    """Whether the export was killed; False if it ended before."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(index), str(out), *how], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("mode", "name", "times"),
    [
        *[("copy", name, times) for name in ("link", "unlink", "open", "fsync", "replace") for times in (1, 3, 7)],
        *[("hardlink", "link", times) for times in (1, 4)],
        *[("symlink", "symlink", times) for times in (1, 4)],
    ],
)
def test_undo_after_a_kill_leaves_nothing_of_the_export(index, mine, tmp_path, mode, name, times, when):
    before, out = tree(mine), tmp_path / "out"
    killed(index, out, mode, name, str(times), when)
    list(Manifest(out).undo())
    assert files(out) == []
    assert tree(mine) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_export_after_a_kill_completes_it(index, mine, tmp_path, when):
    out = tmp_path / "out"
    assert killed(index, out, "copy", "link", "3", when)
    with Index(index) as opened:
        query = opened.settled(Query(("happy", "sad")))
        write_sidecars(out, export(opened, out, query), query)
    assert not (out / JOURNAL).exists()
    assert len([name for name in files(out) if name.endswith(".jpg")]) == 5
    list(Manifest(out).undo())
    assert files(out) == []


def journal(out: Path, *lines: object) -> None:
    out.mkdir(exist_ok=True)
    (out / JOURNAL).write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))


def test_a_line_that_a_kill_cut_off_is_passed_over(index, mine, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(mine / "0.jpg", out / "0.jpg")
    with Index(index) as opened:
        (digest,) = {row.photo.digest for row in opened.photos() if row.photo.path == str(mine / "0.jpg")}
    entry = {"path": "0.jpg", "source": str(mine / "0.jpg"), "mode": "copy", "digest": digest}
    journal(out, entry, json.dumps({**entry, "path": "1.jpg"})[:40])
    assert [(path.name, action) for path, action in Manifest(out).undo()] == [("0.jpg", "removed")]


@pytest.mark.parametrize("name", ["notes.txt", ".albumsort-0123456789abcdef.part.txt", ".albumsort-0123.part"])
def test_a_strangers_journal_cannot_call_any_other_file_a_partial_one(mine, tmp_path, name):
    (mine / name).write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    entry = {"source": str(mine / "0.jpg"), "mode": "partial", "digest": ""}
    journal(tmp_path / "out", {**entry, "path": str(mine / name)}, {**entry, "path": name})
    assert [action for _, action in Manifest(tmp_path / "out").undo()] == ["changed", "changed"]
    assert (mine / name).read_text() == (tmp_path / "out" / name).read_text() == "mine"


def test_a_strangers_journal_names_no_partial_file_far_from_a_photo(mine, tmp_path):
    victim = tmp_path / ".albumsort-0123456789abcdef.part"
    victim.write_text("of another export")
    journal(tmp_path / "out", {"path": str(victim), "source": str(mine / "0.jpg"), "mode": "partial", "digest": ""})
    with pytest.raises(AlbumsortError, match="nothing was removed"):
        list(Manifest(tmp_path / "out").undo())
    assert victim.exists()


@pytest.mark.parametrize("name", [NAME, JOURNAL])
@pytest.mark.parametrize("kind", ["pipe", "folder", "huge", "deep", "half a character", "binary"])
def test_what_is_no_manifest_is_one_line(call, index, tmp_path, name, kind):
    file = tmp_path / "out" / name
    file.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "huge":
        with open(file, "wb") as sparse:
            sparse.truncate(5 << 30)
    elif kind == "deep":
        file.write_text('{"version": 1, "files": ' + "[" * 200_000)
    elif kind == "half a character":
        file.write_text(
            '{"version": 1, "files": [{"path": "\\ud800", "source": "/a\\udfff", "mode": "copy", "digest": ""}]}'
        )
    else:
        file.write_bytes(b"\xff\x00" * 1000)
    is_torn = name == JOURNAL and kind in ("deep", "half a character")  # lines that are no entries are passed over
    for command in (("export", file.parent, "--undo"), ("export", file.parent, "--db", index, "--emotion", "happy")):
        done = call(*command)
        assert (done.returncode, len(done.stderr.splitlines())) == ((0, 0) if is_torn else (1, 1)), done.stderr
        assert is_torn or name in done.stderr
