"""A corpus of good and bad pictures: each format whole, cut off, with flipped bits, misnamed, with wrong headers."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import piexif
import pillow_heif
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from .dng import dng, jpeg

pillow_heif.register_heif_opener(thumbnails=False)

#: The status that a file should have in the index: ``ok``, ``error``, or ``any`` of them.
OK, ERROR, ANY = "ok", "error", "any"
SIZE = (120, 90)


@dataclass(frozen=True)
class Specimen:
    """A file of the corpus. Its error must contain ``says``."""

    name: str
    data: bytes
    expected: str
    says: str = ""


def scene(mode: str = "RGB", size: tuple[int, int] = SIZE, shade: int = 0) -> Image.Image:
    """A picture with edges, gradients and noise, so that every part of its file matters."""
    width, height = size
    rng = np.random.default_rng(shade)
    across, down = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    pixels = np.stack([across, down, (across + down) / 2], -1) + rng.integers(0, 55, (height, width, 1))
    image = Image.fromarray(pixels.astype(np.uint8))
    ImageDraw.Draw(image).ellipse((width * 0.2, height * 0.2, width * 0.7, height * 0.8), fill=(200, 150, 120))
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@cache
def whole() -> dict[str, tuple[str, bytes]]:
    """Suffix and bytes of good files, by what they are."""
    frames = {"save_all": True, "append_images": [scene(shade=k) for k in (1, 2)], "duration": 40}
    faint = scene("RGBA")
    faint.putalpha(Image.linear_gradient("L").resize(SIZE))
    palette = scene("P")
    palette.info["transparency"] = 3
    deep = Image.fromarray(np.asarray(scene("L"), np.uint16) * 257)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "jpeg": (".jpg", encoded(scene(), "JPEG")),
        "jpeg-progressive": (".jpeg", encoded(scene(), "JPEG", progressive=True)),
        "jpeg-cmyk": (".jpg", encoded(scene("CMYK"), "JPEG")),
        "jpeg-grey": (".jpg", encoded(scene("L"), "JPEG")),
        "jpeg-exif": (".jpg", encoded(scene(), "JPEG", exif=_exif(6), icc_profile=profile)),
        "png": (".png", encoded(scene(), "PNG")),
        "png-16-bit": (".png", encoded(deep, "PNG")),
        "png-palette-alpha": (".png", encoded(palette, "PNG", transparency=3)),
        "png-animated": (".apng", encoded(scene(), "PNG", **frames)),
        "gif-animated": (".gif", encoded(scene(), "GIF", **frames)),
        "webp": (".webp", encoded(scene(), "WEBP")),
        "webp-alpha-animated": (".webp", encoded(faint, "WEBP", **frames)),
        "tiff": (".tif", encoded(scene(), "TIFF")),
        "tiff-lzw-16-bit": (".tiff", encoded(deep, "TIFF", compression="tiff_lzw")),
        "bmp": (".bmp", encoded(scene(), "BMP")),
        "heic": (".heic", encoded(scene(), "HEIF")),
        "avif": (".avif", encoded(scene(), "AVIF")),
        "raw": (".dng", dng(scene(), jpeg(scene()), 6)),
        "raw-without-preview": (".dng", dng(scene())),
    }


def damaged(data: bytes, seed: int) -> Iterator[tuple[str, bytes]]:
    """Copies of a file that are damaged, each with the name of the damage."""
    rng = np.random.default_rng(seed)
    for share in (0.002, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        yield f"cut-{share:g}", data[: max(1, int(len(data) * share))]
    for number in range(8):
        flipped = bytearray(data)
        for place in rng.integers(0, len(data), 1 + 4 * (number // 2)):
            flipped[place] ^= 1 << int(rng.integers(0, 8))
        yield f"flipped-{number}", bytes(flipped)
    for number, (start, stop) in enumerate(((0.0, 0.1), (0.1, 0.3), (0.4, 0.6), (0.5, 1.0))):
        low, high = int(len(data) * start), int(len(data) * stop)
        yield f"emptied-{number}", data[:low] + bytes(high - low) + data[high:]


def specimens() -> Iterator[Specimen]:
    """The whole corpus, some 450 files."""
    for number, (kind, (suffix, data)) in enumerate(whole().items()):
        yield Specimen(f"{kind}{suffix}", data, OK)
        for other in (".jpg", ".png", ".heic"):
            if other != suffix:
                yield Specimen(f"{kind}-misnamed{other}", data, OK)
        for how, broken in damaged(data, number):
            yield Specimen(f"{kind}-{how}{suffix}", broken, ANY)
    yield from _sizes()
    yield from _metadata()
    yield from _no_pictures()


def write(folder: Path) -> dict[str, Specimen]:
    """Write the corpus into a folder and return its specimens by path."""
    written = {}
    for specimen in specimens():
        path = folder / specimen.name
        path.write_bytes(specimen.data)
        written[str(path)] = specimen
    return written


def _exif(orientation: int) -> bytes:
    return piexif.dump({"0th": {piexif.ImageIFD.Orientation: orientation}})


def _sizes() -> Iterator[Specimen]:
    yield Specimen("one-pixel.png", encoded(scene(size=(1, 1)), "PNG"), OK)
    yield Specimen("one-pixel.jpg", encoded(scene(size=(1, 1)), "JPEG"), OK)
    yield Specimen("wide.png", encoded(Image.new("RGB", (60_000, 1), "teal"), "PNG"), OK)
    yield Specimen("wide.jpg", encoded(Image.new("RGB", (60_000, 1), "teal"), "JPEG"), OK)
    yield Specimen("high.png", encoded(Image.new("L", (1, 60_000), 9), "PNG"), OK)
    png = encoded(scene(), "PNG")
    for width, height in ((0, 0), (0, 90), (120, 2**31 - 1), (2**32 - 1, 2**32 - 1)):
        yield Specimen(f"png-lies-{width}x{height}.png", _png_of_size(png, width, height), ERROR)
    bomb = _png_of_size(encoded(Image.new("1", SIZE), "PNG"), 25_000, 20_000)
    yield Specimen("bomb.png", bomb, ERROR, "too large (500 MP > 200 MP; see --max-megapixels)")
    yield Specimen("png-lies-large.png", _png_of_size(png, 3_000, 2_000), ERROR)
    jpeg = encoded(scene(), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    for height, width in ((0, 0), (4_000, 3_000), (65_535, 65_535)):
        lying = jpeg[: frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9 :]
        yield Specimen(f"jpeg-lies-{width}x{height}.jpg", lying, ERROR)
    bmp = encoded(scene(), "BMP")
    for width, height in ((120, -90), (-120, 90), (2**31 - 1, 2**31 - 1), (0, 0)):
        yield Specimen(f"bmp-lies-{width}x{height}.bmp", bmp[:18] + struct.pack("<ii", width, height) + bmp[26:], ANY)


def _png_of_size(data: bytes, width: int, height: int) -> bytes:
    """A PNG whose header names another size, with a checksum that fits."""
    body = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + body + struct.pack(">I", zlib.crc32(body)) + data[33:]


def _metadata() -> Iterator[Specimen]:
    """Good pictures with broken metadata."""
    image = scene()
    for orientation in (0, 9, 65_535):
        yield Specimen(f"orientation-{orientation}.jpg", encoded(image, "JPEG", exif=_exif(orientation)), OK)
    dates = (b"0000:00:00 00:00:00", b"0001:01:01 00:00:00", b"2024:13:45 25:61:61", b"yesterday", b"\xff" * 19, b"")
    for number, when in enumerate(dates):
        exif = piexif.dump({"Exif": {piexif.ExifIFD.DateTimeOriginal: when}})
        yield Specimen(f"date-{number}.jpg", encoded(image, "JPEG", exif=exif), OK)
    good = piexif.dump({"0th": {piexif.ImageIFD.Make: b"Example", piexif.ImageIFD.Model: b"Camera"}})
    for number, place in enumerate((10, 14, 18, 22, 26)):  # offsets and counts that point out of the file
        wild = good[:place] + b"\xff\xff\xff\x7f" + good[place + 4 :]
        yield Specimen(f"exif-wild-{number}.jpg", encoded(image, "JPEG", exif=wild), OK)
    loop = b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0"  # a directory whose next one is itself
    for number, exif in enumerate((b"Exif\0\0", b"Exif\0\0II*\0", loop, b"Exif\0\0" + b"\0" * 60_000)):
        yield Specimen(f"exif-broken-{number}.jpg", encoded(image, "JPEG", exif=exif), OK)
    comment = b"\xff\xfe\xff\xff" + b"c" * 65_533
    jpeg = encoded(image, "JPEG")
    yield Specimen("comment-10-mb.jpg", jpeg[:2] + comment * 160 + jpeg[2:], OK)
    for number, profile in enumerate((b"no profile", b"\0" * 4_000, b"\xff" * 128)):
        yield Specimen(f"profile-{number}.jpg", encoded(image, "JPEG", icc_profile=profile), OK)
        yield Specimen(f"profile-{number}.png", encoded(image, "PNG", icc_profile=profile), OK)
    long = PngImagePlugin.PngInfo()
    long.add_text("parameters", "a prompt, " * 400_000, zip=True)
    yield Specimen("text-4-mb.png", encoded(image, "PNG", pnginfo=long), OK)
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "written by a program that cannot count")
    png = encoded(image, "PNG", pnginfo=words)
    wrong = png.index(b"count") + 5
    yield Specimen("checksum-of-text.png", png[:wrong] + b"\0\0\0\0" + png[wrong + 4 :], OK)
    yield Specimen("more-behind.jpg", jpeg + b"trailing bytes " * 9_000, OK)
    yield Specimen("escapes.png", encoded(image, "PNG", exif=_escapes()), OK)


def _escapes() -> bytes:
    """EXIF with a terminal's escape codes and a tag of HTML."""
    camera = b"\x1b[2J<script>\n"
    return piexif.dump({"0th": {piexif.ImageIFD.Make: camera, piexif.ImageIFD.Model: camera}})


