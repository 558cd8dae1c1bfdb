"""Where the index is if nobody names a place, and the command that scans into an index."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from albumsort.text import printable


def usual_place() -> Path:
    """``$ALBUMSORT_DB``, else a file in the platform's user-data folder."""
    if named := os.environ.get("ALBUMSORT_DB"):
        return Path(os.path.expanduser(named))
    from platformdirs import user_data_path

    return user_data_path("albumsort", appauthor=False) / "index.db"


def scan_command(index: Path) -> str:
    """The command that scans a folder into an index, with ``--db`` if it is not in the usual place."""
    is_usual = os.path.abspath(index) == os.path.abspath(usual_place())
    return "albumsort scan FOLDER" if is_usual else f"albumsort scan FOLDER --db {shlex.quote(printable(str(index)))}"
