"""Reading the index: top lists, one photo, counts, problems. Nothing here loads more than sqlite3."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import corrections, everyone, schema
from albumsort.index.corrections import LabelledFace
from albumsort.index.rows import faces_of, from_column, photo_of, to_column
from albumsort.records import Face, Photo

if TYPE_CHECKING:
    from albumsort.index.timeline import Timeline

#: The threshold when neither the question nor the scan names one.
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class RankedPhoto:
    """A photo of a top list, with all its faces, the largest first, and its score in 0..1.

    ``others`` is how many more frames of its burst it stands for, byte-identical copies not counted.
    """

    photo: Photo
    score: float
    faces: tuple[Face, ...]
    others: int = 0


@dataclass(frozen=True, slots=True)
class Filters:
    """What a top list is limited to.

    Attributes:
        under: an absolute folder; photos anywhere below it.
        since: the first ``taken_at`` that counts, as far as it is given: ``2024``, ``2024-05``, ``2024-05-17``.
        until: the last, likewise; ``2024`` includes all of that year.
        undated: photos without a date pass both; else they fail.
        camera: a part of the camera's name, in upper or lower case.
        min_faces, max_faces: how many faces a photo must and may have.
        with_copies: each of several byte-identical files, and each frame of a burst, counts, not only one.
    """

    under: str | None = None
    since: str | None = None
    until: str | None = None
    undated: bool = False
    camera: str | None = None
    min_faces: int | None = None
    max_faces: int | None = None
    with_copies: bool = False


class Index:
    """The index, opened for reading. A scan may be writing it at the same time.

    Use as a context manager, or close it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open an index.

        Raises:
            AlbumsortError: it is not there, is no index, or is of another version.
        """
        self.path = Path(path)
        if not self.path.exists():
            raise AlbumsortError(f"{self.path}: no index there; make one with: albumsort scan FOLDER")
        try:
            self._connection = self._open()
            version = schema.version(self._connection)
        except sqlite3.Error as error:
            raise AlbumsortError(f"{self.path}: cannot be read as an index ({error})") from error
        if version is None or not 1 <= version <= schema.VERSION:
            self.close()
            newer = version is not None and version > schema.VERSION
            what = "made by a newer albumsort; update albumsort" if newer else "no index of albumsort"
            raise AlbumsortError(f"{self.path}: {what}")
        self._version = version
        if version < 4:
            self._connection.execute("CREATE TEMP VIEW photos AS SELECT *, NULL AS exposure FROM main.photos")

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

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def threshold(self) -> float:
        """What the last scan recorded, else 0.5."""
        row = self._connection.execute("SELECT settings FROM scans ORDER BY id DESC LIMIT 1").fetchone()
        return float(json.loads(row[0]).get("threshold", DEFAULT_THRESHOLD)) if row else DEFAULT_THRESHOLD

    def top(
        self,
        emotion: str,
        n: int | None = 20,
        *,
        threshold: float | None = None,
        everyone: bool = False,
        filters: Filters | None = None,
    ) -> list[RankedPhoto]:
        """The photos that show an emotion best, best first.

        A photo is listed when at least one certain face reads as the emotion. Its score is the largest probability of
        the emotion among its certain faces; with ``everyone`` the smallest among all faces but those in the background,
        ties going to the larger mean. Of a burst only the best photo is listed.

        Args:
            emotion: one of ``EMOTIONS``.
            n: how many at most; None for all.
            threshold: probability from which a face is certain, 0..1; None takes the scan's.
            everyone: rank by the least happy (or angry, ...) face that is not background.
            filters: None for the whole index.

        Raises:
            ValueError: there is no such emotion.
        """
        if emotion not in EMOTIONS:
            raise ValueError(f"{emotion!r} is not one of {', '.join(EMOTIONS)}")
        filters = filters or Filters()
        certain = self.threshold() if threshold is None else threshold
        ranking = self._everyone(emotion, certain, filters) if everyone else self._best(emotion, certain, filters)
        chosen: list[RankedPhoto] = []
        seen: set[str | int] = set()
        for photo_id, digest, score in ranking:
            if n is not None and len(chosen) >= n:
                break
            burst = self._burst_of(photo_id)
            if not filters.with_copies:
                if digest in seen or burst in seen:
                    continue
                seen |= {digest} if burst is None else {digest, burst}
            others = 0 if burst is None else self._frames(burst) - 1
            photo, faces = photo_of(self._connection, photo_id), faces_of(self._connection, photo_id)
            chosen.append(RankedPhoto(photo, score, faces, others))
        return chosen

    def bursts(self, filters: Filters | None = None) -> Iterator[list[tuple[Photo, tuple[Face, ...]]]]:
        """The bursts of which a photo passes the filters, by time; each whole, in the order of time, without copies."""
        if self._version < 4:
            return
        where, values = _conditions(filters or Filters())
        numbers = self._connection.execute(
            "SELECT b.burst FROM bursts b JOIN photos p ON p.id = b.photo_id"
            f" WHERE TRUE {where} GROUP BY b.burst ORDER BY min(p.taken_at), b.burst",
            values,
        )
        for (burst,) in numbers.fetchall():
            frames = self._connection.execute(
                "SELECT min(p.id) FROM bursts b JOIN photos p ON p.id = b.photo_id WHERE b.burst = ?"
                " GROUP BY p.digest ORDER BY p.taken_at, p.path",
                (burst,),
            ).fetchall()
            if len(frames) > 1:
                yield [(photo_of(self._connection, one), faces_of(self._connection, one)) for (one,) in frames]

    def _burst_of(self, photo_id: int) -> int | None:
        if self._version < 4:
            return None
        row = self._connection.execute("SELECT burst FROM bursts WHERE photo_id = ?", (photo_id,)).fetchone()
        return row[0] if row else None

    def _frames(self, burst: int) -> int:
        """How many frames a burst has, byte-identical copies counted once."""
        question = "SELECT count(DISTINCT digest) FROM photos WHERE id IN (SELECT photo_id FROM bursts WHERE burst = ?)"
        return int(self._connection.execute(question, (burst,)).fetchone()[0])

    def photo(self, path: str) -> tuple[Photo, tuple[Face, ...]] | None:
        """A photo and its faces by absolute path, or None when it is not in the index."""
        row = self._connection.execute("SELECT id FROM photos WHERE path = ?", (to_column(path),)).fetchone()
        return (photo_of(self._connection, row[0]), faces_of(self._connection, row[0])) if row else None

    def corrections(self) -> list[LabelledFace]:
        """The faces that people corrected, one of each photo's copies; without those that are no faces."""
        return list(corrections.labelled(self._connection)) if self._version > 1 else []

    def remembered(self, count: int) -> list[LabelledFace]:
        """At most ``count`` faces of photos that nobody corrected, drawn evenly, with what the model said of them."""
        uncorrected = "p.digest NOT IN (SELECT digest FROM corrections)" if self._version > 1 else "TRUE"
        return list(corrections.remembered(self._connection, count, uncorrected))

    def problems(self) -> list[tuple[str, str]]:
        """(path, reason) of each file that could not be read, by path."""
        rows = self._connection.execute("SELECT path, error FROM photos WHERE status = 'error' ORDER BY path")
        return [(from_column(path), error) for path, error in rows]

    def stats(self, threshold: float | None = None) -> dict[str, Any]:
        """Counts of photos, of faces by emotion, of uncertain faces and of problems, and the last scan."""
        certain = self.threshold() if threshold is None else threshold
        one = self._connection.execute
        # Each of these reads one small index from end to end, or a single row.
        photos = one("SELECT count(*) FROM photos").fetchone()[0]
        errors = one("SELECT count(*) FROM photos WHERE status = 'error'").fetchone()[0]
        certain_faces = "SELECT count(*) FROM faces WHERE emotion = '{}' AND confidence >= ?"
        emotions = {emotion: one(certain_faces.format(emotion), (certain,)).fetchone()[0] for emotion in EMOTIONS}
        faces = one("SELECT count(*) FROM faces").fetchone()[0]
        with_faces = one("SELECT count(DISTINCT photo_id) FROM faces").fetchone()[0]
        times = "SELECT {}(taken_at) FROM photos WHERE taken_at NOT NULL"
        first, last = (one(times.format(end)).fetchone()[0] for end in ("min", "max"))
        scan = one("SELECT started_at, finished_at, settings, model FROM scans ORDER BY id DESC LIMIT 1").fetchone()
        return {
            "photos": photos,
            "photos_with_faces": with_faces,
            "errors": errors,
            "faces": faces,
            "threshold": certain,
            "emotions": emotions,
            "uncertain": faces - sum(emotions.values()),
            "first_taken_at": first,
            "last_taken_at": last,
            "last_scan": scan
            and {"started_at": scan[0], "finished_at": scan[1], "settings": json.loads(scan[2]), "model": scan[3]},
        }

    def timeline(self, threshold: float | None = None, filters: Filters | None = None) -> Timeline:
        """Counts of faces by month and emotion, and by confidence; each copy and each frame of a burst counts."""
        from albumsort.index.timeline import timeline  # with numpy, which no other question needs

        certain = self.threshold() if threshold is None else threshold
        return timeline(self._connection, certain, *_conditions(filters or Filters()))

    def _best(self, emotion: str, certain: float, filters: Filters) -> Iterator[tuple[int, str, float]]:
        """(photo id, digest, score), best first, by the largest probability among a photo's certain faces."""
        where, values = _conditions(filters)
        # Faces come straight from the emotion's own index, so that a short list reads a few rows of a million.
        found = self._connection.execute(
            f"SELECT p.id, p.digest, f.{emotion} FROM faces f JOIN photos p ON p.id = f.photo_id"
            f" WHERE f.emotion = '{emotion}' AND f.confidence >= ? {where} ORDER BY f.{emotion} DESC",
            (certain, *values),
        )
        seen: set[int] = set()
        # Under a half, a face that reads as something else may still hold more of the emotion than one that reads as
        # it; such photos are scored by all their certain faces and sorted anew.
        doubtful: list[tuple[int, str, float]] = []
        for photo_id, digest, score in found:
            if photo_id in seen:
                continue
            seen.add(photo_id)
            if score >= 0.5:
                yield photo_id, digest, score
            else:
                best = self._connection.execute(
                    f"SELECT max({emotion}) FROM faces WHERE photo_id = ? AND confidence >= ?",
                    (photo_id, certain),
                ).fetchone()[0]
                doubtful.append((photo_id, digest, best))
        yield from sorted(doubtful, key=lambda row: (-row[2], row[0]))

    def _everyone(self, emotion: str, certain: float, filters: Filters) -> Iterator[tuple[int, str, float]]:
        """(photo id, digest, score), best first, by the smallest probability among a photo's faces in front."""
        where, values = _conditions(filters)
        worked_out = "everyone" if self._version > 2 else f"({everyone.rows()})"
        yield from self._connection.execute(
            f"SELECT p.id, p.digest, e.score FROM {worked_out} e JOIN photos p ON p.id = e.photo_id"
            f" WHERE e.emotion = '{emotion}' AND e.confidence >= ? {where}"
            " ORDER BY e.score DESC, e.mean DESC, e.photo_id",
            (certain, *values),
        )


