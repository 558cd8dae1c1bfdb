"""Colours: any picture as sRGB with 8 bits for each of red, green and blue."""

from __future__ import annotations

import contextlib
import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

#: What Pillow and LittleCMS raise on a damaged profile.
_BROKEN_PROFILE = (ImageCms.PyCMSError, OSError, ValueError)


def on_white(image: Image.Image) -> Image.Image:
    """A picture of mode RGBA on a white background, in mode RGB."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def in_eight_bits(image: Image.Image) -> Image.Image:
    """Convert a picture to a mode that can be scaled and colour-managed: L, RGB or CMYK."""
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    if image.mode.startswith(("I", "F")):
        return _scaled_to_eight_bits(image)
    if image.has_transparency_data:
        return on_white(image.convert("RGBA"))
    return image.convert("L" if image.mode == "1" else "RGB")


def _scaled_to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert a grey picture of 16 or 32 bits or of floats to mode L. White is the top of the range that it uses."""
    values = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    white = float(values.max(initial=0.0))
    if image.mode.startswith("I;16") or 255 < white <= 65535:
        white = 65535.0
    elif 1 < white <= 255:
        white = 255.0
    elif image.mode == "F" and white <= 1:
        white = 1.0
    return Image.fromarray((values.clip(0, white) * (255 / max(white, 1.0))).round().astype(np.uint8))


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
