"""The scan: walk, decode, detect, crop, classify, write. Each stage is a room of its own; here they are wired."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from albumsort.album.decoders import Decoders, KnownPhoto
from albumsort.album.raw_pairs import jpegs_of_raws
from albumsort.album.walk import walk
from albumsort.errors import AlbumsortError
from albumsort.index.writer import IndexWriter, KnownResult
from albumsort.records import PhotoFile, PhotoResult
from albumsort.scanning.batches import FaceReader, read_again, read_photos
from albumsort.settings import ScanSettings
from albumsort.text import printable

#: Photos without faces to find (bad ones, copies) are written in batches of this size.
WRITE_BATCH = 200
#: Seconds for which results wait at most before they are written.
WRITE_SECONDS = 5.0


@dataclass
class ScanSummary:
    """What a scan did.

    Attributes:
        found: candidates of the walk.
        photos: of these, how many have a row now.
        scanned: of these, photos that were opened and read, or tried to be.
        unchanged: skipped without being opened.
        moved: known by their bytes, moved or copied.
        raws: RAW files that are one photo with the JPEG beside them, and were not opened for that.
        faces: found in the scanned photos.
        errors: scanned or moved photos that could not be read.
        rescored: photos whose faces were read again where another model had found them.
        of_other_models: photos below the roots with faces that another model than this one has read, and that are not
            among the rescored.
        unreadable: (path, reason) of folders and files that the walk could not look into.
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
        """For JSON: everything but the walk's own notes."""
        return {name: value for name, value in asdict(self).items() if name not in ("found", "unreadable")}


def scan(
    paths: Sequence[str | os.PathLike[str]],
    index: str | os.PathLike[str],
    settings: ScanSettings | None = None,
    progress: Callable[[ScanSummary], None] = lambda summary: None,
) -> ScanSummary:
    """Scan folders and photos into an index.

    A script that calls this needs the usual ``if __name__ == "__main__":`` around it, since decoders are processes.

    Args:
        paths: folders, with everything below them, and single photos.
        index: the SQLite file; made when it is not there.
        settings: None for the defaults.
        progress: called after each photo with what was done so far.

    Raises:
        AlbumsortError: a path is not there, the index cannot be written, a GPU was asked for and there is none.
        KeyboardInterrupt: what was done until then is in the index.
    """
    settings = settings or ScanSettings()
    roots = [os.path.abspath(os.fsdecode(path)) for path in paths]
    for root in roots:
        if not os.path.exists(root):
            raise AlbumsortError(f"{printable(root)}: no such folder or photo")
    with IndexWriter(Path(index)) as writer:
        return _Scan(writer, roots, settings, progress).run()


