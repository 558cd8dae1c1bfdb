"""The sidecar of a photo: what others say of it, its emotions as keywords and its faces as regions.

Keywords are ``dc:subject`` and Lightroom's ``lr:hierarchicalSubject``, which digiKam and darktable read as well. Face
regions follow the Metadata Working Group's guidelines, version 2.0, section 5.9. Programs read a sidecar instead of
what the photo has in itself, so ours begins with all of that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from albumsort.emotions import EMOTIONS
from albumsort.export.properties import (
    Rectangle,
    add_keywords,
    face_regions,
    keywords,
    region_list,
    set_value,
    united,
    value,
)
from albumsort.export.xmp import add, name, serialized
from albumsort.records import Box, Face, Photo

#: The root of the tree of keywords; the emotions are below it.
ROOT_KEYWORD = "emotion"
#: digiKam reads the first list of these that is there, and no other, before ``lr:hierarchicalSubject``. They have
#: a slash between the levels.
_OTHER_TREES = ("digiKam:TagsList", "MicrosoftPhoto:LastKeywordXMP", "MicrosoftPhoto10:LastKeywordXMP")
#: By EXIF orientation: maps a point of the upright photo to the same point of the photo as stored; both in 0..1.
_AS_STORED: dict[int, Callable[[float, float], tuple[float, float]]] = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (y, 1 - x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (1 - y, x),
}


def packet(
    photo: Photo,
    faces: Sequence[Face],
    certain: float,
    orientation: int,
    described: Sequence[ElementTree.Element] = (),
) -> bytes:
    """The XMP file of a photo. The same faces give the same bytes.

    Args:
        photo: its ``width`` and ``height`` must be known.
        faces: each becomes a region, unless it is outside of the photo or another program has a region there.
        certain: the probability from which a face is certain, 0..1. The emotions of certain faces become keywords of
            the photo and descriptions of their regions.
        orientation: EXIF's 1-8. Regions are relative to the photo as stored; a program that shows the photo upright
            turns them with it (section 5.4 of the guidelines).
        described: what the photo and other programs say, as ``rdf:RDF``; all of it is kept.
    """

    def fill(about: ElementTree.Element) -> None:
        united(described, about)
        shown = {face.emotion for face in faces if face.confidence >= certain}
        _add_emotions(about, [emotion for emotion in EMOTIONS if emotion in shown])
        _add_regions(about, photo, faces, certain, orientation)

    return serialized(fill)


def _add_emotions(about: ElementTree.Element, emotions: Sequence[str]) -> None:
    if not emotions:
        return
    tree = "lr:hierarchicalSubject"
    # A program that finds a tree reads no flat keywords. So those that the tree lacks come into it.
    known = {level for path in keywords(about, tree) for level in path.split("|")}
    flat = [word for word in keywords(about, "dc:subject") if word and word not in known]
    add_keywords(about, tree, [*flat, *(f"{ROOT_KEYWORD}|{emotion}" for emotion in emotions)])
    add_keywords(about, "dc:subject", emotions)
    for other in _OTHER_TREES:
        if keywords(about, other):
            add_keywords(about, other, [f"{ROOT_KEYWORD}/{emotion}" for emotion in emotions])


def _add_regions(
    about: ElementTree.Element, photo: Photo, faces: Sequence[Face], certain: float, orientation: int
) -> None:
    assert photo.width and photo.height  # noqa: S101 - a photo with faces was decoded
    known = list(face_regions(about))
    new = []
    for face in faces:
        place = _place(face.box, photo.width, photo.height, orientation)
        if place is None:
            continue
        emotion = face.emotion if face.confidence >= certain else None
        same = next((pair for pair in known if pair[1].is_face_of(place)), None)
        if same is None:
            new.append((place, emotion))
            continue
        known.remove(same)  # two faces are not the same region
        if emotion and value(same[0], "mwg-rs:Type") == "Face" and not value(same[0], "mwg-rs:Description"):
            set_value(same[0], "mwg-rs:Description", emotion)
    if new:
        bag = region_list(about)
        bag = bag if bag is not None else _new_regions(about, photo.width, photo.height, orientation)
        for place, emotion in new:
            # No name: nobody is recognised here.
            description = {"mwg-rs:Description": emotion} if emotion else {}
            region = add(add(bag, "rdf:li"), "rdf:Description", {"mwg-rs:Type": "Face", **description})
            add(region, "mwg-rs:Area", _area(place))


def _new_regions(about: ElementTree.Element, width: int, height: int, orientation: int) -> ElementTree.Element:
    """An empty list of regions, in place of one that cannot be read."""
    for broken in about.findall(name("mwg-rs:Regions")):
        about.remove(broken)
    regions = add(about, "mwg-rs:Regions", {"rdf:parseType": "Resource"})
    if orientation >= 5:
        width, height = height, width
    size = {"stDim:w": str(width), "stDim:h": str(height), "stDim:unit": "pixel"}
    add(regions, "mwg-rs:AppliedToDimensions", size)
    return add(add(regions, "mwg-rs:RegionList"), "rdf:Bag")


def _place(box: Box, width: int, height: int, orientation: int) -> Rectangle | None:
    """The part of a box inside the photo, in the photo as stored; None if the box is outside of the photo."""
    if not all(map(math.isfinite, box)):
        return None
    left, top = max(box.x, 0.0) / width, max(box.y, 0.0) / height
    right, bottom = min(box.x + box.w, width) / width, min(box.y + box.h, height) / height
    if right <= left or bottom <= top:
        return None
    x, y = _AS_STORED[orientation]((left + right) / 2, (top + bottom) / 2)
    w, h = (right - left, bottom - top) if orientation < 5 else (bottom - top, right - left)
    return Rectangle(x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def _area(place: Rectangle) -> dict[str, str]:
    """An area as the guidelines have it: centre and size in 0..1."""
    left, top, right, bottom = place
    values = {"x": (left + right) / 2, "y": (top + bottom) / 2, "w": right - left, "h": bottom - top}
    # Six decimals are a tenth of a pixel even on a photo that is 100,000 pixels wide.
    return {f"stArea:{part}": f"{number:.6f}" for part, number in values.items()} | {"stArea:unit": "normalized"}
