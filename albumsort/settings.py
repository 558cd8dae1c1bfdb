"""The settings of a scan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from albumsort.records import MAX_MEGAPIXELS

_RANGES = {
    "threshold": (0, 1),
    "min_face": (0, 100),
    "detail": (1, math.inf),
    "max_megapixels": (0, math.inf),
    "workers": (0, math.inf),
}
_DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True)
class ScanSettings:
    """How a scan finds, decodes and reads photos. The index keeps the settings of each scan.

    Attributes:
        threshold: a face is certain when its best probability is at least this, 0..1. It is applied to queries, not to
            the scan, so it may be changed later.
        min_face: the smallest face, in percent of the photo's long side.
        detail: photos are decoded to at most this many pixels on the long side.
        max_megapixels: photos with more megapixels are refused after their header is read.
        exclude: globs of names or paths to leave out.
        follow_links: whether symbolic links below the roots are followed.
        include_hidden: whether hidden, deleted and temporary files, and the rest of the table in
            ``album.passed_over``, are read, too.
        workers: how many decoder processes; 0 for one per core.
        device: ``auto``, ``cpu`` or ``gpu``.
        rescan: whether photos that have not changed are read again, too.
        model: the file of the emotion model; None for the model in use.
        rescore: whether faces that another model has read are read again, without a new search.

    Raises:
        ValueError: a value is no number where there must be one, or is out of range.
    """

    threshold: float = 0.5
    min_face: float = 2.5
    detail: int = 2048
    max_megapixels: float = MAX_MEGAPIXELS
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    include_hidden: bool = False
    workers: int = 0
    device: str = "auto"
    rescan: bool = False
    model: str | None = None
    rescore: bool = False

    def __post_init__(self) -> None:
        """Check the numbers and the device, because the index keeps them."""
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                limit = f"from {least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
                raise ValueError(f"{name} is {value!r}; it must be a number, {limit}")
        if self.device not in _DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(_DEVICES)}")
