"""The decoders: worker processes that turn files into pixels, so that a bad file costs one file and never the scan.

A worker opens a file, reports digest and header, and waits. The parent answers with a slot of shared memory, or tells
it to let the file be, because its bytes are known already. So what is decoded at once is bounded by megapixels and
slots, and memory does not grow with the album. Workers never import TensorFlow.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import connection, shared_memory

import numpy as np
from numpy.typing import NDArray

from albumsort.album.capture_time import date_in_name
from albumsort.album.decoder_environment import slots_that_fit, worker_environment
from albumsort.album.decoder_worker import Decoded, Failed, Opened, Ready, decoder_process
from albumsort.errors import AlbumsortError
from albumsort.records import MAX_MEGAPIXELS, Photo, PhotoFile

#: Megapixels that all workers together may have in decoding; one larger photo is decoded alone.
MEGAPIXELS_AT_ONCE = 60.0
#: How the error of a photo with too many pixels begins.
TOO_LARGE = "too large"
#: Seconds between two looks at the clock.
_TICK = 1.0


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A decoded photo in shared memory.

    Attributes:
        pixels: uint8 RGB ``(height, width, 3)``, upright, sRGB, at most ``detail`` on the long side.
        small: the same photo, at most ``small_side`` on the long side, for the detector.
        slot: which slot of the shared memory holds both. They are valid until ``Decoders.release``.
    """

    photo: Photo
    pixels: NDArray[np.uint8]
    small: NDArray[np.uint8]
    slot: int


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """A file whose bytes were seen before; ``digest`` says which.

    ``taken_at`` is as in ``Photo``: where it comes from the name of a file, a copy of another name has another.
    """

    file: PhotoFile
    digest: str
    taken_at: str | None


@dataclass(frozen=True, slots=True)
class DecoderSettings:
    """How photos are decoded.

    Attributes:
        workers: processes.
        small_side: pixels on the long side of the copy for the detector, at most.
        detail: pixels on the long side, at most.
        max_megapixels: a photo with more is refused by its header.
        seconds: that one file may take between two signs of life.
        slots: photos that may be decoded and not yet released; each takes a slot of the shared memory.
    """

    workers: int
    small_side: int
    detail: int = 2048
    max_megapixels: float = MAX_MEGAPIXELS
    seconds: float = 30.0
    slots: int = 24


@dataclass
class _Worker:
    """A worker process as its parent sees it."""

    process: multiprocessing.process.BaseProcess
    pipe: connection.Connection
    is_ready: bool = False
    file: PhotoFile | None = None
    opened: Opened | None = None
    slot: int | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def is_waiting(self) -> bool:
        """It has opened a file and waits to be given a slot."""
        return self.opened is not None and self.slot is None

    def rest(self) -> None:
        self.file = self.opened = self.slot = None


