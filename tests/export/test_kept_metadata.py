"""A sidecar hides nothing that a photo, or a sidecar of another program, says: read back by exiftool and darktable."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from albumsort.export.folders import export
from albumsort.export.manifest import fingerprint
from albumsort.export.sidecars import Sidecar, write_sidecars
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult

PAGE = Path(__file__).parents[2] / "examples" / "other-programs.md"
needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="no exiftool here: apt install libimage-exiftool-perl"
)
#: In pixels of an upright photo of 400 x 300.
ANNA, STRANGER = (40.0, 60.0, 80.0, 100.0), (250.0, 80.0, 60.0, 80.0)


def exiftool(*args: object) -> str:
    done = subprocess.run(["exiftool", "-m", *map(str, args)], check=True, capture_output=True, text=True)
    return done.stdout


def read(path: Path) -> dict[str, Any]:
    (tags,) = json.loads(exiftool("-json", "-struct", "-n", "-XMP:all", "-validate", path))
    return {name: [value] if name in LISTS and not isinstance(value, list) else value for name, value in tags.items()}


LISTS = ("Subject", "HierarchicalSubject", "TagsList", "LastKeywordXMP")


def names(tags: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """(name, description) of each region."""
    return [(item.get("Name"), item.get("Description")) for item in tags["RegionInfo"]["RegionList"]]


def stored(box: tuple[float, ...], orientation: int) -> tuple[float, float, float, float]:
    """Centre and size, in 0..1, of a box of the upright photo of 400 x 300, in the photo as stored."""
    x, y, w, h = (box[0] + box[2] / 2) / 400, (box[1] + box[3] / 2) / 300, box[2] / 400, box[3] / 300
    turned = {
        1: (x, y), 2: (1 - x, y), 3: (1 - x, 1 - y), 4: (x, 1 - y), 5: (y, x), 6: (y, 1 - x), 7: (1 - y, 1 - x),
        8: (1 - y, x),
    }  # fmt: skip
    return (*turned[orientation], *((w, h) if orientation < 5 else (h, w)))


@pytest.fixture
def photo(tmp_path):
    """Makes a photo: ``photo("a.jpg", 6)`` is to be turned by 90 degrees."""

    def make(name: str = "a.jpg", orientation: int = 1, **options: Any) -> Path:
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        size = (400, 300) if orientation < 5 else (300, 400)
        Image.new("RGB", size, "white").save(path, exif=exif, **options)
        return path

    return make


@pytest.fixture
def sidecar(tmp_path, face_of):
    """Exports a photo with a happy face that is Anna's and a sad one, with a sidecar; returns what became of that."""

    def make(photo: Path, orientation: int = 1, out: str = "out", tag_originals: bool = False) -> Sidecar:
        status = photo.stat()
        facts = (status.st_size, status.st_mtime_ns, fingerprint(photo), 400, 300)
        faces = (face_of("happy", 0.9, (42.0, 62.0, 70.0, 90.0)), face_of("sad", 0.8, STRANGER))
        with IndexWriter(tmp_path / "index.db") as writer:
            scan = writer.start_scan({"paths": [], "threshold": 0.5})
            writer.write(scan, [PhotoResult(Photo(str(photo), *facts, orientation=orientation), faces)])
            writer.finish_scan(scan)
        with Index(tmp_path / "index.db") as index:
            query = index.settled(Query(("happy",)))
            done = export(index, tmp_path / out, query)
            return write_sidecars(tmp_path / out, done, query, tag_originals=tag_originals)[-1]

    return make


def describe(path: Path, orientation: int = 1) -> None:
    """Write into a file what photo managers write: keywords, a rating, a label, a caption and a named face."""
    x, y, w, h = stored(ANNA, orientation)
    size = "{W=400,H=300,Unit=pixel}" if orientation < 5 else "{W=300,H=400,Unit=pixel}"
    area = f"{{X={x},Y={y},W={w},H={h},Unit=normalized}}"
    region = f"{{AppliedToDimensions={size},RegionList=[{{Name=Anna,Type=Face,Area={area}}}]}}"
    exiftool(
        *("-overwrite_original", "-XMP-dc:Subject=holiday", "-XMP-dc:Subject=sea", "-XMP:Rating=4", "-XMP:Label=Red"),
        *(
            "-XMP-lr:HierarchicalSubject=places|sea",
            "-XMP-dc:Description=At the sea",
            f"-XMP:RegionInfo={region}",
            path,
        ),
    )


def is_kept(tags: dict[str, Any]) -> None:
    assert tags["Validate"] == "0 0 0"
    assert set(tags["Subject"]) == {"holiday", "sea", "happy", "sad"}
    assert set(tags["HierarchicalSubject"]) == {"places|sea", "holiday", "emotion|happy", "emotion|sad"}
    assert (tags["Rating"], tags["Label"], tags["Description"]) == (4, "Red", "At the sea")
    assert names(tags) == [("Anna", "happy"), (None, "sad")]


