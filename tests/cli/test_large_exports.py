"""Exports say how much they are, ask a person before they copy much, and end with the command that undoes them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from albumsort.text import size


@pytest.fixture
def photos(album, tmp_path):
    """Makes so many photos, each with other bytes."""

    def make(number: int) -> list[Path]:
        content = (album / "dim.jpg").read_bytes()[:2000]
        (tmp_path / "mine").mkdir()
        made = [tmp_path / "mine" / f"{k}.jpg" for k in range(number)]
        for k, path in enumerate(made):
            path.write_bytes(content + k.to_bytes(2, "big"))
        return made

    return make


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


@pytest.mark.slow
@needs_terminal
@pytest.mark.parametrize(("answer", "code", "copies"), [("n", 1, 0), ("", 1, 0), ("y", 0, 501)])
def test_a_large_export_asks_on_a_terminal(on_a_terminal, photos, index_of, tmp_path, answer, code, copies):
    index = index_of({photo: [("happy", 0.9)] for photo in photos(501)})
    done, printed = on_a_terminal("export", tmp_path / "out", "--db", index, answer=answer, cwd=tmp_path)
    assert "501 files to copy, 1.0 MB" in printed and "are free" in printed and "[y/N]" in printed
    assert done == code
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == copies


@pytest.mark.slow
@needs_terminal
@pytest.mark.parametrize(("number", "options"), [(501, ["--yes"]), (501, ["--dry-run"]), (3, [])])
def test_no_question_is_asked_that_nobody_needs(on_a_terminal, photos, index_of, tmp_path, number, options):
    index = index_of({photo: [("happy", 0.9)] for photo in photos(number)})
    done, printed = on_a_terminal("export", tmp_path / "out", "--db", index, *options, answer="n", cwd=tmp_path)
    assert (done, "[y/N]" in printed) == (0, False)
    assert f"/{number} [files, " in printed  # the progress bar
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == (0 if "--dry-run" in options else number)


def test_a_script_is_not_asked(call, photos, index_of, tmp_path):
    index = index_of({photo: [("happy", 0.9)] for photo in photos(501)})
    done = call("export", tmp_path / "out", "--db", index)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("mode", ["copy", "symlink"])
def test_the_first_line_says_how_much_it_is_and_the_last_how_to_undo_it(call, photos, index_of, tmp_path, mode):
    index = index_of({photo: [("happy", 0.9)] for photo in photos(3)})
    out = tmp_path / "an album's best"
    lines = call("export", out, "--db", index, "--mode", mode).stdout.splitlines()
    assert lines[0].startswith(f"{out}: 3 " + ("files to copy, 6.0 kB; " if mode == "copy" else "links to make"))
    program, *words = shlex.split(lines[-1].removeprefix("to undo it: "))
    assert program == "albumsort" and call(*words).returncode == 0
    assert not out.exists()


def test_an_export_that_writes_nothing_has_nothing_to_undo(call, photos, index_of, tmp_path):
    index = index_of({photo: [("happy", 0.9)] for photo in photos(3)})
    call("export", tmp_path / "out", "--db", index)
    for options in ([], ["--dry-run"]):
        assert "--undo" not in call("export", tmp_path / "out", "--db", index, *options).stdout


def test_undo_says_what_it_keeps_and_why(call, photos, index_of, tmp_path):
    index = index_of({photo: [("happy", 0.9)] for photo in photos(2)})
    call("export", tmp_path / "out", "--db", index)
    edited, _ = sorted((tmp_path / "out").rglob("*.jpg"))
    edited.write_bytes(b"with keywords")
    printed = json.loads(call("export", tmp_path / "out", "--undo", "--dry-run", "--json").stdout)["files"]
    assert {item["reason"] for item in printed} == {None, "another program has changed it since the export"}
    done = call("export", tmp_path / "out", "--undo")
    out = tmp_path / "out"
    assert done.stdout == f"{out}: 1 removed\n{out}: 1 kept (changed by another program since the export): {edited}\n"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (10**16, "10000.0 TB")],
)
def test_sizes_are_in_the_unit_that_people_read(number, words):
    assert size(number) == words