class _Scan:
    """One scan in progress."""

    def __init__(
        self, writer: IndexWriter, roots: list[str], settings: ScanSettings, progress: Callable[[ScanSummary], None]
    ) -> None:
        self.writer, self.roots, self.settings, self.progress = writer, roots, settings, progress
        self.summary = ScanSummary()
        self.others: deque[PhotoFile] = deque()
        self.pending: list[PhotoResult] = []
        self.copies: list[KnownPhoto] = []
        self.pairs: list[tuple[PhotoFile, str]] = []  # RAW files, and the paths of their JPEGs
        self.last_write = time.monotonic()
        self.reader = FaceReader(settings)
        self.is_model_named = False
        self.known_photos = {} if settings.rescan else writer.seen.unchanged(settings.max_megapixels)
        self.known_raws = writer.seen.raws()
        self.known_others = {} if settings.rescan else writer.seen.others()
        # Digests of what is in the index already, and of what this scan is reading: their copies need no reading.
        self.digests: set[str] = set() if settings.rescan else writer.seen.digests()

    def run(self) -> ScanSummary:
        start = time.monotonic()
        self.scan_id = self.writer.start_scan({"paths": self.roots, **asdict(self.settings)})
        # The whole walk first: it takes a second for 100,000 files, and the time left can be told from then on.
        self._read_all(self._walk())
        self._see_to_pairs()
        self.writer.note_others(self.others)
        self.writer.note_unread(self.roots, self.summary.unreadable)
        self._see_to_other_models()
        self.writer.finish_scan(self.scan_id)
        self.summary.seconds = round(time.monotonic() - start, 3)
        self.progress(self.summary)
        return self.summary

    def _read_all(self, files: list[PhotoFile]) -> None:
        while files:
            self._read(files)
            # Left over are files whose bytes were known when they were opened, but whose known photo has been replaced
            # since by another of its name. They are read after all.
            files = [copy.file for copy in self.copies]
            self.digests -= {copy.digest for copy in self.copies}
            self.copies = []

    def _read(self, files: list[PhotoFile]) -> None:
        with (
            Decoders(iter(files), self.settings.decoders(), self._is_known) as decoders,
            closing(read_photos(decoders, self.reader)) as items,
        ):
            try:
                for item in items:
                    if isinstance(item, KnownPhoto):
                        self.copies.append(item)
                    else:
                        self._count(item)
                        self.pending.append(item)
                    due = time.monotonic() - self.last_write > WRITE_SECONDS
                    if due or len(self.pending) + len(self.copies) >= WRITE_BATCH:
                        self._flush()
                    self.progress(self.summary)
            finally:
                self._flush()  # also when interrupted: what was read is kept

    def _walk(self) -> list[PhotoFile]:
        """The candidates that need to be opened."""
        summary = self.summary
        candidates = list(
            walk(
                self.roots,
                self.settings.exclude,
                self.settings.follow_links,
                lambda file: self.known_others.get(file.path) == (file.size, file.mtime_ns),
                self._is_unchanged,
                self.others.append,
                lambda path, reason: summary.unreadable.append((path, reason)),
            )
        )
        jpegs = jpegs_of_raws(file.path for file in candidates)
        files = []
        for file in candidates:
            if file.path in jpegs:
                self.pairs.append((file, jpegs[file.path]))
            elif self._is_unchanged(file) and file.path not in self.known_raws:
                summary.unchanged += 1
            else:
                files.append(file)
        summary.raws = len(self.pairs)
        summary.photos = summary.unchanged + summary.raws
        summary.found = len(candidates)
        return files

    def _is_unchanged(self, file: PhotoFile) -> bool:
        return self.known_photos.get(file.path) == (file.size, file.mtime_ns)

    def _see_to_pairs(self) -> None:
        """Note which RAW files are one photo with the JPEG beside them; read those whose JPEG could not be read."""
        unreadable = self.writer.seen.unreadable() if self.pairs else set()
        alone = [file for file, jpeg in self.pairs if jpeg in unreadable]
        unread = [file for file in alone if not self._is_unchanged(file) or file.path in self.known_raws]
        self.summary.raws -= len(alone)
        self.summary.unchanged += len(alone) - len(unread)
        self.summary.photos -= len(unread)
        self._read_all(unread)
        self.writer.pair(
            self.scan_id,
            [
                (file, jpeg)
                for file, jpeg in self.pairs
                if jpeg not in unreadable and not (self._is_unchanged(file) and self.known_raws.get(file.path) == jpeg)
            ],
        )

    def _is_known(self, digest: str) -> bool:
        if digest in self.digests:
            return True
        self.digests.add(digest)
        return False

    def _count(self, result: PhotoResult) -> None:
        self.summary.photos += 1
        self.summary.scanned += 1
        self.summary.faces += len(result.faces)
        self.summary.errors += result.photo.error is not None

    def _see_to_other_models(self) -> None:
        """Read faces again that another model has read, or count the photos that they are in."""
        models = self.writer.models()
        if not models or models == {self.reader.card.title}:
            return
        if not self.settings.rescore:
            self.summary.of_other_models = self.writer.count_by_others(self.reader.card.title, self.roots)
            return
        tops = tuple(root.rstrip(os.sep) + os.sep for root in self.roots)
        others = {
            result.photo.path: result
            for result in self.writer.read_by_others(self.reader.card.title)
            if result.photo.path in self.roots or result.photo.path.startswith(tops)
        }
        try:
            for result in read_again(others, self.reader, self.settings):
                self.pending.append(result)
                self.summary.rescored += 1
                if len(self.pending) >= WRITE_BATCH or time.monotonic() - self.last_write > WRITE_SECONDS:
                    self._flush()
                self.progress(self.summary)
            # What is left is gone or cannot be read, and its faces stay as they were.
            self.summary.of_other_models = len(others) - self.summary.rescored
        finally:
            self._flush()  # also when interrupted

    def _flush(self) -> None:
        """Write what waits: the photos that were read, and the copies of what is known."""
        if (card := self.reader.card_in_use) and not self.is_model_named:
            self.writer.name_model(self.scan_id, card.title, card.labels)
            self.is_model_named = True
        # What is known is looked up before anything is written: the name of a moved photo may be taken by another now.
        found = {copy.file.path: self._known(copy) for copy in self.copies}
        self.writer.write(self.scan_id, self.pending)
        self.pending = []
        for copy in self.copies:  # copies of photos that have only been written now
            found[copy.file.path] = found[copy.file.path] or self._known(copy)
        reused = [(copy.file, copy.taken_at, known) for copy in self.copies if (known := found[copy.file.path])]
        self.writer.reuse(reused)
        self.copies = [copy for copy in self.copies if not found[copy.file.path]]
        self.summary.photos += len(reused)
        self.summary.moved += len(reused)
        self.summary.errors += sum(known.result.photo.error is not None for _, _, known in reused)
        self.last_write = time.monotonic()

    def _known(self, copy: KnownPhoto) -> KnownResult | None:
        return self.writer.known(copy.digest, self.scan_id if self.settings.rescan else 0)
