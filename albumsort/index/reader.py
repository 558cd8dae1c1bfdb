"""Reading the index: top lists, bursts, photos, problems. Only what looks at all faces loads more than sqlite3."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from albumsort.errors import AlbumsortError
from albumsort.index import corrections, counts, schema
from albumsort.index.corrections import LabelledFace
from albumsort.index.filters import Filters
from albumsort.index.listed import listed
from albumsort.index.query import Query
from albumsort.index.rows import faces_of, from_column, photo_of, settings_of, to_column
from albumsort.records import PhotoResult, RankedPhoto

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from albumsort.index.face_table import Crowd
    from albumsort.index.timeline import Timeline

#: The threshold when neither the question nor the scan names one.
DEFAULT_THRESHOLD = 0.5
#: Seconds to wait for the tables of an index that is still empty.
_PATIENCE = 2.0
#: Above this probability a face reads as no other emotion.
_SURE = 0.5
#: Share of photos that pass under which the faces are found by the photos, not the photos by the faces.
_FEW = 0.02


class Index:
    """The index, opened for reading. A scan may be writing it at the same time.

    Use as a context manager, or close it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open an index.

        Raises:
            AlbumsortError: it is not there, is no index, or is of another version.
        """
        self.path, self._is_closed = Path(path), False
        if not self.path.exists():
            raise AlbumsortError(f"{self.path}: no index there; make one with: albumsort scan FOLDER")
        if not self.path.is_file():
            raise AlbumsortError(f"{self.path}: no file, and so no index")
        try:
            self._connection = self._open()
            version = self._version_of_tables()
        except sqlite3.Error as error:
            raise AlbumsortError(f"{self.path}: cannot be read as an index ({error})") from error
        if version is None or not 1 <= version <= schema.VERSION:
            self.close()
            newer = version is not None and version > schema.VERSION
            what = "made by a newer albumsort; update albumsort" if newer else "no index of albumsort"
            raise AlbumsortError(f"{self.path}: {what}")
        self._version = version
        later = {"exposure": 4, "orientation": 5, "raw_of": 5}
        missing = ", ".join(f"NULL AS {column}" for column, since in later.items() if since > version)
        if missing:
            self._connection.execute(f"CREATE TEMP VIEW photos AS SELECT *, {missing} FROM main.photos")

    def _open(self) -> sqlite3.Connection:
        address = f"file:{quote(os.fsencode(self.path.absolute()))}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=30.0)
        try:
            connection.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.OperationalError:
            connection.close()
            if os.access(self.path.parent, os.W_OK):
                raise
            # On a read-only disk SQLite cannot make the files beside a WAL database; nobody can be writing it either.
            connection = sqlite3.connect(address + "&immutable=1", uri=True)
        return connection

    def _version_of_tables(self) -> int | None:
        """As ``schema.version``; the first scan may be making the tables just now."""
        deadline = time.monotonic() + _PATIENCE
        while (version := schema.version(self._connection)) == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        return version

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._is_closed = True
        self._connection.close()

    def threshold(self) -> float:
        """What the last scan recorded, else 0.5."""
        row = self._connection.execute("SELECT settings FROM scans ORDER BY id DESC LIMIT 1").fetchone()
        return float(settings_of(row[0]).get("threshold", DEFAULT_THRESHOLD)) if row else DEFAULT_THRESHOLD

    def settled(self, query: Query | None) -> Query:
        """A query with the threshold of the last scan where it names none; None stands for all photos."""
        query = query or Query()
        return query if query.threshold is not None else replace(query, threshold=self.threshold())

    def top(
        self,
        emotion: str | Sequence[str],
        n: int | None = 20,
        *,
        threshold: float | None = None,
        everyone: bool = False,
        filters: Filters | None = None,
        scheme: str = "seven",
    ) -> list[RankedPhoto]:
        """The photos that show an emotion best, best first: the short form of ``search``.

        The arguments are those of ``Query``; ``filters`` may be None for the whole index.

        Raises:
            ValueError: an argument is not allowed; there is no such emotion in that scheme, for example.
        """
        emotions = (emotion,) if isinstance(emotion, str) else tuple(emotion)
        return self.search(Query(emotions, n, threshold, everyone, scheme, filters or Filters()))

    def search(self, query: Query) -> list[RankedPhoto]:
        """The photos that show the emotions of a query best, best first.

        A photo is listed when at least one certain face reads as one of the emotions. Its score is the largest
        probability of the emotions among its certain faces; with ``everyone`` the smallest among the subjects (see
        ``culling.subjects``), ties going to the larger mean. Only the best photo of a burst is listed.

        Raises:
            ValueError: the query names no emotion.
        """
        if not query.emotions:
            raise ValueError("a search needs an emotion")
        query = self.settled(query)
        filters, n = query.filters, query.n
        chosen: list[RankedPhoto] = []
        seen: set[str | int | None] = set()
        with self._snapshot():
            for photo_id, score in self._ranking(query):
                if n is not None and len(chosen) >= n:
                    break
                burst = self._burst_of(photo_id)
                if not filters.with_copies:
                    digest = self._digest_of(photo_id)
                    if digest in seen or (burst is not None and burst in seen):
                        continue
                    seen |= {digest, burst}
                others = 0 if burst is None or filters.with_copies else self._frames(burst) - 1
                (row,) = self._listed([photo_id], query.scheme)
                ranked = replace(row, score=score, others=others)
                raws = ranked.raws if filters.with_copies else ()
                chosen += [ranked, *(replace(ranked, photo=raw, raws=()) for raw in raws)]
        return chosen[:n]

    def photos(
        self,
        query: Query | None = None,
        *,
        no_faces: bool = False,
        uncertain: bool = False,
        landmarks: bool = True,
    ) -> Iterator[RankedPhoto]:
        """All photos that pass the filters of a query, by path.

        Copies and all frames of bursts are among them, but no RAW file that is one photo with a JPEG.

        Args:
            query: without emotions; None for all photos.
            no_faces: only photos without any face that counts.
            uncertain: only photos with a face that counts and is not certain.
            landmarks: False leaves them out of the faces, which takes half the time.

        Raises:
            ValueError: the query names emotions.
        """
        query = self._about_all(query)
        return self._photos(query, no_faces, uncertain, landmarks)

    def _photos(self, query: Query, no_faces: bool, uncertain: bool, landmarks: bool) -> Iterator[RankedPhoto]:
        filters = query.filters
        passing: NDArray[np.bool_] | None = None
        with self._snapshot():
            if no_faces or uncertain or filters.asks_for_faces:
                crowd = self._crowd(query)
                passing = crowd.passing
                if no_faces:
                    passing = passing & crowd.without_faces()
                if uncertain:
                    passing = passing & crowd.uncertain()
            found = self._connection.execute(  # what ends too early is an error, and may have faces all the same
                "SELECT p.id FROM photos p"
                " WHERE p.raw_of IS NULL"
                " AND (p.status = 'ok' OR EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id))"
                f" {filters.conditions()} ORDER BY p.path",
                filters.values(),
            )
            passes = _by_id(passing)
            passed = (photo_id for (photo_id,) in found if passes(photo_id))
            yield from self._listed(islice(passed, query.n), query.scheme, landmarks)

    def bursts(self, query: Query | None = None) -> Iterator[list[PhotoResult]]:
        """The bursts of which a photo passes the filters, by time; each whole, in the order of time, without copies.

        Each photo comes with its faces that count. One of several copies comes: one that passes, where one does. Only
        ``under`` leaves frames out, those in other folders: a question about one folder names no file of another.

        Args:
            query: without emotions; None for all photos.

        Raises:
            ValueError: the query names emotions.
        """
        query = self._about_all(query)
        return islice(self._bursts(query), query.n)

    def _bursts(self, query: Query) -> Iterator[list[PhotoResult]]:
        if self._version < 4:
            return
        filters = query.filters
        passing: NDArray[np.bool_] | None = None
        with self._snapshot():
            if filters.asks_for_faces:
                passing = self._crowd(query).passing
            passes, where, values = _by_id(passing), filters.conditions(), filters.values()
            frames = "FROM bursts b JOIN photos p ON p.id = b.photo_id"
            passed = self._connection.execute(
                f"SELECT b.burst, p.id {frames} WHERE TRUE {where} ORDER BY p.taken_at, b.burst", values
            ).fetchall()
            for burst in dict.fromkeys(burst for burst, photo_id in passed if passes(photo_id)):
                copies = self._connection.execute(
                    f"SELECT p.id, p.digest, (TRUE {where}) {frames}"
                    f" WHERE b.burst = :burst {Filters(under=filters.under).conditions()} ORDER BY p.id DESC",
                    {**values, "burst": burst},
                ).fetchall()
                copies.sort(key=lambda row: bool(row[2]) and passes(row[0]))
                # Of each digest the last, which passes if any does.
                chosen = {digest: photo_id for photo_id, digest, _ in copies}
                if len(chosen) > 1:
                    rows = sorted(
                        self._listed(chosen.values(), query.scheme),
                        key=lambda row: (row.photo.taken_at, row.photo.path),
                    )
                    yield [
                        PhotoResult(row.photo, tuple(face for face in row.faces if filters.counts(face, row.photo)))
                        for row in rows
                    ]

    def _listed(self, ids: Iterable[int], scheme: str, landmarks: bool = True) -> Iterator[RankedPhoto]:
        return listed(self._connection, self._version, ids, scheme, landmarks)

    def _burst_of(self, photo_id: int) -> int | None:
        if self._version < 4:
            return None
        row = self._connection.execute("SELECT burst FROM bursts WHERE photo_id = ?", (photo_id,)).fetchone()
        return row[0] if row else None

    def _frames(self, burst: int) -> int:
        """How many frames a burst has, byte-identical copies counted once."""
        question = "SELECT count(DISTINCT digest) FROM photos WHERE id IN (SELECT photo_id FROM bursts WHERE burst = ?)"
        return int(self._connection.execute(question, (burst,)).fetchone()[0])

    def photo(self, path: str) -> PhotoResult | None:
        """A photo with its faces by absolute path; None when it is not in the index.

        A RAW file that is one photo with a JPEG gives that JPEG.
        """
        question = "SELECT id FROM photos WHERE path = (SELECT ifnull(raw_of, path) FROM photos WHERE path = ?)"
        row = self._connection.execute(question, (to_column(path),)).fetchone()
        return PhotoResult(photo_of(self._connection, row[0]), faces_of(self._connection, row[0])) if row else None

    def corrections(self) -> list[LabelledFace]:
        """The faces that people corrected, one of each photo's copies; without those that are no faces."""
        return list(corrections.labelled(self._connection)) if self._version > 1 else []

    def remembered(self, count: int) -> list[LabelledFace]:
        """At most ``count`` faces of photos that nobody corrected, drawn evenly, with what the model said of them."""
        uncorrected = "p.digest NOT IN (SELECT digest FROM corrections)" if self._version > 1 else "TRUE"
        return list(corrections.remembered(self._connection, count, uncorrected))

    def problems(self) -> list[tuple[str, str]]:
        """(path, reason) of each photo that could not be read, and each folder or file not looked into, by path."""
        unread = " UNION ALL SELECT path, error FROM unread" if self._version > 4 else ""
        question = f"SELECT path, error FROM photos WHERE status = 'error'{unread} ORDER BY path"
        rows = self._connection.execute(question)
        return [(from_column(path), error) for path, error in rows]

    def stats(self, query: Query | None = None) -> dict[str, Any]:
        """Counts of photos, of faces by emotion, of uncertain faces and of problems, and the last scan.

        ``labels`` is what the method of that name returns.

        Args:
            query: what is counted, without emotions; None for the whole index.

        Raises:
            ValueError: the query names emotions.
        """
        query = self._about_all(query)
        with self._snapshot():
            counted = counts.counted(self._connection, self._crowd(query))
        return {
            **counted,
            "threshold": query.certain,
            "labels": self.labels(),
            "last_scan": counts.last_scan(self._connection),
        }

    def labels(self) -> list[str] | None:
        """The emotions that the model of the last scan which read any face tells apart; None where it is not known."""
        return counts.labels(self._connection)

    def timeline(self, query: Query | None = None) -> Timeline:
        """Counts of faces by month and emotion, and by confidence; each copy and each frame of a burst counts.

        Args:
            query: what is counted, without emotions; None for the whole index.

        Raises:
            ValueError: the query names emotions.
        """
        from albumsort.index.timeline import timeline

        query = self._about_all(query)
        with self._snapshot():
            return timeline(self._connection, self._crowd(query), query.certain)

    def _about_all(self, query: Query | None) -> Query:
        """A settled query about all photos."""
        query = self.settled(query)
        if query.emotions:
            raise ValueError(f"this question takes no emotions, but the query names {' '.join(query.emotions)}")
        return query

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """One look at all tables, while a scan may be writing; within another one, the same look."""
        is_first = not self._connection.in_transaction
        if is_first:
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            # A list of which nobody reads the rest may end after the index is closed.
            if is_first and not self._is_closed and self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def _crowd(self, query: Query) -> Crowd:
        """The faces that count for a query. To be called in a snapshot."""
        from albumsort.index.face_table import Crowd  # with numpy, which no other question needs

        return Crowd(self._connection, self._version, query.filters, query.scheme, query.certain)

    def _ranking(self, query: Query) -> Iterable[tuple[int, float]]:
        """Photo id and score, best first."""
        emotions, everyone, filters = query.emotions, query.everyone, query.filters
        is_kept = not everyone or self._version > 2
        is_plain = query.scheme == "seven" and len(emotions) == 1 and filters.all_faces and not filters.asks_for_faces
        if is_plain and is_kept:
            kept = self._everyone if everyone else self._best
            return kept(emotions[0], filters.conditions(), {**filters.values(), "certain": query.certain})
        crowd = self._crowd(query)
        return crowd.everyone(emotions) if everyone else crowd.best(emotions)

    def _best(self, emotion: str, where: str, values: dict[str, Any]) -> Iterator[tuple[int, float]]:
        """By the largest probability among a photo's certain faces."""
        # By the emotion's own index a short list reads a few rows of a million; where few photos pass, by these.
        faces = "faces f CROSS JOIN photos p ON p.id = f.photo_id"
        passing = f"SELECT avg(ifnull(TRUE {where}, FALSE)) < {_FEW} FROM photos p"
        if where and self._connection.execute(passing, values).fetchone()[0]:
            faces = "photos p CROSS JOIN faces f INDEXED BY faces_by_photo ON f.photo_id = p.id"
        found = self._connection.execute(
            f"SELECT f.photo_id, f.{emotion} FROM {faces}"
            f" WHERE f.emotion = '{emotion}' AND f.confidence >= :certain {where}"
            f" ORDER BY f.{emotion} DESC, f.confidence, f.photo_id",
            values,
        )
        seen: set[int] = set()
        # Below, a face that reads as something else may still hold more of the emotion than one that reads as it; such
        # photos are scored by all their certain faces and sorted anew.
        doubtful: list[tuple[int, float]] = []
        for photo_id, score in found:
            if photo_id in seen:
                continue
            seen.add(photo_id)
            if score >= _SURE:
                yield photo_id, score
            else:
                question = f"SELECT max({emotion}) FROM faces WHERE photo_id = ? AND confidence >= ?"
                best = self._connection.execute(question, (photo_id, values["certain"])).fetchone()[0]
                doubtful.append((photo_id, best))
        yield from sorted(doubtful, key=lambda row: (-row[1], row[0]))

    def _everyone(self, emotion: str, where: str, values: dict[str, Any]) -> Iterator[tuple[int, float]]:
        """By the smallest probability among a photo's faces in front."""
        yield from self._connection.execute(
            "SELECT p.id, e.score FROM everyone e CROSS JOIN photos p ON p.id = e.photo_id"
            f" WHERE e.emotion = '{emotion}' AND e.confidence >= :certain {where}"
            " ORDER BY e.score DESC, e.mean DESC, e.photo_id",
            values,
        )

    def _digest_of(self, photo_id: int) -> str | None:
        row = self._connection.execute("SELECT digest FROM photos WHERE id = ?", (photo_id,)).fetchone()
        return row[0] if row else None


def _by_id(passing: NDArray[np.bool_] | None) -> Callable[[int], bool]:
    """Whether a photo passes, as a function of its id; one that has come since does not. None lets all pass."""
    if passing is None:
        return lambda _: True
    flags = passing.tobytes()
    return lambda photo: photo < len(flags) and bool(flags[photo])