class Decoders:
    """Decodes files in worker processes and yields the results in the order in which they are ready.

    It is a context manager; iterate over it within. Each item is a ``DecodedPhoto``, which must be released, a
    ``KnownPhoto``, or a ``Photo`` whose ``error`` says why it could not be read.
    """

    def __init__(
        self,
        files: Iterator[PhotoFile],
        settings: DecoderSettings,
        is_known: Callable[[str], bool] = lambda digest: False,
    ) -> None:
        """Take the memory; the workers start with the context.

        Args:
            settings: how many workers, how much memory.
            files: what to decode; drawn from in another thread, only as fast as workers are free.
            is_known: asked, in that thread, whether a digest needs no decoding.

        Raises:
            AlbumsortError: there is no room for the photos in shared memory.
        """
        self._files = files
        self._settings = settings
        self._is_known = is_known
        self._small_bytes = settings.small_side**2 * 3
        self._slot_bytes = settings.detail**2 * 3 + self._small_bytes
        self.slots = slots_that_fit(settings.slots, settings.workers + 1, self._slot_bytes)
        memory = None
        try:
            with worker_environment():  # the first shared memory starts a process, too, that watches over it
                memory = shared_memory.SharedMemory(create=True, size=self.slots * self._slot_bytes)
        except BaseException:  # Ctrl-C among them, which waited for this: nobody else would free it
            if memory is not None:
                memory.close()
                memory.unlink()
            raise
        self._memory = memory
        self._free = deque(range(self.slots))
        self._ready: queue.SimpleQueue[DecodedPhoto | KnownPhoto | Photo | BaseException | None] = queue.SimpleQueue()
        self._context = multiprocessing.get_context("spawn")
        self._wake_up, self._bell = self._context.Pipe(duplex=False)
        self._at_the_bell = threading.Lock()  # photos are released by several threads
        self._stopping = False
        self._workers: list[_Worker] = []
        self._thread = threading.Thread(target=self._run, name="decoders", daemon=True)

    def __enter__(self) -> Decoders:
        try:
            for _ in range(self._settings.workers):
                self._workers.append(self._start())
            self._thread.start()
        except BaseException:  # Ctrl-C among them: what is there already must go
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._ring()
        if self._thread.is_alive():
            self._thread.join()
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._memory.close()
        self._memory.unlink()

    def __iter__(self) -> Iterator[DecodedPhoto | KnownPhoto | Photo]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def release(self, photo: DecodedPhoto) -> None:
        """Give the photo's memory back for the next one; its arrays must not be used any more."""
        self._free.append(photo.slot)
        self._ring()

    def _ring(self) -> None:
        with self._at_the_bell:
            self._bell.send_bytes(b"!")

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=decoder_process,
            args=(
                theirs,
                self._memory.name,
                self._slot_bytes,
                self._settings.detail,
                self._settings.small_side,
            ),
            daemon=True,
        )
        try:
            with worker_environment():
                process.start()
        except BaseException:  # Ctrl-C among them, which waited for this: nobody else knows of the process
            if process.pid is not None:
                process.kill()
                process.join()
            raise
        theirs.close()
        return _Worker(process, ours)

    def _run(self) -> None:
        """The thread that hands out work; ends when every file has its result."""
        try:
            exhausted = False
            while not self._stopping:
                for worker in self._workers:
                    if worker.is_ready and worker.file is None and not exhausted:
                        exhausted = not self._assign(worker)
                if exhausted and all(worker.file is None for worker in self._workers):
                    break
                self._grant()
                self._listen()
        except BaseException as error:  # handed to the thread that iterates, which raises it
            self._ready.put(error)
        self._ready.put(None)

    def _assign(self, worker: _Worker) -> bool:
        """Give an idle worker the next file; False when there is none."""
        file = next(self._files, None)
        if file is None:
            return False
        worker.file, worker.since = file, time.monotonic()
        self._tell(worker, file.path)
        return True

    def _tell(self, worker: _Worker, message: str | int | None) -> None:
        """Send to a worker; one that has died is found out when it is listened to."""
        with contextlib.suppress(OSError):
            worker.pipe.send(message)

    def _grant(self) -> None:
        """Let workers that wait with an open file decode it, as far as slots and megapixels allow."""
        busy = sum(w.opened.megapixels for w in self._workers if w.opened and w.slot is not None)
        for worker in self._workers:
            if not worker.is_waiting or not self._free:
                continue
            assert worker.opened is not None  # noqa: S101 - is_waiting says so
            size = worker.opened.megapixels
            if busy and busy + size > MEGAPIXELS_AT_ONCE:
                continue
            worker.slot = self._free.popleft()
            worker.since = time.monotonic()
            self._tell(worker, worker.slot)
            busy += size

    def _listen(self) -> None:
        """Wait for a worker to say something, to die or to overrun its time."""
        active = [w for w in self._workers if w.file is not None or not w.is_ready]
        working = [w.since for w in active if w.is_ready and not w.is_waiting]
        late = min(working, default=time.monotonic()) + self._settings.seconds
        waits = [self._wake_up, *(w.pipe for w in active)]
        start = time.monotonic()
        heard = connection.wait(waits, timeout=min(_TICK, max(0.0, late - start) + 0.01))
        overslept = time.monotonic() - start - _TICK
        if overslept > _TICK:  # the whole program was stopped (Ctrl-Z, a laptop asleep): no file is to blame
            for worker in active:
                worker.since += overslept
        if self._wake_up in heard:
            while self._wake_up.poll():
                self._wake_up.recv_bytes()
        for worker in active:
            if worker.pipe in heard:
                try:
                    message = worker.pipe.recv()
                except (EOFError, OSError):
                    self._replace(worker, "decoder crashed")
                    continue
                worker.since = time.monotonic()
                self._take(worker, message)
            elif worker.is_ready and not worker.is_waiting and time.monotonic() - worker.since > self._settings.seconds:
                self._replace(worker, f"decoder took over {self._settings.seconds:g} s")

    def _take(self, worker: _Worker, message: Ready | Opened | Decoded | Failed) -> None:
        if isinstance(message, Ready):
            worker.is_ready = True
            return
        file = worker.file
        assert file is not None  # noqa: S101 - only workers with a file are listened to
        if isinstance(message, Opened):
            size, limit = message.header.megapixels, self._settings.max_megapixels
            worker.opened = message
            if self._is_known(message.digest):
                self._tell(worker, None)
                taken_at = message.header.taken_at or date_in_name(file.path)
                self._ready.put(KnownPhoto(file, message.digest, taken_at))
                worker.rest()
            elif size > limit:
                self._tell(worker, None)
                words = f"{size:.0f}" if size >= 10 else f"{size:.1f}"
                self._fail(worker, f"{TOO_LARGE} ({words} MP > {limit:g} MP; see --max-megapixels)")
            return
        if isinstance(message, Failed):
            self._fail(worker, message.reason, message.digest)
            return
        assert worker.slot is not None  # noqa: S101 - what is decoded was granted
        self._ready.put(self._decoded(worker, message))
        worker.slot = None
        worker.rest()

    def _decoded(self, worker: _Worker, message: Decoded) -> DecodedPhoto:
        assert worker.slot is not None  # noqa: S101
        start = worker.slot * self._slot_bytes
        arrays = [
            np.ndarray(shape, np.uint8, self._memory.buf, offset)
            for shape, offset in ((message.small, start), (message.pixels, start + self._small_bytes))
        ]
        photo = replace(self._photo(worker, message.error), phash=message.phash, exposure=message.exposure)
        return DecodedPhoto(photo, arrays[1], arrays[0], worker.slot)

    def _photo(self, worker: _Worker, error: str | None = None, digest: str | None = None) -> Photo:
        file, opened = worker.file, worker.opened
        assert file is not None  # noqa: S101
        if opened is None:
            return Photo(file.path, file.size, file.mtime_ns, digest, error=error)
        header = opened.header
        return Photo(
            file.path,
            file.size,
            file.mtime_ns,
            opened.digest,
            header.width,
            header.height,
            header.taken_at or date_in_name(file.path),
            header.camera,
            error=error,
            orientation=header.stored_orientation,
        )

    def _fail(self, worker: _Worker, reason: str, digest: str | None = None) -> None:
        self._ready.put(self._photo(worker, error=reason, digest=digest))
        if worker.slot is not None:
            self._free.append(worker.slot)
        worker.rest()

    def _replace(self, worker: _Worker, reason: str) -> None:
        """A worker died or hangs: its file gets the reason, and a new worker takes its place.

        Raises:
            AlbumsortError: it died before it could do anything; the next would, too.
        """
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        if not worker.is_ready:
            raise AlbumsortError("a decoder process does not start; is there enough memory?")
        self._fail(worker, reason)
        self._workers[self._workers.index(worker)] = self._start()
