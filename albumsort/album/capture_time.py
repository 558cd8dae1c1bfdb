"""When a photo was taken: from its EXIF data or, if they have no time, from the date in the file's name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime

from PIL import ExifTags

#: Dates as they are written by phones, and by messengers, which strip EXIF: ``IMG-20240517-WA0001``,
#: ``PXL_20240517_150405123``, ``2024-05-17 15.04.05``, ``signal-2024-05-17-15-04-05-123``, ``20240517150405``.
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)"
    r"(?:[-_. T]*(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?:\d{3})?)?(?!\d)"
)
#: Characters of an EXIF string that are kept.
_MOST_CHARACTERS = 200


def exif_text(value: object) -> str:
    """An EXIF string without padding and unprintable characters; '' for a value that is not a string."""
    if isinstance(value, bytes):
        value = value[:_MOST_CHARACTERS].decode("ascii", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:_MOST_CHARACTERS].split("\0")[0] if c.isprintable()).strip()


def time_in_exif(exif: Mapping[int, object], details: Mapping[int, object]) -> str | None:
    """The time at which EXIF says that a photo was taken.

    Args:
        exif: tags of the first directory.
        details: tags of the Exif directory within it.

    Returns:
        ISO 8601, wall-clock time at the place of the photo, with the offset from UTC if EXIF has it. This is the time
        when the photo was taken, else digitized, else changed; None if none of these is a valid date.
    """
    base = ExifTags.Base
    for tag, offset_tag, directory in (
        (base.DateTimeOriginal, base.OffsetTimeOriginal, details),
        (base.DateTimeDigitized, base.OffsetTimeDigitized, details),
        (base.DateTime, base.OffsetTime, exif),
    ):
        try:
            moment = datetime.strptime(exif_text(directory.get(tag))[:19], "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue  # missing, blank, zeros or impossible
        offset = exif_text(details.get(offset_tag))
        try:
            return datetime.strptime(f"{moment.isoformat()}{offset}", "%Y-%m-%dT%H:%M:%S%z").isoformat()
        except ValueError:
            return moment.isoformat()
    return None


def date_in_name(path: str) -> str | None:
    """The date, or the date and time, in a file's name, as ISO 8601; None if there is none."""
    for match in _DATE.finditer(os.path.basename(path)):
        year, _, month, day, hour, minute, second = match.groups()
        try:
            moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
        except ValueError:
            continue  # a number, not a date
        return moment.isoformat() if hour else moment.date().isoformat()
    return None
