"""The index: one SQLite file that any SQLite tool can read. ``store`` writes it, ``query`` reads it."""

from albumsort.index.listed import RankedPhoto
from albumsort.index.query import Index

__all__ = ["Index", "RankedPhoto"]
