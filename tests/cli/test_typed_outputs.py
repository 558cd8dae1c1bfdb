"""What people type for the form of an output: both spellings of JSON everywhere, and what a command says of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from albumsort.index.writer import IndexWriter

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    "words",
    [
        *("top happy", "list", "bursts", "stats", "problems", "export out --dry-run", "prune --dry-run"),
        *(f"forget {EXAMPLES} --dry-run", "model info", "model recipes"),
    ],
)
def test_json_has_two_spellings(call, scanned, words):
    db = () if words.startswith("model") else ("--db", scanned)
    spellings = [["--json"], ["--format", "json"], ["--format=json", "--json"]]
    done = [call(*words.split(), *db, *spelling) for spelling in spellings]
    assert {one.returncode for one in done} == {0}
    first, *others = (json.loads(one.stdout) for one in done)
    assert all(other == first for other in others)
    assert call(*words.split(), *db, "--format", "table").stdout != done[0].stdout


@pytest.mark.parametrize(
    "words",
    [
        *("top happy", "list", "bursts", "stats", "problems", "export out --dry-run", "prune --dry-run"),
        *(f"forget {EXAMPLES} --dry-run", "model info", "model recipes"),
    ],
)
def test_jsonl_is_ndjson_and_has_an_object_per_line(call, scanned, words):
    command = (*words.split(), *(() if words.startswith("model") else ("--db", scanned)))
    jsonl, ndjson, whole = (call(*command, "--format", form) for form in ("jsonl", "ndjson", "json"))
    assert (jsonl.returncode, jsonl.stdout, jsonl.stderr) == (0, ndjson.stdout, whole.stderr)
    content = json.loads(whole.stdout)
    objects = content if isinstance(content, list) else [content]
    assert [json.loads(line) for line in jsonl.stdout.splitlines()] == objects


def test_lines_are_printed_of_a_command_that_fails_too(unplugged, typed):
    done = typed("export happy out --format ndjson")
    assert done.returncode == 1 and "nothing was exported" in done.stderr
    assert [item["action"] for item in json.loads(done.stdout)["files"]] == ["missing"] * 2


def test_two_formats_that_differ_are_wrong_usage(call, scanned):
    done = call("top", "happy", "--db", scanned, "--json", "--format", "csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json and --format csv contradict each other" in done.stderr


@pytest.fixture
def typed(place, call):
    """Types a command in a folder with photos, their index (of ``photos``), an empty index and files of other kinds."""
    (place / "empty").mkdir()
    (place / "films" / "sub").mkdir(parents=True)
    for name in ("a.mp4", "b.MP4", "sub/notes", ".hidden.jpg"):
        (place / "films" / name).write_bytes(b"no picture")
    (place / "films" / "link.jpg").symlink_to(place / "photos" / "a.jpg")
    (place / "notes.txt").write_text("no picture")
    with IndexWriter(place / "empty.db") as writer:
        writer.finish_scan(writer.start_scan({"paths": [str(place / "empty")], "threshold": 0.5}))
    (place / "zero.db").touch()

    def type_(words: str) -> subprocess.CompletedProcess[str]:
        return call(*words.split(), env={**os.environ, "ALBUMSORT_DB": "index.db"})

    return type_


NO_PHOTOS = (
    "empty.db: the index has no photos; scanned so far: {here}/empty; "
    "scan some with: albumsort scan FOLDER --db empty.db\n"
)
NOT_SCANNED = "{here}/films: no photo below this folder is in the index; scanned so far: {here}\n"
NOT_THERE = NOT_SCANNED.partition(";")[0] + "\n"
NO_FOLDER = "{here}/phtos: no such folder; scanned so far: {here}\n"
FILE = "{here}/notes.txt: not a folder; scanned so far: {here}\n"
NO_INDEX = "albumsort: none.db: no such index; create it with: albumsort scan FOLDER --db none.db\n"
FILMS = "3 other files (2 .mp4, 1 without a suffix), 1 passed over, 1 link not followed"

#: What is typed, the exit code, and what stands on standard output (None: something) and on standard error.
TYPED = [
    # a folder without photos, and a file that is no picture
    ("scan empty --db new.db --json", 0, None, "{here}/empty: no photos there; it holds no files\n"),
    ("scan films --db new.db", 0, None, f"{{here}}/films: no photos there, but {FILMS}\n"),
    ("scan notes.txt --db new.db", 0, None, "{here}/notes.txt: not a picture\n"),
    ("scan notes.txt photos/a.jpg --db new.db", 0, None, "{here}/notes.txt: not a picture\n"),
    ("scan notes.txt empty --db new.db", 0, None, "{here}/empty: no photos there; it holds no files\n"),
    ("scan notes.txt --json --db new.db", 0, None, "{here}/notes.txt: not a picture\n"),
    ("scan photos --exclude *.jpg --exclude *.nef --db new.db", 0, None, "--exclude leaves out what there is"),
    ("scan nowhere --db new.db", 1, "", "albumsort: {here}/nowhere: no such folder or photo\n"),
    ("predict notes.txt nowhere.jpg", 1, None, "albumsort: no photo could be read\n"),
    ("predict empty", 1, "", "{here}/empty: no photos there; it holds no files\nalbumsort: no photo could be read\n"),
    ("show notes.txt", 1, "", "albumsort: {here}/notes.txt: not an image\n"),
    ("show nowhere.jpg", 1, "", "albumsort: {here}/nowhere.jpg: no such file\n"),
    ("correct notes.txt sad", 1, "", "albumsort: {here}/notes.txt: not in the index; scan it first\n"),
    # a folder below which nothing was scanned
    ("top happy --under films", 0, "", NOT_SCANNED),
    ("top happy --under phtos", 0, "", NO_FOLDER),
    ("top happy --under notes.txt --json", 0, "[]\n", FILE),
    ("top happy --under photos --under films -n 1 --format paths", 0, "{here}/photos/a.jpg\n", NOT_THERE),
    ("list --under films --under photos -n 1 --format paths", 0, "{here}/photos/a.jpg\n", NOT_THERE),
    ("stats --under photos --under films --json", 0, None, NOT_THERE),
    ("show photos", 1, "", "albumsort: photos: a folder; name a photo in it\n"),
    ("correct photos sad", 1, "", "albumsort: photos: a folder; name a photo in it\n"),
    ("top happy --under notes.txt --under phtos", 0, "", f"{FILE.partition(';')[0]}; {NO_FOLDER}"),
    ("list --under films", 0, "", NOT_SCANNED),
    ("bursts films", 0, "", NOT_SCANNED),
    ("stats --under films", 0, None, NOT_SCANNED),
    ("stats --under films --plot new.png", 1, "", f"albumsort: {NOT_SCANNED}"),
    ("sheet happy --under films", 1, "", f"albumsort: {NOT_SCANNED}"),
    ("export new --under films", 0, "", f"new: nothing was exported; {NOT_SCANNED}"),
    # an index without photos, and none
    *(
        (f"{words} --db empty.db", 0, "", NO_PHOTOS)
        for words in ("top happy", "list", "bursts", "top sad --under films")
    ),
    ("stats --db empty.db", 0, None, NO_PHOTOS),
    ("sheet happy --db empty.db", 1, "", f"albumsort: {NO_PHOTOS}"),
    ("export new --db empty.db", 0, "", f"new: nothing was exported; {NO_PHOTOS}"),
    ("show notes.txt --db empty.db", 1, "", "albumsort: {here}/notes.txt: not an image\n"),
    *((f"{words} --db none.db", 1, "", NO_INDEX) for words in ("top happy", "list", "bursts", "stats", "sheet happy")),
    ("top happy --db zero.db", 1, "", "zero.db: nothing was scanned into it yet"),
]


@pytest.mark.parametrize(("words", "code", "out", "err"), TYPED, ids=[words for words, *_ in TYPED])
def test_nothing_found_is_said_well(typed, place, words, code, out, err):
    before = {path.name for path in place.iterdir()}
    done = typed(words)
    assert done.returncode == code, done.stderr
    assert bool(done.stdout) if out is None else done.stdout == out.format(here=place)
    expected = err.format(here=place)
    assert done.stderr.endswith(expected) if err.endswith("\n") else expected in done.stderr
    made = {path.name for path in place.iterdir()} - before
    assert all(".db" in name for name in made)


def test_scanned_folders_without_photos_are_not_named(typed, place):
    assert typed("scan empty films/sub").returncode == 0
    assert typed("top happy --under films/sub").stderr.endswith(f"; scanned so far: {place}\n")


@pytest.fixture
def unplugged(place):
    """The folder of the photos is gone, as a disk that is not plugged in."""
    (place / "photos").rename(place / "elsewhere")
    return place


def test_an_export_of_which_everything_is_missing_fails_and_makes_no_folder(unplugged, typed):
    for words in ("export out", "export out --sidecar xmp", "export out --dry-run", "export out --json"):
        done = typed(f"{words} --emotion happy")
        assert done.returncode == 1
        assert done.stderr == (
            f"albumsort: out: nothing was exported: 2 missing, such as {unplugged}/photos/a.jpg; "
            "plug in the disk that holds them, or scan the folder again that they are in now\n"
        )
        if "--json" in words:
            assert [item["action"] for item in json.loads(done.stdout)["files"]] == ["missing"] * 2
        else:
            assert done.stdout == ""
        assert not (unplugged / "out").exists()


def test_copies_of_a_list_of_which_everything_is_missing_fail_and_make_no_folder(unplugged, typed):
    done = typed("top happy --copy-to out")
    assert done.returncode == 1 and done.stdout.count("\n") == 2
    assert done.stderr.startswith("albumsort: out: nothing was copied: 2 missing, such as ")
    assert not (unplugged / "out").exists()


def test_a_sheet_of_which_everything_is_missing_fails_and_is_not_written(unplugged, typed):
    done = typed("sheet happy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"albumsort: 2 photos missing, such as {unplugged}/photos/a.jpg; plug in the disk")
    assert not (unplugged / "happy-sheet.jpg").exists()


def test_copies_that_are_there_already_are_named(place, typed):
    undo = f"scans of {place} pass these files over\nto undo it: albumsort export {place}/out --undo\n"
    assert typed("top happy -n 1 --copy-to out").stderr == f"1 photo copied to out\n{undo}"
    assert typed("top happy -n 1 --copy-to out").stderr == "out: nothing new to copy; 1 there already: 001_090_a.jpg\n"
    assert typed("top happy --copy-to out").stderr == f"1 photo copied to out; 1 there already: 001_090_a.jpg\n{undo}"
    (place / "photos" / "c.jpg").unlink()
    done = typed("top happy sad --copy-to out")
    assert done.returncode == 0
    assert done.stderr.startswith(f"missing: {place}/photos/c.jpg\nout: nothing new to copy; 2 there already: ")


def test_nothing_is_copied_from_an_empty_list(place, typed):
    done = typed("top disgust --copy-to out")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("no face surely shows disgust (--threshold 0.5); the closest: ")
    assert not (place / "out").exists()


@pytest.mark.slow
def test_predict_reads_the_photos_of_a_folder(run, album, tmp_path):
    shutil.copytree(album / "groups", tmp_path / "photos" / "groups")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    done = run("predict", "photos", "nowhere.jpg", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    *read, missing = (json.loads(line) for line in done.stdout.splitlines())
    assert [item["path"] for item in read] == [str(path) for path in sorted((tmp_path / "photos" / "groups").iterdir())]
    assert all(item["faces"] for item in read) and missing["error"] == "no such file"
