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

#: A smaller score is 0.000 in three decimals.
_LEAST_SCORE = 0.0005
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

    def ranking(self, query: Query) -> tuple[Iterator[tuple[int, float]], NDArray[np.bool_]]:
        """Rank the photos by how well they show the emotions of a query. ``Index.search`` has the rules.

        Args:
            query: the query that the table was made for.

        Returns:
            the id and score of each listed photo, best first; and whether each photo is listed, by id.
        """
        if not len(self):
            return iter(()), np.zeros(len(self.passing), bool)
        parts, shows = self._parts(query.emotions), self.certain & self._shows(query.emotions)
        if query.everyone:
            keys = self._least_and_mean(parts)
        else:
            counting = parts if query.closest else np.where(self.certain, parts, 0)
            keys = [np.maximum.reduceat(counting, self.first) / UNIT]
        listed = keys[0] > 0
        if not query.closest:
            listed = np.logical_or.reduceat(shows, self.first) & (keys[0] >= _LEAST_SCORE)
        ids = self.photos[self.first][listed]
        by_id = np.zeros(len(self.passing), bool)
        by_id[ids] = True
        return _best_first(ids, [key[listed] for key in (*keys, *self._seen(shows))]), by_id

    def _least_and_mean(self, parts: NDArray[Any]) -> list[NDArray[np.float64]]:
        """The smallest and the mean of ``_parts`` among the subjects of each photo, who are faces that count."""
        # Subjects among all faces were determined when the faces were packed.
        subject = self._faces["subject"] if self._all_faces else subjects(self._faces)
        least = np.minimum.reduceat(np.where(subject, parts, UNIT), self.first)
        total = np.add.reduceat(np.where(subject, parts, 0), self.first, dtype=int)
        return [least / UNIT, total / np.add.reduceat(subject, self.first, dtype=int)]

    def _seen(self, shows: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        """What a person sees of photos with the same score, as ``ranking.best`` has it, for each photo.

        Args:
            shows: whether each face shows the emotions for certain ``(n,)``.
        """
        share = np.add.reduceat(shows, self.first, dtype=int) / np.diff(self.first, append=len(self))
        size, sharpness = self._faces["size"], self._faces["sharpness"]
        percent = np.where(shows & np.isfinite(size), np.floor(size), 0)
        sharp = np.where(shows, sharpness, 0)
        return [share, np.maximum.reduceat(percent, self.first), np.maximum.reduceat(sharp, self.first)]

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

    def _shows(self, emotions: Iterable[str]) -> NDArray[np.bool_]:
        """Whether each face shows one of some emotions ``(n,)``."""
        wanted = set(emotions)
        return np.array([label in wanted for label in self.labels])[self.predicted]

    def _parts(self, emotions: Iterable[str]) -> NDArray[Any]:
        """The sum of the probabilities of the emotions for each face, in units of 1 / ``UNIT`` ``(n,)``."""
        first, *more = (self._shares[emotion] for emotion in emotions)
        return np.asarray(sum(more, first))


def _best_first(ids: NDArray[np.uint32], keys: list[NDArray[np.float64]]) -> Iterator[tuple[int, float]]:
    """The id and first key of each photo, by keys, the largest first, then by id."""
    # Sorting all photos takes as long as all the rest, and most lists are short.
    least = np.partition(keys[0], -_FIRST)[-_FIRST] if len(ids) > _FIRST else 0.0
    for part in (keys[0] >= least, keys[0] < least):
        part_ids, score = ids[part], keys[0][part]
        falling: list[NDArray[Any]] = [-key[part] for key in reversed(keys)]
        order = np.lexsort([part_ids, *falling])
        yield from zip(part_ids[order].tolist(), score[order].tolist(), strict=True)


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
