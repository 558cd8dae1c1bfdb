"""XMP properties of several packets as one: lists are united, and of anything else the last packet's is taken."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from albumsort.export.xmp import add, name

_LISTS = ("rdf:Bag", "rdf:Seq", "rdf:Alt")
_LIST_TAGS = frozenset(map(name, _LISTS))
#: Says that more XMP is in other segments of a JPEG, which a sidecar does not have.
_DROPPED = frozenset({name("xmpNote:HasExtendedXMP")})
_LI, _ABOUT, _DESCRIPTION = name("rdf:li"), name("rdf:about"), name("rdf:Description")


class Rectangle(NamedTuple):
    """A region of a photo as stored: its edges in 0..1."""

    left: float
    top: float
    right: float
    bottom: float

    def is_face_of(self, other: Rectangle) -> bool:
        """Whether two rectangles hold the same face: each holds the other's centre. Programs draw faces differently."""
        return self._holds_centre(other) and other._holds_centre(self)

    def _holds_centre(self, other: Rectangle) -> bool:
        x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
        return self.left <= x <= self.right and self.top <= y <= self.bottom


def united(packets: Sequence[ElementTree.Element], about: ElementTree.Element) -> None:
    """Put the properties of packets into an empty ``rdf:Description``.

    Args:
        packets: ``rdf:RDF`` elements, the most authoritative last. They stay as they are.
        about: gets the properties.
    """
    for packet in packets:
        for description in packet.findall(_DESCRIPTION):
            for tag, value in description.attrib.items():
                if tag != _ABOUT and tag not in _DROPPED:
                    _remove(about, tag)
                    about.set(tag, value)
            for given in description:
                if given.tag in _DROPPED or not isinstance(given.tag, str):
                    continue
                new = copy.deepcopy(given)
                new.tail = None
                earlier = about.find(given.tag)
                if earlier is not None:
                    _unite(new, earlier)
                _remove(about, given.tag)
                about.append(new)


def keywords(about: ElementTree.Element, tag: str) -> list[str]:
    """The texts of a list."""
    found = about.find(name(tag))
    return [item.text or "" for item in found.iter(_LI)] if found is not None else []


def add_keywords(about: ElementTree.Element, tag: str, words: Sequence[str]) -> None:
    """Add texts to a list, which is made if it is not there. None comes into it twice."""
    has = set(keywords(about, tag))
    words = [word for word in dict.fromkeys(words) if word not in has]
    if not words:
        return
    found = about.find(name(tag))
    if found is None:
        about.attrib.pop(name(tag), None)
        found = add(about, tag)
    bag = _list_in(found)
    for word in words:
        add(bag if bag is not None else add(found, "rdf:Bag"), "rdf:li").text = word
        bag = _list_in(found)


def value(element: ElementTree.Element, tag: str) -> str | None:
    """A simple value of a structure, which XMP writes in three ways."""
    for place in (element, element.find(_DESCRIPTION)):
        if place is not None:
            child = place.find(name(tag))
            text = place.get(name(tag)) if child is None else child.text
            if text is not None:
                return text
    return None


def set_value(element: ElementTree.Element, tag: str, text: str) -> None:
    """Set a simple value of a structure."""
    description = element.find(_DESCRIPTION)
    if description is not None:
        description.set(name(tag), text)
    else:
        add(element, tag).text = text


def region_list(about: ElementTree.Element) -> ElementTree.Element | None:
    """The list of the face regions of the Metadata Working Group; None if there is none."""
    found = about.find(f"{name('mwg-rs:Regions')}//{name('mwg-rs:RegionList')}")
    return _list_in(found) if found is not None else None


def face_regions(about: ElementTree.Element) -> Iterator[tuple[ElementTree.Element, Rectangle]]:
    """The face regions of any program, each with its place: those of the Metadata Working Group and of Microsoft."""
    found = region_list(about)
    for item in found if found is not None else ():
        area = next(item.iter(name("mwg-rs:Area")), None)
        if area is not None and value(item, "mwg-rs:Type") in ("Face", None):
            numbers = _numbers(value(area, f"stArea:{part}") or value(area, "stArea:d") for part in "xywh")
            if numbers:
                x, y, w, h = numbers
                yield item, Rectangle(x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    for regions in about.iter(name("MPRI:Regions")):
        for item in regions.iter(_LI):
            numbers = _numbers((value(item, "MPReg:Rectangle") or "").split(","))
            if numbers:
                x, y, w, h = numbers
                yield item, Rectangle(x, y, x + w, y + h)


def _numbers(texts: Iterator[str | None] | list[str]) -> list[float]:
    """Four numbers; an empty list if the texts are no such."""
    try:
        found = [float(text or "") for text in texts]
    except ValueError:
        return []
    return found if len(found) == 4 else []


def _unite(new: ElementTree.Element, earlier: ElementTree.Element) -> None:
    """Add to a property what an earlier packet has in its list of the same name."""
    if new.tag == name("mwg-rs:Regions"):
        holder, other = ElementTree.Element("new"), ElementTree.Element("earlier")
        holder.append(new)
        other.append(earlier)
        target, source = region_list(holder), region_list(other)
        places = [place for _, place in face_regions(holder)]
        if target is not None and source is not None:
            for item, place in face_regions(other):
                if not any(place.is_face_of(known) for known in places):
                    target.append(item)
        return
    target, source = _list_in(new), _list_in(earlier)
    if target is None or source is None or target.tag == name("rdf:Alt"):
        return
    has = {item.text for item in target}
    for item in source:
        if len(item) == 0 and item.text not in has:
            target.append(item)


def _list_in(element: ElementTree.Element) -> ElementTree.Element | None:
    return next((child for child in element if child.tag in _LIST_TAGS), None)


def _remove(about: ElementTree.Element, tag: str) -> None:
    about.attrib.pop(tag, None)
    for child in about.findall(tag):
        about.remove(child)
