"""The decoders: worker processes that turn files into pixels, so that a bad file never ends the scan.

A worker opens a file, reports its digest and header, and waits. The parent answers with a slot of shared memory. If it
already knows the bytes, it answers without a slot, and the worker does not decode the file. So megapixels and slots
limit how much is decoded at once, and memory does not grow with the album. Workers load no networks.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import connection

import numpy as np
from numpy.typing import NDArray

from albumsort.album.decoder_handle import DecoderHandle
from albumsort.album.decoder_worker import NO_MEMORY, Decoded, Failed, HasRead, Opened, Ready
from albumsort.album.shared_pixels import SharedPixels
from albumsort.errors import AlbumsortError
from albumsort.records import MAX_MEGAPIXELS, Photo, PhotoFile

#: Seconds after which the parent checks again whether a worker has overrun its time.
_TICK = 1.0
#: Seconds that a worker has to start on a machine that is busy.
_START_SECONDS = 120.0


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
    """A file whose bytes are known from another photo, so that it was not decoded.

    Attributes:
        digest: SHA-256 of its bytes, in hexadecimal.
        taken_at: ISO 8601, with the offset from UTC if that is known. If it comes from the file's name, copies with
            different names have different times.
    """

    file: PhotoFile
    digest: str
    taken_at: str | None


@dataclass(frozen=True, slots=True)
class DecoderSettings:
    """How photos are decoded.

    Attributes:
        workers: number of processes.
        small_side: the largest number of pixels on the long side of the small picture for the detector.
        detail: the largest number of pixels on the long side of the photo.
        max_megapixels: a photo with more is refused once its header is read.
        seconds: a worker that gives no sign of life for this long is replaced.
        slots: how many decoded photos may wait to be released; each takes a slot of the shared memory.
        megapixels_at_once: limit on what all workers together are decoding. A larger photo is decoded alone.
    """

    workers: int
    small_side: int
    detail: int = 2048
    max_megapixels: float = MAX_MEGAPIXELS
    seconds: float = 30.0
    slots: int = 24
    megapixels_at_once: float = 60.0

    def may_start(self, megapixels: float, in_decoding: float) -> bool:
        """Whether a photo may be decoded while others with a total of ``in_decoding`` megapixels are being decoded."""
        return in_decoding == 0 or in_decoding + megapixels <= self.megapixels_at_once


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
        """Allocate the shared memory. The workers start when the context is entered.

        Args:
            files: what to decode. Another thread takes files from it, only as fast as workers become free.
            settings: how photos are decoded.
            is_known: called with a file's digest, in that other thread; True if the file need not be decoded.

        Raises:
            AlbumsortError: there is no memory for the photos.
        """
        self._files = files
        self._settings = settings
        self._is_known = is_known
        self._small_bytes = settings.small_side**2 * 3
        self._slot_bytes = settings.detail**2 * 3 + self._small_bytes
        self.slots = settings.slots
        self._memory = SharedPixels(self.slots * self._slot_bytes)
        self._free = deque(range(self.slots))
        self._ready: queue.SimpleQueue[DecodedPhoto | KnownPhoto | Photo | BaseException | None] = queue.SimpleQueue()
        self._context = multiprocessing.get_context("spawn")
        self._wake_up, self._bell = self._context.Pipe(duplex=False)
        self._bell_lock = threading.Lock()  # several threads release photos
        self._stopping = False
        self._again: deque[PhotoFile] = deque()
        self._tried: set[str] = set()
        self._lost_slots = 0
        self._unanswered = 0
        self._workers: list[DecoderHandle] = []
        self._thread = threading.Thread(target=self._run, name="decoders", daemon=True)

    def __enter__(self) -> Decoders:
        try:
            for _ in range(self._settings.workers):
                self._workers.append(self._start())
            self._thread.start()
        except BaseException:  # also for Ctrl-C: the workers that have started must end
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._ring()
        if self._thread.is_alive():
            self._thread.join()
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.has_ended()
        self._memory.close()

    def __iter__(self) -> Iterator[DecodedPhoto | KnownPhoto | Photo]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def release(self, photo: DecodedPhoto) -> None:
        """Free the photo's memory for the next one; its arrays must not be used any more."""
        self._free.append(photo.slot)
        self._ring()

    def _ring(self) -> None:
        """Wake the thread that hands out work."""
        with self._bell_lock:
            self._bell.send_bytes(b"!")

    def _start(self) -> DecoderHandle:
        settings = self._settings
        options = self._slot_bytes, settings.detail, settings.small_side, settings.max_megapixels
        return DecoderHandle.start(self._context, self._memory, *options)

    def _run(self) -> None:
        """Hand out work in a thread, which ends when every file has a result."""
        try:
            exhausted = False
            while not self._stopping:
                for worker in self._workers:
                    if worker.is_ready and worker.file is None and not exhausted:
                        exhausted = not self._assign(worker)
                if exhausted and all(worker.file is None for worker in self._workers) and not self._try_again():
                    break
                self._grant()
                self._listen()
        except BaseException as error:  # the thread that iterates raises the exception
            self._ready.put(error)
        self._ready.put(None)

    def _try_again(self) -> bool:
        """Decode a file once more that no worker has finished, while no other is decoded; False if there is none.

        Not the file may have been to blame, but a machine without time or memory. A second failure is its own.
        """
        while self._again and not self._stopping:
            worker = next((worker for worker in self._workers if worker.is_ready), None)
            if worker is not None:
                worker.begin(self._again.popleft())
                return True
            self._listen()
        return False

    def _assign(self, worker: DecoderHandle) -> bool:
        """Give an idle worker the next file; returns False if there is none."""
        file = next(self._files, None)
        if file is None:
            return False
        worker.begin(file)
        return True

    def _grant(self) -> None:
        """Give slots to the workers that wait with an open file, as far as slots and megapixels allow."""
        in_decoding = sum(w.opened.megapixels for w in self._workers if w.opened and w.slot is not None)
        for worker in self._workers:
            if not worker.is_waiting or not self._free:
                continue
            assert worker.opened is not None  # noqa: S101 - is_waiting says so
            if not self._settings.may_start(worker.opened.megapixels, in_decoding):
                continue
            worker.grant(self._free.popleft())
            in_decoding += worker.opened.megapixels

    def _listen(self) -> None:
        """Wait until a worker reports, dies or overruns its time, or a photo is released."""
        active = [w for w in self._workers if w.file is not None or not w.is_ready]
        working = [w.since for w in active if w.is_ready and not w.is_waiting]
        late = min(working, default=time.monotonic()) + self._settings.seconds
        waits = [self._wake_up, *(w.pipe for w in active)]
        start = time.monotonic()
        heard = connection.wait(waits, timeout=min(_TICK, max(0.0, late - start) + 0.01))
        overslept = time.monotonic() - start - _TICK
        if overslept > _TICK:  # the whole program was paused (by Ctrl-Z, or by a laptop asleep), so no file is to blame
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
                self._end_late(worker)
            elif not worker.is_ready and time.monotonic() - worker.since > _START_SECONDS:
                self._replace(worker, "")

    def _end_late(self, worker: DecoderHandle) -> None:
        """Replace a worker that has overrun its time: because of its file, or because the disk does not answer.

        Raises:
            AlbumsortError: the disk did not answer for so many files in a row that it will not for the others either.
        """
        if worker.has_read:
            self._replace(worker, f"decoder took over {self._settings.seconds:g} s")
            return
        self._replace(worker, self._no_answer)
        self._unanswered += 1
        if self._unanswered == self.slots:
            raise AlbumsortError("the disk with the photos does not answer; scan again when it does")

    @property
    def _no_answer(self) -> str:
        return f"cannot be read (the disk did not answer for {self._settings.seconds:g} s)"

    def _take(self, worker: DecoderHandle, message: Ready | HasRead | Opened | Decoded | Failed) -> None:
        """Handle the report of a worker."""
        if isinstance(message, HasRead):
            worker.has_read = True
            self._unanswered = 0
            return
        if isinstance(message, Ready):
            worker.is_ready = True
            return
        file = worker.file
        assert file is not None  # noqa: S101 - only workers with a file are listened to
        if isinstance(message, Opened):
            self._take_opened(worker, file, message)
        elif isinstance(message, Failed):
            if message.reason == NO_MEMORY and not self._was_tried(file):
                self._replace(worker, NO_MEMORY)  # the memory of this one may be in pieces
            else:
                self._fail(worker, message.reason, message.digest)
        else:
            self._ready.put(self._decoded(worker, message))
            worker.finish()

    def _take_opened(self, worker: DecoderHandle, file: PhotoFile, opened: Opened) -> None:
        """Finish a file at once if its bytes are known or it is too large; any other file waits for ``_grant``."""
        worker.opened = opened
        size, limit = opened.header.megapixels, self._settings.max_megapixels
        if self._is_known(opened.digest):
            worker.tell(None)
            self._ready.put(KnownPhoto(file, opened.digest, opened.header.taken_at))
            worker.finish()
        elif size > limit:
            worker.tell(None)
            rounded = f"{size:.0f}" if size >= 10 else f"{size:.1f}"
            self._fail(worker, f"too large ({rounded} MP > {limit:g} MP; see --max-megapixels)")

    def _decoded(self, worker: DecoderHandle, message: Decoded) -> DecodedPhoto:
        assert worker.slot is not None  # noqa: S101 - a worker decodes only into a slot
        start = worker.slot * self._slot_bytes
        arrays = [
            np.ndarray(shape, np.uint8, self._memory.buffer, offset)
            for shape, offset in ((message.small, start), (message.pixels, start + self._small_bytes))
        ]
        photo = replace(
            worker.photo(message.error),
            phash=message.phash,
            exposure=message.exposure,
            brightness=message.brightness,
        )
        return DecodedPhoto(photo, arrays[1], arrays[0], worker.slot)

    def _fail(self, worker: DecoderHandle, reason: str, digest: str | None = None) -> None:
        self._ready.put(worker.photo(reason, digest))
        if worker.slot is not None:
            self._free.append(worker.slot)
        worker.finish()

    def _was_tried(self, file: PhotoFile | None) -> bool:
        return file is not None and file.path in self._tried

    def _postpone(self, worker: DecoderHandle) -> bool:
        """Try the file of a worker again once all others are done; returns False if it was tried again before."""
        file = worker.file
        if file is None or self._was_tried(file):
            return False
        self._tried.add(file.path)
        self._again.append(file)
        if worker.slot is not None:
            self._free.append(worker.slot)
        worker.finish()
        return True

    def _replace(self, worker: DecoderHandle, reason: str) -> None:
        """End a worker that died or hangs, and start a new one. Its file is tried again, or has an error.

        Raises:
            AlbumsortError: the worker died before it was ready, and so would the next one.
        """
        worker.kill()
        has_ended = worker.has_ended()
        worker.pipe.close()
        if not worker.is_ready:
            raise AlbumsortError("a decoder process does not start; is there enough memory?")
        if not has_ended:
            worker.slot = None  # it may still write there, so nobody else does
            self._lost_slots += 1
            self._fail(worker, self._no_answer)
            if self._lost_slots == self.slots:
                raise AlbumsortError("the disk with the photos does not answer; scan again when it does")
        elif not self._postpone(worker):
            self._fail(worker, reason)
        self._workers[self._workers.index(worker)] = self._start()