@needs_exiftool
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_keeps_its_keywords_rating_label_caption_and_named_face(photo, sidecar, orientation):
    path = photo(orientation=orientation)
    describe(path, orientation)
    before = path.read_bytes()
    done = sidecar(path, orientation, tag_originals=True)
    assert (Path(done.target), done.action, done.note) == (path.with_name("a.jpg.xmp"), "written", None)
    is_kept(read(Path(done.target)))
    area = read(Path(done.target))["RegionInfo"]["RegionList"][1]["Area"]
    assert (area["X"], area["Y"], area["W"], area["H"]) == pytest.approx(stored(STRANGER, orientation), abs=1e-5)
    assert path.read_bytes() == before


@needs_exiftool
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.jpeg"])
def test_so_does_one_of_another_format(photo, sidecar, name):
    path = photo(name)
    describe(path)
    is_kept(read(Path(sidecar(path).target)))


@needs_exiftool
def test_so_does_one_with_more_xmp_than_a_segment_of_a_jpeg_holds(photo, sidecar):
    path = photo()
    describe(path)
    many = [f"-XMP-dc:Subject+=word {number:05}" for number in range(3000)]
    exiftool("-overwrite_original", *many, path)
    assert b"http://ns.adobe.com/xmp/extension/" in path.read_bytes()
    tags = read(Path(sidecar(path).target))
    assert {"holiday", "sea", "happy", "word 00000", "word 02999"} < set(tags["Subject"])
    assert tags["Rating"] == 4


@needs_exiftool
def test_the_bytes_of_formats_that_pillow_is_not_trusted_with_are_searched(photo, sidecar):
    path = photo()
    describe(path)
    packet = exiftool("-XMP", "-b", path)
    heif = path.with_name("a.heic")
    heif.write_bytes(b"\0\0\0\x18ftypheic" + bytes(5000) + packet.encode() + bytes(5000))
    is_kept(read(Path(sidecar(heif).target)))


@needs_exiftool
@pytest.mark.parametrize("name", ["a.xmp", "a.jpg.xmp", "a.XMP"])
def test_a_sidecar_of_another_program_is_where_that_of_the_copy_begins(photo, sidecar, name):
    path = photo()
    exiftool("-o", path.with_name(name).with_suffix(".tmp.xmp"), "-XMP-dc:Subject=holiday", "-XMP:Rating=2", path)
    described = path.with_name(name).with_suffix(".tmp.xmp")
    describe(described)
    described.rename(path.with_name(name))
    exiftool("-overwrite_original", "-XMP-dc:Subject=embedded", "-XMP:Rating=1", path)
    tags = read(Path(sidecar(path).target))
    assert {"holiday", "sea", "embedded", "happy", "sad"} == set(tags["Subject"])
    assert (tags["Rating"], names(tags)) == (4, [("Anna", "happy"), (None, "sad")])


@needs_exiftool
def test_our_own_sidecar_beside_a_photo_is_not_where_the_next_begins(photo, sidecar, face_of):
    path = photo()
    sidecar(path, tag_originals=True)
    own = path.with_name("a.jpg.xmp")
    first = own.read_bytes()
    done = sidecar(path, out="second", tag_originals=True)
    assert (done.action, own.read_bytes()) == ("present", first)


@needs_exiftool
def test_iptc_and_exif_become_xmp(photo, sidecar):
    path = photo()
    exiftool(
        *("-overwrite_original", "-codedcharacterset=utf8", "-IPTC:Keywords=Köln", "-IPTC:Keywords=dom"),
        *("-IPTC:Caption-Abstract=Am Rhein", "-IPTC:City=Köln", "-EXIF:Rating=3", path),
    )
    tags = read(Path(sidecar(path).target))
    assert set(tags["Subject"]) == {"Köln", "dom", "happy", "sad"}
    assert {"Köln", "dom"} < set(tags["HierarchicalSubject"])
    assert (tags["Description"], tags["City"], tags["Rating"]) == ("Am Rhein", "Köln", 3)


@needs_exiftool
def test_the_trees_of_other_programs_get_the_emotions_too(photo, sidecar):
    path = photo()
    exiftool("-overwrite_original", "-XMP-digiKam:TagsList=places/sea", "-XMP:LastKeywordXMP=places/sea", path)
    tags = read(Path(sidecar(path).target))
    for name in ("TagsList", "LastKeywordXMP"):
        assert set(tags[name]) == {"places/sea", "emotion/happy", "emotion/sad"}


