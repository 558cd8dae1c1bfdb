"""The photos of lists, as people see them: with the RAW files that are the same photo, and with corrections marked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from albumsort.index.corrections import marked_in
from albumsort.index.rows import from_column, results_of
from albumsort.records import RankedPhoto


def listed(
    connection: sqlite3.Connection, ids: Iterable[int], scheme: str, landmarks: bool = True
) -> Iterator[tuple[int, RankedPhoto]]:
    """Photos of a list by id, each with its faces in a label scheme and the RAW files that are the same photo.

    Args:
        connection: a connection to the index.
        ids: the ids of the photos, in the order of the list; photos that are gone by now are left out.
        scheme: a key of ``SCHEMES``.
        landmarks: False leaves them out of the faces, which takes half of the time.
    """
    for batch in results_of(connection, ids, landmarks=landmarks):
        raws = _raws_of(connection, list(batch))
        for photo_id, result in marked_in(connection, batch).items():
            files = (replace(result.photo, **file, digest=None) for file in raws.get(photo_id, ()))
            faces = tuple(face.in_scheme(scheme) for face in result.faces)
            yield photo_id, RankedPhoto(result.photo, faces, raws=tuple(files))


def _raws_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The RAW files that are one photo with a JPEG, by the JPEG's id; sorted by path."""
    rows = connection.execute(
        "SELECT p.id, r.path, r.size, r.mtime_ns FROM json_each(?) j CROSS JOIN photos p ON p.id = j.value"
        " CROSS JOIN photos r ON r.raw_of = p.path ORDER BY r.path",
        (json.dumps(ids),),
    )
    raws: dict[int, list[dict[str, Any]]] = {}
    for photo_id, path, size, mtime in rows:
        raws.setdefault(photo_id, []).append({"path": from_column(path), "size": size, "mtime_ns": mtime})
    return raws
