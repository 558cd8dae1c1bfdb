"""Questions that look at every face: several emotions, everyone, label schemes, filters on faces, counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from albumsort.culling.subjects import subject_masks
from albumsort.emotions import labels_of, shares_in_scheme
from albumsort.index.filters import Filters
from albumsort.index.packed import UNIT, first_of_each, numbers
from albumsort.index.query import Query

#: Photos that are sorted first, more than a list of twenty needs.
_FIRST = 1000


class FaceTable:
    """The faces that count for a query, of the photos that pass its filters, read in its label scheme.

    A face shows the emotion of the scheme that is most probable, of equals the first.

    Attributes:
        labels: the emotions that the scheme tells apart.
        passing: whether a photo passes, by its id ``(highest id + 1,)``.
        photos: id of each face's photo, those of a photo behind each other ``(n,)``.
        first: where the faces of each photo that has any begin ``(photos,)``.
        predicted: place among ``labels`` of the emotion that each face shows ``(n,)``.
        confidence: the probability of that emotion, 0..1; 0 where the scheme leaves nothing of a face ``(n,)``.
        certain: whether that reaches the threshold ``(n,)``.
    """

    def __init__(self, connection: sqlite3.Connection, faces: NDArray[np.void], query: Query) -> None:
        """Take the faces that count. To be called in the transaction in which the faces were read.

        Args:
            connection: to the index.
            faces: all faces of the index, ``(n,)`` of ``packed.FACE``.
            query: settled, so that it has a threshold.
        """
        filters = query.filters
        self.labels = labels_of(query.scheme)
        self._scheme, self._threshold, self._all_faces = query.scheme, query.certain, filters.all_faces
        photos = faces["photo"]
        self.passing = _passing(connection, filters, int(photos[-1]) if len(photos) else 0)
        counting = np.ones(len(photos), bool) if filters.all_photos else self.passing[photos]
        if not filters.all_faces:
            counting &= filters.count(faces["size"], faces["detection"])
        self._take(faces if counting.all() else faces[counting])
        if filters.asks_for_faces:
            self.passing &= self._have(filters)
            self._take(self._faces[self.passing[self.photos]])

    def _take(self, faces: NDArray[np.void]) -> None:
        """Be about some faces only."""
        self._faces = faces
        self.photos = np.ascontiguousarray(faces["photo"])
        self.first = first_of_each(self.photos)
        if self._scheme == "seven":
            self._shares = list(faces["probabilities"].T)
            self.predicted, most = np.ascontiguousarray(faces["emotion"]), faces["confidence"]
        else:
            self._shares = shares_in_scheme(list(faces["probabilities"].T), self._scheme, UNIT, np.round)
            most, self.predicted = self._shares[0], np.zeros(len(self), np.uint8)
            for place, share in enumerate(self._shares):  # argmax takes three times as long across arrays
                self.predicted = np.where(share > most, np.uint8(place), self.predicted)
                most = np.maximum(most, share)
        self.confidence = most / UNIT
        # Nobody can be certain of a face of which a scheme leaves nothing.
        self.certain = (self.confidence >= self._threshold) & (self.confidence > 0)

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self.photos)

    def best(self, emotions: Iterable[str]) -> Iterator[tuple[int, float]]:
        """Photo id and score, best first: the largest probability of the emotions among the photo's certain faces.

        A photo is listed when one of its certain faces shows one of the emotions.
        """
        if not len(self):
            return iter(())
        parts = np.where(self.certain, self._parts(emotions), 0)
        return self._ranked(emotions, [np.maximum.reduceat(parts, self.first) / UNIT])

    def everyone(self, emotions: Iterable[str]) -> Iterator[tuple[int, float]]:
        """The same photos by the smallest probability among the subjects, ties going to the larger mean.

        Only faces that count can be subjects.
        """
        if not len(self):
            return iter(())
        faces = self._faces
        if self._all_faces:  # judged when they were packed
            subject = faces["subject"]
        else:
            subject = subject_masks(faces["height"], faces["sharpness"], faces["cut"], self.first)
        parts = self._parts(emotions)
        least = np.minimum.reduceat(np.where(subject, parts, UNIT), self.first) / UNIT
        # Of whole numbers, so that equal means are equal to the last bit.
        total = np.add.reduceat(np.where(subject, parts, 0), self.first)
        mean = total / np.add.reduceat(subject, self.first, dtype=int)
        return self._ranked(emotions, [least, mean])

    def counts(self) -> dict[str, int]:
        """How many certain faces show each emotion."""
        of_label = np.bincount(self.predicted[self.certain], minlength=len(self.labels)).tolist()
        return dict(zip(self.labels, of_label, strict=True))

    def uncertain(self) -> NDArray[np.bool_]:
        """Which of the photos that pass have a face that is not certain, by id."""
        return self._holding(~self.certain)

    def without_faces(self) -> NDArray[np.bool_]:
        """Which of the photos that pass have no face that counts, by id."""
        return self.passing & ~self._holding(np.ones(len(self), bool))

    def _holding(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which photos have one of some faces, by id."""
        holding = np.zeros(len(self.passing), bool)
        holding[self.photos[which]] = True
        return holding

    def _have(self, filters: Filters) -> NDArray[np.bool_]:
        """Which photos have as many faces as the filters ask for, and none that they do not want, by id."""
        faces = np.bincount(self.photos, minlength=len(self.passing))
        have = ~self._holding(self.certain & self._shows(filters.without))
        if filters.min_faces is not None:
            have &= faces >= filters.min_faces
        if filters.max_faces is not None:
            have &= faces <= filters.max_faces
        return have

    def _ranked(self, emotions: Iterable[str], keys: list[NDArray[np.float64]]) -> Iterator[tuple[int, float]]:
        """The photos of which a certain face shows one of the emotions, by keys, the largest first; then by id."""
        listed = np.logical_or.reduceat(self.certain & self._shows(emotions), self.first)
        ids, of_listed = self.photos[self.first][listed], [key[listed] for key in keys]
        # To sort them all takes as long as all the rest, and most lists are short.
        least = np.partition(of_listed[0], -_FIRST)[-_FIRST] if len(ids) > _FIRST else 0.0
        for part in (of_listed[0] >= least, of_listed[0] < least):
            part_ids, part_keys = ids[part], [key[part] for key in of_listed]
            order = np.lexsort([part_ids, *(-key for key in reversed(part_keys))])
            yield from zip(part_ids[order].tolist(), part_keys[0][order].tolist(), strict=True)

    def _shows(self, emotions: Iterable[str]) -> NDArray[np.bool_]:
        """Which faces show one of some emotions ``(n,)``."""
        wanted = set(emotions)
        return np.array([label in wanted for label in self.labels])[self.predicted]

    def _parts(self, emotions: Iterable[str]) -> NDArray[np.int64]:
        """The probabilities of the emotions, added up, of each face, in parts of ``UNIT`` ``(n,)``."""
        return np.sum([self._shares[self.labels.index(emotion)] for emotion in emotions], 0, dtype=np.int64)


def _passing(connection: sqlite3.Connection, filters: Filters, last: int) -> NDArray[np.bool_]:
    """Whether a photo passes what the filters ask of it beside its faces, by its id.

    The ids go from 0 to the highest, and at least to ``last``.
    """
    (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM photos").fetchone()
    passing = np.full(max(highest, last) + 1, filters.all_photos)
    if not filters.all_photos:
        # In the order of the table: found by an index of dates, each photo would be fetched from another place.
        photos = f"photos p NOT INDEXED WHERE TRUE {filters.conditions()}"
        passing[numbers(connection, "p.id", photos, filters.values())] = True
    return passing
