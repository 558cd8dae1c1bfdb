"""What people read of exports: how much there is to do, what later scans make of them, and how they are undone."""

from __future__ import annotations

import json
import os
import shlex
import shutil

import pytest


@pytest.fixture
def typed(place, call):
    """Types a command in a folder with photos and their index, of whose photos happy are a and b: ``typed("…")``."""

    def type_(words, db="index.db"):
        return call(*shlex.split(words), env={**os.environ, "ALBUMSORT_DB": db})

    return type_


def test_the_first_line_counts_what_is_not_there_yet(place, typed):
    assert typed("export happy out -n 1").stdout.startswith("out: 1 file to copy, ")
    lines = typed("export happy out").stdout.splitlines()
    assert lines[0].startswith("out: 1 file to copy, ") and lines[0].endswith(" are free; 1 there already")
    assert typed("export happy out").stdout.startswith("out: 2 files, all there already\n")
    next((place / "out" / "happy").glob("001*")).unlink()
    assert typed("export happy out").stdout.startswith("out: 1 file to copy, ")


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
def test_links_are_made(typed, mode):
    assert typed(f"export happy out -n 1 --mode {mode}").stdout.startswith("out: 1 link to make\n")
    assert typed(f"export happy out --mode {mode}").stdout.startswith("out: 1 link to make; 1 there already\n")
    assert typed(f"export happy out --mode {mode}").stdout.startswith("out: 2 files, all there already\n")


@pytest.mark.parametrize("words", ["export happy {}", "top happy --copy-to {}"])
@pytest.mark.parametrize("folder", ["new", "new/deep/er", "mine", "mine/new", "photos/new"])
def test_undo_leaves_the_folders_that_were_there_and_no_others(place, typed, words, folder):
    def there():
        return sorted(path for path in place.rglob("*") if "index.db-" not in path.name)

    before = there()
    assert typed(words.format(folder)).returncode == 0
    assert there() != before
    undone = typed(f"export {folder} --undo")
    assert (undone.returncode, undone.stdout, undone.stderr) == (0, f"{folder}: 2 removed\n", "")
    assert there() == before


def test_a_folder_with_something_else_in_it_stays(place, typed):
    typed("export happy a/b")
    (place / "a" / "notes.txt").write_text("mine")
    typed("export a/b --undo")
    assert [path.name for path in (place / "a").iterdir()] == ["notes.txt"]


def test_a_folder_stays_until_what_was_kept_in_it_is_gone(place, typed):
    typed("export happy out")
    (edited,) = (place / "out").rglob("001*")
    edited.write_bytes(b"edited")
    typed("export out --undo")
    assert edited.exists()
    edited.unlink()
    assert typed("export out --undo").stdout == "out: 1 gone\n"
    assert not (place / "out").exists()


def test_copies_that_another_program_has_changed_are_told_in_one_line(place, typed):
    for number in range(6):
        shutil.copy(place / "photos" / "a.jpg", place / "photos" / f"x{number}.jpg")
    typed("export happy sad out")
    for copy in (place / "out").rglob("*.jpg"):
        copy.write_bytes(copy.read_bytes() + b"keywords")
    done = typed("export out --undo")
    (line,) = done.stdout.splitlines()
    assert line.startswith("out: 3 kept (changed by another program since the export): out/happy/001_")
    manifest = json.loads((place / "out" / "albumsort-export.json").read_text())
    first = manifest["files"][0]
    for number in range(4):
        shutil.copy(place / "out" / first["path"], place / "out" / f"{number}.jpg")
        manifest["files"].append({**first, "path": f"{number}.jpg"})
    (place / "out" / "albumsort-export.json").write_text(json.dumps(manifest))
    (line,) = typed("export out --undo").stdout.splitlines()
    assert line.startswith("out: 7 kept ") and line.endswith(" and 2 more")


@pytest.mark.parametrize(("words", "stream"), [("export happy {}", "stdout"), ("top happy --copy-to {}", "stderr")])
def test_an_export_says_what_scans_make_of_it(place, typed, index_of, words, stream):
    photo = place / "photos" / "a.jpg"
    db = str(index_of({photo: [("happy", 0.9)]}, "all.db"))  # which has scanned the folder in which all of this is
    for folder in ("photos/out", "out"):
        printed = getattr(typed(words.format(folder), db), stream)
        assert f"scans of {place} pass these files over\nto undo it: " in printed
    assert "scans of" not in getattr(typed(words.format("/" + os.path.relpath(place.parent / "far", "/")), db), stream)


def test_photos_that_are_in_the_index_after_undo_are_mentioned(place, typed, index_of):
    typed("export happy out")
    copies = sorted((place / "out").rglob("*.jpg"))
    db = str(index_of({copy: [("happy", 0.9)] for copy in copies}, "copies.db"))
    assert typed("export out --undo", db).stderr == (
        "2 photos of these still in the index; drop with: albumsort prune\n"
    )
    assert typed("prune --yes", db).stdout.startswith("2 photos dropped")
