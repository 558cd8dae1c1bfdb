"""What is known about files from earlier scans: which need not be read again, and which errors may be over by now."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from albumsort.album.formats import NEEDED_RAWPY, NEEDS_RAWPY, reads_raw
from albumsort.album.presence import is_gone
from albumsort.index.rows import faces_of, from_column, photo_of, settings_of
from albumsort.records import PhotoResult

#: Errors that are over once the extra is installed.
_WITHOUT_EXTRA = (NEEDS_RAWPY, NEEDED_RAWPY)
#: Errors that may be over by the next scan; any other error stands until the file changes.
PASSING_ERRORS = (
    *("permission denied", "vanished during the scan", "too large for the memory of this machine"),
    *_WITHOUT_EXTRA,
)
#: Patterns of other such errors: for example, a network disk did not respond, or a decoder had too little time.
PASSING_KINDS = ("cannot be read (%", "decoder crashed", "decoder took over % s")
#: What is added to the last two if the next scan has the same error with the same file, so that it is not tried again.
TWICE = ", in two scans"
_PASSES = " OR ".join(f"error LIKE '{kind}'" for kind in PASSING_KINDS)

#: Photos for which another file with the same bytes need not be read.
_LASTING = (
    f"digest NOT NULL AND (error IS NULL OR error NOT IN ({', '.join('?' * len(PASSING_ERRORS))})"
    f" AND NOT ({_PASSES}) AND error NOT LIKE 'too large (%')"
)


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A photo of the index with the same bytes as a file.

    Attributes:
        scan: the id of the scan that read it.
        is_gone: whether it is no longer where the index has it.
    """

    id: int
    scan: int
    is_gone: bool
    result: PhotoResult


class KnownFiles:
    """What the next scan can know from earlier scans."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def unchanged(self, max_megapixels: float) -> dict[str, tuple[int, int]]:
        """(size, mtime_ns) by path for each photo that need not be read again while these are the same.

        A photo that was too large must be read again if ``max_megapixels`` now allows it, and a RAW file if LibRaw is
        now installed.
        """
        passing = [error for error in PASSING_ERRORS if error not in _WITHOUT_EXTRA or reads_raw()]
        named = ", ".join("?" * len(passing))
        where = f"error IS NULL OR error NOT IN ({named}) AND NOT ({_PASSES})"
        allowed = "error IS NOT NULL AND error LIKE 'too large (%' AND width * height <= ? * 1e6"
        rows = self._connection.execute(
            f"SELECT path, size, mtime_ns FROM photos WHERE ({where}) AND NOT ({allowed})",
            (*passing, max_megapixels),
        )
        return {from_column(path): (size, mtime) for path, size, mtime in rows}

    def paths(self) -> set[str]:
        """The paths of all photos."""
        return {from_column(path) for (path,) in self._connection.execute("SELECT path FROM photos")}

    def raws(self) -> dict[str, str]:
        """The path of the JPEG by the path of its RAW file, if both are one photo and the RAW file was not read."""
        rows = self._connection.execute("SELECT path, raw_of FROM photos WHERE raw_of NOT NULL")
        return {from_column(path): from_column(jpeg) for path, jpeg in rows}

    def roots(self) -> set[str]:
        """The folders and photos that scans were given by name."""
        rows = self._connection.execute("SELECT settings FROM scans")
        return {root for (text,) in rows for root in settings_of(text).get("paths", ())}

    def unreadable(self) -> set[str]:
        """The paths of the photos that have an error."""
        rows = self._connection.execute("SELECT path FROM photos WHERE status = 'error'")
        return {from_column(row[0]) for row in rows}

    def not_photos(self) -> dict[str, tuple[int, int]]:
        """(size, mtime_ns) by path for each file that was opened and is not a picture."""
        rows = self._connection.execute("SELECT path, size, mtime_ns FROM others")
        return {from_column(path): (size, mtime) for path, size, mtime in rows}

    def digests(self) -> set[str]:
        """The digests of files that need not be read again under another name, without errors that may be over."""
        rows = self._connection.execute(f"SELECT DISTINCT digest FROM photos WHERE {_LASTING}", PASSING_ERRORS)
        return {row[0] for row in rows}

    def result(self, digest: str, since: int = 0, this_scan: int | None = None) -> KnownResult | None:
        """A photo with these bytes that the scan ``since`` or a later one read; preferably one whose file is gone.

        Errors that may be over by the next scan count only in ``this_scan``, in which a copy would have the same.
        """
        rows = self._connection.execute(
            f"SELECT id, path, scan_id FROM photos WHERE ({_LASTING} OR scan_id = ?) AND digest = ? AND scan_id >= ?"
            " ORDER BY id",
            (*PASSING_ERRORS, this_scan, digest, since),
        ).fetchall()
        if not rows:
            return None
        gone = [row for row in rows if is_gone(from_column(row[1]))]
        photo_id, _, reader = (gone or rows)[0]
        result = PhotoResult(photo_of(self._connection, photo_id), faces_of(self._connection, photo_id))
        return KnownResult(photo_id, reader, bool(gone), result)
