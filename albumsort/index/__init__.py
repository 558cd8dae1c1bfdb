"""The index: one SQLite file that any SQLite tool can read. ``store`` writes it, ``query`` reads it."""

from albumsort.index.reader import Index
from albumsort.records import RankedPhoto

__all__ = ["Index", "RankedPhoto"]
