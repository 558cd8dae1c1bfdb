"""What a photo says of itself: the XMP, IPTC and EXIF in its file, and the sidecars of other programs beside it.

Photos and sidecars are other people's files. XMP is parsed without entities and up to a size and depth; what is broken
counts as missing. Of formats that only a C library opens (HEIC, AVIF, WebP, RAW) the bytes are searched for the packet,
as part 3 of the XMP specification (section 2) has it: only decoder processes let such libraries loose on them.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from albumsort.export import xmp

#: Bytes; larger XMP is not read. JPEG holds 64 KB, and those of programs that keep a history are below a megabyte.
LARGEST_PACKET = 4 << 20
#: How deep elements may be nested, and how many there may be. Lists in structures in lists are some ten deep.
_DEPTH, _ELEMENTS = 64, 100_000
#: Bytes of a file that are searched for a packet.
_SEARCHED = 256 << 20
#: What a JPEG's 64 KB do not hold is in further segments, each with its place in the whole (part 3, section 1.1.3.1).
_EXTENDED = re.compile(rb"http://ns\.adobe\.com/xmp/extension/\0([0-9A-Fa-f]{32})(.{4})(.{4})", re.DOTALL)
_PACKET = re.compile(rb"<\?xpacket begin=.*?\?>(.*?)<\?xpacket end=|(<x:xmpmeta\b.*?</x:xmpmeta>)", re.DOTALL)
#: The property of each text that IPTC's record 2 holds (IPTC-IIM 4.2), by the number of its data set.
_IPTC_TEXTS = {
    5: "dc:title",
    80: "dc:creator",
    90: "photoshop:City",
    95: "photoshop:State",
    101: "photoshop:Country",
    105: "photoshop:Headline",
    116: "dc:rights",
    120: "dc:description",
}
_IPTC_KEYWORDS, _IPTC_CHARSET, _EXIF_RATING, _EXIF_XPKEYWORDS = (2, 25), (1, 90), 0x4746, 0x9C9E


class BrokenXmpError(Exception):
    """A packet is no XMP, or is too large or too deep."""


def described(photo: str) -> tuple[list[ElementTree.Element], list[str]]:
    """What a photo and the sidecars of other programs say of it.

    Args:
        photo: absolute path.

    Returns:
        an ``rdf:RDF`` element for each source, the most authoritative last; and a line for each that is broken.
    """
    found, broken = [], []
    legacy, packet, extended = _embedded(photo)
    found.append(legacy)
    sources = [("the extended XMP in the photo", extended), ("the XMP in the photo", packet)]
    with contextlib.suppress(OSError):
        sources += [(os.path.basename(path), _read(path)) for path in _sidecars(photo)]
    for name, content in sources:
        if content is not None:
            try:
                found.append(parse(content))
            except BrokenXmpError as error:
                broken.append(f"{name} is left out: {error}")
    return found, broken


def parse(content: bytes) -> ElementTree.Element:
    """The ``rdf:RDF`` element of a packet.

    Raises:
        BrokenXmpError: it has none, or is not to be trusted.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(content) > LARGEST_PACKET:
        raise BrokenXmpError("too large")
    try:
        root: ElementTree.Element = fromstring(content.strip(b"\0\t\n\r "), forbid_dtd=True)
    except DefusedXmlException as error:
        raise BrokenXmpError("it defines entities") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise BrokenXmpError("it is no XML") from error
    level, total = [root], 0
    for _ in range(_DEPTH):
        total += len(level)
        level = [child for element in level for child in element]
    if level or total > _ELEMENTS:
        raise BrokenXmpError("it is nested too deep, or has too many parts")
    rdf = root if root.tag == xmp.name("rdf:RDF") else root.find(xmp.name("rdf:RDF"))
    if rdf is None:
        raise BrokenXmpError("it is no XMP")
    return rdf


