"""The output of commands: new files, and lists of photos."""

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
    """Refuse a file name that is taken before the work inside the block begins, and explain its errors.

    Raises:
        AlbumsortError: the file exists already, or cannot be written.
    """
    name = printable(str(target))
    if target.exists():
        raise AlbumsortError(f"{name}: already exists; choose another name")
    try:
        yield
    except OSError as error:
        raise AlbumsortError(f"{name}: {error.strerror or error}") from error


def print_photos(photos: Iterable[RankedPhoto], certain: float, form: Format) -> bool:
    """Print photos while they are read, so that they need not all be in memory.

    Args:
        photos: the photos, in the order in which they are printed.
        certain: the probability from which a face is certain, 0..1.
        form: how to print them.

    Returns:
        whether there were any photos.
    """
    is_any = has_escapes = False

    def watched() -> Iterator[RankedPhoto]:
        nonlocal is_any, has_escapes
        for row in photos:
            is_any = True
            has_escapes |= form in ("paths", "csv") and row.photo.path != one_line(row.photo.path)
            yield row

    sys.stdout.writelines(write_ranking(watched(), certain, form))
    if has_escapes:
        sys.stderr.write("control characters in a path are printed as escapes; --format paths0 prints it exactly\n")
    return is_any
