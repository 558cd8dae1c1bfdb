"""Finds a value in an index that albumsort never writes, to explain why reading the index has failed."""

from __future__ import annotations

import json
import math
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError

#: What SQLite's ``typeof`` may return for a column, by the type that the table declares for it; paths declare none.
_KINDS = {
    "INTEGER": ("integer",),
    "REAL": ("real", "integer"),
    "TEXT": ("text",),
    "BLOB": ("blob",),
    "": ("text", "blob"),
}
#: Errors that an impossible value causes where it is used.
_CAUSED = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
#: Row ids above this are not made by albumsort, and arrays by row id would not fit into memory.
_HIGHEST_ID = 1 << 31


def explain(connection: sqlite3.Connection, path: Path, error: BaseException | None) -> None:
    """Explain an error by the first value of an index that albumsort never writes; do nothing if there is none.

    Raises:
        AlbumsortError: there is such a value; the message names it.
    """
    if not isinstance(error, _CAUSED):
        return
    try:
        value = first_odd_value(connection)
    except sqlite3.Error:  # the connection is closed, or the file is damaged; the first error says more
        return
    if value is not None:
        advice = "Mend it with that program, or forget the photo and scan it again"
        if value.startswith("scans.settings"):
            advice = "Scan again, which mends it"
        raise AlbumsortError(f"{path}: another program has changed the index: {value}. {advice}") from error


def mend_settings(connection: sqlite3.Connection) -> None:
    """Empty the settings of scans that cannot be read, so that a new scan, whose own settings count, can go on."""
    for scan, settings in connection.execute("SELECT id, settings FROM scans").fetchall():
        if not isinstance(settings, str) or not _passes(_are_settings, settings):
            connection.execute("UPDATE scans SET settings = '{}' WHERE id = ?", (scan,))


def first_odd_value(connection: sqlite3.Connection) -> str | None:
    """Describe the first value of an index that albumsort never writes; None if there is no such value.

    This reads the whole index, so call it only after something has failed.
    """
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")  # text may not be valid UTF-8
    tables = connection.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    for (table,) in tables.fetchall():
        columns = connection.execute(f'PRAGMA main.table_info("{table}")').fetchall()
        for _, column, kind, is_required, _, place_in_key in columns:
            where = _first_odd(connection, table, column, kind, bool(is_required), place_in_key == 1)
            if where is not None:
                return where
    probability = " ".join(f"WHEN {emotion!r} THEN {emotion}" for emotion in EMOTIONS)
    row = connection.execute(f"SELECT id FROM faces WHERE CASE emotion {probability} END IS NULL").fetchone()
    return f"the face {row[0]} has no probability of its emotion" if row else None


def _first_odd(
    connection: sqlite3.Connection, table: str, column: str, kind: str, is_required: bool, is_key: bool
) -> str | None:
    allowed = (*_KINDS.get(kind, _KINDS["TEXT"]), *(() if is_required or is_key else ("null",)))
    check = _CHECKS.get((table, column), _CHECKS.get(column, _any))
    rows = connection.execute(f'SELECT typeof("{column}"), "{column}", * FROM main."{table}"')
    names = [name for name, *_ in rows.description[2:]]
    for found, value, *row in rows:
        if found not in allowed or (value is not None and not _passes(check, value)):
            return f"{table}.{column} is {_shown(value)} in the row whose {names[0]} is {_shown(row[0])}"
    return None


def _passes(check: Callable[[Any], bool], value: Any) -> bool:
    try:
        return _any(value) and check(value)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        return False


def _any(value: Any) -> bool:
    """Whether a text has no NUL and is valid UTF-8, and a number is finite."""
    if isinstance(value, str):
        value.encode("utf-8")  # raises an error for bytes that are not UTF-8
        return "\0" not in value
    return not isinstance(value, float) or math.isfinite(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_id(value: int) -> bool:
    return 0 <= value < _HIGHEST_ID


def _is_path(value: str | bytes) -> bool:
    path = os.fsdecode(value)
    return os.path.isabs(path) and "\0" not in path


def _is_time(value: str) -> bool:
    return bool(datetime.fromisoformat(value))


def _is_share(value: float) -> bool:
    return 0 <= value <= 1


def _are_points(value: str) -> bool:
    return all(len(point) == 2 and all(map(math.isfinite, point)) for point in json.loads(value))


def _are_settings(value: str) -> bool:
    settings = dict(json.loads(value))
    return (
        _is_share(settings.get("threshold", 0.0))
        and all(isinstance(path, str) for path in _list(settings.get("paths")))
        and all(isinstance(label, str) for label in _list(settings.get("labels")))
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | None):
        raise TypeError(value)
    return value or []


def _is_face(value: str) -> bool:
    face = json.loads(value)
    numbers = (*face["box"], face["detection"], face["sharpness"], *(p for p in face["probabilities"] if p is not None))
    are_points = all(len(point) == 2 for point in face["landmarks"])
    return are_points and len(face["box"]) == 4 and len(numbers) >= 6 and all(map(math.isfinite, numbers))


#: Checks of values that have the right type, by column, or by table and column.
_CHECKS: dict[Any, Callable[[Any], bool]] = {
    "id": _is_id,
    "photo_id": _is_id,
    "path": _is_path,
    "raw_of": _is_path,
    "utc_offset": lambda value: bool(re.fullmatch(r"[-+]\d\d:\d\d", value)),
    "taken_at": _is_time,
    "started_at": _is_time,
    "finished_at": _is_time,
    "corrected_at": _is_time,
    "emotion": lambda value: value in EMOTIONS,
    "confidence": _is_share,
    **dict.fromkeys(EMOTIONS, _is_share),
    "landmarks": _are_points,
    "settings": _are_settings,
    "said": _is_face,
    "width": lambda value: value >= 0,
    "height": lambda value: value >= 0,
    "phash": lambda value: int(value, 16) >= 0,
}
