"""When a photo was taken: what its EXIF and XMP say, a Takeout file beside it, or the date in its name."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache

from PIL import ExifTags

#: Characters of an EXIF string that are kept.
_MOST_CHARACTERS = 200
#: The year of the first photograph: an earlier one is no date.
_FIRST_YEAR = 1826
#: How much later than the file itself a photo may have been taken: clocks and time zones differ.
_GRACE = timedelta(days=1)
#: A file that is older than this has lost its own time: archives and disks without a clock write 1970 or 1980.
_FIRST_FILE = datetime(1990, 1, 1)
_EPOCH = datetime(1970, 1, 1)

#: Halves of a day: AM and PM as English, Spanish, Chinese, Japanese and Korean have them.
_HALF = r"[AaPp]\. ?[Mm]\.?|[AaPp][Mm]|上午|下午|午前|午後|오전|오후"
_SECOND_HALVES = ("p", "下午", "午後", "오후")
#: An offset from UTC, or the name of a time zone, which may stand for several.
_OFFSET = r"[-+]\d{2}(?::?\d{2})?|Z|[A-Z]{3,4}"
#: Times as cameras and programs write them into EXIF and XMP: ``2024:05:17 15:04:05``,
#: ``2024-05-17T15:04:05.12+02:00``, ``2024/05/17 03.04 PM``, ``2024.05.17``, ``17.05.2024 15:04``. What is unknown may
#: be left blank (Exif 3.0, section 4.6.5): ``2024:05:17 15:04:  ``.
_WRITTEN = re.compile(
    r"(?:(?P<year>\d{4})(?P<between>[-:/. ;,_年]) ?(?P<month>\d{1,2})(?:(?P=between)|月) ?(?P<day>\d{1,2})[日.]?"
    r"|(?P<day2>\d{1,2})\.(?P<month2>\d{1,2})\.(?P<year2>\d{4}))"
    rf"(?:(?:\s*[T,_ :-]\s*|\s+)(?P<half2>{_HALF})?\s*(?P<hour>\d{{1,2}})[-:.h](?P<minute>\d{{1,2}})"
    r"(?:[-:.m](?P<second>\d{1,2})(?:[.,:]\d*)?s?)?[ :]*"
    rf"(?P<half>{_HALF})?\s*(?P<offset>{_OFFSET})?)?[ :]*"
)
#: As above, in one piece (ISO 8601, basic format): ``20240517T150405Z``.
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    rf"(?:[T _]?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})(?:[.,]\d*)?(?P<offset>{_OFFSET})?)?"
)

#: What stands between the day and the time in names of screenshots, in the languages of many phones and computers.
_AT = "at|um|kl|klo|à|às|a las|a les|alle|om|o|в|v|ve|la|saat"
#: Dates in names as messengers, which strip EXIF, and phones write them: ``IMG-20240517-WA0001``,
#: ``PXL_20240517_150405123``, ``2024-05-17 15.04.05``, ``WhatsApp Image 2024-05-17 at 15.04.05``,
#: ``Screenshot 2024-05-17 at 3.04.05 PM``, ``signal-2024-05-17-15-04-05-123``, ``20240517150405``.
_NAMED = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<between>[-_.]?)(?P<month>\d\d)(?P=between)(?P<day>\d\d)"
    r"(?:[-_. T]*(?P<hour>\d\d)[-_.:]?(?P<minute>\d\d)[-_.:]?(?P<second>\d\d)(?:\d{3})?(?!\d)"
    rf"(?:[ \u00a0\u202f]?(?P<half>{_HALF}))?"
    rf"|[-_., ]+(?:{_AT})?[-_., ]*(?P<half3>{_HALF})?[ \u00a0\u202f]?"
    r"(?P<hour2>\d{1,2})[-_.:h](?P<minute2>\d\d)(?:[-_.:m](?P<second2>\d\d))?(?!\d)"
    rf"(?:[ \u00a0\u202f]?(?P<half2>{_HALF}))?)?(?!\d)"
)
#: Parts of names that are digests or UUIDs, whose digits may look like a date.
_DIGEST = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![0-9a-z])(?=\d*[a-f])[0-9a-f]{16,}(?![0-9a-z])",
    re.IGNORECASE,
)

#: XMP's names for the time at which a photo was taken, best first (MWG guidelines 2.0, section 3.4).
_XMP_TIMES = tuple(
    re.compile(rf"{name}\s*(?:=\s*[\"']|>\s*)([^\"'<]{{4,40}})".encode())
    for name in ("exif:DateTimeOriginal", "photoshop:DateCreated", "exif:DateTimeDigitized", "xmp:CreateDate")
)
#: Bytes of an XMP packet that are searched.
_MOST_XMP = 1 << 20

#: Bytes of a Takeout file, at most; they have about one thousand.
_LARGEST_TAKEOUT = 1 << 20
#: Takeout's suffix of new. The whole name is cut to 51 characters, ``.json`` included.
_SUPPLEMENT, _MOST_TAKEOUT_NAME = ".supplemental-metadata", 46
#: How Takeout marks an edited photo, in some of its languages; what it says of the photo stands with the original.
_EDITED = re.compile(
    r"-(edited|bearbeitet|modifié|editado|editada|modificato|bewerkt|edytowane|redigerad)(?=(?:\(\d+\))?$)", re.I
)
_COPY = re.compile(r"\(\d+\)$")


def exif_text(value: object) -> str:
    """An EXIF string without padding and unprintable characters; '' for a value that is not a string."""
    if isinstance(value, str):  # which Pillow has decoded as Latin-1
        with contextlib.suppress(UnicodeError):
            value = value.encode("latin-1").decode("utf-8")
    if isinstance(value, bytes):
        value = value[:_MOST_CHARACTERS].decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:_MOST_CHARACTERS].split("\0")[0] if c.isprintable()).strip()


def parse_time(text: str) -> str | None:
    """A time as a camera or a program wrote it, as ISO 8601; a day alone where it says no more.

    Hour 24 is the first of that day, as the cameras mean it that write it; second 60 is the first of the next minute.
    Fractions of a second are left out.

    Args:
        text: such as ``2024:05:17 15:04:05``, with or without an offset from UTC.

    Returns:
        None when it is no date, or one before the first photograph.
    """
    text = text.strip()
    match = _WRITTEN.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None:
        return _time_with_words(text)
    return _in_iso(match.groupdict())


def _time_with_words(text: str) -> str | None:
    """A time with the English name of its month, as in mails and from C: ``Fri May 17 15:04:05 2024``."""
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
        parts = parsedate_tz(text)
        if parts is not None and re.search(r"(?<!\d)\d{4}(?!\d)", text):  # else it guesses the century
            names = ("year", "month", "day", "hour", "minute", "second")
            half = re.search(rf"\d\s*({_HALF})\b", text)
            return _in_iso(dict(zip(names, map(str, parts), strict=False)) | {"half": half and half[1]})
    return None


#: Parts of a time that a pattern may name; where it has two forms, with a number behind.
_PARTS = ("year", "month", "day", "hour", "minute", "second", "half", "offset")


def _in_iso(parts: Mapping[str, str | None]) -> str | None:
    """The ISO 8601 form of the parts of a time; None when they are no date."""
    parts = {
        name: next((parts[key] for key in (name, f"{name}2", f"{name}3") if parts.get(key)), None) for name in _PARTS
    }
    year, month, day, hour, minute, second = (int(parts[name] or 0) for name in _PARTS[:6])
    half = (parts["half"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half.startswith(_SECOND_HALVES) else 0)
    try:
        moment = datetime(year, month, day, 0 if hour == 24 else hour, minute, min(second, 59))
        if second == 60:
            moment += timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    if second > 60:
        return None
    if parts["hour"] is None:
        return _after_the_first_photograph(moment.date().isoformat())
    return _after_the_first_photograph(moment.isoformat() + _offset(parts["offset"] or ""))


def _offset(text: str) -> str:
    """An offset from UTC as ISO 8601 has it; '' for one that is none."""
    if text.upper() in ("Z", "UTC", "GMT"):
        return "+00:00"
    match = re.fullmatch(r"([-+])(\d{2}):?(\d{2})?", text)
    if match is None or int(match[2]) > 15 or int(match[3] or 0) > 59:
        return ""
    return f"{match[1]}{match[2]}:{match[3] or '00'}"


def _after_the_first_photograph(time: str) -> str | None:
    return time if int(time[:4]) >= _FIRST_YEAR else None


def times_in_exif(exif: Mapping[int, object], details: Mapping[int, object]) -> tuple[list[str], str | None]:
    """The times that EXIF has.

    Args:
        exif: tags of the first directory. Some programs put all times there.
        details: tags of the Exif directory within it.

    Returns:
        when the photo was taken, best first: taken, then digitized; and when its file was changed, None if it does not
        say. ISO 8601, wall-clock time where the photo was taken, with its offset from UTC where EXIF has it.
    """
    base = ExifTags.Base
    taken = [
        _time_with_offset(directory.get(tag), details.get(offset_tag))
        for tag, offset_tag in (
            (base.DateTimeOriginal, base.OffsetTimeOriginal),
            (base.DateTimeDigitized, base.OffsetTimeDigitized),
        )
        for directory in (details, exif)
    ]
    changed = _time_with_offset(exif.get(base.DateTime), details.get(base.OffsetTime))
    return [time for time in taken if time is not None], changed


def _time_with_offset(value: object, offset: object) -> str | None:
    time = parse_time(exif_text(value))
    if time is None or len(time) != len("2024-05-17T15:04:05"):  # a day alone, or with an offset of its own
        return time
    return time + _offset(exif_text(offset))


def times_in_xmp(packet: bytes | str | None) -> list[str]:
    """The times at which an XMP packet says that its photo was taken, best first, as ISO 8601."""
    if not isinstance(packet, bytes | str):
        return []
    data = (packet.encode("utf-8", "replace") if isinstance(packet, str) else packet)[:_MOST_XMP]
    found = (pattern.search(data) for pattern in _XMP_TIMES)
    times = (parse_time(match[1].decode("ascii", "replace")) for match in found if match)
    return [time for time in times if time is not None]


def date_in_name(path: str) -> str | None:
    """The day, or the day and the time, in a file's name, as ISO 8601; None when there is none."""
    name = _DIGEST.sub("-", os.path.basename(path))
    for match in _NAMED.finditer(name):
        time = _in_iso(match.groupdict())
        if time is not None:
            return time
    return None


