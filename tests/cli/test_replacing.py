"""Files that a command writes a second time: a free name without -o, --force with it; photos are never replaced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

REFUSED = "already exists; choose another name, or replace it with --force"


@pytest.fixture
def typed(place, album, call):
    """Types a command in a folder with photos, their index and a sheet of another kind, ``old.jpg``."""
    Image.new("RGB", (8, 8)).save(place / "old.jpg")
    Image.new("RGB", (8, 8)).save(place / "old.png")

    def type_(words: str):
        return call(*words.split(), env={**os.environ, "ALBUMSORT_DB": "index.db"})

    return type_


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("sheet happy -n 1", ["happy-sheet.jpg", "happy-sheet-2.jpg", "happy-sheet-3.jpg"]),
        ("show photos/a.jpg", ["a-faces.png", "a-faces-2.png", "a-faces-3.png"]),
    ],
)
def test_without_a_name_each_file_gets_a_free_one(typed, place, words, names):
    for name in names:
        done = typed(words)
        assert (done.returncode, done.stdout.partition(":")[0]) == (0, name)
        assert (place / name).stat().st_size > 1000
    first = (place / names[0]).read_bytes()
    (place / names[0]).write_bytes(b"old")
    assert typed(f"{words} --force").stdout.startswith(f"{names[0]}:")
    assert (place / names[0]).read_bytes() == first


@pytest.mark.parametrize("words", ["sheet happy -n 1 -o old.jpg", "show photos/a.jpg -o old.png", "stats -o old.png"])
def test_a_name_that_is_taken_is_refused_and_replaced_with_force(typed, place, words):
    target = place / words.partition("-o ")[2]
    before, names = target.read_bytes(), sorted(os.listdir(place))
    done = typed(words)
    assert (done.returncode, done.stderr) == (1, f"albumsort: {target.name}: {REFUSED}\n")
    assert target.read_bytes() == before
    done = typed(f"{words} --force")
    assert done.returncode == 0, done.stderr
    assert target.read_bytes() != before and Image.open(target).width > 100
    assert sorted(set(os.listdir(place)) - set(names)) in ([], ["index.db-shm", "index.db-wal"])


PHOTO = "a photo, and photos are never replaced; choose another name"


@pytest.mark.parametrize("force", ["", " --force"])
@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("photos/b.jpg", PHOTO),  # in the index
        ("same.jpg", PHOTO),  # a hard link to it
        ("link.jpg", PHOTO),  # a symbolic link to it
        ("moved.jpg", PHOTO),  # the bytes of a photo that was moved since
        ("camera.jpg", PHOTO),  # never scanned, but a camera wrote it
        ("folder.jpg", "a folder; choose another name"),
        ("pipe.jpg", "not a file; choose another name"),
    ],
)
def test_photos_and_what_is_no_file_are_kept_in_any_case(typed, place, album, target, what, force):
    os.link(place / "photos" / "b.jpg", place / "same.jpg")
    (place / "link.jpg").symlink_to("photos/b.jpg")
    (place / "photos" / "c.jpg").rename(place / "moved.jpg")
    exif = Image.Exif()
    exif[271] = "Example"
    Image.new("RGB", (8, 8)).save(place / "camera.jpg", exif=exif)
    (place / "folder.jpg").mkdir()
    os.mkfifo(place / "pipe.jpg")
    before = None if what.startswith(("a folder", "not")) else (place / target).read_bytes()
    done = typed(f"sheet happy -o {target}{force}")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"albumsort: {target}: {what}\n")
    assert before is None or (place / target).read_bytes() == before


def test_the_photo_that_is_drawn_is_kept_though_nobody_scanned_it(typed, place):
    Image.new("RGB", (8, 8)).save(place / "new.png")
    before = (place / "new.png").read_bytes()
    done = typed("show new.png -o new.png --force")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "albumsort: new.png: a file that this command reads; choose another name\n"
    assert (place / "new.png").read_bytes() == before


def test_a_photo_that_comes_to_be_while_the_sheet_is_drawn_is_kept(typed, place, monkeypatch):
    def drawn(page, pictures, target: Path, *options) -> int:
        target.write_bytes(b"a sheet")
        shutil.copy(place / "photos" / "b.jpg", place / "old.jpg")
        return 0

    monkeypatch.setattr("albumsort.report.sheet.draw_sheet", drawn)
    done = typed("sheet happy -o old.jpg --force")
    assert (done.returncode, done.stderr.endswith(f"albumsort: old.jpg: {PHOTO}\n")) == (1, True)
    assert (place / "old.jpg").read_bytes() == (place / "photos" / "b.jpg").read_bytes()
    assert not list(place.glob(".albumsort-*"))


def test_what_fails_leaves_the_old_file(typed, place):
    before = (place / "old.jpg").read_bytes()
    assert typed("sheet disgust -o old.jpg --force").returncode == 1
    assert (place / "old.jpg").read_bytes() == before
    assert not list(place.glob(".albumsort-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "name", "work"),
    [
        ("model look photos/a.jpg", "a-look.png", "albumsort.training.plots.saliency.plot_explanation"),
        ("model curves run", "curves.png", "albumsort.training.plots.figures.plot_curves"),
        ("model export --format tflite -o mine.tflite", "mine.tflite", "albumsort.training.export.export"),
    ],
)
def test_commands_of_the_model_replace_files_likewise(typed, place, monkeypatch, words, name, work):
    def written(*values: object):
        (target,) = (value for value in values if isinstance(value, Path) and value.suffix == Path(name).suffix)
        target.write_text("new")
        return SimpleNamespace(size=1, faces=1, difference=0.0, agreement=1.0, accuracy=None)

    (place / "run").mkdir()
    (place / "run" / "history.csv").write_text("epoch,loss\n1,2\n")
    from tests.cli.conftest import READ

    for target, result in {
        "albumsort.scanning.predict.predict": [READ],
        "albumsort.vision.saliency.explain": None,
        "albumsort.training.history.named_histories": {},
    }.items():
        monkeypatch.setattr(target, lambda *_, result=result, **__: result)
    monkeypatch.setattr(work, written)
    (place / name).write_text("old")
    if "-o" in words:
        assert REFUSED in typed(words).stderr
    else:
        assert typed(words).stdout == f"{Path(name).stem}-2{Path(name).suffix}\n"
    assert (place / name).read_text() == "old"
    done = typed(f"{words} --force")
    assert done.returncode == 0, done.stderr
    assert (place / name).read_text() == "new"
