"""albumsort scan: read the faces of whole folders into the index."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albumsort.cli.command import in_home
from albumsort.cli.help import MODEL, PHOTOS
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
    Json,
    MaxMegapixels,
    MinFace,
    Model,
    Workers,
    index_path,
)
from albumsort.cli.streams import second_stderr
from albumsort.index.reader import Index
from albumsort.text import count, printable

if TYPE_CHECKING:
    from albumsort.scanning.summary import ScanSummary
    from albumsort.settings import ScanSettings

#: What is said at once when the program is told to stop. What it is doing then takes a few seconds to end.
STOPPING = "stopping, finishing the photos in hand… (Ctrl-C again ends at once)\n"


def scan(
    paths: Folders,
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
    index = index_path(db)
    summary = _scan([str(path) for path in paths], index, settings, is_quiet=as_json)
    _print_unfinished(summary, rescore)
    _print_passed_over(summary)
    _print_without_photos(paths, settings)
    if as_json:
        print(json.dumps(summary.as_dict()))
    else:
        _print_summary(summary, index, _same_index(db))


def _scan(paths: list[str], index: Path, settings: ScanSettings, is_quiet: bool) -> ScanSummary:
    """Scan, and tell how it goes.

    Raises:
        typer.Exit: the scan was interrupted, and has stopped cleanly.
    """
    from albumsort.cli.progress import ScanProgress
    from albumsort.scanning.scan import scan as run

    is_terminal = sys.stderr.isatty()
    says_found = is_terminal or not is_quiet
    try:
        with (
            second_stderr() as stream,
            stop.answering(stream, STOPPING if not is_terminal else f"\n{STOPPING}"),  # below the bar
            ScanProgress(stream, is_terminal, says_found=says_found, is_rescan=settings.rescan) as tell,
        ):

            def progress(summary: ScanSummary) -> None:
                stop.check()
                tell(summary)

            return run(paths, index, settings, progress)
    except KeyboardInterrupt:
        stop.leave()
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
    from albumsort.album.passed_over import COPIES, KINDS

    if summary.passed_over:
        words = {**KINDS, **COPIES}
        counts = ", ".join(
            f"{summary.passed_over[kind]} {words[kind]}" for kind in words if kind in summary.passed_over
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


def _print_summary(summary: ScanSummary, index: Path, options: str) -> None:
    """Print what the scan did and what the index now has, for people; ``options`` go behind commands that follow."""
    print(f"{read_in_words(summary)}, in {summary.seconds:.1f} s.")
    if summary.raws:
        print(f"{count(summary.raws, 'RAW file')} not read, because the JPEG of the same name shows the same photo.")
    if summary.rescored:
        print(f"The faces of {count(summary.rescored, 'photo')} were read again.")
    with Index(index) as opened:
        print(_faces_in_words(opened.stats(), summary.faces, options))
        problems = len(opened.problems())  # also those of folders that this scan was not given
    if problems:
        old = max(0, problems - summary.errors - len(summary.unreadable))
        how_many = "" if problems == 1 else "all " if old == problems else f"{old} "
        known = f", {how_many}known from earlier scans" if old else ""
        see = "See it" if problems == 1 else "See them"
        print(f"{count(problems, 'problem')}{known}. {see}: albumsort problems{options}")


def read_in_words(summary: ScanSummary) -> str:
    """How many photos a scan has found, and how many of them it has read."""
    photos = summary.photos - summary.raws  # as many as were found
    return (
        f"{count(photos, 'photo')}: {summary.scanned} read, {summary.unchanged} unchanged, "
        f"{summary.moved} moved or copied"
    )


def _faces_in_words(counts: dict[str, Any], found: int, options: str) -> str:
    """The faces of the index by emotion, and the command that lists one that photos show."""
    by_emotion: dict[str, int] = counts["emotions"]
    shown = sorted((emotion for emotion in by_emotion if by_emotion[emotion]), key=by_emotion.__getitem__)[::-1]
    parts = [f"{by_emotion[emotion]} {emotion}" for emotion in shown]
    parts += [f"{counts['uncertain']} uncertain"] if counts["uncertain"] else []
    words = count(counts["faces"], "face") if counts["faces"] else "No faces"
    if counts["faces"] != found:  # others were there before
        words = (f"{count(found, 'face')} found. " if found else "") + f"The index has {words.lower()}"
    words += f": {', '.join(parts)}." if parts else "."
    # Happy is what most people look for, and neutral is what nobody does.
    best = sorted(shown, key=lambda emotion: (emotion == "happy") - (emotion == "neutral"))[-1:]
    return words + "".join(f" Next: albumsort top {emotion}{options}" for emotion in best)


def _same_index(db: Path | None) -> str:
    """The option that names the index to another command; empty where that command would find it by itself."""
    set_by_environment = os.environ.get("ALBUMSORT_DB")
    if db is None or (set_by_environment and in_home(Path(set_by_environment)) == db):
        return ""
    return f" --db {shlex.quote(printable(str(db)))}"
