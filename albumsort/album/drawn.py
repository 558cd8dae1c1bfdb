"""The mark of what albumsort has drawn itself: sheets, photos with boxes, and plots, which are no photos."""

from __future__ import annotations

from PIL import ExifTags, Image

#: What such a picture names as its software in EXIF, which every format that is scanned can hold.
_SOFTWARE = "albumsort drawing"


def mark() -> bytes:
    """EXIF that marks a picture as drawn by albumsort."""
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = _SOFTWARE
    return exif.tobytes()


def is_drawn(image: Image.Image) -> bool:
    """Whether an open picture has the mark."""
    block = image.info.get("exif")
    return isinstance(block, bytes) and _SOFTWARE.encode() in block
