"""Memory that was freed goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes


def return_freed_memory() -> None:
    """Return freed memory to the system. glibc would keep it for what comes next."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library, which keeps little
        ctypes.CDLL(None).malloc_trim(0)
