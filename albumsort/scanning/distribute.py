"""Distributes the work of a scan: the work can be sent anywhere, and each place has a function that runs it there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from albumsort.album.decoders import Decoders, KnownPhoto
from albumsort.records import PhotoFile, PhotoResult, ReadPhoto
from albumsort.scanning.batches import decoder_settings, read_in_batches
from albumsort.settings import ScanSettings
from albumsort.vision.reader import FaceReader

#: The results of a shard of files, in any order: photos that were read, and files whose bytes were known.
Read = Generator[PhotoResult | KnownPhoto, None, None]


@dataclass
class ReadFiles:
    """The work of a scan: opens, decodes and reads files. It can be pickled, and does not use the index.

    Attributes:
        settings: the settings of the scan.
        reader: finds and reads the faces.
        known: digests of files that need not be read. The digests of files that are being read are added, so that only
            one of several copies is read.
        in_hand: the photos that were being read when the work was interrupted, or its generator closed.
    """

    settings: ScanSettings
    reader: FaceReader
    known: set[str]
    in_hand: deque[ReadPhoto] = field(default_factory=deque)

    def __call__(self, files: Sequence[PhotoFile]) -> Read:
        """Read some files. Close the generator to stop early."""
        with (
            Decoders(iter(files), decoder_settings(self.settings, len(files)), self._is_known) as decoders,
            closing(read_in_batches(decoders, self.reader, self.in_hand)) as items,
        ):
            for item in items:
                yield item if isinstance(item, KnownPhoto) else PhotoResult(item.photo, item.faces)

    def _is_known(self, digest: str) -> bool:
        if digest in self.known:
            return True
        self.known.add(digest)
        return False


def local(work: Callable[[Sequence[PhotoFile]], Read], shards: Iterable[Sequence[PhotoFile]]) -> Read:
    """Work on shards of files in this process, one after the other."""
    for shard in shards:
        if shard:
            yield from work(shard)
