"""XMP: the emotions of a photo as keywords and its faces as regions, which photo managers read.

Keywords are ``dc:subject`` and Lightroom's ``lr:hierarchicalSubject``, which digiKam and darktable read as well. Face
regions follow the Metadata Working Group's guidelines, version 2.0, section 5.9. The XML comes from the standard
library: pyexiv2 is under the GPL, and python-xmp-toolkit needs the system library Exempi. No text from a file's name or
content is written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from albumsort.emotions import EMOTIONS
from albumsort.records import Box, Face, Photo

#: The root of the tree of keywords; the emotions are below it.
ROOT_KEYWORD = "emotion"
_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
}
for _prefix, _address in _NAMESPACES.items():
    ElementTree.register_namespace(_prefix, _address)
#: A placeholder for the digest until it is computed.
_NO_DIGEST = "0" * 64
#: The attribute of the root that marks a sidecar as ours. Programs that change a packet replace it by their own name;
#: the digest of the whole file reveals changes by hand.
_TOOLKIT = re.compile(rb'x:xmptk="albumsort [^" ]+ sha256:([0-9a-f]{64})"')
#: A file with more bytes is not a sidecar of ours. This is enough for tens of thousands of faces.
_LARGEST = 16 << 20
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


def packet(photo: Photo, faces: Sequence[Face], certain: float, orientation: int) -> bytes:
    """The XMP file of a photo. The same faces give the same bytes.

    Args:
        photo: its ``width`` and ``height`` must be known.
        faces: each becomes a region, unless it is outside of the photo.
        certain: the probability from which a face is certain, 0..1. The emotions of certain faces become keywords of
            the photo and descriptions of their regions.
        orientation: EXIF's 1-8. Regions are relative to the photo as stored; a program that shows the photo upright
            turns them with it (section 5.4 of the guidelines).
    """
    from importlib import metadata  # slow to load, and few commands write sidecars

    shown = {face.emotion for face in faces if face.confidence >= certain}
    emotions = [emotion for emotion in EMOTIONS if emotion in shown]
    root = ElementTree.Element(
        _name("x:xmpmeta"), {_name("x:xmptk"): f"albumsort {metadata.version('albumsort')} sha256:{_NO_DIGEST}"}
    )
    about = _add(_add(root, "rdf:RDF"), "rdf:Description", {"rdf:about": ""})
    if emotions:
        for tag, prefix in (("dc:subject", ""), ("lr:hierarchicalSubject", f"{ROOT_KEYWORD}|")):
            keywords = _add(_add(about, tag), "rdf:Bag")
            for emotion in emotions:
                _add(keywords, "rdf:li").text = prefix + emotion
    _add_regions(about, photo, faces, certain, orientation)
    ElementTree.indent(root, " ")
    content = ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n"
    return content.replace(_NO_DIGEST.encode(), hashlib.sha256(content).hexdigest().encode(), 1)


def sidecar_path(photo: str) -> str:
    """The path of a photo's sidecar: ``photo.jpg.xmp``, as digiKam and darktable name theirs.

    Lightroom's name for sidecars of RAW files, ``photo.xmp``, would be the same for ``photo.jpg`` and ``photo.heic``.
    Beside a JPEG, Lightroom reads neither.
    """
    return f"{photo}.xmp"


def is_own(path: Path) -> bool:
    """Whether albumsort wrote this XMP file and nothing has changed it since."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        return False
    content = path.read_bytes()
    found = _TOOLKIT.search(content)
    if found is None:
        return False
    blank = content[: found.start(1)] + _NO_DIGEST.encode() + content[found.end(1) :]
    return hashlib.sha256(blank).hexdigest().encode() == found[1]


def _add_regions(
    about: ElementTree.Element, photo: Photo, faces: Sequence[Face], certain: float, orientation: int
) -> None:
    assert photo.width and photo.height  # noqa: S101 - a photo with faces was decoded
    areas = [(face, _area(face.box, photo.width, photo.height, orientation)) for face in faces]
    if not any(area for _, area in areas):
        return
    width, height = (photo.width, photo.height) if orientation < 5 else (photo.height, photo.width)
    regions = _add(about, "mwg-rs:Regions", {"rdf:parseType": "Resource"})
    size = {"stDim:w": str(width), "stDim:h": str(height), "stDim:unit": "pixel"}
    _add(regions, "mwg-rs:AppliedToDimensions", size)
    bag = _add(_add(regions, "mwg-rs:RegionList"), "rdf:Bag")
    for face, area in areas:
        if area:
            # Without a name, because albumsort does not recognise people.
            description = {"mwg-rs:Description": face.emotion} if face.confidence >= certain else {}
            region = _add(_add(bag, "rdf:li"), "rdf:Description", {"mwg-rs:Type": "Face", **description})
            _add(region, "mwg-rs:Area", area)


def _area(box: Box, width: int, height: int, orientation: int) -> dict[str, str] | None:
    """The part of a box inside the photo, as an area of the photo as stored: centre and size in 0..1.

    None if the box is outside of the photo.
    """
    left, top = max(box.x, 0.0) / width, max(box.y, 0.0) / height
    right, bottom = min(box.x + box.w, width) / width, min(box.y + box.h, height) / height
    if right <= left or bottom <= top:
        return None
    x, y = _AS_STORED[orientation]((left + right) / 2, (top + bottom) / 2)
    w, h = (right - left, bottom - top) if orientation < 5 else (bottom - top, right - left)
    # Six decimals are a tenth of a pixel even on a photo that is 100,000 pixels wide.
    values = {"stArea:x": x, "stArea:y": y, "stArea:w": w, "stArea:h": h}
    return {name: f"{value:.6f}" for name, value in values.items()} | {"stArea:unit": "normalized"}


def _add(parent: ElementTree.Element, tag: str, attributes: dict[str, str] | None = None) -> ElementTree.Element:
    named = {_name(name): value for name, value in (attributes or {}).items()}
    return ElementTree.SubElement(parent, _name(tag), named)


def _name(tag: str) -> str:
    prefix, local = tag.split(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"