def capture_time(path: str, mtime_ns: int, taken: Sequence[str], changed: str | None) -> str | None:
    """When a photo was taken.

    What it says itself counts first, then the Takeout file beside it and the date in its name, last the time at which
    a program changed it. A time after the file itself is none.

    Args:
        path: path of the photo.
        mtime_ns: when its file was changed, in nanoseconds since 1970.
        taken: times in the photo, best first, as ISO 8601.
        changed: when a program changed it, by its EXIF, as ISO 8601.

    Returns:
        ISO 8601: local time without an offset, local time with its offset, or a day. None when nothing is known.
    """
    latest = max(_EPOCH, _EPOCH + timedelta(microseconds=mtime_ns // 1000)) + _GRACE

    def is_possible(time: str) -> bool:
        return latest < _FIRST_FILE or datetime.fromisoformat(time[:19]) <= latest

    def candidates() -> Iterator[str | None]:
        yield from taken
        named = date_in_name(path)
        takeout = time_in_takeout(path)
        if named and takeout and len(named) > 10 and _are_within_a_day(named, takeout):
            yield named  # the same time, but local
        yield from (takeout, named, changed)

    return next((time for time in candidates() if time is not None and is_possible(time)), None)


def _are_within_a_day(one: str, other: str) -> bool:
    difference = datetime.fromisoformat(one[:19]) - datetime.fromisoformat(other[:19])
    return abs(difference) <= timedelta(days=1)


def time_in_takeout(path: str) -> str | None:
    """The time in the file that Google Takeout puts beside a photo, as ISO 8601 in UTC; None when there is none."""
    folder, name = os.path.split(path)
    with contextlib.suppress(OSError, ValueError, RecursionError):
        here = _json_files(folder, os.stat(folder or ".").st_mtime_ns)
        for candidate in _takeout_names(name) if here else ():
            if candidate in here:
                return _photo_taken_time(os.path.join(folder, candidate))
    return None


@lru_cache(maxsize=16)
def _json_files(folder: str, mtime_ns: int) -> frozenset[str]:
    """Names of a folder's JSON files; ``mtime_ns``, its own time, makes them known anew when it changes."""
    with os.scandir(folder or ".") as entries:
        return frozenset(entry.name for entry in entries if entry.name.endswith(".json"))


def _takeout_names(name: str) -> Iterator[str]:
    """Names that Takeout may have given to the file beside a photo, likeliest first."""
    stem, suffix = os.path.splitext(name)
    unedited = _EDITED.sub("", stem)
    for base in dict.fromkeys((stem, unedited)):
        number = _COPY.search(base)
        # The number of a copy stands behind the suffix: ``IMG_1(2).jpg`` and ``IMG_1.jpg(2).json``.
        plain, count = (base[: number.start()], number[0]) if number else (base, "")
        whole = f"{plain}{suffix}"
        supplements = [whole + _SUPPLEMENT[:length] for length in range(len(_SUPPLEMENT), 1, -1)]
        yield from dict.fromkeys(
            f"{text[:_MOST_TAKEOUT_NAME]}{count}.json" for text in (whole, *supplements, *([] if count else [base]))
        )
        if count:
            yield f"{base}{suffix}.json"


def _photo_taken_time(path: str) -> str | None:
    """The time in a Takeout file, as ISO 8601 in UTC.

    Raises:
        OSError, ValueError, RecursionError: it is no such file.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_TAKEOUT:
        return None
    with open(path, "rb") as file:
        said = json.loads(file.read(_LARGEST_TAKEOUT))
    taken = said.get("photoTakenTime") if isinstance(said, dict) else None
    seconds = taken.get("timestamp") if isinstance(taken, dict) else None
    if not isinstance(seconds, int | str) or not re.fullmatch(r"-?\d{1,11}", str(seconds)):
        return None
    try:
        moment = _EPOCH + timedelta(seconds=int(seconds))
    except OverflowError:
        return None
    return _after_the_first_photograph(moment.replace(tzinfo=timezone.utc).isoformat())
