"""Memory in which decoder processes leave pixels for their parent. It has no name, so nothing of it outlives them."""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile
from multiprocessing import reduction
from typing import Any

from albumsort.errors import AlbumsortError


class SharedPixels:
    """Memory that a process shares with the processes that it starts; it travels as an argument of theirs.

    The system frees it when the last of them has ended, however that came about. On Linux it does not count against the
    size of ``/dev/shm``, which is 64 MB in most containers.

    Attributes:
        buffer: the bytes, all 0 at first.
    """

    def __init__(self, size: int) -> None:
        """Make ``size`` bytes of memory; only those that are written take room.

        Raises:
            AlbumsortError: the system does not give them.
        """
        self._size = size
        self._descriptor, self._tag = -1, f"albumsort-{secrets.token_hex(8)}"
        try:
            if sys.platform == "linux":
                self._descriptor = os.memfd_create("albumsort")
            elif sys.platform != "win32":
                with tempfile.TemporaryFile() as file:  # without a name
                    self._descriptor = os.dup(file.fileno())
            if self._descriptor >= 0:
                os.truncate(self._descriptor, size)
            self._map()
        except OSError as error:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            raise AlbumsortError(
                f"no memory for {size / 1e6:.0f} MB of decoded photos ({error.strerror or error}); "
                "use --workers 1 --detail 1024"
            ) from error

    def _map(self) -> None:
        if sys.platform == "win32":  # the name goes away with the last process that has the memory open
            self._mapped = mmap.mmap(-1, self._size, tagname=self._tag)
        else:
            self._mapped = mmap.mmap(self._descriptor, self._size)
        self.buffer = memoryview(self._mapped)

    def __getstate__(self) -> tuple[int, str, Any]:
        return self._size, self._tag, None if self._descriptor < 0 else reduction.DupFd(self._descriptor)

    def __setstate__(self, state: tuple[int, str, Any]) -> None:
        self._size, self._tag, descriptor = state
        self._descriptor = -1 if descriptor is None else descriptor.detach()
        self._map()

    def close(self) -> None:
        """Give the memory back; no array in it may be used any more."""
        self.buffer.release()
        self._mapped.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
