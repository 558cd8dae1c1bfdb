"""What people type to have something drawn: its exit code, what stands on which stream, and what is in the file."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

#: How a file of each kind begins.
BEGINS = {
    "png": b"\x89PNG",
    "jpg": b"\xff\xd8\xff",
    "jpeg": b"\xff\xd8\xff",
    "webp": b"RIFF",
    "pdf": b"%PDF-",
    "svg": b"<?xml",
    "html": b"<!DOCTYPE html>",
    "htm": b"<!DOCTYPE html>",
}
DRAWING = "the name must end in .png, .jpg, .webp, .pdf or .svg"
SHEET = "the name must end in .jpg, .png, .webp, .pdf or .html"


@pytest.fixture
def typed(call, index_of, album, tmp_path):
    """Runs what is typed beside the folder Photos: ``typed("sheet happy -o a.png")``."""
    places = {"both.jpg": "Rom/写真 夏.jpg", "everybody-smiles.jpg": "צילומים/צילום.jpg", "far-away.jpg": "Фото 😀.jpg"}
    for name, place in places.items():
        photo = tmp_path / "Photos" / place
        photo.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(album / "groups" / name, photo)
    shutil.copy(album / "places" / "coffee.jpg", tmp_path / "party.jpg")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "history.csv").write_text("epoch,loss,fer2013\n1,1.5,0.4\n2,1.2,0.5\n")
    photos = [tmp_path / "Photos" / place for place in places.values()]
    index = index_of({**{photo: [("happy", 0.9)] for photo in photos}, tmp_path / "party.jpg": [("sad", 0.8)]})
    environment = {**os.environ, "ALBUMSORT_DB": str(index)}
    return lambda line: call(*shlex.split(line), env=environment)


@pytest.mark.parametrize(
    ("line", "file", "printed"),
    [
        ("show party.jpg", "party-faces.png", "party-faces.png: 1 face"),
        *(
            (f"show party.jpg -o mine.{kind}", f"mine.{kind}", f"mine.{kind}: 1 face")
            for kind in ("png", "jpg", "JPG", "jpeg", "webp", "pdf", "svg")
        ),
        ("show 'Photos/Rom/写真 夏.jpg' -o 夏.pdf", "夏.pdf", "夏.pdf: 1 face"),
        ("model curves run", "curves.png", "curves.png"),
        *((f"model curves run -o mine.{kind}", f"mine.{kind}", f"mine.{kind}") for kind in ("jpg", "pdf", "svg")),
        ("sheet happy", "happy-sheet.jpg", "happy-sheet.jpg: 3 photos"),
        *(
            (f"sheet happy -o mine.{kind}", f"mine.{kind}", f"mine.{kind}: 3 photos")
            for kind in ("jpg", "jpeg", "png", "webp", "pdf", "html", "HTM")
        ),
        ("sheet happy --no-boxes --title 'Our summer' -o mine.pdf", "mine.pdf", "mine.pdf: 3 photos"),
        ("sheet happy --title '' -o mine.html", "mine.html", "mine.html: 3 photos"),
        ("sheet happy --title 夏 --links -o mine.html", "mine.html", "mine.html: 3 photos"),
    ],
)
def test_the_suffix_says_what_is_written(typed, tmp_path, line, file, printed):
    done = typed(line)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed + "\n", "")
    assert (tmp_path / file).read_bytes().startswith(BEGINS[Path(file).suffix[1:].lower()])


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "pdf", "svg"])
def test_the_plot_of_stats_is_what_its_suffix_says(typed, tmp_path, kind):
    done = typed(f"stats --plot mine.{kind}")
    assert (done.returncode, done.stderr) == (0, f"mine.{kind}: written\n")
    assert done.stdout.startswith("4 photos")
    assert (tmp_path / f"mine.{kind}").read_bytes().startswith(BEGINS[kind])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show party.jpg -o mine.gif", f"'mine.gif': {DRAWING}"),
        ("show party.jpg -o mine", f"'mine': {DRAWING}"),
        ("show party.jpg -o mine.html", f"'mine.html': {DRAWING}"),
        ("show party.jpg -o run", f"'run': {DRAWING}"),
        ("stats --plot mine.bmp", f"'mine.bmp': {DRAWING}"),
        ("model curves run -o mine.tiff", f"'mine.tiff': {DRAWING}"),
        ("model look party.jpg -o mine.txt", f"'mine.txt': {DRAWING}"),
        (
            "model evaluate faces --plots mine.pdf",
            "'mine.pdf': there are several plots, so name a folder, and their format with --plot-format pdf",
        ),
        ("model data faces --plots mine.svg", "'mine.svg': there are several plots, so name a folder"),
        (
            "model evaluate faces --plots plots --plot-format gif",
            "'gif' is not one of 'png', 'jpg', 'webp', 'pdf', 'svg'",
        ),
        ("sheet happy -o mine.gif", f"'mine.gif': {SHEET}"),
        ("sheet happy -o mine.svg", f"'mine.svg': {SHEET}"),
        ("sheet happy -o mine.jpg.exe", f"'mine.jpg.exe': {SHEET}"),
        ("sheet happy --links", "--links works only with a sheet that is an .html, such as -o sheet.html"),
        ("sheet happy --links -o mine.png", "--links works only with a sheet that is an .html"),
    ],
)
def test_another_suffix_is_wrong_usage_that_names_what_is_possible(typed, tmp_path, line, message):
    before = {path.name for path in tmp_path.iterdir()}
    done = typed(line)
    said = " ".join(done.stderr.replace("│", " ").split())  # the frame around a message, and its lines
    assert (done.returncode, done.stdout) == (2, "")
    assert message in said
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_sheet_for_the_mail_says_where_photos_are_without_a_path_of_this_machine(typed, tmp_path):
    assert typed("sheet happy -o mine.html").returncode == 0
    page = (tmp_path / "mine.html").read_text("utf-8")
    assert all(name in page for name in ("Rom", "写真 夏.jpg", "צילומים", "Фото 😀.jpg", "2024-05-17"))
    assert str(tmp_path) not in page and 'href="Photos' not in page


def test_links_lead_to_the_files_from_where_the_sheet_is(typed, tmp_path):
    assert typed("sheet happy --links -o Photos/mine.html").returncode == 0
    page = (tmp_path / "Photos" / "mine.html").read_text("utf-8")
    assert 'href="Rom/%E5%86%99%E7%9C%9F%20%E5%A4%8F.jpg"' in page
    assert str(tmp_path) not in page