def _embedded(photo: str) -> tuple[ElementTree.Element, bytes | None, bytes | None]:
    """What IPTC and EXIF say, as XMP; and the XMP packet of a photo's file and its extended one, if there are any."""
    from PIL import Image, IptcImagePlugin

    from albumsort.album.photo import BROKEN_METADATA

    legacy = ElementTree.Element(xmp.name("rdf:RDF"))
    try:
        with Image.open(photo, formats=("JPEG", "PNG", "TIFF")) as image:
            iptc: dict[tuple[int, int], Any] = {}
            rating = keywords = None
            with contextlib.suppress(*BROKEN_METADATA):
                exif = Image.Image.getexif(image)
                rating, keywords = exif.get(_EXIF_RATING), exif.get(_EXIF_XPKEYWORDS)
            with contextlib.suppress(*BROKEN_METADATA):
                iptc = IptcImagePlugin.getiptcinfo(image) or {}
            legacy = _legacy(iptc, rating, keywords)
            packet = image.info.get("xmp")
            if image.format in ("JPEG", "MPO") or isinstance(packet, bytes):
                packet = packet if isinstance(packet, bytes) else None
                return legacy, packet, _extended(getattr(image, "applist", ()), packet or b"")
    except (*BROKEN_METADATA, Image.DecompressionBombError):
        pass
    with contextlib.suppress(OSError), open(photo, "rb") as file:
        found = _PACKET.search(file.read(_SEARCHED))
        if found:
            return legacy, found[1] or found[2], None
    return legacy, None, None


def _extended(segments: Sequence[tuple[str, bytes]], packet: bytes) -> bytes | None:
    """The extended packet of a JPEG that its packet names, from its segments."""
    parts = {}
    for _, content in segments:
        head = _EXTENDED.match(content)
        if head and head[1] in packet:
            parts[int.from_bytes(head[3], "big")] = content[head.end() :]
    return b"".join(parts[place] for place in sorted(parts)) or None


def _legacy(iptc: dict[tuple[int, int], Any], rating: object, keywords: object) -> ElementTree.Element:
    """IPTC's and EXIF's texts as XMP."""
    rdf = ElementTree.Element(xmp.name("rdf:RDF"))
    about = xmp.add(rdf, "rdf:Description", {"rdf:about": ""})
    is_utf8 = b"\x1b%G" in _values(iptc, _IPTC_CHARSET)
    words = [_text(value, is_utf8) for value in _values(iptc, _IPTC_KEYWORDS)]
    if isinstance(keywords, bytes):
        words += keywords.decode("utf-16-le", "ignore").split(";")
    words = [word for word in map(_clean, words) if word]
    if words:
        bag = xmp.add(xmp.add(about, "dc:subject"), "rdf:Bag")
        for word in dict.fromkeys(words):
            xmp.add(bag, "rdf:li").text = word
    for number, tag in _IPTC_TEXTS.items():
        texts = [text for value in _values(iptc, (2, number)) if (text := _clean(_text(value, is_utf8)))]
        if texts and tag.startswith("photoshop:"):
            xmp.add(about, tag).text = texts[0]
        elif texts:
            kind = "rdf:Seq" if tag == "dc:creator" else "rdf:Alt"
            item = xmp.add(xmp.add(xmp.add(about, tag), kind), "rdf:li")
            item.text = texts[0]
            if kind == "rdf:Alt":
                item.set("{http://www.w3.org/XML/1998/namespace}lang", "x-default")
    if isinstance(rating, int) and rating in range(1, 6):
        xmp.add(about, "xmp:Rating").text = str(rating)
    return rdf


def _values(iptc: dict[tuple[int, int], Any], number: tuple[int, int]) -> list[bytes]:
    values = iptc.get(number, [])
    return [value for value in (values if isinstance(values, list) else [values]) if isinstance(value, bytes)]


def _text(value: bytes, is_utf8: bool) -> str:
    """A text of IPTC, whose encoding is often not given."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace") if is_utf8 else value.decode("latin-1")


def _clean(text: str) -> str:
    """A text without the characters that XML does not have."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text).strip()


def _sidecars(photo: str) -> Iterator[str]:
    """The sidecars of other programs beside a photo, the most authoritative last."""
    stem = os.path.splitext(photo)[0]
    seen: list[os.stat_result] = []
    for path in (f"{stem}.XMP", f"{stem}.xmp", f"{photo}.XMP", f"{photo}.xmp"):
        with contextlib.suppress(OSError):
            status = os.stat(path)
            is_new = not any(os.path.samestat(status, other) for other in seen)  # where case makes no difference
            if is_new and stat.S_ISREG(status.st_mode) and not xmp.is_own(Path(path)):
                seen.append(status)
                yield path


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(LARGEST_PACKET + 1)
