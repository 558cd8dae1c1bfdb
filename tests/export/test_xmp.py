"""XMP files: keywords and face regions as the standards have them, and which files are albumsort's own."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from albumsort.export.packet import packet
from albumsort.export.xmp import is_own
from albumsort.records import Face, Photo

RDF, DC = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}", "{http://purl.org/dc/elements/1.1/}"
LR, MWG = "{http://ns.adobe.com/lightroom/1.0/}", "{http://www.metadataworkinggroup.com/schemas/regions/}"
AREA, SIZE = "{http://ns.adobe.com/xmp/sType/Area#}", "{http://ns.adobe.com/xap/1.0/sType/Dimensions#}"
PHOTO = Photo("/photos/photo.jpg", 1, 1, width=400, height=200)


def parsed(*faces: Face, photo: Photo = PHOTO, certain: float = 0.5, orientation: int = 1) -> ElementTree.Element:
    return ElementTree.fromstring(packet(photo, faces, certain, orientation))


def keywords(root: ElementTree.Element, tag: str) -> list[str | None]:
    return [item.text for item in root.iterfind(f".//{tag}/{RDF}Bag/{RDF}li")]


def regions(root: ElementTree.Element) -> list[tuple[str | None, list[float]]]:
    """(description, [x, y, w, h]) of each face region."""
    found = []
    for item in root.iterfind(f".//{MWG}RegionList/{RDF}Bag/{RDF}li/{RDF}Description"):
        assert item.get(f"{MWG}Type") == "Face"
        assert item.get(f"{MWG}Name") is None
        area = item.find(f"{MWG}Area")
        assert area is not None and area.get(f"{AREA}unit") == "normalized"
        found.append((item.get(f"{MWG}Description"), [float(area.get(f"{AREA}{name}", "")) for name in "xywh"]))
    return found


def test_each_emotion_of_a_certain_face_is_a_keyword_once(face_of):
    root = parsed(face_of("happy", 0.9), face_of("angry", 0.8), face_of("happy", 0.7), face_of("sad", 0.3))
    assert keywords(root, f"{DC}subject") == ["angry", "happy"]
    assert keywords(root, f"{LR}hierarchicalSubject") == ["emotion|angry", "emotion|happy"]


def test_the_threshold_says_which_faces_are_certain(face_of):
    assert keywords(parsed(face_of("happy", 0.9), certain=0.95), f"{DC}subject") == []
    assert keywords(parsed(face_of("happy", 0.9), certain=0.9), f"{DC}subject") == ["happy"]


def test_each_face_is_a_region_and_a_certain_one_has_its_emotion_as_description(face_of):
    root = parsed(face_of("happy", 0.9, (100, 20, 80, 100)), face_of("sad", 0.3, (0, 0, 40, 50)))
    assert regions(root) == [("happy", [0.35, 0.35, 0.2, 0.5]), (None, [0.05, 0.125, 0.1, 0.25])]
    size = root.find(f".//{MWG}AppliedToDimensions")
    assert size is not None
    assert [size.get(f"{SIZE}{name}") for name in ("w", "h", "unit")] == ["400", "200", "pixel"]


def test_what_sticks_out_of_the_photo_is_cut_off(face_of):
    root = parsed(face_of("happy", 0.9, (-40, -20, 80, 60)), face_of("happy", 0.9, (360, 150, 80, 100)))
    assert [area for _, area in regions(root)] == [[0.05, 0.1, 0.1, 0.2], [0.95, 0.875, 0.1, 0.25]]


def test_a_box_outside_of_the_photo_is_no_region(face_of):
    root = parsed(face_of("happy", 0.9, (500, 20, 80, 100)))
    assert regions(root) == []
    assert root.find(f".//{MWG}Regions") is None
    assert keywords(root, f"{DC}subject") == ["happy"]


def test_nothing_of_the_files_name_gets_in(face_of):
    hostile = Photo('/a/"/><script>\n\x1b[31m\udcff.jpg', 1, 1, camera="<evil/>", width=400, height=200)
    assert packet(hostile, [face_of("happy", 0.9)], 0.5, 1) == packet(PHOTO, [face_of("happy", 0.9)], 0.5, 1)


@pytest.fixture
def own(face_of, tmp_path) -> Path:
    path = tmp_path / "photo.jpg.xmp"
    path.write_bytes(packet(PHOTO, [face_of("happy", 0.9)], 0.5, 1))
    return path


def test_a_file_as_albumsort_wrote_it_is_its_own(own):
    assert is_own(own)


def test_a_file_is_known_whatever_version_wrote_it(face_of, own, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda _: "9.9.9rc1+local")
    own.write_bytes(packet(PHOTO, [face_of("happy", 0.9)], 0.5, 1))
    assert b"9.9.9rc1+local" in own.read_bytes()
    assert is_own(own)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<rdf:li>happy</rdf:li>", b"<rdf:li>happy</rdf:li><rdf:li>holiday</rdf:li>"),
        (b"albumsort 0", b"albumsort 1"),
        (b"albumsort 0", b"XMP Core 4.4.0-Exiv2"),
        (b"</x:xmpmeta>\n", b"</x:xmpmeta>"),
        (b"sha256:", b"sha256:0"),
    ],
)
def test_one_that_was_edited_is_no_longer(own, before, after):
    content = own.read_bytes()
    assert content.count(before) >= 1
    own.write_bytes(content.replace(before, after))
    assert not is_own(own)


def test_neither_is_a_link_to_one_a_folder_or_anything_else(own, tmp_path):
    (tmp_path / "link.xmp").symlink_to(own)
    (tmp_path / "folder.xmp").mkdir()
    (tmp_path / "text.xmp").write_text("mine")
    assert [is_own(tmp_path / f"{name}.xmp") for name in ("link", "folder", "text", "gone")] == [False] * 4
