"""The summary: what a scan has done so far, and at its end what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field


@dataclass
class ScanSummary:
    """What a scan did.

    Attributes:
        found: candidates that the walk found.
        photos: how many of these have a row in the index now.
        scanned: how many were opened and read, or could not be read.
        unchanged: how many were skipped without being opened.
        moved: how many were known by their bytes, moved or copied.
        raws: RAW files that are one photo with the JPEG beside them, and so were not opened.
        faces: faces found in the scanned photos.
        errors: scanned or moved photos that could not be read.
        rescored: photos whose faces another model had read, and that were read again.
        of_other_models: photos below the roots whose faces another model has read, without those in ``rescored``.
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
    rescored: int = 0
    of_other_models: int = 0
    seconds: float = 0.0
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, int | float]:
        """The summary for JSON, without ``found`` and ``unreadable``."""
        return {name: value for name, value in asdict(self).items() if name not in ("found", "unreadable")}


#: Called after each photo with what was done so far. The summary is the same object each time.
Progress = Callable[[ScanSummary], None]
