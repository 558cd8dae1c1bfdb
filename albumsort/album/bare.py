"""A picture's file without its metadata, for decoders that refuse a sound picture because of a bad byte of metadata."""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image

#: What Pillow and its plugins raise on metadata that is broken; the picture itself may well be sound.
BROKEN_METADATA = (
    *(ValueError, TypeError, LookupError, ArithmeticError, SyntaxError, OSError, EOFError),
    *(AttributeError, RuntimeError, struct.error),
)
#: Bytes of a profile, once inflated, at most. Printers' profiles have some megabytes.
_LARGEST_PROFILE = 16 << 20


def without_metadata(data: bytes, kind: str) -> bytes | None:
    """The file with only what its pixels need, and what metadata is whole: EXIF, XMP, the ICC profile.

    Args:
        data: bytes of a file.
        kind: its format, as ``sniff`` names it.

    Returns:
        bytes of a file of the same format. None when the format is not known here, or nothing would be left.
    """
    strip = _STRIPPERS.get(kind)
    try:
        return strip(data) if strip else None
    except BROKEN_METADATA:  # it ends within a length
        return None


# JPEG (ITU-T T.81 annex B)

_SOI, _SOS = 0xD8, 0xDA
#: Markers of the frame and of its tables: SOF, DHT, DAC, DQT, DNL, DRI, DHP, EXP.
_FRAME = frozenset({*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDB, 0xDC, 0xDD, 0xDE, 0xDF})
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")
#: Bytes behind the start of a segment of wrong length within which the next is looked for. A segment has up to 65,535.
_NEAR = 2 << 16
#: Segments that are followed from there, at most. A profile of some megabytes has a hundred.
_MOST_SEGMENTS = 200
#: What a part of an ICC profile begins with.
_PROFILE_MARK = b"ICC_PROFILE\0"


def _bare_jpeg(data: bytes) -> bytes | None:
    kept, place, profile = [b"\xff\xd8"], 2, list[bytes]()
    while True:
        marker, start, end = _jpeg_segment(data, place)
        if marker == _SOS:
            return b"".join((kept[0], *_whole_profile(profile), *kept[1:], data[start:])) if len(kept) > 1 else None
        is_frame = marker in _FRAME
        if not is_frame and (data[end : end + 1] != b"\xff" or data[end + 1] == _SOI):  # its length is wrong
            found = _largest_frame(data, start + 2)
            if found is None:
                return None
            place = found
            continue
        if is_frame or _is_sane_segment(marker, data[start + 4 : end]):
            kept.append(data[start:end])
        elif marker == 0xE2 and data[start + 4 : end].startswith(_PROFILE_MARK):
            profile.append(data[start:end])
        place = end


def _jpeg_segment(data: bytes, place: int) -> tuple[int, int, int]:
    """The marker at or behind a place, and where its segment starts and ends."""
    while data[place] != 0xFF or data[place + 1] in (0, 0xFF):
        place += 1
    marker = data[place + 1]
    return marker, place, place + 2 + max(2, struct.unpack_from(">H", data, place + 2)[0])


def _is_sane_segment(marker: int, content: bytes) -> bool:
    """Whether a segment of metadata is kept: EXIF and XMP that can be read, and Adobe's, which names the colours."""
    if marker == 0xE1 and content.startswith(b"Exif\0\0"):
        return _is_exif(content)
    if marker == 0xE1:
        return content.startswith(b"http://ns.adobe.com/xap/1.0/\0")
    return marker == 0xEE and content.startswith(b"Adobe") and len(content) >= 12


def _whole_profile(parts: list[bytes]) -> list[bytes]:
    """The segments of an ICC profile when all are there, else none."""
    at = 4 + len(_PROFILE_MARK)
    numbers = sorted(part[at] for part in parts if len(part) > at + 2)
    whole = len(numbers) == len(parts) and all(part[at + 1] == len(parts) for part in parts)
    return parts if whole and numbers == list(range(1, len(parts) + 1)) else []


def _largest_frame(data: bytes, place: int) -> int | None:
    """Where the segments of the largest picture begin behind a place. A smaller one is the thumbnail inside EXIF."""
    best, where, done = 0, None, 0
    for match in _MARKER.finditer(data, place, place + _NEAR):
        if match.start() < done:
            continue
        pixels, end = _pixels_of_chain(data, match.start())
        if pixels:
            done = end
        if pixels > best:
            best, where = pixels, match.start()
    return where


