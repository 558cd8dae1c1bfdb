"""albumsort scan: read the faces of whole folders into the index."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.help import MODEL, PHOTOS
from albumsort.cli.interrupt import stop
from albumsort.cli.options import CertainFrom, Db, Detail, Device, Json, MinFace, Model, Workers, index_path
from albumsort.text import count, printable

if TYPE_CHECKING:
    from albumsort.scanning.summary import ScanSummary
    from albumsort.settings import ScanSettings


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders with everything below them, and photos.")
    ],
    db: Db = None,
    threshold: CertainFrom = 0.5,
    min_face: MinFace = 2.5,
    detail: Detail = 2048,
    max_megapixels: Annotated[
        float,
        typer.Option(
            min=1.0, metavar="NUMBER", rich_help_panel=PHOTOS, help="Photos with more megapixels are not read."
        ),
    ] = 200.0,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            rich_help_panel=PHOTOS,
            help="Leave out names and paths that match this pattern, such as *.png. May be given more than once.",
        ),
    ] = None,
    include_hidden: Annotated[
        bool,
        typer.Option(
            "--include-hidden",
            rich_help_panel=PHOTOS,
            help="Also read hidden, deleted and temporary files, and what other programs keep.",
        ),
    ] = False,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", rich_help_panel=PHOTOS, help="Follow symbolic links.")
    ] = False,
    workers: Workers = 0,
    device: Device = "auto",
    rescan: Annotated[
        bool,
        typer.Option(
            "--rescan", rich_help_panel=PHOTOS, help="Also read photos that have not changed since the last scan."
        ),
    ] = False,
    model: Model = None,
    rescore: Annotated[
        bool,
        typer.Option(
            "--rescore",
            rich_help_panel=MODEL,
            help="Read again the faces that another model has read, without searching for them.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find and read every face in folders of photos.

    Run it again at any time: it does not open photos that have not changed. Ctrl-C keeps what has been read so far.

    Examples:
        albumsort scan ~/Photos
        albumsort scan ~/Photos/Party ~/Photos/Wedding --exclude "*.png"
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
        rescan=rescan,
        model=str(model.absolute()) if model else None,
        rescore=rescore,
    )
    summary = _scan([str(path) for path in paths], index_path(db), settings)
    _print_unfinished(summary, rescore)
    _print_passed_over(summary)
    _print_without_photos(paths, settings)
    if as_json:
        print(json.dumps(summary.as_dict()))
    else:
        _print_summary(summary)


def _scan(paths: list[str], index: Path, settings: ScanSettings) -> ScanSummary:
    """Scan with a progress bar.

    Raises:
        typer.Exit: the scan was interrupted, and has stopped cleanly.
    """
    from tqdm import tqdm

    from albumsort.scanning.scan import scan as run

    with tqdm(unit=" photos", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def progress(summary: ScanSummary) -> None:
            stop.check()
            bar.total = summary.found - summary.unchanged - summary.raws
            bar.update(summary.scanned + summary.moved + summary.rescored - bar.n)
            bar.set_postfix(faces=summary.faces, errors=summary.errors)

        try:
            return run(paths, index, settings, progress)
        except KeyboardInterrupt:
            stop.leave()
            bar.close()
            sys.stderr.write("stopped; what was read is in the index, and the next scan continues from there\n")
            raise typer.Exit(130) from None


def _print_unfinished(summary: ScanSummary, rescore: bool) -> None:
    """Print to standard error what the scan could not read, and how many photos another model has read."""
    for path, reason in summary.unreadable[:5]:
        sys.stderr.write(f"{printable(path)}: {reason}\n")
    if len(summary.unreadable) > 5:
        sys.stderr.write(f"... and {len(summary.unreadable) - 5} more folders and files that cannot be read\n")
    if summary.of_other_models:
        hint = "gone or not readable, and left as it was" if rescore else "scan --rescore reads them again"
        sys.stderr.write(f"{count(summary.of_other_models, 'photo')} with faces that another model has read; {hint}\n")


def _print_passed_over(summary: ScanSummary) -> None:
    """Print to standard error how many files and folders are not read because of what they are."""
    from albumsort.album.passed_over import KINDS

    if summary.passed_over:
        counts = ", ".join(
            f"{summary.passed_over[kind]} {KINDS[kind]}" for kind in KINDS if kind in summary.passed_over
        )
        number = sum(summary.passed_over.values())
        what = "file or folder" if number == 1 else "files and folders"
        sys.stderr.write(f"{number} {what} passed over: {counts}; scan --include-hidden reads them\n")
    if summary.dropped:
        sys.stderr.write(f"{count(summary.dropped, 'photo')} of these, from earlier scans, dropped from the index\n")


def _print_without_photos(paths: list[Path], settings: ScanSettings) -> None:
    """Print to standard error which of the paths have no photos, and what is there instead."""
    from albumsort.album.other_files import without_photos

    options = settings.exclude, settings.follow_links, settings.include_hidden
    for root in dict.fromkeys(os.path.abspath(path) for path in paths):
        if words := without_photos(root, *options):
            sys.stderr.write(f"{words}\n")


def _print_summary(summary: ScanSummary) -> None:
    print(
        f"{count(summary.photos, 'photo')}: {summary.scanned} read, {summary.unchanged} unchanged, "
        f"{summary.moved} moved or copied. "
        f"{count(summary.faces, 'face')} found, {count(summary.errors, 'problem')}, {summary.seconds:.1f} s."
    )
    if summary.raws:
        print(f"{count(summary.raws, 'RAW file')} not read, because the JPEG of the same name shows the same photo.")
    if summary.rescored:
        print(f"The faces of {count(summary.rescored, 'photo')} were read again.")
    if summary.old_errors:
        print(f"{count(summary.old_errors, 'problem')} of earlier scans: these files have not changed since.")
    if summary.errors or summary.old_errors or summary.unreadable:
        print("See them with: albumsort problems")
