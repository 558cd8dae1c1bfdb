"""albumsort prune: drop photos that are gone from the index."""

from __future__ import annotations

from albumsort.cli.options import Db, index_path
from albumsort.index.reader import Index
from albumsort.text import count


def prune(db: Db = None) -> None:
    """Drop photos from the index that are no longer on the disk."""
    from albumsort.index.writer import IndexWriter

    path = index_path(db)
    Index(path).close()  # raises an error if there is no index; the writer would create one
    with IndexWriter(path) as writer:
        dropped, kept = writer.prune()
    print(f"{count(dropped, 'photo')} dropped, {kept} kept")
