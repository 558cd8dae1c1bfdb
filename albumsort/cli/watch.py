"""albumsort watch: scan whenever photos arrive."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from albumsort.cli.help import PHOTOS
from albumsort.cli.interrupt import stop
from albumsort.cli.options import (
    CertainFrom,
    Db,
    Detail,
    Device,
    Exclude,
    Folders,
    FollowLinks,
    IncludeHidden,
    MaxMegapixels,
    MinFace,
    Model,
    Workers,
    index_path,
)
from albumsort.cli.scan import STOPPING, read_in_words
from albumsort.cli.streams import second_stderr
from albumsort.errors import AlbumsortError
from albumsort.text import count, printable

if TYPE_CHECKING:
    from pathlib import Path

    from albumsort.scanning.changes import Changed
    from albumsort.scanning.summary import ScanSummary
    from albumsort.settings import ScanSettings


def watch(
    paths: Folders,
    poll: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=86400.0,
            metavar="SECONDS",
            rich_help_panel=PHOTOS,
            help="Look every so many seconds, because changes on a network share are not always told. "
            "Default: wait until the system tells of a change.",
            show_default=False,
        ),
    ] = None,
    db: Db = None,
    threshold: CertainFrom = 0.5,
    min_face: MinFace = 2.5,
    detail: Detail = 2048,
    max_megapixels: MaxMegapixels = 200.0,
    exclude: Exclude = None,
    include_hidden: IncludeHidden = False,
    follow_links: FollowLinks = False,
    workers: Workers = 0,
    device: Device = "auto",
    model: Model = None,
) -> None:
    """Scan folders now, and whenever photos arrive in them.

    A photo is read once it is copied completely. It runs until Ctrl-C, or until its service is stopped; what has been
    read so far is kept.

    Examples:
        albumsort watch ~/Photos
        albumsort watch /mnt/nas/Photos --poll 300
    """
    from albumsort.settings import ScanSettings

    settings = ScanSettings(
        threshold=threshold,
        min_face=min_face,
        detail=detail,
        max_megapixels=max_megapixels,
        exclude=tuple(map(os.path.expanduser, exclude or ())),
        follow_links=follow_links,
        include_hidden=include_hidden,
        workers=workers,
        device=device,
        model=str(model.absolute()) if model else None,
    )
    roots = list(dict.fromkeys(os.path.abspath(path) for path in paths))
    for root in roots:  # later, one that is missing is waited for; now, its name is probably wrong
        if not os.path.exists(root):
            raise AlbumsortError(f"{printable(root)}: no such folder or photo")
    try:
        with second_stderr() as stream:
            _watch(roots, index_path(db), settings, poll, stream)
    except KeyboardInterrupt:
        stop.leave()
        sys.stderr.write("stopped; what was read is in the index\n")
        raise typer.Exit(0 if stop.is_terminated else 130) from None


def _watch(roots: list[str], index: Path, settings: ScanSettings, poll: float | None, stream: TextIO) -> None:
    """Watch until the program is told to stop.

    Raises:
        KeyboardInterrupt: it is told so.
    """
    from albumsort.cli.progress import ScanProgress
    from albumsort.scanning.changes import load_watchfiles
    from albumsort.scanning.watch import Scans
    from albumsort.scanning.watch import watch as run

    if poll is None:
        load_watchfiles()  # raises an error before anything is said
    is_terminal = stream.isatty()
    scans, numbers = Scans(index, settings), itertools.count()

    def tell(line: str) -> None:
        stream.write(f"{datetime.now():%H:%M:%S} {line}\n")
        stream.flush()

    def scan(there: Sequence[str], unfinished: Sequence[str]) -> None:
        with (
            stop.answering(stream, STOPPING if not is_terminal else f"\n{STOPPING}"),
            ScanProgress(stream, is_terminal, says_found=False) as bar,
        ):

            def progress(summary: ScanSummary) -> None:
                stop.check()
                bar(summary)

            summary = scans(there, unfinished, progress)
        if not next(numbers) or summary.scanned or summary.moved or summary.dropped:
            tell(_in_words(summary))

    tell(f"watching {', '.join(map(printable, roots))}; Ctrl-C ends it")
    run(roots, scan, partial(_changes, settings=settings, poll=poll), tell, scans.give_back)


def _changes(roots: Sequence[str], settings: ScanSettings, poll: float | None) -> Changed:
    """What changes below roots, as the system tells it or a look every ``poll`` seconds finds it."""
    from albumsort.scanning.changes import notified, polled

    with closing(notified(roots, settings) if poll is None else polled(roots, settings, poll)) as items:
        for paths in items:
            stop.check()
            yield paths


def _in_words(summary: ScanSummary) -> str:
    problems = summary.errors + len(summary.unreadable)
    words = [read_in_words(summary), count(summary.faces, "face")]
    words += [count(problems, "problem")] if problems else []
    return f"{', '.join(words)}, in {summary.seconds:.1f} s"
