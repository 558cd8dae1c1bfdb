"""Reads the index: top lists, bursts, photos, problems. Only queries about all faces load more than sqlite3."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albumsort.arguments import checked_path, checked_record
from albumsort.emotion_words import emotions_named
from albumsort.errors import AlbumsortError
from albumsort.index import bursts, compat, corrections, damage, journal, ranking, schema
from albumsort.index.corrections import Correction, LabelledFace
from albumsort.index.filters import Filters
from albumsort.index.known_files import KnownFiles
from albumsort.index.listing import listed
from albumsort.index.place import scan_command
from albumsort.index.query import Query
from albumsort.index.rows import from_column, results_of, settings_of, to_column
from albumsort.records import PhotoResult, RankedPhoto
from albumsort.text import spellings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from albumsort.index.face_table import FaceTable
    from albumsort.index.packed import Faces
    from albumsort.index.statistics import Timeline

#: The threshold if neither the query nor the scan has one.
DEFAULT_THRESHOLD = 0.5
#: Seconds to wait for the tables of an index that is still empty.
_PATIENCE = 2.0


class Index:
    """The index, opened for reading. A scan may be writing it at the same time.

    Use as a context manager, or close it.

    Attributes:
        path: the path of the file.
        connection: the open connection, which can only read; use it for your own queries in SQL.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open an index.

        Raises:
            AlbumsortError: it does not exist, is not an index, or is of another version.
        """
        self.path, self._is_closed = Path(checked_path("index", path)), False
        self._faces: tuple[int, Faces] | None = None
        if not self.path.exists():
            raise AlbumsortError(f"{self.path}: no such index; create it with: {scan_command(self.path)}")
        if not self.path.is_file():
            raise AlbumsortError(f"{self.path}: not a file, so not an index")
        try:
            self.connection = _open(self.path)
            version = _version_of_tables(self.connection)
        except sqlite3.Error as error:
            raise AlbumsortError(f"{self.path}: cannot be read as an index ({error})") from error
        if version is None or not 1 <= version <= schema.VERSION:
            self.close()
            newer = version is not None and version > schema.VERSION
            what = "written by a newer albumsort; update albumsort" if newer else "not an index of albumsort"
            if version == 0:
                what = f"nothing was scanned into it yet; scan something with: {scan_command(self.path)}"
            raise AlbumsortError(f"{self.path}: {what}")
        compat.show_as_current(self.connection, version)

    def __enter__(self) -> Index:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            damage.explain(self.connection, self.path, error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file."""
        self._is_closed = True
        self.connection.close()

    def roots(self) -> set[str]:
        """The absolute paths of the folders and photos that scans were given."""
        return KnownFiles(self.connection).roots()

    def threshold(self) -> float:
        """The threshold that the last scan recorded, else 0.5."""
        row = self.connection.execute("SELECT settings FROM scans ORDER BY id DESC LIMIT 1").fetchone()
        return float(settings_of(row[0]).get("threshold", DEFAULT_THRESHOLD)) if row else DEFAULT_THRESHOLD

    def settled(self, query: Query | None) -> Query:
        """The query with the threshold of the last scan if it has none; None is a query for all photos."""
        query = Query() if query is None else checked_record("query", query, Query)
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
        closest: bool = False,
    ) -> list[RankedPhoto]:
        """The photos that show an emotion best, best first: the short form of ``search``.

        The arguments are those of ``Query``; ``filters`` may be None for the whole index.

        Raises:
            ValueError: an argument is not allowed: for example, the scheme has no such emotion.
        """
        emotions = emotions_named(emotion)
        return self.search(Query(emotions, n, threshold, everyone, scheme, filters or Filters(), closest))

    def search(self, query: Query) -> list[RankedPhoto]:
        """The photos that show the emotions of a query best, best first.

        A photo is listed if at least one certain face shows one of the emotions. Its score is the largest probability
        of the emotions among its certain faces. With ``everyone`` it is the smallest among the subjects (see
        ``culling.subjects``). With ``closest``, no certain face need show one of the emotions, and the score is the
        largest probability among all faces that count. A photo whose score is 0.000 in three decimals is not listed,
        with ``closest`` one whose score is 0.

        Of photos with the same score, the first is the one with the larger mean of the subjects (with ``everyone``),
        then the one of which a larger share of the faces that count shows one of the emotions for certain, then the one
        with the larger such face in whole percent of the photo's long side, then the one with the sharper such face.

        Of a burst, only the best shot is listed (see ``culling.best_shot``), among those that the list could show.

        Raises:
            ValueError: the query names no emotion.
        """
        query = self.settled(query)
        if not query.emotions:
            raise ValueError("a search needs an emotion")
        with self._snapshot():
            found: list[RankedPhoto] = []
            scores, shown = self._scores(query)
            for row in ranking.rows(self.connection, scores, query, shown):
                found.append(row)
                if query.filters.with_copies:
                    found += [replace(row, photo=raw, raws=()) for raw in row.raws]
            return found[: query.n]

    def photos(
        self,
        query: Query | None = None,
        *,
        no_faces: bool = False,
        uncertain: bool = False,
        corrected: bool = False,
        landmarks: bool = True,
    ) -> Iterator[RankedPhoto]:
        """All photos that pass the filters of a query, by path.

        They include copies and all frames of bursts, but not RAW files that are one photo with a JPEG.

        Args:
            query: with emotions, only photos with a certain face that shows one of them; None for all photos.
            no_faces: only photos without any face that counts.
            uncertain: only photos with a face that counts and is not certain.
            corrected: only photos with corrections.
            landmarks: False leaves them out of the faces, which takes half the time.
        """
        query = self.settled(query)
        return self._photos(query, no_faces, uncertain, corrected, landmarks)

    def _photos(
        self, query: Query, no_faces: bool, uncertain: bool, corrected: bool, landmarks: bool
    ) -> Iterator[RankedPhoto]:
        filters = query.filters
        passing: NDArray[np.bool_] | None = None
        with self._snapshot():
            if no_faces or uncertain or query.emotions or filters.asks_for_faces:
                table = self._face_table(query)
                passing = table.passing
                if no_faces:
                    passing = passing & table.without_faces()
                if uncertain:
                    passing = passing & table.uncertain()
                if query.emotions:
                    passing = passing & table.showing(query.emotions)
            rows = self.connection.execute(  # a photo that ends too early has an error, but may have faces
                "SELECT p.id FROM photos p"
                " WHERE p.raw_of IS NULL"
                " AND (p.status = 'ok' OR EXISTS (SELECT 1 FROM faces f WHERE f.photo_id = p.id))"
                f" {'AND p.digest IN (SELECT digest FROM corrections)' if corrected else ''}"
                f" {filters.conditions()} ORDER BY p.path",
                filters.values(),
            )
            passes = _by_id(passing)
            passed = islice((photo_id for (photo_id,) in rows if passes(photo_id)), query.n)
            yield from (photo for _, photo in listed(self.connection, passed, query.scheme, landmarks))

    def bursts(self, query: Query | None = None) -> Iterator[list[PhotoResult]]:
        """The bursts with a photo that passes the filters, by time; each complete and by time, without copies.

        Each photo has only its faces that count. Of several copies, one that passes is taken if there is one. Only
        ``under`` leaves frames out: a query about one folder does not show files of another.

        Args:
            query: without emotions; None for all photos.

        Raises:
            ValueError: the query names emotions.
        """
        query = self._about_all(query)
        return islice(self._bursts(query), query.n)

    def _bursts(self, query: Query) -> Iterator[list[PhotoResult]]:
        with self._snapshot():
            passing = self._face_table(query).passing if query.filters.asks_for_faces else None
            for ids in bursts.members(self.connection, query.filters, _by_id(passing)):
                photos = [photo for _, photo in listed(self.connection, ids, query.scheme)]
                photos.sort(key=lambda row: (row.photo.taken_at, row.photo.path))
                yield [
                    PhotoResult(row.photo, tuple(face for face in row.faces if query.filters.counts(face, row.photo)))
                    for row in photos
                ]

    def photo(self, path: str | os.PathLike[str]) -> PhotoResult | None:
        """A photo with its faces, by absolute path; None if it is not in the index.

        For a RAW file that is one photo with a JPEG, this is the JPEG. If there is no photo of this path, one is taken
        whose path differs only in that accents are composed or apart.
        """
        question = "SELECT id FROM photos WHERE path = (SELECT ifnull(raw_of, path) FROM photos WHERE path = ?)"
        row = self.connection.execute(question, (to_column(self.spelling(checked_path("path", path))),)).fetchone()
        found = next(results_of(self.connection, row), {}) if row else {}
        return next(iter(corrections.marked_in(self.connection, found).values()), None)

    def spelling(self, path: str) -> str:
        """The absolute path of a photo as the index has it, whose accents may be composed or apart; else ``path``."""
        question = "SELECT 1 FROM photos WHERE path = ?"
        known = (name for name in spellings(path) if self.connection.execute(question, (to_column(name),)).fetchone())
        return next(known, path)

    def paths_of_name(self, name: str) -> list[str]:
        """The paths of the photos whose file has this name, whose accents may be composed or apart, sorted."""
        question = "SELECT path FROM photos WHERE substr(path, -length(?1)) = ?1"
        ends = [to_column(os.sep + spelling) for spelling in spellings(name)]
        return sorted(from_column(path) for end in ends for (path,) in self.connection.execute(question, (end,)))

    def corrections(self) -> list[LabelledFace]:
        """The corrected faces that are faces, from one copy of each photo."""
        return list(corrections.labelled(self.connection))

    def corrections_of(self, photo: RankedPhoto) -> list[tuple[int | None, Correction]]:
        """The corrections of a photo, each with the number of its face; None if the last scan did not find it."""
        return corrections.numbered(photo.faces, corrections.of_photo(self.connection, photo.photo.digest))

    def remembered(self, count: int) -> list[LabelledFace]:
        """At most ``count`` faces from photos without corrections, drawn evenly, with the model's probabilities."""
        return list(corrections.remembered(self.connection, count))

    def problems(self) -> list[tuple[str, str]]:
        """(path, reason) for each photo, folder and other file that could not be read, by path."""
        rows = self.connection.execute(
            "SELECT path, error FROM photos WHERE status = 'error'"
            " UNION ALL SELECT path, error FROM unread ORDER BY path"
        )
        return [(from_column(path), error) for path, error in rows]

    def cameras(self) -> list[str]:
        """The names of the cameras, by name."""
        rows = self.connection.execute("SELECT DISTINCT camera FROM photos WHERE camera <> '' ORDER BY camera")
        return [camera for (camera,) in rows]

    def stats(self, query: Query | None = None) -> dict[str, Any]:
        """Count photos, copies among them, faces by emotion, uncertain faces and problems; describe the last scan.

        ``labels`` is what the method of that name returns.

        Args:
            query: what is counted, without emotions; None for the whole index.

        Raises:
            ValueError: the query names emotions.
        """
        from albumsort.index import statistics

        query = self._about_all(query)
        with self._snapshot():
            counted = statistics.counts(self.connection, self._face_table(query))
            last = statistics.last_scan(self.connection)
        return {**counted, "threshold": query.certain, "labels": self.labels(), "last_scan": last}

    def labels(self) -> list[str] | None:
        """The emotions that the model in the last scan that read any face tells apart; None if they are unknown."""
        question = "SELECT settings FROM scans WHERE model NOT NULL ORDER BY id DESC LIMIT 1"
        row = self.connection.execute(question).fetchone()
        return row and settings_of(row[0]).get("labels")

    def timeline(self, query: Query | None = None) -> Timeline:
        """Count faces by month and emotion, and by confidence; each copy and each frame of a burst counts.

        Args:
            query: what is counted, without emotions; None for the whole index.

        Raises:
            ValueError: the query names emotions.
        """
        from albumsort.index import statistics

        query = self._about_all(query)
        with self._snapshot():
            return statistics.timeline(self.connection, self._face_table(query), query.certain)

    def _about_all(self, query: Query | None) -> Query:
        """A settled query about all photos."""
        query = self.settled(query)
        if query.emotions:
            raise ValueError(f"this query must have no emotions, but it has {' '.join(query.emotions)}")
        return query

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Read all tables as of one moment, even if a scan is writing; a snapshot inside another is the same."""
        is_first = not self.connection.in_transaction
        if is_first:
            self.connection.execute("BEGIN")
        try:
            yield
        finally:
            # A list that is not read to its end may be finished after the index is closed.
            if is_first and not self._is_closed and self.connection.in_transaction:
                self.connection.execute("COMMIT")

    def _face_table(self, query: Query) -> FaceTable:
        """The faces that count for a settled query. Call this in a snapshot."""
        from albumsort.index import packed  # loads NumPy, which no other query needs
        from albumsort.index.face_table import FaceTable

        # This number belongs to the snapshot, and changes when another connection has written.
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if self._faces is None or self._faces[0] != version:
            self._faces = version, packed.read(self.connection)
        return FaceTable(self.connection, self._faces[1], query)

    def _scores(self, query: Query) -> tuple[Iterable[tuple[int, float]], Callable[[Collection[int]], set[int]]]:
        """The id and score of each photo, best first, and which of some ids are among them, as a function.

        Call this in a snapshot.
        """
        filters = query.filters
        is_of_all_faces = filters.all_faces and not filters.asks_for_faces
        is_plain = query.scheme == "seven" and len(query.emotions) == 1 and is_of_all_faces
        if is_plain and not query.everyone and not query.closest:
            scores = ranking.best(self.connection, query, lambda: self._face_table(query).ranking(query)[0])
            return scores, partial(ranking.shown_among, self.connection, query)
        scores, in_list = self._face_table(query).ranking(query)
        is_listed = _by_id(in_list)
        return scores, lambda ids: {photo_id for photo_id in ids if is_listed(photo_id)}


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30.0)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        # On a read-only disk, SQLite cannot create the files beside a WAL database, but nothing can be writing to it
        # either. The same holds where no WAL can be, for example after the index was copied to another disk.
        if os.access(path.parent, os.W_OK) and not journal.is_left_over(path, error):
            raise
        connection = journal.connect_unchanging(path)
    return connection


def _version_of_tables(connection: sqlite3.Connection) -> int | None:
    """The ``schema.version`` of an index; waits if the first scan is creating the tables at this moment."""
    deadline = time.monotonic() + _PATIENCE
    while (version := schema.version(connection)) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    return version


def _by_id(passing: NDArray[np.bool_] | None) -> Callable[[int], bool]:
    """Whether a photo passes, as a function of its id; new photos do not pass. None lets all pass."""
    if passing is None:
        return lambda _: True
    flags = passing.tobytes()
    return lambda photo: photo < len(flags) and bool(flags[photo])
