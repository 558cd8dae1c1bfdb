"""exiftool, which follows the XMP standards, accepts the sidecars and reads the same keywords and regions from them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from albumsort.emotions import EMOTIONS
from albumsort.export.folders import export
from albumsort.export.manifest import fingerprint
from albumsort.export.sidecars import write_sidecars
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult

pytestmark = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="no exiftool here: apt install libimage-exiftool-perl"
)

#: By EXIF orientation: maps a point of the stored photo to the upright photo, in 0..1, as readers of regions do.
SHOWN = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}


def exiftool(*args: object) -> Any:
    command = ["exiftool", "-json", "-struct", "-n", *map(str, args)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def regions_as_shown(tags: dict[str, Any], orientation: int) -> list[tuple[str | None, list[float]]]:
    """(description, [x, y, w, h] in pixels of the upright photo) of each region."""
    info = tags["RegionInfo"]
    width, height = info["AppliedToDimensions"]["W"], info["AppliedToDimensions"]["H"]
    if orientation >= 5:
        width, height = height, width
    found = []
    for region in info["RegionList"]:
        area = region["Area"]
        x, y = SHOWN[orientation](area["X"], area["Y"])
        w, h = (area["W"], area["H"]) if orientation < 5 else (area["H"], area["W"])
        box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
        assert region["Type"] == "Face"
        found.append((region.get("Description"), box))
    return found


def sidecars(index: Path, out: Path, **options: Any) -> list[tuple[Path, Path]]:
    """Each photo exported, with its sidecar."""
    with Index(index) as opened:
        query = opened.settled(Query(EMOTIONS))
        done = write_sidecars(out, export(opened, out, query), query, **options)
    return [(Path(item.source), Path(item.target)) for item in done]


def test_the_example_album_comes_back_as_the_index_has_it(scanned, tmp_path):
    pairs = sidecars(scanned, tmp_path / "out")
    assert len(pairs) >= 6
    asked = ("-XMP:all", "-Orientation", "-validate", "-warning", "-error", "-a")
    tags_of = {Path(tags["SourceFile"]): tags for tags in exiftool(*asked, *{path for pair in pairs for path in pair})}
    turned = 0
    with Index(scanned) as index:
        certain = index.threshold()
        for source, target in pairs:
            tags, orientation = tags_of[target], tags_of[source].get("Orientation", 1)
            assert tags["Validate"] == "0 0 0"
            assert not {"Warning", "Error", "RegionName"} & tags.keys()
            turned += orientation != 1
            found = index.photo(str(source))
            assert found is not None
            photo, faces = found.photo, found.faces
            emotions = {face.emotion for face in faces if face.confidence >= certain}
            assert set(tags["Subject"]) == emotions
            assert set(tags["HierarchicalSubject"]) == {f"emotion|{emotion}" for emotion in emotions}
            for face, (description, box) in zip(faces, regions_as_shown(tags, orientation), strict=True):
                x, y, w, h = face.box
                right, bottom = min(x + w, photo.width or 0), min(y + h, photo.height or 0)
                x, y = max(x, 0), max(y, 0)
                assert box == pytest.approx([x, y, right - x, bottom - y], abs=1)
                assert description == (face.emotion if face.confidence >= certain else None)
    assert turned >= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_of_turned_photos_come_back_within_a_pixel(face_of, tmp_path, orientation):
    size, boxes = (4032, 3024), [(100.25, 50.5, 611.3, 843.9), (3500, 2500, 700, 700), (-20, -30, 200, 100)]
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = tmp_path / "photo.jpg"
    Image.new("L", size if orientation < 5 else size[::-1]).save(photo, exif=exif)
    status = photo.stat()
    with IndexWriter(tmp_path / "index.db") as writer:
        scan = writer.start_scan({"paths": [], "threshold": 0.5})
        facts = (status.st_size, status.st_mtime_ns, fingerprint(photo))
        record = Photo(str(photo), *facts, *size, orientation=orientation)
        faces = (face_of("happy", 0.9, boxes[0]), face_of("fear", 0.8, boxes[1]), face_of("sad", 0.4, boxes[2]))
        writer.write(scan, [PhotoResult(record, faces)])
        writer.finish_scan(scan)
    pairs = sidecars(tmp_path / "index.db", tmp_path / "out", tag_originals=True)
    assert (photo, tmp_path / "photo.jpg.xmp") in pairs
    for tags in exiftool("-XMP:all", "-validate", "-warning", "-error", *(target for _, target in pairs)):
        assert tags["Validate"] == "0 0 0"
        assert tags["Subject"] == ["fear", "happy"]
        assert tags["HierarchicalSubject"] == ["emotion|fear", "emotion|happy"]
        shown = regions_as_shown(tags, orientation)
        assert [description for description, _ in shown] == ["happy", "fear", None]
        wanted = [boxes[0], (3500, 2500, 532, 524), (0, 0, 180, 70)]
        assert [box for _, box in shown] == [pytest.approx(box, abs=1) for box in wanted]


def test_the_command_of_the_page_on_other_programs_puts_sidecars_into_the_copies(album, index_of, tmp_path):
    out = tmp_path / "out"
    sidecars(index_of({album / "dim.jpg": [("happy", 0.9)]}), out)
    before = (album / "dim.jpg").read_bytes()
    page = (Path(__file__).parents[2] / "examples" / "other-programs.md").read_text(encoding="utf-8")
    (line,) = (line.strip() for line in page.splitlines() if " -tagsFromFile " in line)
    command = line.split("  #")[0].replace("~/Sorted", str(out))
    subprocess.run(command, shell=True, check=True, capture_output=True)
    (copy,) = out.rglob("*.jpg")
    (tags,) = exiftool("-XMP:all", copy)
    assert tags["HierarchicalSubject"] == ["emotion|happy"]
    assert tags["RegionInfo"]["RegionList"][0]["Description"] == "happy"
    assert (album / "dim.jpg").read_bytes() == before


def test_one_that_exiftool_edited_is_no_longer_albumsorts(album, index_of, tmp_path):
    index = index_of({album / "dim.jpg": [("happy", 0.9)]})
    ((_, target),) = sidecars(index, tmp_path / "out")
    subprocess.run(["exiftool", "-overwrite_original", "-Rating=5", target], check=True, capture_output=True)
    with Index(index) as opened:
        query = opened.settled(Query(("happy",)))
        (item,) = write_sidecars(tmp_path / "out", export(opened, tmp_path / "out", query), query)
    assert item.action == "kept"