def _pixels_of_chain(data: bytes, place: int) -> tuple[int, int]:
    """How many pixels the frame has whose segments follow each other from a place to a scan, and where that begins.

    0 when they do not.
    """
    pixels = 0
    for _ in range(_MOST_SEGMENTS):
        if place + 9 > len(data) or data[place] != 0xFF or data[place + 1] == _SOI:
            break
        marker, start, end = _jpeg_segment(data, place)
        if marker == _SOS:
            return pixels, start
        if marker in _FRAME and marker not in (0xC4, 0xCC) and marker < 0xD0:
            height, width = struct.unpack_from(">HH", data, start + 5)
            pixels = height * width
        place = end
    return 0, place


def has_wrong_length(file: BinaryIO) -> bool:
    """Whether a segment of a JPEG before its pixels does not end where the next begins. The file is left at its start.

    Pillow would go on within that segment, and take the thumbnail in it for the photo.
    """
    place, wrong = 2, False
    while not wrong:
        file.seek(place)
        head = file.read(4)
        if len(head) < 4 or head[1] == _SOS:
            break
        # A marker may have more than one byte of 255 before it.
        wrong = head[0] != 0xFF or head[1] == _SOI
        place += 1 if head[1] == 0xFF else 2 + max(2, struct.unpack_from(">H", head, 2)[0])
    file.seek(0)
    return wrong


# PNG (ISO/IEC 15948)

_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
#: Places with the name of a chunk that are tried, at most, where the length of the one before is wrong.
_MOST_CHUNKS = 1000
_CRITICAL_CHUNK = re.compile(rb"PLTE|IDAT|IEND|tRNS")


def _bare_png(data: bytes) -> bytes | None:
    kept, place = [data[:8]], 8
    has_pixels = False
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if name not in _CRITICAL and not _is_chunk(data, end):  # its length or its name is wrong
            named = itertools.islice(_CRITICAL_CHUNK.finditer(data, place + 8), _MOST_CHUNKS)
            found = next((match.start() - 4 for match in named if _is_whole(data, match)), None)
            if found is None:
                break
            place = found
            continue
        has_pixels = has_pixels or name == b"IDAT"
        if name in _CRITICAL or (
            _is_sane_chunk(name, data[place + 8 : end - 4]) and not (has_pixels and name == b"tRNS")
        ):
            kept.append(data[place:end])
        place = end
    return b"".join(kept) if has_pixels else None


def _is_chunk(data: bytes, place: int) -> bool:
    """Whether a chunk begins at a place, or the file ends there."""
    return place == len(data) or (place + 8 <= len(data) and data[place + 4 : place + 8].isalpha())


