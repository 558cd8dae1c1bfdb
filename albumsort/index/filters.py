"""What a query is limited to: which photos, and which of their faces count."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from albumsort.arguments import checked_flag, checked_number, checked_paths, shown
from albumsort.emotion_words import emotions_named
from albumsort.records import Face, Photo
from albumsort.text import spellings

#: SQLite cannot search for longer texts than 50,000 bytes, and no camera has such a name.
_LONGEST_NAME = 1000


def checked_date(text: str) -> str:
    """Check a date: a year, month, day, minute or second in ISO 8601, without a zone.

    Raises:
        ValueError: it is not a date.
    """
    try:
        if not isinstance(text, str) or not re.fullmatch(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?)?)?)?", text):
            raise ValueError
        datetime.fromisoformat(text + "-01-01"[len(text) - 4 :] if len(text) < 10 else text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a date; write 2024, 2024-05, 2024-05-17 or 2024-05-17T10:30") from None
    return text


@dataclass(frozen=True, slots=True)
class Filters:
    """Which photos and faces a query is about. Filters are checked when they are created.

    Attributes:
        under: folders; photos anywhere below one of them, by this name or by its real path, with accents composed or
            apart. A single folder may be given alone. They are made absolute.
        since: the first year, month, day, minute or second of ``taken_at``: ``2024``, ``2024-05``, ``2024-05-17`` or
            ``2024-05-17T10:30``, by the clock of the camera.
        until: the last, likewise; ``2024`` includes the whole year.
        undated: whether photos without a date pass ``since`` and ``until``.
        camera: a part of the camera's name, in upper or lower case.
        min_faces, max_faces: how many faces that count a photo must and may have.
        without: emotions that no certain face of a photo may show, named as in ``Query.emotions``.
        min_face: faces smaller than this percentage of the photo's long side do not count.
        min_detection: faces that the detector was less sure about do not count, 0..1.
        with_copies: list every byte-identical copy, every frame of a burst, and every RAW file beside its JPEG, not
            only one of each.

    Raises:
        ValueError: a value has the wrong type, a date is not valid, a number is out of range, a range is empty, or
            there is no such emotion.
    """

    under: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None
    since: str | None = None
    until: str | None = None
    undated: bool = False
    camera: str | None = None
    min_faces: int | None = None
    max_faces: int | None = None
    without: tuple[str, ...] = ()
    min_face: float | None = None
    min_detection: float | None = None
    with_copies: bool = False

    def __post_init__(self) -> None:
        folders = [] if self.under is None else checked_paths("under", self.under)
        object.__setattr__(self, "under", tuple(os.path.abspath(os.path.expanduser(path)) for path in folders) or None)
        object.__setattr__(self, "without", emotions_named(self.without))
        for day in (self.since, self.until):
            if day is not None:
                checked_date(day)
        if self.since and self.until and self.since[: len(self.until)] > self.until:
            raise ValueError(f"since {self.since} is after until {self.until}")
        if self.camera is not None and not (isinstance(self.camera, str) and len(self.camera) <= _LONGEST_NAME):
            raise ValueError(f"camera is {shown(self.camera)}; it must be a part of its name")
        for name, largest in (
            ("min_faces", math.inf),
            ("max_faces", math.inf),
            ("min_face", 100),
            ("min_detection", 1),
        ):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, checked_number(name, value, 0, largest, whole=name.endswith("faces")))
        if self.min_faces is not None and self.max_faces is not None and self.min_faces > self.max_faces:
            raise ValueError(f"min_faces {self.min_faces} is more than max_faces {self.max_faces}")
        for name in ("undated", "with_copies"):
            object.__setattr__(self, name, checked_flag(name, getattr(self, name)))

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of ``under``; none if there is no such condition."""
        return self.under or ()  # type: ignore[return-value] # which they are since the check

    @property
    def all_faces(self) -> bool:
        """Whether every face that was found counts."""
        return self.min_face is None and self.min_detection is None

    @property
    def all_photos(self) -> bool:
        """Whether every photo passes, except for conditions on its faces."""
        return self.under is self.since is self.until is self.camera is None

    @property
    def asks_for_faces(self) -> bool:
        """Whether there are conditions on the faces of a photo."""
        return bool(self.without) or self.min_faces is not None or self.max_faces is not None

    def count(self, size: Any, detection: Any) -> Any:
        """Whether faces count, given numbers or arrays.

        Args:
            size: the longer side of a face in percent of the photo's long side; infinite if that is unknown.
            detection: how sure the detector is of a face, 0..1.
        """
        return (size >= (self.min_face or 0.0)) & (detection >= (self.min_detection or 0.0))

    def counts(self, face: Face, photo: Photo) -> bool:
        """Whether a face of a photo counts. If the size of the photo is unknown, every face is large enough."""
        long_side = max(photo.width or 0, photo.height or 0)
        # Rounded to as many decimals as the packed faces have.
        size = round(max(face.box[2:]) / long_side * 100, 5) if long_side else math.inf
        return bool(self.count(size, face.detection))

    def conditions(self) -> str:
        """The conditions on a photo ``p`` apart from its faces, in SQL that follows another condition."""
        parts: list[str] = []
        if folders := self._folders():
            # As bytes, so that names that are not UTF-8 are also found below the folder.
            below = (f"substr(CAST(p.path AS BLOB), 1, length(:{name})) = :{name}" for name in folders)
            parts.append(f"AND ({' OR '.join(below)})")
        undated = "p.taken_at IS NULL" if self.undated else "FALSE"
        if self.since is not None:
            parts.append(f"AND ({undated} OR p.taken_at >= :since)")
        if self.until is not None:
            parts.append(f"AND ({undated} OR substr(p.taken_at, 1, length(:until)) <= :until)")
        if self.camera is not None:
            parts.append("AND p.camera LIKE :camera ESCAPE '^'")
        return " ".join(parts)

    def values(self) -> dict[str, Any]:
        """The values of the parameters in ``conditions``."""
        camera = self.camera and "%" + re.sub("([%_^])", r"^\1", self.camera) + "%"
        return {**self._folders(), "since": self.since, "until": self.until, "camera": camera}

    def _folders(self) -> dict[str, bytes]:
        """The starts of paths below ``under``, by parameter: a scan may have used a link or the real path."""
        names = [name for folder in self.folders for name in spellings(folder)]
        folders = dict.fromkeys([*names, *(form for name in names for form in spellings(os.path.realpath(name)))])
        return {f"under_{k}": os.fsencode(folder.rstrip(os.sep) + os.sep) for k, folder in enumerate(folders)}
