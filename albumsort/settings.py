"""The settings of a scan."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from albumsort.arguments import checked_flag, checked_number, checked_one_of, checked_path, checked_several
from albumsort.records import MAX_MEGAPIXELS

_RANGES = {
    "threshold": (0, 1),
    "min_face": (0, 100),
    "detail": (1, math.inf),
    "max_megapixels": (0, math.inf),
    "workers": (0, math.inf),
}
_FLAGS = ("follow_links", "include_hidden", "rescan", "rescore")
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
        exclude: globs of names or paths to leave out; a single one may be given alone.
        follow_links: whether symbolic links below the roots are followed.
        include_hidden: whether hidden, deleted and temporary files, and the rest of the table in
            ``album.passed_over``, are read, too.
        workers: how many decoder processes; 0 for one per core.
        device: ``auto``, ``cpu`` or ``gpu``.
        rescan: whether photos that have not changed are read again, too.
        model: the file of the emotion model; None for the model in use.
        rescore: whether faces that another model has read are read again, without a new search.

    Raises:
        ValueError: a value has the wrong type, or is out of range.
    """

    threshold: float = 0.5
    min_face: float = 2.5
    detail: int = 2048
    max_megapixels: float = MAX_MEGAPIXELS
    exclude: str | Sequence[str] = ()
    follow_links: bool = False
    include_hidden: bool = False
    workers: int = 0
    device: str = "auto"
    rescan: bool = False
    model: str | os.PathLike[str] | None = None
    rescore: bool = False

    def __post_init__(self) -> None:
        """Check the values, because the index keeps them."""
        values: dict[str, Any] = {
            name: checked_number(name, getattr(self, name), least, most, whole=name in ("detail", "workers"))
            for name, (least, most) in _RANGES.items()
        }
        values |= {name: checked_flag(name, getattr(self, name)) for name in _FLAGS}
        checked_one_of("device", self.device, _DEVICES)
        exclude = (self.exclude,) if isinstance(self.exclude, str) else self.exclude
        values["exclude"] = tuple(checked_several("exclude", exclude, str))
        values["model"] = None if self.model is None else checked_path("model", self.model)
        for name, value in values.items():
            object.__setattr__(self, name, value)
