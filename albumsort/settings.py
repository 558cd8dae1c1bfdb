"""How a scan looks at photos."""

from __future__ import annotations

import os
from dataclasses import dataclass

from albumsort.album.decoders import DecoderSettings
from albumsort.records import MAX_MEGAPIXELS
from albumsort.vision.detector import LOOK_SIDE


@dataclass(frozen=True)
class ScanSettings:
    """How a scan looks at photos; kept with it in the index.

    Attributes:
        threshold: probability from which a face is certain; applied when asking, so it may be changed later.
        min_face: the smallest face, in percent of the photo's long side.
        detail: pixels on the long side to which a photo is decoded, at most.
        max_megapixels: photos with more are refused by their header.
        exclude: globs of names or paths to leave out.
        follow_links: follow symbolic links below the roots.
        workers: decoder processes; 0 for one a core.
        device: ``auto``, ``cpu`` or ``gpu``.
        rescan: look again at photos that have not changed.
        model: file of the emotion model; None for the one in use.
        rescore: read faces again that another model has read, where they were found.
    """

    threshold: float = 0.5
    min_face: float = 2.5
    detail: int = 2048
    max_megapixels: float = MAX_MEGAPIXELS
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    workers: int = 0
    device: str = "auto"
    rescan: bool = False
    model: str | None = None
    rescore: bool = False

    def decoders(self) -> DecoderSettings:
        """What of it the decoders need."""
        workers = self.workers or os.cpu_count() or 1
        look = min(LOOK_SIDE, self.detail)
        # Frames for the batches in flight and as many that wait for their like, and one in work for each worker.
        return DecoderSettings(workers, look, self.detail, self.max_megapixels, slots=22 + workers)