def _is_whole(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether the checksum of the chunk of this name is right."""
    start = match.start()
    (length,) = struct.unpack_from(">I", data, start - 4)
    end = start + 4 + length
    return _is_chunk(data, end + 4) and zlib.crc32(data[start:end]) == struct.unpack_from(">I", data, end)[0]


def _is_sane_chunk(name: bytes, content: bytes) -> bool:
    """Whether a chunk that is not critical is kept: transparency, EXIF and XMP, and a profile that inflates."""
    if name == b"tRNS":
        return len(content) > 0
    if name == b"eXIf":
        return _is_exif(content)
    if name == b"iTXt":
        return content.startswith(b"XML:com.adobe.xmp\0\0\0\0\0")
    if name == b"iCCP":
        title, _, packed = content.partition(b"\0")
        return 0 < len(title) < 80 and packed[:1] == b"\0" and _inflates(packed[1:])
    return False


def _inflates(packed: bytes) -> bool:
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(packed, _LARGEST_PROFILE)
    except zlib.error:
        return False
    return inflater.eof


# WebP (RFC 9649)

_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_WEBP_PIXEL_CHUNK = re.compile(rb"VP8 |VP8L|ALPH|ANIM|ANMF")
_WEBP_METADATA = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}


def _bare_webp(data: bytes) -> bytes | None:
    kept, metadata, place, missing = list[bytes](), dict[bytes, bytes](), 12, 0
    extended: bytearray | None = None
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        end = place + 8 + length + length % 2
        chunk = data[place:end]
        if name == b"VP8X" and len(chunk) == 18:
            extended = bytearray(chunk)
        elif name in _WEBP_PIXELS:
            kept.append(chunk)
            missing = max(0, end - len(data))  # a picture that ends too early still does
        elif not _is_riff_chunk(data, end):  # its length is wrong
            found = _WEBP_PIXEL_CHUNK.search(data, place + 8)
            if found is None:
                break
            end = found.start()
        elif name in _WEBP_METADATA and _is_sane_webp(name, chunk[8 : 8 + length]):
            metadata[name] = chunk
        place = end
    if not kept:
        return None
    if extended is not None:
        extended[8] &= ~sum(_WEBP_METADATA.values())
        extended[8] |= sum(_WEBP_METADATA[name] for name in metadata)
        profile = metadata.pop(b"ICCP", b"")
        kept = [bytes(extended), profile, *kept, *metadata.values()]
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body) + missing + 4) + b"WEBP" + body


def _is_riff_chunk(data: bytes, place: int) -> bool:
    """Whether a chunk begins at a place, or the file ends there."""
    return place == len(data) or (place + 8 <= len(data) and data[place : place + 3].isalnum())


def _is_sane_webp(name: bytes, content: bytes) -> bool:
    return _is_exif(content) if name == b"EXIF" else len(content) > 0


# GIF (GIF89a specification)


def _bare_gif(data: bytes) -> bytes | None:
    """The first picture alone, with its transparency."""
    flags = data[10]
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept = [data[:place]]
    while True:
        introducer = data[place]
        if introducer == 0x2C:
            return b"".join((*kept, data[place:]))
        if introducer != 0x21:  # a block that is not one: the picture begins at the next image descriptor
            place = _gif_picture(data, place)
            continue
        end = place + 2
        while data[end]:
            end += data[end] + 1
        end += 1
        if data[end : end + 1] not in (b"\x21", b"\x2c"):  # a length is wrong
            place = _gif_picture(data, place + 2)
            continue
        if data[place + 1] == 0xF9 and end - place == 8:
            kept.append(data[place:end])
        place = end


def _gif_picture(data: bytes, place: int) -> int:
    """Where an image descriptor begins that fits into the screen, at or behind a place.

    Raises:
        ValueError: nowhere.
    """
    screen = struct.unpack_from("<HH", data, 6)
    while True:
        place = data.index(b"\x2c", place)
        left, top, width, height, flags = struct.unpack_from("<HHHHB", data, place + 1)
        size = place + 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        fits = 0 < width <= screen[0] - left and 0 < height <= screen[1] - top
        if fits and not flags & 0x18 and 2 <= data[size] <= 8:
            return place
        place += 1


# ISO containers (ISO/IEC 14496-12, 23008-12): the parts keep their size, so that no place in the file changes

_ISO_ITEM = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))(Exif|mime)", re.DOTALL)
_ISO_PROFILE = re.compile(rb"colr(?=prof|rICC)")


def _bare_iso(data: bytes) -> bytes | None:
    """The file whose items of EXIF and XMP, and whose profile, have a type that no reader knows."""
    renamed, items = _ISO_ITEM.subn(rb"\1skip", data)
    renamed, profiles = _ISO_PROFILE.subn(b"skip", renamed)
    return renamed if items or profiles else None


# TIFF (revision 6.0)

#: Tags that pixels need: sizes, bits, compression, strips, tiles, colours, orientation, the tables of a JPEG.
_TIFF_PIXELS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325}
    | {330, 332, 334, 338, 339, 347, *range(512, 522), 529, 530, 531, 532}
)


def _bare_tiff(data: bytes) -> bytes | None:
    """The file whose first directory has only what its pixels need; it is the last one."""
    order = ">" if data[:2] == b"MM" else "<"
    is_big = 43 in data[2:4]
    place = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)[0]
    count_form, size = ("Q", 20) if is_big else ("H", 12)
    (count,) = struct.unpack_from(order + count_form, data, place)
    first = place + struct.calcsize(count_form)
    entries = [data[at : at + size] for at in range(first, min(first + count * size, len(data) - size + 1), size)]
    kept = [entry for entry in entries if struct.unpack_from(order + "H", entry)[0] in _TIFF_PIXELS]
    if not kept or len(kept) == len(entries):
        return None
    changed = struct.pack(order + count_form, len(kept)) + b"".join(kept) + bytes(8 if is_big else 4)
    return data[:place] + changed + data[place + len(changed) :]


def _is_exif(content: bytes) -> bool:
    """Whether the first directory of EXIF can be read."""
    try:
        Image.Exif().load(content)
    except BROKEN_METADATA:
        return False
    return True


_STRIPPERS: dict[str, Callable[[bytes], bytes | None]] = {
    "JPEG": _bare_jpeg,
    "PNG": _bare_png,
    "WebP": _bare_webp,
    "GIF": _bare_gif,
    "HEIF": _bare_iso,
    "AVIF": _bare_iso,
    "TIFF": _bare_tiff,
}
