"""A decoder process as its parent sees it: what it is working on, and how it is started, told and ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.context import SpawnContext

from albumsort.album.decoder_environment import worker_environment
from albumsort.album.decoder_worker import Opened, decoder_process
from albumsort.album.shared_pixels import SharedPixels
from albumsort.records import Photo, PhotoFile, split_offset

#: Seconds that a killed process has to end. One that waits for a disk which hangs does not end before the disk answers.
_LAST_SECONDS = 5.0


@dataclass
class DecoderHandle:
    """A decoder process.

    Attributes:
        is_ready: it has started.
        file: what it is working on; None while it has nothing to do.
        has_read: it has read all bytes of that file.
        opened: what it reported about that file.
        slot: the slot of shared memory into which it decodes.
        since: ``time.monotonic()`` of its last sign of life.
    """

    process: multiprocessing.process.BaseProcess
    pipe: connection.Connection
    is_ready: bool = False
    file: PhotoFile | None = None
    has_read: bool = False
    opened: Opened | None = None
    slot: int | None = None
    since: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, context: SpawnContext, memory: SharedPixels, *options: float) -> DecoderHandle:
        """Start a process; ``options`` are those of ``decoder_process`` after the memory."""
        ours, theirs = context.Pipe()
        process = context.Process(target=decoder_process, args=(theirs, memory, *options), daemon=True)
        try:
            with worker_environment():
                process.start()
        except BaseException:  # also for Ctrl-C, which was held back until now: nothing else knows about the process
            if process.pid is not None:
                process.kill()
                process.join()
            raise
        theirs.close()
        return cls(process, ours)

    @property
    def is_waiting(self) -> bool:
        """Whether the process has opened a file and is waiting for a slot."""
        return self.opened is not None and self.slot is None

    def tell(self, message: str | int | None) -> None:
        """Send a message. Whoever listens to the pipe notices if the process has died."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def begin(self, file: PhotoFile) -> None:
        """Give the process a file to open."""
        self.file, self.since = file, time.monotonic()
        self.tell(file.path)

    def grant(self, slot: int) -> None:
        """Let the process decode the opened file into a slot."""
        self.slot, self.since = slot, time.monotonic()
        self.tell(slot)

    def finish(self) -> None:
        """Make the process free for the next file, because the current one has a result."""
        self.file = self.opened = self.slot = None
        self.has_read = False

    def photo(self, error: str | None = None, digest: str | None = None) -> Photo:
        """The photo that the process is working on, as far as it is known; ``digest`` is used if it was not opened."""
        file, opened = self.file, self.opened
        assert file is not None  # noqa: S101 - only a process with a file has a result
        if opened is None:
            return Photo(file.path, file.size, file.mtime_ns, digest, error=error)
        header = opened.header
        taken_at, utc_offset = split_offset(header.taken_at)
        return Photo(
            file.path,
            file.size,
            file.mtime_ns,
            opened.digest,
            header.width,
            header.height,
            taken_at,
            header.camera,
            error=error,
            orientation=header.stored_orientation,
            utc_offset=utc_offset,
        )

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()

    def has_ended(self) -> bool:
        """Wait for a killed process; returns False if it does not end, because the disk that it reads hangs."""
        self.process.join(_LAST_SECONDS)
        if self.process.exitcode is not None:
            return True
        # At its end, Python would wait for it without a limit.
        multiprocessing.process._children.discard(self.process)  # type: ignore[attr-defined]
        return False
