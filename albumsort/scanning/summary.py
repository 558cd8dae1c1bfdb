"""The summary: what a scan has done so far or, at its end, in total."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class ScanSummary:
    """What a scan did.

    Attributes:
        found: candidates that the walk found.
        photos: how many of these have a row in the index now.
        scanned: how many were opened and read, or could not be read.
        unchanged: how many were skipped without being opened.
        moved: how many were moved or copied, and so were known by their bytes.
        raws: RAW files that were not opened, because the JPEG beside them is the same photo.
        faces: faces found in the scanned photos.
        errors: scanned or moved photos that could not be read.
        old_errors: unchanged photos that an earlier scan could not read.
        rescored: photos whose faces were read again, because another model had read them.
        of_other_models: photos below the roots whose faces another model has read, without those in ``rescored``. At
            the end of a scan that reads them again, they are gone or cannot be read, and their faces stay as they were.
        passed_over: how many files and folders were passed over, by kind, a key of ``KINDS`` or ``COPIES`` of
            ``album.passed_over``.
        dropped: photos of earlier scans that are passed over now, and no longer in the index.
        seconds: how long the scan took.
        unreadable: (path, reason) of the folders and files that the walk could not read.
    """

    found: int = 0
    photos: int = 0
    scanned: int = 0
    unchanged: int = 0
    moved: int = 0
    raws: int = 0
    faces: int = 0
    errors: int = 0
    old_errors: int = 0
    rescored: int = 0
    of_other_models: int = 0
    passed_over: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    seconds: float = 0.0
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The summary for JSON, without ``found`` and ``unreadable``."""
        return {name: value for name, value in asdict(self).items() if name not in ("found", "unreadable")}


#: Called once all photos are found, and after each of them, with a summary of what was done so far, which is the same
#: object each time.
Progress = Callable[[ScanSummary], None]
