"""The output of commands: new files, and lists of photos."""

from __future__ import annotations

import os
import select
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from albumsort.cli import last_list
from albumsort.cli.replacing import check_replaceable, replacement
from albumsort.cli.streams import shows_escapes
from albumsort.errors import AlbumsortError
from albumsort.files import check_folder
from albumsort.index.explain import folders_without_photos
from albumsort.records import RankedPhoto
from albumsort.report.tables import Format, write_ranking
from albumsort.text import one_line, printable

if TYPE_CHECKING:
    from albumsort.export.folders import Exported
    from albumsort.index.filters import Filters
    from albumsort.index.reader import Index

#: What can be done about files that could not be put into a folder, by ``Exported.action``.
NOT_PLACED = {
    "missing": "plug in the disk that holds them, or scan the folder again that they are in now",
    "changed": "scan again first",
    "unreadable": "you need the permission to read them",
}


def nobody_reads() -> bool:
    """Write what was printed. Returns whether the reader of standard output has ended, as `head` does.

    What is printed from then on goes nowhere, so that the work can be done to its end.
    """
    try:
        sys.stdout.flush()
        if not _has_no_reader(sys.stdout):
            return False
    except BrokenPipeError:
        pass
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True


def _has_no_reader(stream: TextIO) -> bool:
    """Whether a stream is a pipe without a reader. An earlier error may have left nothing in it that fails again."""
    try:
        pipe = select.poll()
        pipe.register(stream.fileno(), 0)
        return any(events & select.POLLERR for _, events in pipe.poll(0))
    except (OSError, ValueError, AttributeError):  # the stream is no file, or this is Windows
        return False


@contextmanager
def writing(target: Path, index: Path, inputs: Iterable[Path] = (), *, force: bool = False) -> Iterator[Path]:
    """Refuse a file name that is taken before the work inside the block begins, and explain its errors.

    Args:
        target: the file to write.
        index: the index, which need not exist. Neither it nor a photo in it is ever replaced.
        inputs: what the command reads, which is not replaced, either.
        force: whether another file of that name is replaced.

    Yields:
        the path to write, which is another one if there is a file to replace.

    Raises:
        AlbumsortError: the file exists already, or cannot be written.
    """
    name = printable(str(target))
    try:
        if not os.path.lexists(target):
            _check_folder_of(target)
            yield target
            return
        check_replaceable(target, index, inputs)
        if not force:
            raise AlbumsortError(f"{name}: already exists; choose another name, or replace it with --force")
        with replacement(target, index, inputs) as path:
            yield path
    except OSError as error:
        where = printable(str(error.filename)) if isinstance(error, NotADirectoryError) else name
        raise AlbumsortError(f"{where}: {error.strerror or error}") from error


def _check_folder_of(target: Path) -> None:
    """Refuse a file in a folder that is not there. It is not made: its name may be a slip, or a disk not plugged in.

    Raises:
        AlbumsortError: there is no such folder.
        NotADirectoryError: there is a file of that name.
    """
    check_folder(target.parent)
    if not target.parent.exists():
        raise AlbumsortError(f"{printable(str(target.parent))}: No such file or folder; make this folder first")


def warn_of_folders(index: Index, filters: Filters) -> None:
    """Say on standard error from which of several folders of a filter the index has no photo.

    If it has none from any of them, ``why_nothing`` says so.
    """
    wrong = folders_without_photos(index, filters) if len(filters.folders) > 1 else []
    if len(wrong) < len(filters.folders):
        sys.stderr.writelines(f"{line}\n" for line in wrong)


def check_any_placed(files: Sequence[Exported], words: str) -> None:
    """Make sure that there is a file in a folder after photos were put there, if there was anything to put there.

    Args:
        files: what was done with each file.
        words: what to say if there is none.

    Raises:
        AlbumsortError: each photo is missing, has changed or cannot be read.
    """
    actions = Counter(item.action for item in files)
    if not files or set(actions) - NOT_PLACED.keys():
        return
    reasons = ", ".join(f"{number} {action}" for action, number in actions.items())
    advice = NOT_PLACED[files[0].action]
    raise AlbumsortError(f"{words}: {reasons}, such as {printable(files[0].source)}; {advice}")


def print_photos(photos: Iterable[RankedPhoto], certain: float, form: Format, index: Path) -> bool:
    """Print photos while they are read, so that they need not all be in memory, or until nobody reads them any more.

    In a terminal, a table has a header and links to the files.

    Args:
        photos: the photos, in the order in which they are printed.
        certain: the probability from which a face is certain, 0..1.
        form: how to print them.
        index: the path of the index that they come from. The ranks of its last table name photos in other commands.

    Returns:
        whether there were any photos; True if nobody reads them to the end.
    """
    is_any = has_escapes = False
    shown: list[str] = []

    def watched() -> Iterator[RankedPhoto]:
        nonlocal is_any, has_escapes
        for row in photos:
            is_any = True
            if form == "table" and len(shown) < last_list.KEPT_PHOTOS:
                shown.append(row.photo.path)
            has_escapes |= form in ("paths", "csv") and row.photo.path != one_line(row.photo.path)
            yield row

    try:
        lines = write_ranking(watched(), certain, form, header=sys.stdout.isatty(), links=shows_escapes(sys.stdout))
        sys.stdout.writelines(lines)
    except BrokenPipeError:
        if not nobody_reads():
            raise
        is_any = True
    if form == "table" and (shown or not is_any):
        last_list.keep(index, shown)
    if has_escapes:
        sys.stderr.write("control characters in a path are printed as escapes; --format paths0 prints it exactly\n")
    return is_any
