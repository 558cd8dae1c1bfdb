"""Dates as people type them."""

from __future__ import annotations

from datetime import date

import pytest

from albumsort.index.dates import period
from albumsort.index.filters import Filters

TODAY = date(2024, 3, 31)  # a Sunday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2019", "2019", ""),
        ("2019-1", "2019-01", ""),
        ("2019-01", "2019-01", ""),
        ("2019-01-5", "2019-01-05", ""),
        ("2019/1/5", "2019-01-05", ""),
        ("2019.01.05", "2019-01-05", ""),
        ("20190105", "2019-01-05", ""),
        ("2019-01-05T10:30", "2019-01-05T10:30", ""),
        ("2019-01-05 9:30", "2019-01-05T09:30", ""),
        ("2019:01:05 10:30:15", "2019-01-05T10:30:15", ""),
        ("2019-01-05T10:30:15.250Z", "2019-01-05T10:30:15", ""),
        ("2019-01-05t10:30+02:00", "2019-01-05T10:30", ""),
        ("2019-01-05T10:30:00-0800", "2019-01-05T10:30:00", ""),
        ("1990s", "1990", "1999"),
        ("2024-W09", "2024-02-26", "2024-03-03"),
        ("today", "2024-03-31", ""),
        ("Now", "2024-03-31", ""),
        ("Yesterday", "2024-03-30", ""),
        ("this week", "2024-03-25", "2024-03-31"),
        ("last week", "2024-03-18", "2024-03-24"),
        ("this month", "2024-03", ""),
        ("last month", "2024-02", ""),
        (" LAST  Month ", "2024-02", ""),
        ("last-month", "2024-02", ""),
        ("last_month", "2024-02", ""),
        ("previous month", "2024-02", ""),
        ("this year", "2024", ""),
        ("last year", "2023", ""),
        ("0d", "2024-03-31", ""),
        ("30d", "2024-03-01", ""),
        ("30 days", "2024-03-01", ""),
        ("30 days ago", "2024-03-01", ""),
        ("2w", "2024-03-17", ""),
        ("1m", "2024-02-29", ""),
        ("6m", "2023-09-30", ""),
        ("6mo", "2023-09-30", ""),
        ("1Y", "2023-03-31", ""),
        ("3 months ago", "2023-12-31", ""),
        ("a year ago", "2023-03-31", ""),
        ("last 30 days", "2024-03-01", "2024-03-31"),
        ("the past 2 weeks", "2024-03-17", "2024-03-31"),
        ("sunday", "2024-03-31", ""),
        ("last sunday", "2024-03-24", ""),
        ("Mon", "2024-03-25", ""),
        ("last tuesday", "2024-03-26", ""),
        ("March", "2024-03", ""),
        ("may", "2023-05", ""),
        ("May 2024", "2024-05", ""),
        ("may, 2024", "2024-05", ""),
        ("Sept. 2019", "2019-09", ""),
        ("2024 May", "2024-05", ""),
        ("2024-May", "2024-05", ""),
        ("17 May 2024", "2024-05-17", ""),
        ("17-May-2024", "2024-05-17", ""),
        ("17th of May 2024", "2024-05-17", ""),
        ("May 17, 2024", "2024-05-17", ""),
        ("2024 May 17", "2024-05-17", ""),
        ("31 March", "2024-03-31", ""),
        ("1 April", "2023-04-01", ""),
    ],
)
def test_a_period_has_the_names_that_people_use(text, first, last):
    assert period(text, TODAY) == (first, last or first)
    Filters(since=first, until=last or first)


def test_the_month_before_january_is_in_the_year_before():
    assert period("last month", date(2024, 1, 1)) == ("2023-12", "2023-12")
    assert period("last week", date(2024, 1, 1)) == ("2023-12-25", "2023-12-31")
    assert period("yesterday", date(2024, 1, 1)).first == "2023-12-31"


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "yesterdy", "tomorrow", "24", "5", "201901", "0000", "2024-13", "2024-02-30", "2024-5-17-1"),
        *("2024-05-17T25:00", "2024-05-17T10", "10:30", "05/06/2024", "31.12.2019", "30", "d", "-30d", "30x", "1.5y"),
        *("99999999999999y", "99999y", "last", "last day off", "last 2024", "Mai 2024", "32 May 2024", "May 17 May"),
        *("2024-W60", "-1990s", "2024-05..2024-06", "2024,2025", "٢٠٢٤-١٣"),
    ],
)
def test_what_is_no_date_is_refused_with_the_forms_that_are(text):
    with pytest.raises(ValueError, match=r"is not a date; write 2024, 2024-05, 2024-05-17, .*'last month', 30d"):
        period(text, TODAY)
