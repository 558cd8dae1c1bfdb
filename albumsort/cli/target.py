"""Files that commands write where the user says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albumsort.album.walk import printable
from albumsort.errors import AlbumsortError


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Around the work that ends in a new file: a name that is taken is refused before it begins.

    Raises:
        AlbumsortError: there is such a file, or it cannot be written.
    """
    name = printable(str(target))
    if target.exists():
        raise AlbumsortError(f"{name}: there already; choose another name")
    try:
        yield
    except OSError as error:
        raise AlbumsortError(f"{name}: {error.strerror or error}") from error
