"""albumsort problems: what could not be read, and why."""

from __future__ import annotations

import json
import sys

from albumsort.cli.options import Db, Json, index_path
from albumsort.index.reader import Index
from albumsort.text import printable


def problems(db: Db = None, as_json: Json = False) -> None:
    """List the files that could not be read, and why.

    Examples:
        albumsort problems
        albumsort problems --json
    """
    with Index(index_path(db)) as index:
        _print(index.problems(), as_json)


def _print(found: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        print(json.dumps([{"path": path, "error": error} for path, error in found]))
        return
    for path, error in found:
        print(f"{printable(path)}: {printable(error)}")
    if not found:
        sys.stderr.write("no problems\n")
