"""What commands write: files where the user says, and lists of photos."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from albumsort.errors import AlbumsortError
from albumsort.records import RankedPhoto
from albumsort.report.tables import Format, write_ranking
from albumsort.text import one_line, printable


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


def print_photos(photos: Iterable[RankedPhoto], certain: float, form: Format) -> bool:
    """Print photos while they are read: a million faces need not be in memory. Returns whether there was any."""
    is_any = has_escapes = False

    def noted() -> Iterator[RankedPhoto]:
        nonlocal is_any, has_escapes
        for row in photos:
            is_any = True
            has_escapes |= form in ("paths", "csv") and row.photo.path != one_line(row.photo.path)
            yield row

    sys.stdout.writelines(write_ranking(noted(), certain, form))
    if has_escapes:
        sys.stderr.write("control characters in a path are printed as escapes; --format paths0 has it exact\n")
    return is_any
