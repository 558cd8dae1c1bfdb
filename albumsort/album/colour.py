"""Colours: any picture as sRGB with 8 bits for each of red, green and blue."""

from __future__ import annotations

import contextlib
import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

#: What Pillow and LittleCMS raise on a damaged profile.
_BROKEN_PROFILE = (ImageCms.PyCMSError, OSError, ValueError)
#: Per cent of the values of a picture of floats that are not brighter than white.
_WHITE_PERCENTILE = 99.9
#: The number of rows that are scaled to eight bits at once.
_ROWS = 256


def on_white(image: Image.Image) -> Image.Image:
    """A picture of mode RGBA on a white background, in mode RGB."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def in_eight_bits(image: Image.Image) -> Image.Image:
    """Convert a picture to a mode that can be scaled and colour-managed: L, RGB or CMYK."""
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    if image.mode.startswith(("I", "F")):
        return _grey_in_eight_bits(image)
    if image.has_transparency_data:
        return on_white(image.convert("RGBA"))
    return image.convert("L" if image.mode == "1" else "RGB")


def _grey_in_eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 or 32 bits or of floats, in mode L."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        values = values.astype(np.uint16, copy=False)
    return Image.fromarray(scaled_to_eight_bits(values))


def scaled_to_eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Samples of any type as uint8, in the same shape. Negative ones, and what is no number, are black.

    White is the largest value of 16 bits, with or without a sign. For other types it is the top of the range that the
    values use: 1, 255 or 65,535, or else the value that one in a thousand exceeds, so that glints make no photo black.
    """
    if values.dtype == np.uint8:
        return values.astype(np.uint8)
    white = 0.0 if values.dtype in (np.uint16, np.int16) else _white_of(values)
    scaled = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):  # a copy of a large picture in floats would take gigabytes
        rows = slice(start, start + _ROWS)
        scaled[rows] = _scaled(values[rows], white)
    return scaled


def _scaled(values: NDArray[np.generic], white: float) -> NDArray[np.uint8]:
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if values.dtype == np.int16:
        return (values.clip(0).astype(np.int32) * 255 // 32767).astype(np.uint8)
    return (_floats(values).clip(0, white) * (255 / white)).round().astype(np.uint8)


def _white_of(values: NDArray[np.generic]) -> float:
    """The value that becomes white."""
    tops = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    if values.dtype.kind in "iu":
        bright = float(max(values.max(initial=0), 0))
    else:
        sample = _floats(values[:: max(1, len(values) // 1024)])
        bright = float(np.percentile(sample, _WHITE_PERCENTILE)) if sample.size else 0.0
    return next((top for top in tops if top / 4 < bright <= top), max(bright, 1e-6))


def _floats(values: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture of mode L, RGB or CMYK to sRGB, mode RGB.

    Args:
        image: the picture.
        profile: its ICC profile. A damaged one, or one for another kind of picture, is ignored, as viewers do.
    """
    transform = to_srgb(profile, image.mode)
    if transform is not None:
        with contextlib.suppress(*_BROKEN_PROFILE):
            converted = ImageCms.applyTransform(image, transform)
            assert converted is not None  # noqa: S101 - None is only for in-place transforms
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")  # a conversion from RGB to RGB would copy


def to_srgb(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a mode to sRGB; None if none is needed, or if the profile is damaged."""
    with contextlib.suppress(*_BROKEN_PROFILE):
        # Pillow gives what a TIFF has under the profile's number, whatever it is.
        return _transform(profile, mode) if profile and isinstance(profile, bytes) else None
    return None


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Do the work of ``to_srgb`` for a given profile; cached, because all photos of a camera have the same profile."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
        return None
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
