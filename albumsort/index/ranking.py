"""A top list in plain SQL, from the index of one emotion; and the rows of any list, one for each moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice

from albumsort.culling.best_shot import rank_burst
from albumsort.index import bursts
from albumsort.index.listing import listed
from albumsort.index.query import Query
from albumsort.index.rows import BATCH
from albumsort.records import Face, Photo, RankedPhoto

#: A face with more than this probability of an emotion cannot show another one.
_SURE = 0.5
#: If less than this share of the photos pass, faces are found by photos, not photos by faces.
_FEW = 0.02


def best(
    connection: sqlite3.Connection,
    query: Query,
    by_table: Callable[[], Iterable[tuple[int, float]]],
    many: int = 10_000,
) -> Iterator[tuple[int, float]]:
    """The id and score of each photo, best first: the largest probability of an emotion among its certain faces.

    Args:
        connection: a connection to the index, in a transaction.
        query: a settled query with one emotion, the scheme ``seven``, and filters for which all faces count.
        by_table: gives the same list from the packed faces.
        many: if more photos than this have the same score, the rest of the list comes from the packed faces, which are
            then read faster than the rows of these photos.
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
    batch: list[int] = []
    # A face that shows another emotion may still have a larger probability of this one than the best face that shows
    # it. So photos below a half are sorted together, by all their certain faces.
    for score, tied in groupby(rows, lambda row: row[1] if row[1] >= _SURE else None):
        if len(batch) >= BATCH or score is None:
            yield from _in_order(connection, query, batch)
            batch = []
        photos: dict[int, None] = {}
        for photo_id, _ in tied:
            if photo_id not in seen:
                photos[photo_id] = None
            if len(photos) > many:
                yield from _in_order(connection, query, batch)
                yield from (row for row in by_table() if row[0] not in seen)
                return
        seen.update(photos)
        batch += photos
    yield from _in_order(connection, query, batch)


def _in_order(connection: sqlite3.Connection, query: Query, photos: list[int]) -> list[tuple[int, float]]:
    """Photos with their scores, best first, and those with the same score by what a person sees: see ``Index.search``.

    These photos are better than all others, so that they need not be compared with them.
    """
    (emotion,) = query.emotions
    shows = f"f.emotion = '{emotion}' AND f.confidence >= :certain"
    # A division of whole numbers. The long side is unknown where another tool wrote the photo.
    percent = "CAST(round(max(f.w, f.h) * 100) AS INTEGER) / max(p.width, p.height)"
    return connection.execute(
        f"SELECT p.id, max(CASE WHEN f.confidence >= :certain THEN f.{emotion} END) AS score"
        " FROM json_each(:photos) j CROSS JOIN photos p ON p.id = j.value CROSS JOIN faces f ON f.photo_id = p.id"
        f" GROUP BY p.id ORDER BY score DESC, avg({shows}) DESC,"
        f" max(CASE WHEN {shows} THEN ifnull({percent}, 0) END) DESC,"
        f" max(CASE WHEN {shows} THEN f.sharpness END) DESC, p.id",
        {"certain": query.certain, "photos": json.dumps(photos)},
    ).fetchall()


def shown_among(connection: sqlite3.Connection, query: Query, ids: Collection[int]) -> set[int]:
    """Those photos with one of these ids that ``best`` lists for the same query."""
    (emotion,) = query.emotions
    rows = connection.execute(
        "SELECT f.photo_id FROM json_each(:ids) j CROSS JOIN photos p ON p.id = j.value"
        " CROSS JOIN faces f INDEXED BY faces_by_photo ON f.photo_id = p.id"
        f" WHERE f.emotion = '{emotion}' AND f.confidence >= :certain {query.filters.conditions()}",
        {**query.filters.values(), "certain": query.certain, "ids": json.dumps(list(ids))},
    )
    return {photo_id for (photo_id,) in rows}


