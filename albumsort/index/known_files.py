"""What a scan has seen before: files that need no new look, and failures that may be over now."""

from __future__ import annotations

import sqlite3

from albumsort.album.formats import NEEDS_RAWPY, reads_raw
from albumsort.index.rows import from_column

#: Failures that may be over by the next scan; a decoder's verdict stands until the file changes.
PASSING_ERRORS = (
    *("permission denied", "vanished during the scan", "too large for the memory of this machine"),
    NEEDS_RAWPY,  # when it is there
)
#: The same by their beginning: a disk of the network that does not answer, say.
PASSING_KINDS = "cannot be read (%"

#: Photos whose bytes, met again, are known for good.
KNOWN = (
    f"digest NOT NULL AND (error IS NULL OR error NOT IN ({', '.join('?' * len(PASSING_ERRORS))})"
    f" AND error NOT LIKE '{PASSING_KINDS}' AND error NOT LIKE 'too large (%')"
)


class Seen:
    """What earlier scans saw of the disk, for the walk of the next one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def unchanged(self, max_megapixels: float) -> dict[str, tuple[int, int]]:
        """Path to (size, mtime_ns) of each photo that needs no new look while these are the same.

        A photo that was too large needs one when ``max_megapixels`` allows it now, a RAW file when LibRaw is there now.
        """
        passing = [error for error in PASSING_ERRORS if error != NEEDS_RAWPY or reads_raw()]
        named = ", ".join("?" * len(passing))
        where = f"error IS NULL OR error NOT IN ({named}) AND error NOT LIKE '{PASSING_KINDS}'"
        allowed = "error IS NOT NULL AND error LIKE 'too large (%' AND width * height <= ? * 1e6"
        rows = self._connection.execute(
            f"SELECT path, size, mtime_ns FROM photos WHERE ({where}) AND NOT ({allowed})",
            (*passing, max_megapixels),
        )
        return {from_column(path): (size, mtime) for path, size, mtime in rows}

    def raws(self) -> dict[str, str]:
        """Path to the path of its JPEG, of each RAW file that is one photo with that and was not read itself."""
        rows = self._connection.execute("SELECT path, raw_of FROM photos WHERE raw_of NOT NULL")
        return {from_column(path): from_column(jpeg) for path, jpeg in rows}

    def unreadable(self) -> set[str]:
        """Paths of the photos that have an error."""
        rows = self._connection.execute("SELECT path FROM photos WHERE status = 'error'")
        return {from_column(row[0]) for row in rows}

    def others(self) -> dict[str, tuple[int, int]]:
        """Path to (size, mtime_ns) of each file that was looked at and is no picture."""
        rows = self._connection.execute("SELECT path, size, mtime_ns FROM others")
        return {from_column(path): (size, mtime) for path, size, mtime in rows}

    def digests(self) -> set[str]:
        """Digests of what need not be read again, whatever its name: not of what failed and may not fail now."""
        rows = self._connection.execute(f"SELECT DISTINCT digest FROM photos WHERE {KNOWN}", PASSING_ERRORS)
        return {row[0] for row in rows}
