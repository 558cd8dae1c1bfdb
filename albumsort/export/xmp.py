"""XMP files of ours: how they are written, named and known again.

The XML comes from the standard library: pyexiv2 is under the GPL, and python-xmp-toolkit needs the system library
Exempi.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    # Names that other programs write. Without them, the same names would come back as ns0:Rating.
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "darktable": "http://darktable.sf.net/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MicrosoftPhoto10": "http://ns.microsoft.com/photo/1.0",  # as exiftool writes it
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
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


def serialized(fill: Callable[[ElementTree.Element], None]) -> bytes:
    """An XMP file of ours. The same properties give the same bytes.

    Args:
        fill: puts the properties into an ``rdf:Description``.
    """
    from importlib import metadata  # slow to load, and few commands write sidecars

    root = ElementTree.Element(
        name("x:xmpmeta"), {name("x:xmptk"): f"albumsort {metadata.version('albumsort')} sha256:{_NO_DIGEST}"}
    )
    fill(add(add(root, "rdf:RDF"), "rdf:Description", {"rdf:about": ""}))
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


def add(parent: ElementTree.Element, tag: str, attributes: dict[str, str] | None = None) -> ElementTree.Element:
    """A new child of an element; names are written as in ``dc:subject``."""
    named = {name(key): value for key, value in (attributes or {}).items()}
    return ElementTree.SubElement(parent, name(tag), named)


def name(tag: str) -> str:
    """The name of an element or attribute, such as ``dc:subject``, as ElementTree has it."""
    prefix, local = tag.split(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"
