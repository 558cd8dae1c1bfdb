"""ISO containers are opened by what their brands and items say, and turned only by what counts in their format."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

#: More brands than any box has that was seen.
MANY = [b"x%03d" % number for number in range(300)]


def with_brands(data: bytes, major: bytes, compatible: list[bytes], wide: bool = False) -> bytes:
    """An ISO container with other brands; ``wide``: the length of their box has 64 bits."""
    body = major + bytes(4) + b"".join(compatible)
    head = struct.pack(">I4sQ", 1, b"ftyp", 16 + len(body)) if wide else struct.pack(">I4s", 8 + len(body), b"ftyp")
    rest = data[int.from_bytes(data[:4], "big") :]
    shift = len(head) + len(body) + len(rest) - len(data)
    place = rest.index(b"iloc") - 4
    size = int.from_bytes(rest[place : place + 4], "big")
    return head + body + rest[:place] + moved(rest[place : place + size], shift) + rest[place + size :]


def moved(box: bytes, shift: int) -> bytes:
    """An ``iloc`` box whose items lie ``shift`` bytes further on (ISO/IEC 14496-12, ItemLocationBox)."""
    version, sizes, changed, at = box[8], box[12:14], bytearray(box), 14
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    assert version <= 1 and not sizes[1] & 15
    count = int.from_bytes(box[at : at + 2], "big")
    at += 2
    for _ in range(count):
        in_file = version == 0 or not box[at + 3] & 15
        at += 4 + 2 * version
        base = int.from_bytes(box[at : at + base_size], "big")
        if base and in_file:
            changed[at : at + base_size] = (base + shift).to_bytes(base_size, "big")
        at += base_size
        parts = int.from_bytes(box[at : at + 2], "big")
        at += 2
        for _ in range(parts):
            if in_file and not base:
                offset = int.from_bytes(box[at : at + offset_size], "big")
                changed[at : at + offset_size] = (offset + shift).to_bytes(offset_size, "big")
            at += offset_size + length_size
    return bytes(changed)


@pytest.mark.parametrize("wide", [False, True], ids=["", "64-bit"])
@pytest.mark.parametrize(
    ("file_format", "major", "compatible"),
    [
        *(("AVIF", b"mif1", brands) for brands in ([b"avif", b"mif1"], [b"mif1", b"miaf"], [*MANY, b"avif"])),
        *(("AVIF", major, [b"mif1", b"miaf"]) for major in (b"MA1A", b"MA1B", b"avio", b"miaf", b"avis", b"heif")),
        *(("AVIF", major, [b"mif1", b"avif"]) for major in (b"isom", b"zzzz", b"msf1")),
        ("AVIF", b"MA1B", []),
        *(("HEIF", b"mif1", brands) for brands in ([b"heic", b"mif1"], [b"mif1", b"miaf"], [*MANY, b"heic"])),
        *(("HEIF", major, [b"mif1", b"miaf"]) for major in (b"MiHB", b"MiHE", b"MiHA", b"heif", b"heim", b"hevc")),
        *(("HEIF", major, [b"mif1", b"heix"]) for major in (b"isom", b"zzzz", b"msf1")),
        ("HEIF", b"MiHB", [b"MiHB"]),
    ],
)
def test_a_container_is_read_whatever_its_brands_are(
    read: Callable, written: Callable, composer: object, file_format: str, major: bytes, compatible: list, wide: bool
) -> None:
    exif = composer.exif("2024:05:17 15:00:00", 6)  # type: ignore[attr-defined]
    data = written(Image.new("RGB", (64, 48), "navy"), file_format, exif=exif)
    header, pixels = read(with_brands(data, major, compatible, wide))
    assert (header.width, header.height, header.taken_at) == (48, 64, "2024-05-17T15:00:00")
    assert pixels.shape == (64, 48, 3)
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - (0, 0, 128)).max() < 8


XMP = b"""<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""
XMP_ELEMENT = XMP.replace(b' tiff:Orientation="6"/>', b"><tiff:Orientation>6</tiff:Orientation></rdf:Description>")


@pytest.mark.parametrize("exif", [None, "2024:05:17 15:00:00"], ids=["alone", "beside EXIF"])
@pytest.mark.parametrize("xmp", [XMP, XMP_ELEMENT], ids=["attribute", "element"])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_an_orientation_in_xmp_turns_nothing(
    read: Callable, written: Callable, composer: object, file_format: str, xmp: bytes, exif: str | None
) -> None:
    options: dict[str, object] = {}
    if exif:
        block = composer.exif(exif)  # type: ignore[attr-defined]
        del block[0x0112]
        options["exif"] = block.tobytes()
    data = with_xmp(written, file_format, xmp, options)
    assert xmp in data
    header, pixels = read(data)
    assert (header.width, header.height, header.turn, header.stored_orientation) == (64, 48, 1, 1)
    assert pixels.shape == (48, 64, 3)


def with_xmp(written: Callable, file_format: str, xmp: bytes, options: dict[str, object]) -> bytes:
    image = Image.new("RGB", (64, 48), "navy")
    if file_format == "TIFF":
        # Pillow takes the tags of a TIFF from one argument only.
        exif = Image.Exif()
        exif.load(options.get("exif", b""))  # type: ignore[arg-type]
        exif[700] = xmp
        return written(image, "TIFF", exif=exif)
    if file_format == "PNG":
        from PIL import PngImagePlugin

        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return written(image, "PNG", pnginfo=info, **options)
    # The writer of HEIF moves an orientation of XMP, too, into the container.
    upright = xmp.replace(b'"6"', b'"1"').replace(b">6<", b">1<")
    return written(image, file_format, xmp=upright, **options).replace(upright, xmp)


@pytest.mark.parametrize("file_format", ["HEIF", "AVIF"])
def test_an_orientation_in_the_exif_of_a_container_turns_nothing(
    read: Callable, written: Callable, file_format: str
) -> None:
    # Writers move EXIF's orientation into the container. Here, its neighbour's number is changed to its own.
    exif = Image.Exif()
    exif[0x0115] = 6
    data = written(Image.new("RGB", (64, 48), "navy"), file_format, exif=exif)
    little, big = b"\x15\x01\x03\0\x01\0\0\0\x06", b"\x01\x15\0\x03\0\0\0\x01\0\x06"
    assert little in data or big in data
    changed = data.replace(little, b"\x12" + little[1:]).replace(big, b"\x01\x12" + big[2:])
    header, pixels = read(changed)
    assert (header.width, header.height, header.turn) == (64, 48, 1)
    assert pixels.shape == (48, 64, 3)
