"""The scan: connects the walk, the plan, the decoders, the reader and the index."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from albumsort.album.decoders import KnownPhoto
from albumsort.album.walk import walk
from albumsort.arguments import checked_path, checked_paths, checked_record, shown
from albumsort.errors import AlbumsortError
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile, PhotoResult
from albumsort.scanning.batch_writer import BatchWriter
from albumsort.scanning.batches import face_reader
from albumsort.scanning.distribute import ReadFiles, local
from albumsort.scanning.plan import KnownPhotos, ScanPlan, passed_over_now, plan_scan, settle_pairs
from albumsort.scanning.recrop import read_again
from albumsort.scanning.summary import Progress, ScanSummary
from albumsort.settings import ScanSettings
from albumsort.text import printable
from albumsort.vision.reader import FaceReader


def scan(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    index: str | os.PathLike[str],
    settings: ScanSettings | None = None,
    progress: Progress = lambda summary: None,
    reader: FaceReader | None = None,
    *,
    write_photos: int = 200,
    write_seconds: float = 5.0,
) -> ScanSummary:
    """Scan folders and photos into an index.

    Args:
        paths: a folder, with everything below it, or a photo; or several of them.
        index: the SQLite file; it is created if it does not exist.
        settings: None for the defaults.
        progress: called with a summary of what was done so far, once all photos are found and after each of them.
        reader: finds and reads the faces; None for one with these settings.
        write_photos: the largest number of photos that are written to the index in one transaction.
        write_seconds: about the longest time that a photo waits, once it is read, before it is written.

    Raises:
        ValueError: there is no path, or an argument has the wrong type.
        AlbumsortError: a path does not exist, the index cannot be written, or a GPU was requested and there is none.
        KeyboardInterrupt: what was done until then is in the index.
    """
    settings = ScanSettings() if settings is None else checked_record("settings", settings, ScanSettings)
    index = checked_path("index", index)
    if not callable(progress):
        raise ValueError(f"progress is {shown(progress)}; it must be a function of a ScanSummary")
    roots = [os.path.abspath(path) for path in checked_paths("paths", paths)]
    if not roots:
        raise ValueError("paths is empty; name a folder or a photo")
    for root in roots:
        if not os.path.exists(root):
            raise AlbumsortError(f"{printable(root)}: no such folder or photo")
    reader = reader or face_reader(settings)
    summary = ScanSummary()
    with IndexWriter(Path(index)) as writer:
        scan_id = writer.start_scan({"paths": roots, **asdict(settings)})
        batches = BatchWriter(
            writer,
            scan_id,
            reader,
            summary,
            known_since=scan_id if settings.rescan else 0,
            photos=write_photos,
            seconds=write_seconds,
        )
        # A file with one of these digests is a copy of a photo in the index, and is not read.
        work = ReadFiles(settings, reader, set() if settings.rescan else writer.known_files.digests())
        return _Scan(writer, scan_id, roots, work, batches, summary, progress).run()


@dataclass
class _Scan:
    """One scan in progress."""

    writer: IndexWriter
    scan_id: int
    roots: list[str]
    work: ReadFiles
    batches: BatchWriter
    summary: ScanSummary
    progress: Progress

    def run(self) -> ScanSummary:
        """Walk, plan, read, pair, and read again what another model has read."""
        start = time.monotonic()
        summary, files, settings = self.summary, self.writer.known_files, self.work.settings
        unchanged = {} if settings.rescan else files.unchanged(settings.max_megapixels)
        known = KnownPhotos(unchanged, files.raws(), files.unreadable(), files.paths())
        not_photos = {} if settings.rescan else files.not_photos()
        # The whole walk comes first: it takes a second for 100,000 files, and afterwards the time left is known.
        options = settings.exclude, settings.follow_links, known.photos, not_photos, settings.include_hidden
        found = walk(self.roots, *options, locked=self.writer.locked_files(), named=files.roots())
        plan = plan_scan(found, known)
        summary.found, summary.unchanged, summary.raws = plan.found, plan.unchanged, len(plan.pairs)
        summary.photos, summary.unreadable = plan.unchanged + len(plan.pairs), plan.problems
        summary.passed_over, summary.old_errors = plan.passed_over, plan.old_errors
        self.progress(summary)
        self._read(plan.to_read)

        pairs = settle_pairs(plan.pairs, files.unreadable() if plan.pairs else set(), known)
        summary.raws -= len(pairs.to_read) + pairs.unchanged
        summary.unchanged += pairs.unchanged
        summary.photos -= len(pairs.to_read)
        self._read(pairs.to_read)
        self.writer.pair(self.scan_id, pairs.to_pair)

        if not settings.include_hidden:
            summary.dropped = self._drop_passed_over(plan)
        self.writer.note_not_photos(plan.not_photos)
        self.writer.note_unread(self.roots, plan.problems)
        self._attend_to_other_models()
        self.writer.finish_scan(self.scan_id)
        summary.seconds = round(time.monotonic() - start, 3)
        self.progress(summary)
        return summary

    def _drop_passed_over(self, plan: ScanPlan) -> int:
        """Drop the photos of earlier scans that are passed over now; returns their number."""
        files = self.writer.known_files
        known = files.unchanged(math.inf) if self.work.settings.rescan else plan.not_found
        paths = {*known, *files.unreadable()}
        return self.writer.drop([*passed_over_now(paths - plan.copies, self.roots, files.roots()), *plan.copies])

    def _read(self, files: list[PhotoFile]) -> None:
        while files:
            try:
                with closing(local(self.work, [files])) as items:
                    for item in items:
                        self._take(item)
                        self.progress(self.summary)
            finally:  # also if interrupted: what was read is kept
                while self.work.in_hand:
                    photo = self.work.in_hand.popleft()
                    self._take(PhotoResult(photo.photo, photo.faces))
                self.batches.flush()
            # The bytes of these files were known when they were opened, but another photo has taken the name of the
            # known photo since. So these files are read after all.
            left_over = self.batches.take_left_over()
            self.work.known -= {copy.digest for copy in left_over}
            files = [copy.file for copy in left_over]

    def _take(self, item: PhotoResult | KnownPhoto) -> None:
        """Count a photo that was read, or a copy, and write it with others."""
        if isinstance(item, PhotoResult):
            self.summary.photos += 1
            self.summary.scanned += 1
            self.summary.faces += len(item.faces)
            self.summary.errors += item.photo.error is not None
        self.batches.add(item)

    def _attend_to_other_models(self) -> None:
        """Read the faces again that another model has read, or only count their photos."""
        models = self.writer.models()
        if not models:
            return
        identity = self.work.reader.card.identity
        if models == {identity}:
            return
        if not self.work.settings.rescore:
            self.summary.of_other_models = self.writer.count_of_other_models(identity, self.roots)
            return
        tops = tuple(root.rstrip(os.sep) + os.sep for root in self.roots)
        paths = [
            path for path in self.writer.paths_of_other_models(identity) if path in self.roots or path.startswith(tops)
        ]
        self.summary.of_other_models = len(paths)
        try:
            for result in read_again(paths, self.writer.as_predicted, self.work.reader, self.work.settings):
                self.summary.rescored += 1
                self.summary.of_other_models -= 1
                self.batches.add(result)
                self.progress(self.summary)
        finally:
            self.batches.flush()  # also if interrupted
