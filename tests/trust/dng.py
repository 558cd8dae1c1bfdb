"""RAW files as a camera writes them, made at test time: a DNG with a sensor's data, a preview in JPEG, and EXIF."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import ExifTags, Image

#: How an upright picture is stored, by EXIF's orientation (CIPA DC-008, figure 5).
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_PACKING = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SIGNED = 1, 2, 3, 4, 5, 10
_UNIT = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)


def stored(upright: Image.Image, orientation: int) -> Image.Image:
    """An upright picture as a camera stores it with that orientation."""
    return upright if orientation == 1 else upright.transpose(_STORED[orientation])


def jpeg(image: Image.Image, orientation: int | None = None) -> bytes:
    """A preview. With an orientation, it has EXIF of its own at its start, as those of cameras do."""
    buffer, exif = io.BytesIO(), Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    image.save(buffer, "JPEG", quality=92, exif=exif)
    data = buffer.getvalue()
    return data if orientation is None else data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


def dng(
    upright: Image.Image,
    preview: bytes | None = None,
    orientation: int = 1,
    taken_at: str = "2024:05:17 15:04:05",
    offset: str = "+02:00",
    version: bool = True,
) -> bytes:
    """A RAW file.

    Args:
        upright: the picture of which the sensor's data are made; even in width and height.
        preview: the JPEG in the file, if any.
        orientation: EXIF's orientation.
        taken_at: ``YYYY:MM:DD HH:MM:SS``.
        offset: from UTC, ``+02:00``.
        version: True for a DNG; False for a TIFF with a sensor's data, as other makers write it.
    """
    light = (np.asarray(stored(upright, orientation).convert("RGB")) / 255.0) ** 2.2 * 65535
    height, width = light.shape[:2]
    mosaic = np.empty((height, width), "<u2")
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = light[row::2, column::2, colour]
    body = b"II*\0" + bytes(4) + mosaic.tobytes() + (preview or b"")
    body += bytes(len(body) % 2)
    tags = {
        254: (_LONG, (0,)),
        256: (_LONG, (width,)),
        257: (_LONG, (height,)),
        258: (_SHORT, (16,)),
        259: (_SHORT, (1,)),
        262: (_SHORT, (32803,)),
        271: (_ASCII, b"Example\0"),
        272: (_ASCII, b"Example One\0"),
        273: (_LONG, (8,)),
        274: (_SHORT, (orientation,)),
        277: (_SHORT, (1,)),
        278: (_LONG, (height,)),
        279: (_LONG, (mosaic.nbytes,)),
        33421: (_SHORT, (2, 2)),
        33422: (_BYTE, bytes((0, 1, 1, 2))),
        34665: (_LONG, (len(body),)),
    }
    body += _directory(
        len(body), {36867: (_ASCII, taken_at.encode() + b"\0"), 36881: (_ASCII, offset.encode() + b"\0")}
    )
    if preview is not None:
        tags[330] = (_LONG, (len(body),))
        body += _directory(len(body), _of_preview(preview, 8 + mosaic.nbytes))
    if version:
        tags |= {
            50706: (_BYTE, bytes((1, 4, 0, 0))),
            50708: (_ASCII, b"Example One\0"),
            50721: (_SIGNED, _UNIT),
            50728: (_RATIONAL, (1,) * 6),
            50778: (_SHORT, (21,)),
        }
    return body[:4] + struct.pack("<I", len(body)) + body[8:] + _directory(len(body), tags)


def _of_preview(preview: bytes, place: int) -> dict[int, tuple[int, bytes | tuple[int, ...]]]:
    width, height = Image.open(io.BytesIO(preview)).size
    return {
        254: (_LONG, (1,)),
        256: (_LONG, (width,)),
        257: (_LONG, (height,)),
        258: (_SHORT, (8, 8, 8)),
        259: (_SHORT, (7,)),
        262: (_SHORT, (6,)),
        273: (_LONG, (place,)),
        277: (_SHORT, (3,)),
        278: (_LONG, (height,)),
        279: (_LONG, (len(preview),)),
    }


def _directory(place: int, tags: dict[int, tuple[int, bytes | tuple[int, ...]]]) -> bytes:
    """A TIFF directory at some place, what does not fit into it behind it."""
    rows, behind = struct.pack("<H", len(tags)), b""
    end = place + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_PACKING[kind]}", *values)
        count = len(values) // (2 if kind in (_RATIONAL, _SIGNED) else 1)
        rows += struct.pack("<HHI", tag, kind, count)
        rows += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", end + len(behind))
        if len(data) > 4:
            behind += data + bytes(len(data) % 2)
    return rows + bytes(4) + behind