@needs_exiftool
def test_a_face_that_windows_named_is_not_added_again(photo, sidecar):
    path = photo()
    region = "{Regions=[{PersonDisplayName=Anna,Rectangle=0.1\\, 0.2\\, 0.2\\, 0.333}]}"
    exiftool("-overwrite_original", f"-XMP-MP:RegionInfoMP={region.replace(chr(92), '|')}", path)
    tags = read(Path(sidecar(path).target))
    assert tags["RegionInfoMP"]["Regions"][0]["PersonDisplayName"] == "Anna"
    assert names(tags) == [(None, "sad")]


BOMB = (
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&c;</x:xmpmeta>'
)
BROKEN = {
    "no XML": b"<x:xmpmeta",
    "no XMP": b"<html/>",
    "entities": BOMB,
    "deep": b"<a>" * 50_000 + b"</a>" * 50_000,
    "large": b"<a>" + b" " * (5 << 20) + b"</a>",
    "an unknown encoding": b'<?xml version="1.0" encoding="nonsense"?><a/>',
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_xmp_counts_as_missing_and_is_said(photo, sidecar, kind):
    path = photo()
    path.with_name("a.xmp").write_bytes(BROKEN[kind])
    done = sidecar(path)
    assert done.action == "written"
    assert done.note is not None and "a.xmp is left out" in done.note and len(done.note) < 100
    assert b"emotion|happy" in Path(done.target).read_bytes()


def test_broken_xmp_inside_a_photo_is_said_too(photo, sidecar):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", BOMB.decode())
    done = sidecar(photo("a.png", pnginfo=info))
    assert done.note == "the XMP in the photo is left out: it defines entities"


def test_what_an_index_has_of_the_size_and_orientation_may_be_odd(photo, sidecar, tmp_path):
    sidecar(photo())
    for column, value in (("orientation", 9), ("orientation", "up"), ("width", 0), ("height", None)):
        with closing(sqlite3.connect(tmp_path / "index.db")) as connection, connection:
            connection.execute(f"UPDATE photos SET {column} = ?", (value,))
        with Index(tmp_path / "index.db") as index:
            query = index.settled(Query(("happy",)))
            (done,) = write_sidecars(tmp_path / "odd", export(index, tmp_path / "odd", query), query)
        assert done.action == "scanned before"


def recipe(folder: Path) -> str:
    (line,) = (line.strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if " -tagsFromFile " in line)
    return line.split("  #")[0].replace("~/Sorted", str(folder))


@needs_exiftool
@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.png", "a.tif", "a.webp"])
def test_the_readmes_command_adds_to_what_a_copy_has(photo, sidecar, tmp_path, name):
    path = photo(name)
    describe(path)
    target = Path(sidecar(path).target)
    copy = target.with_suffix("")
    exiftool("-overwrite_original", "-XMP-dc:Subject+=since the export", copy)
    subprocess.run(recipe(tmp_path / "out"), shell=True, check=True, capture_output=True)
    tags = read(copy)
    assert sorted(tags["Subject"]) == ["happy", "holiday", "sad", "sea", "since the export"]
    assert (tags["Rating"], tags["Label"]) == (4, "Red")
    assert names(tags) == [("Anna", "happy"), (None, "sad")]


@needs_exiftool
def test_an_export_whose_copies_were_changed_is_recognised(photo, sidecar, tmp_path):
    path = photo()
    describe(path)
    target = Path(sidecar(path).target)
    copy = target.with_suffix("")
    exiftool("-overwrite_original", "-XMP-dc:Subject+=since", copy)
    target.unlink()
    again = sidecar(path)
    assert (again.action, Path(again.target)) == ("written", target)
    assert sorted(item.name for item in copy.parent.iterdir()) == [copy.name, target.name]
    assert {"since", "happy", "holiday"} < set(read(target)["Subject"])


@needs_exiftool
def test_a_rating_that_leaves_a_copy_as_large_as_it_was_is_in_its_sidecar(photo, sidecar):
    path = photo()
    describe(path)
    target = Path(sidecar(path).target)
    copy = target.with_suffix("")
    exiftool("-overwrite_original", "-XMP:Rating=2", copy)
    assert copy.stat().st_size == path.stat().st_size
    assert sidecar(path).action == "updated"
    assert read(target)["Rating"] == 2


@pytest.mark.slow
@needs_exiftool
@pytest.mark.skipif(shutil.which("darktable-cli") is None, reason="no darktable here: apt install darktable")
def test_darktable_shows_rating_keywords_and_caption_of_the_photo(photo, sidecar, tmp_path):
    path = photo()
    describe(path)
    target = Path(sidecar(path).target)
    result, settings = tmp_path / "result.jpg", tmp_path / "settings"
    command = ["darktable-cli", target.with_suffix(""), target, result, "--core", "--configdir", settings]
    subprocess.run([*map(str, command), "--library", ":memory:"], check=True, capture_output=True)
    tags = read(result)
    assert {"holiday", "sea", "happy", "sad"} <= set(tags["Subject"])
    assert (tags["Rating"], tags["Description"]) == (4, "At the sea")
