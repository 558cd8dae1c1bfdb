"""Dates as people type them: ``2019-1``, ``yesterday``, ``last month``, ``30d``, ``May 2024``."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import NamedTuple

from albumsort.arguments import shown

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"d": "days", "w": "weeks", "m": "months", "y": "years"}
#: How many characters of an ISO date-time there are up to the year, month, day, hour, minute and second.
_LENGTHS = (4, 7, 10, 13, 16, 19)


class Period(NamedTuple):
    """A stretch of time.

    Attributes:
        first, last: a year, month, day, minute or second, as ``Filters`` has them; the same if one of these is named.
    """

    first: str
    last: str


def period(text: str, today: date) -> Period:
    """The period that a person names.

    ``last month`` and ``this week`` are those of the calendar, and weeks begin on Monday. ``30d`` and ``3 months ago``
    are single days. The name of a weekday or a month without a year is the latest one that has begun. A zone behind a
    time is left out, because photos carry the time on the camera's clock.

    Raises:
        ValueError: the text names none; the message shows the forms.
    """
    words = " ".join(text.casefold().replace("_", " ").split())
    for pattern, read in _FORMS:
        if match := re.fullmatch(pattern, words, re.VERBOSE):
            with suppress(ValueError, OverflowError):  # there is no such day
                return read(match, today)
    raise ValueError(
        f"{shown(text)} is not a date; write 2024, 2024-05, 2024-05-17, 2024-05-17T10:30, May 2024, yesterday, "
        "'last month', 30d, 6m or 1y"
    )


def year_or_month(year: str | None, month: str | None, today: date) -> str:
    """The year or the month that a person names, as ``2024`` or ``2024-05``.

    Args:
        year: None if only the month is named.
        month: None if only the year is named. With a year, ``5`` and ``May`` are months, too.
        today: the day on which it is named.

    Raises:
        ValueError: they name another period.
    """
    length, what, form = (4, "year", "2024") if month is None else (7, "month", "2024-05")
    text = (" " if (month or "").isalpha() else "-").join(part for part in (year, month) if part is not None)
    with suppress(ValueError):
        first, last = period(text, today)
        if first == last and len(first) == length:
            return first
    raise ValueError(f"{shown(text)} is not a {what}; write {form}")


def _numbers(match: re.Match[str], today: date) -> Period:
    numbers = [int(part) for part in match.groups() if part]
    moment = datetime(*[*numbers, 1, 1][: max(3, len(numbers))])  # type: ignore[arg-type]
    return _single(moment.isoformat()[: _LENGTHS[len(numbers) - 1]])


def _decade(match: re.Match[str], today: date) -> Period:
    return Period(match[1] + "0", match[1] + "9")


def _iso_week(match: re.Match[str], today: date) -> Period:
    return _week(date.fromisocalendar(int(match[1]), int(match[2]), 1))


def _ago(match: re.Match[str], today: date) -> Period:
    from dateutil.relativedelta import relativedelta

    number = int(match["number"]) if match["number"].isdecimal() else 1
    first = today - relativedelta(**{_UNITS[match["unit"][0]]: number})
    return Period(str(first), str(today if match["until_now"] else first))


def _day(match: re.Match[str], today: date) -> Period:
    return _single(str(today - timedelta(days=match[0] == "yesterday")))


def _near(match: re.Match[str], today: date) -> Period:
    back = match[1] != "this"
    if match[2] == "week":
        return _week(today - timedelta(weeks=back))
    if match[2] == "month":
        return _single(str(today.replace(day=1) - timedelta(days=back))[:7])
    return _single(f"{today.year - back:04}")


def _weekday(match: re.Match[str], today: date) -> Period:
    back = (today.weekday() - _place(match[2], _WEEKDAYS)) % 7
    return _single(str(today - timedelta(days=back or (7 if match[1] else 0))))


def _month(match: re.Match[str], today: date) -> Period:
    month, day = _place(match["month"], _MONTHS) + 1, match["day"] or match["day_behind"]
    has_begun = (month, int(day or 1)) <= (today.month, today.day)
    year = int(match["year"] or match["year_before"] or today.year - (not has_begun))
    return _single(str(date(year, month, int(day or 1)))[: 10 if day else 7])


def _single(name: str) -> Period:
    return Period(name, name)


def _week(day: date) -> Period:
    monday = day - timedelta(days=day.weekday())
    return Period(str(monday), str(monday + timedelta(days=6)))


def _place(word: str, names: tuple[str, ...]) -> int:
    """The place of the name that begins with a word.

    Raises:
        ValueError: none does.
    """
    return [name.startswith(word) for name in names].index(True)


#: The forms of a period, as regular expressions, and what reads each.
_FORMS: tuple[tuple[str, Callable[[re.Match[str], date], Period]], ...] = (
    (
        r"""(\d{4}) (?:[-/.:](\d{1,2}) (?:[-/.:](\d{1,2})
        (?:(?:t|\ ) (\d{1,2}):(\d\d) (?::(\d\d)(?:[.,]\d+)?)? \ ?(?:z|utc|[-+]\d\d(?::?\d\d)?)? )?)?)?""",
        _numbers,
    ),
    (r"(\d{4})(\d\d)(\d\d)", _numbers),
    (r"(\d{3})0s", _decade),
    (r"(\d{4})-?w(\d{1,2})", _iso_week),
    (r"today|now|yesterday", _day),
    (r"(this|last|previous)[-\ ](week|month|year)", _near),
    (
        r"""(?P<until_now>(?:the\ )?(?:last|past)\ )? (?P<number>\d+|an?|one) [-\ ]?
        (?P<unit>d|w|m|mo|y|yr|(?:day|week|month|year)s?) (?:[-\ ]ago)?""",
        _ago,
    ),
    (r"(last[-\ ])?([a-z]{3,9})", _weekday),
    (
        r"""(?:(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[-\ ](?:of\ )?)? (?:(?P<year_before>\d{4})[-\ ])?
        (?P<month>[a-z]{3,9})\.? (?:[-\ ](?P<day_behind>\d{1,2})(?:st|nd|rd|th)?)?,? (?:[-\ ](?P<year>\d{4}))?""",
        _month,
    ),
)
