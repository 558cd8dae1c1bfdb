"""What commands write: new files, and lists of photos."""

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
    """Put this around work that ends in a new file, so that a name that is taken is refused before the work begins.

    Raises:
        AlbumsortError: the file exists already, or cannot be written.
    """
    name = printable(str(target))
    if target.exists():
        raise AlbumsortError(f"{name}: there already; choose another name")
    try:
        yield
    except OSError as error:
        raise AlbumsortError(f"{name}: {error.strerror or error}") from error


def print_photos(photos: Iterable[RankedPhoto], certain: float, form: Format) -> bool:
    """Print photos while they are read, so that a million faces need not be in memory.

    Args:
        photos: the photos, in the order in which they are printed.
        certain: the probability from which a face is certain, 0..1.
        form: how to print them.

    Returns:
        whether there was any photo.
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
        sys.stderr.write("control characters in a path are printed as escapes; --format paths0 has it exact\n")
    return is_any
