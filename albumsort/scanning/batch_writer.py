"""The batch writer: collects what a scan reads, and writes it to the index in few transactions."""

from __future__ import annotations

import time

from albumsort.album.decoders import KnownPhoto
from albumsort.index.known_files import KnownResult
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoResult
from albumsort.scanning.summary import ScanSummary
from albumsort.vision.reader import FaceReader


class BatchWriter:
    """Writes results, and copies of known photos, once enough of them are waiting or enough time has passed."""

    def __init__(
        self,
        writer: IndexWriter,
        scan: int,
        reader: FaceReader,
        summary: ScanSummary,
        *,
        known_since: int = 0,
        photos: int = 200,
        seconds: float = 5.0,
    ) -> None:
        """Make a writer that has nothing to write yet.

        Args:
            writer: the index.
            scan: the id of the scan.
            reader: its model is recorded before the first faces that it has read are written.
            summary: copies are counted there when they are written.
            known_since: copies take the faces of photos that this scan or a later one has read.
            photos: the largest number to write at once.
            seconds: the longest time that a photo waits while others follow.
        """
        self._writer, self._scan, self._reader, self._summary = writer, scan, reader, summary
        self._known_since, self._photos, self._seconds = known_since, photos, seconds
        self._results: list[PhotoResult] = []
        self._copies: list[KnownPhoto] = []
        self._is_model_named = False
        self._last = time.monotonic()

    def add(self, item: PhotoResult | KnownPhoto) -> None:
        """Take a result or a copy, and write what is waiting if it is time."""
        if isinstance(item, KnownPhoto):
            self._copies.append(item)
        else:
            self._results.append(item)
        is_late = time.monotonic() - self._last > self._seconds
        if is_late or len(self._results) + len(self._copies) >= self._photos:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if (card := self._reader.loaded_card) and not self._is_model_named:
            self._writer.name_model(self._scan, card.identity, card.labels, self._reader.engine)
            self._is_model_named = True
        # Known photos are looked up before anything is written: another photo may take the name of a moved one.
        found = [self._known(copy) for copy in self._copies]
        self._writer.write(self._scan, self._results)
        self._results = []
        # Try again, for the copies of photos that have only just been written.
        pairs = [(copy, known or self._known(copy)) for copy, known in zip(self._copies, found, strict=True)]
        reused = [(copy.file, copy.taken_at, known) for copy, known in pairs if known]
        self._writer.reuse(reused)
        # The photo that the other copies belong to is still being read, or has been replaced.
        self._copies = [copy for copy, known in pairs if not known]
        self._summary.photos += len(reused)
        self._summary.moved += len(reused)
        self._summary.errors += sum(known.result.photo.error is not None for _, _, known in reused)
        self._last = time.monotonic()

    def take_left_over(self) -> list[KnownPhoto]:
        """Hand over the copies that could not be written, because another photo has taken the name of the known one."""
        left_over, self._copies = self._copies, []
        return left_over

    def _known(self, copy: KnownPhoto) -> KnownResult | None:
        return self._writer.known_files.result(copy.digest, self._known_since, self._scan)
