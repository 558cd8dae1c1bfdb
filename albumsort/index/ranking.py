"""A top list in plain SQL, from the index of one emotion; and the rows of any list, one for each moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from albumsort.culling.best_shot import rank_burst
from albumsort.index import bursts
from albumsort.index.query import Query
from albumsort.index.rows import BATCH, listed
from albumsort.records import PhotoResult, RankedPhoto

#: A face with more than this probability of an emotion cannot show another one.
_SURE = 0.5
#: If less than this share of the photos pass, faces are found by photos, not photos by faces.
_FEW = 0.02


def best(connection: sqlite3.Connection, query: Query) -> Iterator[tuple[int, float]]:
    """The id and score of each photo, best first: the largest probability of an emotion among its certain faces.

    Args:
        connection: a connection to the index, in a transaction.
        query: a settled query with one emotion, the scheme ``seven``, and filters for which all faces count.
    """
    (emotion,), where = query.emotions, query.filters.conditions()
    values = {**query.filters.values(), "certain": query.certain}
    # With the emotion's own index, a short list reads few of a million rows. If few photos pass, start from these.
    faces = "faces f CROSS JOIN photos p ON p.id = f.photo_id"
    passing = f"SELECT avg(ifnull(TRUE {where}, FALSE)) < {_FEW} FROM photos p"
    if where and connection.execute(passing, values).fetchone()[0]:
        faces = "photos p CROSS JOIN faces f INDEXED BY faces_by_photo ON f.photo_id = p.id"
    rows = connection.execute(
        f"SELECT f.photo_id, f.{emotion} FROM {faces}"
        f" WHERE f.emotion = '{emotion}' AND f.confidence >= :certain {where}"
        f" ORDER BY f.{emotion} DESC, f.confidence, f.photo_id",
        values,
    )
    seen: set[int] = set()
    unsure: dict[int, None] = {}
    for photo_id, score in rows:
        if photo_id in seen:
            continue
        seen.add(photo_id)
        if score >= _SURE:
            yield photo_id, score
        else:
            unsure[photo_id] = None
    # A face that shows another emotion may still have a larger probability of this one than the best face that shows
    # it. So photos below a half are scored by all their certain faces, and sorted again.
    scores = connection.execute(
        f"SELECT photo_id, max({emotion}) FROM faces WHERE photo_id IN (SELECT value FROM json_each(?))"
        " AND confidence >= ? GROUP BY photo_id ORDER BY 2 DESC, 1",
        (json.dumps(list(unsure)), query.certain),
    )
    yield from scores


def shown_in_burst(connection: sqlite3.Connection, query: Query, burst: int) -> set[int]:
    """The photos of a burst that ``best`` lists for the same query."""
    (emotion,) = query.emotions
    rows = connection.execute(
        "SELECT f.photo_id FROM bursts b CROSS JOIN photos p ON p.id = b.photo_id CROSS JOIN faces f"
        f" ON f.photo_id = p.id WHERE b.burst = :burst AND f.emotion = '{emotion}' AND f.confidence >= :certain"
        f" {query.filters.conditions()}",
        {**query.filters.values(), "certain": query.certain, "burst": burst},
    )
    return {photo_id for (photo_id,) in rows}


def rows(
    connection: sqlite3.Connection,
    scores: Iterable[tuple[int, float]],
    query: Query,
    shown: Callable[[int], Collection[int]],
) -> Iterator[RankedPhoto]:
    """The photos of a list with their scores, at most ``query.n``, with one of several copies and of each burst.

    Of a burst, it is the best shot among those that the list could show (``culling.best_shot.rank_burst``).

    Args:
        connection: a connection to the index, in a transaction.
        scores: the id and score of each photo, best first.
        query: ``filters.with_copies`` lists copies and all frames, too.
        shown: the photos of a burst that ``scores`` has, given the number of the burst.
    """
    remaining, seen = iter(scores), set[str | None]()
    best_of: dict[int, str | None] = {}
    missing = query.n
    while missing != 0 and (batch := dict(islice(remaining, BATCH))):
        others: dict[int, int] = {}
        for photo_id, digest, burst, frames in _moments(connection, list(batch)):
            if query.filters.with_copies:
                others[photo_id] = 0
                continue
            if burst is not None and burst not in best_of:
                best_of[burst] = _best_shot(connection, query, burst, shown(burst))
            if digest not in seen and (burst is None or digest == best_of[burst]):
                seen.add(digest)
                others[photo_id] = frames - 1
        chosen = list(islice(others, missing))
        missing = None if missing is None else missing - len(chosen)
        for photo_id, row in listed(connection, chosen, query.scheme):
            yield replace(row, score=batch[photo_id], others=others[photo_id])


def _best_shot(connection: sqlite3.Connection, query: Query, burst: int, shown: Collection[int]) -> str | None:
    """The digest of the best shot of a burst among some of its photos."""
    ids = bursts.frames(connection, burst, query.filters, shown)
    paths = {}
    shots = []
    for photo_id, row in listed(connection, ids, query.scheme):
        paths[row.photo.path] = photo_id
        faces = tuple(face for face in row.faces if query.filters.counts(face, row.photo))
        shots.append(PhotoResult(row.photo, faces))
    ranked = rank_burst(shots, query.emotions)
    return next((shot.photo.digest for shot in ranked if paths[shot.photo.path] in shown), None)


def _moments(connection: sqlite3.Connection, ids: list[int]) -> Iterator[tuple[int, str | None, int | None, int]]:
    """For photos in this order: id, digest, burst if there is one, and the number of its frames without copies."""
    yield from connection.execute(
        "SELECT p.id, p.digest, b.burst, CASE WHEN b.burst IS NULL THEN 1 ELSE (SELECT count(DISTINCT o.digest)"
        " FROM bursts m CROSS JOIN photos o ON o.id = m.photo_id WHERE m.burst = b.burst) END"
        " FROM json_each(?) j CROSS JOIN photos p ON p.id = j.value LEFT JOIN bursts b ON b.photo_id = p.id"
        " ORDER BY j.key",
        (json.dumps(ids),),
    ).fetchall()
