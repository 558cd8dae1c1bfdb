"""Sound pictures with broken metadata, as programs and disks leave them: hundreds of files, by name."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms

Fault = tuple[str, bytes]

NOISE = np.random.default_rng(21).bytes(60)
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x10\x01\x02\0\x08\0\0\0\x1a\0\0\0\0\0\0\0Example\0"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def scene() -> Image.Image:
    across, down = np.meshgrid(np.arange(64) * 4, np.arange(48) * 5)
    return Image.fromarray(np.stack([across, down, (across + down) // 2], -1).astype(np.uint8))


def encoded(file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    scene().save(buffer, file_format, **options)
    return buffer.getvalue()


def contents(whole: bytes) -> Iterator[Fault]:
    """A block of metadata that ends early, is filled with one byte, or is noise behind its mark."""
    for length in range(min(len(whole), 30)):
        yield f"ends after {length}", whole[:length]
    for name, byte in (("zeros", b"\0"), ("ones", b"\xff")):
        yield name, whole[:6] + byte * len(whole[6:])
    yield "noise", whole[:6] + NOISE


# JPEG

SEGMENTS = {
    "JFIF": (0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
    "EXIF": (0xE1, EXIF),
    "XMP": (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    "ICC": (0xE2, b"ICC_PROFILE\0\x01\x01" + PROFILE),
    "MPF": (0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0\x01\xb0\x04\0\x01\0\0\0\x02\0\0\0\0\0\0\0"),
    "FlashPix": (0xE2, b"FPXR\0\0\0\0\0"),
    "Photoshop": (0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10\0\x48\0\0\0\1\0\1\0\x48\0\0\0\1\0\1"),
    "Adobe": (0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
    "comment": (0xFE, b"a comment"),
    "application 11": (0xEB, b"JP\0\0\0\0\0\1"),
    "extension": (0xF7, b"of JPEG-LS"),
}


def jpegs() -> Iterator[Fault]:
    data = encoded("JPEG", quality=95)
    for name, (marker, whole) in SEGMENTS.items():
        for how, content in contents(whole):
            if name == "Adobe" and len(content) >= len(whole):
                continue  # its last byte says which colours the pixels have
            yield f"{name} {how}", data[:2] + segment(marker, content) + data[2:]
            yield f"{name} behind {how}", data[:20] + segment(marker, content) + data[20:]
        for wrong in (0, 1, len(whole) - 3, len(whole) + 7, 0xFFFF):
            broken = struct.pack(">BBH", 0xFF, marker, wrong) + whole
            yield f"{name} of length {wrong}", data[:2] + broken + data[2:]
    thumbnail = EXIF + jpeg_of(Image.new("RGB", (16, 12), "red"))
    for wrong in (20, len(EXIF) + 2, len(EXIF) + 6, len(thumbnail) - 9):
        broken = struct.pack(">BBH", 0xFF, 0xE1, wrong) + thumbnail
        yield f"EXIF with a thumbnail of length {wrong}", data[:2] + broken + data[2:]
    yield "zeros between segments", data[:20] + bytes(40) + data[20:]


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


# PNG

CHUNKS = {
    b"iCCP": b"ICC\0\0" + zlib.compress(PROFILE),
    b"zTXt": b"Comment\0\0" + zlib.compress(b"words"),
    b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP,
    b"tEXt": b"Comment\0words",
    b"eXIf": EXIF[6:],
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", *[31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]),
    b"sRGB": b"\0",
    b"sBIT": b"\x08\x08\x08",
    b"bKGD": b"\0\0\0\0\0\0",
    b"tIME": struct.pack(">HBBBBB", 2024, 5, 17, 15, 4, 5),
    b"sPLT": b"name\0\x08",
    b"acTL": struct.pack(">II", 1, 0),
    b"fcTL": bytes(26),
    b"prVt": b"a program's own",
}
COMPRESSED = {
    "method 1": b"ICC\0\x01" + zlib.compress(PROFILE),
    "method 120": b"Comment\0" + zlib.compress(b"words"),
    "half of its stream": (b"ICC\0\0" + zlib.compress(PROFILE))[:80],
    "no stream": b"ICC\0\0" + NOISE,
    "no end of its name": b"n" * 100,
    "too much": b"Comment\0\0" + zlib.compress(bytes(20 << 20)),
}


def pngs() -> Iterator[Fault]:
    data = encoded("PNG")
    end = len(data) - 12
    for name, whole in CHUNKS.items():
        faults = dict(contents(whole))
        if name in (b"iCCP", b"zTXt", b"iTXt"):
            faults |= COMPRESSED
        for how, content in faults.items():
            for where, place in (("", 33), (" behind the pixels", end)):
                yield f"{name.decode()} {how}{where}", data[:place] + chunk(name, content) + data[place:]
        wrong = bytearray(chunk(name, whole))
        wrong[-1] ^= 1
        yield f"{name.decode()} of a wrong checksum", data[:33] + bytes(wrong) + data[33:]
        for length in (len(whole) + 3, 0x7FFFFFFF):
            broken = struct.pack(">I", length) + chunk(name, whole)[4:]
            yield f"{name.decode()} of length {length}", data[:33] + broken + data[33:]


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


# WebP

RIFF_CHUNKS = {b"ICCP": PROFILE, b"EXIF": EXIF[6:], b"XMP ": XMP, b"PRIV": b"a program's own"}


def webps() -> Iterator[Fault]:
    picture = encoded("WEBP", lossless=True)[12:]
    for name, whole in RIFF_CHUNKS.items():
        flag = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}.get(name, 0)
        extended = riff(b"VP8X", struct.pack("<I", flag) + b"\x3f\0\0\x2f\0\0")
        for how, content in contents(whole):
            part = riff(name, content)
            body = extended + part + picture if name == b"ICCP" else extended + picture + part
            yield f"{name.decode()} {how}", webp(body)
        yield f"{name.decode()} is not there", webp(extended + picture)
        for length in (len(whole) + 5, 0x7FFFFFF0):
            part = struct.pack("<4sI", name, length) + whole
            yield f"{name.decode()} of length {length}", webp(extended + picture + part)
            yield f"{name.decode()} before of length {length}", webp(extended + part + picture)


def riff(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)


def webp(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


# GIF

EXTENSIONS = {
    "control": b"\x21\xf9\x04\0\0\0\0\0",
    "comment": b"\x21\xfe\x05words\0",
    "loop": b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
    "text": b"\x21\x01\x0c" + bytes(12) + b"\x02hi\0",
    "XMP": b"\x21\xff\x0bXMP DataXMP" + b"\x10" * 17 + b"\0",
    "unknown": b"\x21\x77\x03abc\0",
}


def gifs() -> Iterator[Fault]:
    data = encoded("GIF")
    first = 13 + (3 << (data[10] & 7) + 1)
    for name, whole in EXTENSIONS.items():
        for length in range(min(whole[2], 12)):
            yield (
                f"{name} of {length}",
                data[:first]
                + whole[:2]
                + bytes([length])
                + whole[3 : 3 + length]
                + b"\0" * (length > 0)
                + data[first:],
            )
        yield f"{name} of noise", data[:first] + whole[:2] + b"\x14" + NOISE[:20] + b"\0" + data[first:]


# TIFF

TAGS = (270, 271, 272, 282, 283, 296, 297, 305, 306, 315, 700, 33432, 33723, 34377, 34665, 34675, 34853, 37724, 40965)


def tiffs() -> Iterator[Fault]:
    data = encoded("TIFF")
    end = len(data) + len(data) % 2
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    entries = [data[at : at + 12] for at in range(place + 2, place + 2 + 12 * count, 12)]
    faults = {
        "type 0": struct.pack("<HII", 0, 1, 5),
        "type 99": struct.pack("<HII", 99, 4, 5),
        "behind the end": struct.pack("<HII", 2, 90, 0x7FFFFFFF),
        "endless": struct.pack("<HII", 7, 0x7FFFFFFF, 8),
        "no rational": struct.pack("<HII", 5, 1, 4),
        "a byte": struct.pack("<HII", 1, 1, 255),
        "a text": struct.pack("<HI4s", 2, 4, b"six\0"),
        "nothing": struct.pack("<HII", 2, 0, 0),
        "itself": struct.pack("<HII", 4, 1, end),
        "doubles": struct.pack("<HII", 12, 3, 8),
    }
    for tag in TAGS:
        for how, value in faults.items():
            changed = [entry for entry in entries if struct.unpack_from("<H", entry)[0] != tag]
            changed = sorted(
                [*changed, struct.pack("<H", tag) + value], key=lambda entry: struct.unpack_from("<H", entry)
            )
            directory = struct.pack("<H", len(changed)) + b"".join(changed) + bytes(4)
            yield f"tag {tag} {how}", data[:4] + struct.pack("<I", end) + data[8:].ljust(end - 8, b"\0") + directory


# HEIF and AVIF


def containers(file_format: str) -> Iterator[Fault]:
    options = {"quality": 100, "subsampling": "4:4:4"} if file_format == "AVIF" else {"quality": 100}
    exif = EXIF[6:].ljust(60, b"\0")
    data = encoded(file_format, exif=b"Exif\0\0" + exif, xmp=XMP.ljust(60), icc_profile=PROFILE, **options)
    for name, block in (("EXIF", exif), ("XMP", XMP.ljust(60)), ("ICC", PROFILE)):
        place = data.index(block[:40])
        for start in (0, 1, 2, 4, 8, 10, 12, 16, 20):
            for fill in (b"\0", b"\xff"):
                broken = block[:start] + fill * (len(block) - start)
                yield f"{name} {fill!r} from {start}", data[:place] + broken + data[place + len(block) :]
        yield f"{name} of noise", data[:place] + NOISE[: len(block)] + data[place + len(NOISE[: len(block)]) :]


def all_of_them() -> dict[str, dict[str, bytes]]:
    """Files by format and by fault."""
    faults = {"JPEG": jpegs(), "PNG": pngs(), "WEBP": webps(), "GIF": gifs(), "TIFF": tiffs()}
    faults |= {form: containers(form) for form in ("HEIF", "AVIF")}
    return {form: dict(files) for form, files in faults.items()}