def rows(
    connection: sqlite3.Connection,
    scores: Iterable[tuple[int, float]],
    query: Query,
    shown: Callable[[Collection[int]], set[int]],
) -> Iterator[RankedPhoto]:
    """The photos of a list with their scores, at most ``query.n``, with one of several copies and of each burst.

    Of a burst, it is the best shot among those that the list could show (``culling.best_shot.rank_burst``).

    Args:
        connection: a connection to the index, in a transaction.
        scores: the id and score of each photo, best first.
        query: ``filters.with_copies`` lists copies and all frames, too.
        shown: those photos that ``scores`` has, given ids.
    """
    remaining, seen = iter(scores), set[str | None]()
    best_of: dict[int, str | None] = {}
    missing = query.n
    while missing != 0 and (batch := dict(islice(remaining, BATCH))):
        others: dict[int, int] = {}
        moments = _moments(connection, list(batch))
        new = {burst for _, _, burst, _ in moments if burst is not None} - best_of.keys()
        if new and not query.filters.with_copies:
            best_of.update(_best_shots(connection, query, new, shown))
        for photo_id, digest, burst, frames in moments:
            if query.filters.with_copies:
                others[photo_id] = 0
                continue
            if digest not in seen and (burst is None or digest == best_of[burst]):
                seen.add(digest)
                others[photo_id] = frames - 1
        chosen = list(islice(others, missing))
        missing = None if missing is None else missing - len(chosen)
        for photo_id, row in listed(connection, chosen, query.scheme):
            showing = sum(_shows(face, row.photo, query) for face in row.faces)
            yield replace(row, score=batch[photo_id], others=others[photo_id], showing=showing)


def _shows(face: Face, photo: Photo, query: Query) -> bool:
    """Whether a face counts, and shows one of the emotions of a query for certain."""
    is_certain = face.confidence >= query.certain and face.confidence > 0
    return is_certain and face.emotion in query.emotions and query.filters.counts(face, photo)


def _best_shots(
    connection: sqlite3.Connection, query: Query, numbers: Collection[int], shown: Callable[[Collection[int]], set[int]]
) -> Iterator[tuple[int, str | None]]:
    """The number of each burst and the digest of its best shot among the photos that a list shows."""
    of_bursts = bursts.frames(connection, numbers, query.filters)
    in_list = shown([photo_id for copies in of_bursts.values() for photo_id in copies])
    to_rank: dict[int, list[int]] = {}
    for number, copies in of_bursts.items():
        digests = {copies[photo_id] for photo_id in in_list.intersection(copies)}
        if len(digests) < 2:
            yield number, next(iter(digests), None)
        else:  # of copies, one that the list shows if there is one
            by_digest = {digest: photo_id for photo_id, digest in sorted(copies.items(), key=lambda c: c[0] in in_list)}
            to_rank[number] = sorted(by_digest.values())
    shots = {
        photo_id: replace(shot, faces=tuple(face for face in shot.faces if query.filters.counts(face, shot.photo)))
        for photo_id, shot in listed(
            connection, [photo_id for ids in to_rank.values() for photo_id in ids], query.scheme
        )
    }
    for number, ids in to_rank.items():
        shown_digests = {of_bursts[number][photo_id] for photo_id in in_list.intersection(ids)}
        ranked = rank_burst([shots[photo_id] for photo_id in ids if photo_id in shots], query.emotions)
        yield number, next((shot.photo.digest for shot in ranked if shot.photo.digest in shown_digests), None)


def _moments(connection: sqlite3.Connection, ids: list[int]) -> list[tuple[int, str | None, int | None, int]]:
    """For photos in this order: id, digest, burst if there is one, and the number of its frames without copies."""
    return connection.execute(
        "SELECT p.id, p.digest, b.burst, CASE WHEN b.burst IS NULL THEN 1 ELSE (SELECT count(DISTINCT o.digest)"
        " FROM bursts m CROSS JOIN photos o ON o.id = m.photo_id WHERE m.burst = b.burst) END"
        " FROM json_each(?) j CROSS JOIN photos p ON p.id = j.value LEFT JOIN bursts b ON b.photo_id = p.id"
        " ORDER BY j.key",
        (json.dumps(ids),),
    ).fetchall()
