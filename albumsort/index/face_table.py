"""Questions that look at every face of an index: several emotions, label schemes, filters on faces, counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from albumsort.culling.subjects import subject_masks
from albumsort.emotions import SCHEMES, labels_of
from albumsort.index import packed as columns
from albumsort.index.filters import Filters
from albumsort.index.packed import Columns

#: Photos that are sorted first, more than a list of twenty needs.
_FIRST = 1000


class Crowd:
    """The faces that count, of the photos that pass some filters, read in a label scheme.

    In the scheme ``six`` the probability of *angry* is that of angry and disgust; in ``four`` those of the four are
    divided by their sum. A face reads as the emotion of the scheme that is most probable, of equals as the first.

    Attributes:
        labels: the emotions that the scheme tells apart.
        passing: whether a photo passes, by its id ``(highest id + 1,)``.
        photos: id of each face's photo, those of a photo behind each other ``(n,)``.
        first: where the faces of each photo that has any begin ``(photos,)``.
        reads: place among ``labels`` of what each face reads as ``(n,)``.
        confidence: the probability of that, 0..1; 0 where nothing is left of the four ``(n,)``.
        certain: whether that reaches the threshold ``(n,)``.
    """

    def __init__(
        self, connection: sqlite3.Connection, version: int, filters: Filters, scheme: str, threshold: float
    ) -> None:
        """Look at an index. To be called in a transaction, since a scan may be writing.

        Args:
            connection: to the index.
            version: of its tables.
            filters: which photos pass and which faces count.
            scheme: of ``SCHEMES``.
            threshold: probability from which a face is certain, 0..1.

        Raises:
            AlbumsortError: the index is damaged.
        """
        self.labels = labels_of(scheme)
        self._scheme, self._threshold = scheme, threshold
        faces = columns.read(connection, version, with_places=not filters.all_faces)
        photos = faces.readings["photo"]
        self.passing = _passing(connection, filters, len(photos) and int(photos[-1]))
        counting = np.ones(len(photos), bool) if filters.all_photos else self.passing[photos]
        if faces.places is not None:
            counting &= faces.places["size"] >= np.float32(filters.min_face or 0)
            counting &= faces.places["detection"] >= np.float32(filters.min_detection or 0)
        self._take(faces.where(counting))
        if filters.asks_for_faces:
            self.passing &= self._have(filters)
            self._take(self._faces.where(self.passing[self.photos]))

    def _take(self, faces: Columns) -> None:
        """Be about some faces only."""
        self._faces, readings = faces, faces.readings
        self.photos = readings["photo"]
        self.first = columns.first_of_each(self.photos)
        if self._scheme == "seven":
            self._said = list(readings["probabilities"].T)
            self.reads, self.confidence = readings["emotion"], readings["confidence"] / columns.UNIT
        else:
            self._said = _in_scheme(readings["probabilities"], self._scheme)
            most, self.reads = self._said[0], np.zeros(len(self), np.uint8)
            for place, said in enumerate(self._said):  # argmax takes three times as long across arrays
                self.reads = np.where(said > most, np.uint8(place), self.reads)
                most = np.maximum(most, said)
            self.confidence = most / columns.UNIT
        # Of a face of which a scheme leaves nothing nobody can be certain.
        self.certain = (self.confidence >= self._threshold) & (self.confidence > 0)

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self.photos)

    def best(self, emotions: Iterable[str]) -> Iterator[tuple[int, float]]:
        """Photo id and score, best first: the largest probability of the emotions among the photo's certain faces.

        Listed are the photos of which a certain face reads as one of them.
        """
        score = np.where(self.certain, self._score(emotions), 0.0)
        return self._ranked(emotions, [np.maximum.reduceat(score, self.first)] if len(self) else [])

    def everyone(self, emotions: Iterable[str]) -> Iterator[tuple[int, float]]:
        """The same photos by the smallest probability among the faces in front, ties going to the larger mean.

        Who is in front is decided among the faces that count.
        """
        if not len(self):
            return iter(())
        score, places = self._score(emotions), self._faces.places
        if places is None:  # all faces count, and who is in front is known
            front = self._faces.readings["front"]
        else:
            front = subject_masks(places["height"], places["sharpness"], places["cut"], self.first)
        least = np.minimum.reduceat(np.where(front, score, 1.0), self.first)
        mean = np.add.reduceat(np.where(front, score, 0.0), self.first) / np.add.reduceat(front, self.first, dtype=int)
        return self._ranked(emotions, [least, mean])

    def counts(self) -> dict[str, int]:
        """How many certain faces read as each emotion."""
        numbers = np.bincount(self.reads[self.certain], minlength=len(self.labels)).tolist()
        return dict(zip(self.labels, numbers, strict=True))

    def uncertain(self) -> NDArray[np.bool_]:
        """Of the photos that pass, by id, which have a face that is not certain."""
        return self._holding(~self.certain)

    def without_faces(self) -> NDArray[np.bool_]:
        """Of the photos that pass, by id, which have no face that counts."""
        return self.passing & ~self._holding(np.ones(len(self), bool))

    def _holding(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """By photo id, who has one of some faces."""
        holding = np.zeros(len(self.passing), bool)
        holding[self.photos[which]] = True
        return holding

    def _have(self, filters: Filters) -> NDArray[np.bool_]:
        """By photo id, who has as many faces as the filters ask for, and none that they do not want."""
        numbers = np.bincount(self.photos, minlength=len(self.passing))
        have = ~self._holding(self.certain & self._read_as(filters.without))
        if filters.min_faces is not None:
            have &= numbers >= filters.min_faces
        if filters.max_faces is not None:
            have &= numbers <= filters.max_faces
        return have

    def _ranked(self, emotions: Iterable[str], keys: list[NDArray[np.float64]]) -> Iterator[tuple[int, float]]:
        """The photos of which a certain face reads as one of the emotions, by keys, the largest first; then by id."""
        if not keys:
            return
        listed = np.logical_or.reduceat(self.certain & self._read_as(emotions), self.first)
        ids, of_listed = self.photos[self.first][listed], [key[listed] for key in keys]
        # To sort them all takes as long as all the rest, and most lists are short.
        least = np.partition(of_listed[0], -_FIRST)[-_FIRST] if len(ids) > _FIRST else 0.0
        for part in (of_listed[0] >= least, of_listed[0] < least):
            some, by = ids[part], [key[part] for key in of_listed]
            order = np.lexsort([some, *(-key for key in reversed(by))])
            yield from zip(some[order].tolist(), by[0][order].tolist(), strict=True)

    def _read_as(self, emotions: Iterable[str]) -> NDArray[np.bool_]:
        """Which faces read as one of some emotions ``(n,)``; the scheme need not have them."""
        wanted = set(emotions)
        return np.array([label in wanted for label in self.labels])[self.reads]

    def _score(self, emotions: Iterable[str]) -> NDArray[np.float64]:
        """How far each face shows the emotions together, 0..1 ``(n,)``."""
        together = np.sum([self._said[self.labels.index(emotion)] for emotion in emotions], 0)
        return np.asarray(together / columns.UNIT)


def _in_scheme(probabilities: NDArray[np.uint32], scheme: str) -> list[NDArray[np.uint32]]:
    """Probabilities of ``EMOTIONS`` ``(n, 7)`` as those of each label of a scheme ``(n,)``; all in parts of ``UNIT``.

    As ``schemes.in_scheme`` has them of one face.
    """
    sums = []
    for label in labels_of(scheme):
        first, *others = (probabilities[:, k] for k, one in enumerate(SCHEMES[scheme]) if one == label)
        sums.append(sum(others, first))
    if scheme != "four":
        return sums
    total = sum(sums[1:], sums[0])
    # Nothing may be left of the four, where the model is certain of another emotion.
    share = columns.UNIT / np.where(total > 0, total, 1)
    return [np.round(one * share).astype(np.uint32) for one in sums]


def _passing(connection: sqlite3.Connection, filters: Filters, last: int) -> NDArray[np.bool_]:
    """By photo id, from 0 to the highest and at least to ``last``, whether what the filters ask of a photo holds."""
    (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM photos").fetchone()
    passing = np.full(max(highest, last) + 1, filters.all_photos)
    if not filters.all_photos:
        # In the order of the table: found by an index of dates, each photo would be fetched from another place.
        photos = f"photos p NOT INDEXED WHERE TRUE {filters.conditions()}"
        passing[columns.numbers(connection, "p.id", photos, filters.values())] = True
    return passing
