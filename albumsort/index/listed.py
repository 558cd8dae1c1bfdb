"""Photos of a list: as records, with their faces and the RAW files that are the same photo."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from albumsort.index.rows import from_column, results_of
from albumsort.index.schemes import in_scheme
from albumsort.records import RankedPhoto


def listed(
    connection: sqlite3.Connection, version: int, ids: Iterable[int], scheme: str, landmarks: bool = True
) -> Iterator[RankedPhoto]:
    """The photos of some ids, without those that are gone by now, each with its faces in a label scheme.

    Args:
        connection: to the index.
        version: of its tables.
        ids: in the order of the list.
        scheme: of ``SCHEMES``.
        landmarks: False leaves them out of the faces, which takes half of the time.
    """
    for batch in results_of(connection, ids, landmarks=landmarks):
        raws = _raws_of(connection, list(batch)) if version > 4 else {}
        for one, found in batch.items():
            faces = found.faces if scheme == "seven" else tuple(in_scheme(face, scheme) for face in found.faces)
            files = (replace(found.photo, **file, digest=None) for file in raws.get(one, ()))
            yield RankedPhoto(found.photo, faces, raws=tuple(files))


def _raws_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The RAW files that are one photo with a JPEG, by its id: path, size and time, by path."""
    rows = connection.execute(
        "SELECT p.id, r.path, r.size, r.mtime_ns FROM json_each(?) j CROSS JOIN photos p ON p.id = j.value"
        " CROSS JOIN photos r ON r.raw_of = p.path ORDER BY r.path",
        (json.dumps(ids),),
    )
    raws: dict[int, list[dict[str, Any]]] = {}
    for photo_id, path, size, mtime in rows:
        raws.setdefault(photo_id, []).append({"path": from_column(path), "size": size, "mtime_ns": mtime})
    return raws
