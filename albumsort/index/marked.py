"""Marked photos: those about which a person said something, as they were last, so that they are known once they change.

What a person says is stored by the digest of the photo, and each copy has it. The table ``marked`` keeps what is known
of the photo itself, also when its file has changed or its row is gone. A table for anything else that a person says,
by digest like the table ``corrections``, can use it in the same way.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator

from albumsort.album.presence import is_as_scanned
from albumsort.index.rows import from_column, to_column
from albumsort.index.same_photo import FoundAt, may_be_of_one_time, shifts_between, turns_between
from albumsort.records import Photo

#: The length of a day in ISO 8601.
_DAY = 10
_COLUMNS = "path, digest, width, height, taken_at, phash, orientation"
#: The digests of photos that the index does not have any more.
_WITHOUT_PHOTO = "digest NOT IN (SELECT digest FROM photos WHERE digest NOT NULL)"
#: When a person last said something about a marked photo.
_LAST_WORD = "(SELECT max(corrected_at) FROM corrections c WHERE c.digest = marked.digest)"


def mark(connection: sqlite3.Connection, photo: Photo) -> None:
    """Keep what is known of a photo, in place of what was known of its bytes before."""
    facts = (photo.digest, photo.width, photo.height, photo.taken_at, photo.phash, photo.orientation)
    connection.execute(
        f"INSERT OR REPLACE INTO marked({_COLUMNS}) VALUES ({', '.join('?' * 7)})", (to_column(photo.path), *facts)
    )


def moved(connection: sqlite3.Connection, digest: str | None, path: str) -> None:
    """Keep that a marked photo is now elsewhere."""
    connection.execute("UPDATE marked SET path = ? WHERE digest = ?", (to_column(path), digest))


def earlier_versions(connection: sqlite3.Connection, photo: Photo) -> list[str]:
    """The digests of a photo that its file had before, and that no other photo has.

    What another photo has, such as the row of a file that was moved and changed, is a mark of that photo from now on.
    """
    of_others = "SELECT p.path FROM photos p WHERE p.digest = marked.digest"
    connection.execute(
        f"UPDATE marked SET path = ifnull(({of_others} AND p.path != marked.path), path) WHERE path = ?",
        (to_column(photo.path),),
    )
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM marked WHERE path = ? AND {_WITHOUT_PHOTO}", (to_column(photo.path),)
    )
    versions = [one for one in map(_marked, rows.fetchall()) if one.digest]
    return [one.digest or "" for one in versions if _may_be_edited(one, photo)]


def _may_be_edited(before: Photo, after: Photo) -> bool:
    """Whether a photo may have become another one at its path."""
    turns, shifts = turns_between(before, after, FoundAt.SAME_PATH), shifts_between(before, after)
    return next(turns, None) is not None or next(shifts, None) is not None


def drop_unused(connection: sqlite3.Connection) -> None:
    """Drop the marks of photos about which nothing is left that a person said."""
    connection.execute("DELETE FROM marked WHERE digest NOT IN (SELECT digest FROM corrections)")


def forget(connection: sqlite3.Connection, condition: str, values: list[object], digests: set[str]) -> None:
    """Drop the marks of forgotten photos; those that are also in another place stay, without the forgotten path.

    Args:
        connection: in a transaction, in which the photos are already deleted.
        condition: an SQL condition that ``path`` is forgotten.
        values: its values.
        digests: those of the forgotten photos.
    """
    connection.executemany(
        f"DELETE FROM marked WHERE digest = ? AND {_WITHOUT_PHOTO}", [(digest,) for digest in digests]
    )
    connection.execute(f"DELETE FROM marked WHERE {condition} AND {_WITHOUT_PHOTO}", values)
    connection.execute(
        f"UPDATE marked SET path = (SELECT p.path FROM photos p WHERE p.digest = marked.digest) WHERE {condition}",
        values,
    )
    connection.execute(f"DELETE FROM corrections WHERE {_WITHOUT_PHOTO} AND digest NOT IN (SELECT digest FROM marked)")


class MarkedPhotos:
    """The marked photos, to be compared with many others. Use this in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_digest: dict[str, Photo] = {}
        self._by_path: dict[str, list[Photo]] = {}
        self._by_time: dict[str, list[Photo]] = {}
        self._by_hash: dict[str, list[Photo]] = {}
        rows = connection.execute(f"SELECT {_COLUMNS} FROM marked ORDER BY {_LAST_WORD} DESC, digest")
        for photo in map(_marked, rows):
            self._by_digest[photo.digest or ""] = photo
            self._by_path.setdefault(photo.path, []).append(photo)
            self._by_time.setdefault((photo.taken_at or "")[:_DAY], []).append(photo)
            self._by_hash.setdefault(photo.phash or "", []).append(photo)

    def like(self, photo: Photo, earlier: Photo | None) -> Iterator[tuple[Photo, FoundAt]]:
        """The marked photos that may be a photo with new bytes, and where it was found; the likeliest first.

        If the file was edited in its place, these are only its own earlier versions: what a person has undone for it
        does not come back from a copy.

        Args:
            photo: the photo.
            earlier: what the index had at this path before; None if it had nothing.
        """
        here = list(self._by_path.get(photo.path, ()))
        if earlier and earlier.digest in self._by_digest:
            here.insert(0, self._by_digest[earlier.digest])
        yield from ((one, FoundAt.SAME_PATH) for one in here)
        if earlier and _may_be_edited(earlier, photo):
            return
        day = (photo.taken_at or "")[:_DAY]
        days = {day, ""} if day else self._by_time.keys()
        alike = [
            one
            for day in days
            for one in self._by_time.get(day, ())
            if one not in here and any(turns_between(one, photo, FoundAt.MOVED))
        ]
        # A file that is gone was moved here more probably than one that is still there was copied.
        found = [(FoundAt.BESIDE if self.is_there(one) else FoundAt.MOVED, one) for one in alike]
        folder = os.path.dirname(photo.path)
        found.sort(key=lambda item: (item[0] is FoundAt.BESIDE, os.path.dirname(item[1].path) != folder))
        yield from ((one, place) for place, one in found)
        for one in self._by_hash.get(photo.phash or "", ()):
            if one not in here and not may_be_of_one_time(one.taken_at, photo.taken_at):
                yield one, FoundAt.RETIMED

    def is_there(self, marked: Photo) -> bool:
        """Whether a file with these bytes is where the index has it."""
        rows = self._connection.execute("SELECT path, size, mtime_ns FROM photos WHERE digest = ?", (marked.digest,))
        return any(_is_as_scanned(Photo(from_column(path), size, mtime)) for path, size, mtime in rows)


def _is_as_scanned(photo: Photo) -> bool:
    try:
        return is_as_scanned(photo)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it cannot be reached
        return True


def _marked(row: tuple[str | bytes, str, int | None, int | None, str | None, str | None, int | None]) -> Photo:
    path, digest, width, height, taken_at, phash, orientation = row
    return Photo(
        from_column(path),
        0,
        0,
        digest=digest,
        width=width,
        height=height,
        taken_at=taken_at,
        phash=phash,
        orientation=orientation,
    )
