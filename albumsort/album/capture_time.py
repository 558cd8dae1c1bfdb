"""Dates in file names, for photos that have none inside: messengers strip EXIF and name files by the day."""

from __future__ import annotations

import os
import re
from datetime import datetime

#: ``IMG-20240517-WA0001``, ``PXL_20240517_150405123``, ``2024-05-17 15.04.05``, ``signal-2024-05-17-15-04-05-123``,
#: ``20240517150405``.
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)"
    r"(?:[-_. T]*(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?:\d{3})?)?(?!\d)"
)


def date_in_name(path: str) -> str | None:
    """The day, or the day and the time, that a file's name tells, as ISO 8601; None when it tells none."""
    for found in _DATE.finditer(os.path.basename(path)):
        year, _, month, day, hour, minute, second = found.groups()
        try:
            moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
        except ValueError:
            continue  # a number, not a date
        return moment.isoformat() if hour else moment.date().isoformat()
    return None