def _conditions(filters: Filters) -> tuple[str, list[Any]]:
    """The filters as SQL on ``p``, the photos, with the values to bind."""
    parts: list[str] = []
    values: list[Any] = []
    if filters.under is not None:
        folder = os.fsencode(filters.under.rstrip(os.sep)) + os.fsencode(os.sep)
        # As bytes, so that names which are no UTF-8 are found below it too.
        parts.append("AND substr(CAST(p.path AS BLOB), 1, ?) = ?")
        values += [len(folder), folder]
    undated = "p.taken_at IS NULL" if filters.undated else "FALSE"
    if filters.since is not None:
        parts.append(f"AND ({undated} OR p.taken_at >= ?)")
        values.append(filters.since)
    if filters.until is not None:
        parts.append(f"AND ({undated} OR substr(p.taken_at, 1, ?) <= ?)")
        values += [len(filters.until), filters.until]
    if filters.camera is not None:
        parts.append("AND instr(lower(p.camera), lower(?))")
        values.append(filters.camera)
    for bound, sign in ((filters.min_faces, ">="), (filters.max_faces, "<=")):
        if bound is not None:
            parts.append(f"AND (SELECT count(*) FROM faces c WHERE c.photo_id = p.id) {sign} ?")
            values.append(bound)
    return " ".join(parts), values
