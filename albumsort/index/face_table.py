"""Queries that look at every face: several emotions, everyone, label schemes, filters on faces, counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, labels_of, shares_in_scheme
from albumsort.index.filters import Filters
from albumsort.index.packed import UNIT, Faces, first_of_each, numbers, subjects
from albumsort.index.query import Query

#: The number of photos that are sorted first, which is more than a list of twenty needs.
_FIRST = 1000


class FaceTable:
    """The faces that count for a query, from the photos that pass its filters, in its label scheme.

    A face shows the most probable emotion of the scheme, and the first of equal ones.

    Attributes:
        labels: the emotions that the scheme tells apart.
        passing: whether each photo passes, by its id ``(highest id + 1,)``.
        photos: the id of each face's photo; the faces of a photo follow each other ``(n,)``.
        first: the index of the first face of each photo that has faces ``(photos,)``.
        predicted: the index in ``labels`` of the emotion that each face shows ``(n,)``.
        confidence: the probability of that emotion, 0..1; 0 if the scheme has none of a face's emotions ``(n,)``.
        certain: whether that probability reaches the threshold ``(n,)``.
    """

    def __init__(self, connection: sqlite3.Connection, faces: Faces, query: Query) -> None:
        """Select the faces that count. Call this in the transaction in which the faces were read.

        Args:
            connection: a connection to the index.
            faces: all faces of the index.
            query: a settled query, which has a threshold.
        """
        filters = query.filters
        self.labels = labels_of(query.scheme)
        self._scheme, self._threshold, self._all_faces = query.scheme, query.certain, filters.all_faces
        photos = faces["photo"]
        self.passing = _passing(connection, filters, int(photos[-1]) if len(photos) else 0)
        counting = np.ones(len(photos), bool) if filters.all_photos else self.passing[photos]
        if not filters.all_faces:
            counting &= filters.count(faces["size"], faces["detection"])
        self._take(faces.where(counting))
        if filters.asks_for_faces:
            self.passing &= self._have(filters)
            self._take(self._faces.where(self.passing[self.photos]))

    def _take(self, faces: Faces) -> None:
        """Reduce the table to some faces."""
        self._faces = faces
        self.photos = faces["photo"]
        self.first = first_of_each(self.photos)
        if self._scheme == "seven":
            self._shares: Faces | dict[str, NDArray[Any]] = faces
            self.predicted, most = faces["emotion"], faces["confidence"]
        else:
            shares = shares_in_scheme([faces[emotion] for emotion in EMOTIONS], self._scheme, UNIT, np.round)
            self._shares = dict(zip(self.labels, shares, strict=True))
            most, self.predicted = shares[0], np.zeros(len(self), np.uint8)
            for place, share in enumerate(shares):  # argmax takes three times as long across arrays
                self.predicted = np.where(share > most, np.uint8(place), self.predicted)
                most = np.maximum(most, share)
        self.confidence = most / UNIT
        # A face is not certain if the scheme has none of its emotions.
        self.certain = (self.confidence >= self._threshold) & (self.confidence > 0)

    def __len__(self) -> int:
        """The number of faces."""
        return len(self.photos)

    def best(self, emotions: Iterable[str]) -> Iterator[tuple[int, float]]:
        """The id and score of each photo, best first: the largest probability of the emotions among its certain faces.

        A photo is listed if one of its certain faces shows one of the emotions.
        """
        if not len(self):
            return iter(())
        score = np.where(self.certain, self._score(emotions), 0.0)
        return self._ranked(emotions, [np.maximum.reduceat(score, self.first)])

    def everyone(self, emotions: Iterable[str]) -> Iterator[tuple[int, float]]:
        """The same photos, ranked by the smallest probability among the subjects, and at a tie by the larger mean.

        Only faces that count can be subjects.
        """
        if not len(self):
            return iter(())
        # Subjects among all faces were determined when the faces were packed.
        subject = self._faces["subject"] if self._all_faces else subjects(self._faces)
        score = self._score(emotions)
        least = np.minimum.reduceat(np.where(subject, score, 1.0), self.first)
        total = np.add.reduceat(np.where(subject, score, 0.0), self.first)
        mean = total / np.add.reduceat(subject, self.first, dtype=int)
        return self._ranked(emotions, [least, mean])

    def showing(self, emotions: Iterable[str]) -> NDArray[np.bool_]:
        """Whether each photo has a certain face that shows one of some emotions, by id."""
        return self._holding(self.certain & self._shows(emotions))

    def counts(self) -> dict[str, int]:
        """The number of certain faces that show each emotion."""
        of_label = np.bincount(self.predicted[self.certain], minlength=len(self.labels)).tolist()
        return dict(zip(self.labels, of_label, strict=True))

    def uncertain(self) -> NDArray[np.bool_]:
        """Whether each photo passes and has a face that is not certain, by id."""
        return self._holding(~self.certain)

    def without_faces(self) -> NDArray[np.bool_]:
        """Whether each photo passes and has no face that counts, by id."""
        return self.passing & ~self._holding(np.ones(len(self), bool))

    def _holding(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each photo has one of some faces, by id."""
        holding = np.zeros(len(self.passing), bool)
        holding[self.photos[which]] = True
        return holding

    def _have(self, filters: Filters) -> NDArray[np.bool_]:
        """Whether each photo has as many faces as the filters require, and no face that they exclude, by id."""
        faces = np.bincount(self.photos, minlength=len(self.passing))
        have = ~self._holding(self.certain & self._shows(filters.without))
        if filters.min_faces is not None:
            have &= faces >= filters.min_faces
        if filters.max_faces is not None:
            have &= faces <= filters.max_faces
        return have

    def _ranked(self, emotions: Iterable[str], keys: list[NDArray[np.float64]]) -> Iterator[tuple[int, float]]:
        """The photos with a certain face that shows one of the emotions, by keys, the largest first, then by id."""
        listed = np.logical_or.reduceat(self.certain & self._shows(emotions), self.first)
        ids, of_listed = self.photos[self.first][listed], [key[listed] for key in keys]
        # Sorting all photos takes as long as all the rest, and most lists are short.
        least = np.partition(of_listed[0], -_FIRST)[-_FIRST] if len(ids) > _FIRST else 0.0
        for part in (of_listed[0] >= least, of_listed[0] < least):
            part_ids, part_keys = ids[part], [key[part] for key in of_listed]
            order = np.lexsort([part_ids, *(-key for key in reversed(part_keys))])
            yield from zip(part_ids[order].tolist(), part_keys[0][order].tolist(), strict=True)

    def _shows(self, emotions: Iterable[str]) -> NDArray[np.bool_]:
        """Whether each face shows one of some emotions ``(n,)``."""
        wanted = set(emotions)
        return np.array([label in wanted for label in self.labels])[self.predicted]

    def _score(self, emotions: Iterable[str]) -> NDArray[np.float64]:
        """The sum of the probabilities of the emotions for each face, 0..1 ``(n,)``."""
        first, *more = (self._shares[emotion] for emotion in emotions)
        return np.asarray(sum(more, first) / UNIT)


def _passing(connection: sqlite3.Connection, filters: Filters, last: int) -> NDArray[np.bool_]:
    """Whether each photo passes the filters apart from those on its faces, by its id.

    The ids go from 0 to the highest, and at least to ``last``.
    """
    (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM photos").fetchone()
    passing = np.full(max(highest, last) + 1, filters.all_photos)
    if not filters.all_photos:
        # In the order of the table: with an index of dates, each photo would be read from a different place.
        photos = f"photos p NOT INDEXED WHERE TRUE {filters.conditions()}"
        passing[numbers(connection, "p.id", photos, filters.values())] = True
    return passing