def _no_pictures() -> Iterator[Specimen]:
    yield Specimen("empty.jpg", b"", ERROR, "empty file")
    yield Specimen("text.jpg", b"The quick brown fox\n" * 40, ERROR, "not an image")
    yield Specimen("zeros.png", bytes(5_000), ERROR, "not an image")
    yield Specimen("noise.webp", np.random.default_rng(0).bytes(5_000), ERROR, "not an image")
    yield Specimen("start-alone.jpg", b"\xff\xd8\xff", ERROR)
    yield Specimen("start-alone.png", b"\x89PNG\r\n\x1a\n", ERROR)
    yield Specimen("page.jpg", b"<!DOCTYPE html><html><body>404</body></html>", ERROR, "not an image")
    yield Specimen("film.jpg", b"\0\0\0\x18ftypmp42" + bytes(3_000), ERROR, "not an image")
    yield Specimen("archive.png", b"PK\x03\x04" + bytes(300), ERROR, "not an image")
    yield Specimen("new.jxl", b"\xff\x0a" + bytes(300), ERROR, "unsupported: JPEG XL")
    yield Specimen("drawing.gif", b"<svg xmlns='http://www.w3.org/2000/svg'/>", ERROR, "not an image")
    yield Specimen("print.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n", ERROR, "not an image")
