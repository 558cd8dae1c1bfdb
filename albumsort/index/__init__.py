"""The index: one SQLite file that any SQLite tool can read. ``writer`` writes it, ``reader`` reads it."""

from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.records import RankedPhoto

__all__ = ["Filters", "Index", "Query", "RankedPhoto"]
