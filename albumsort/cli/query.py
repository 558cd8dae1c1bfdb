"""albumsort top, list, stats, problems, prune and forget: questions to the index, answered without TensorFlow."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from albumsort.album.walk import printable
from albumsort.cli.options import (
    NOTHING_PASSES,
    All,
    Db,
    Everyone,
    Json,
    Scheme,
    Threshold,
    filtered,
    in_scheme,
    index_path,
    known_emotions,
    png,
    why_nothing,
)
from albumsort.cli.target import writing
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.filters import Filters
from albumsort.index.listed import RankedPhoto
from albumsort.index.query import Index
from albumsort.report.lists import Format, count, one_line, write_ranking


@filtered
def top(
    emotion: Annotated[
        list[str],
        typer.Argument(
            callback=known_emotions, metavar="EMOTION", help=f"Of {', '.join(EMOTIONS)}; several are added up."
        ),
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many photos.")] = 20,
    db: Db = None,
    threshold: Threshold = None,
    everyone: Everyone = False,
    with_copies: All = False,
    scheme: Scheme = "seven",
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
    copy_to: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy the photos there, too.")] = None,
    *,
    filters: Filters,
) -> None:
    """List the photos that show an emotion best, best first."""
    in_scheme([*emotion, *filters.without], scheme)
    filters = replace(filters, with_copies=with_copies)
    with Index(index_path(db)) as index:
        certain = index.threshold() if threshold is None else threshold
        ranking = index.top(emotion, n, threshold=certain, everyone=everyone, filters=filters, scheme=scheme)
        _print(ranking, certain, form)
        if not ranking:
            sys.stderr.write(why_nothing(index, emotion, filters, certain, scheme) + "\n")
    if copy_to:
        from albumsort.export import lay

        done = lay(ranking, copy_to)
        written = sum(item.action == "written" for item in done)
        sys.stderr.write(f"{count(written, 'photo')} copied to {printable(str(copy_to))}\n")


@filtered
def list_photos(
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many at most. Unless told, all.")] = None,
    no_faces: Annotated[bool, typer.Option("--no-faces", help="Only photos on which no face was found.")] = False,
    uncertain: Annotated[bool, typer.Option("--uncertain", help="Only photos with an uncertain face.")] = False,
    db: Db = None,
    threshold: Threshold = None,
    scheme: Scheme = "seven",
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
    *,
    filters: Filters,
) -> None:
    """List all photos that match, by path."""
    in_scheme(filters.without, scheme)
    with Index(index_path(db)) as index:
        certain = index.threshold() if threshold is None else threshold
        found = index.photos(
            filters, threshold=certain, no_faces=no_faces, uncertain=uncertain, scheme=scheme, landmarks=False
        )
        printed = _print(islice(found, n), certain, form)
    if not printed:
        sys.stderr.write("no photo matches\n")


def _print(photos: Iterable[RankedPhoto], certain: float, form: Format) -> bool:
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


@filtered
def stats(
    db: Db = None,
    threshold: Threshold = None,
    scheme: Scheme = "seven",
    plot: Annotated[
        Path | None,
        typer.Option(callback=png, metavar="FILE.png", help="Draw emotions over time, and how sure the model is."),
    ] = None,
    as_json: Json = False,
    *,
    filters: Filters,
) -> None:
    """Count photos, faces and emotions."""
    in_scheme(filters.without, scheme)
    with Index(index_path(db)) as index:
        counts = index.stats(threshold, filters, scheme)
        if plot:
            _plot(index, threshold, filters, scheme, plot)
    if as_json:
        print(json.dumps(counts))
        return
    photos, unread = count(counts["photos"], "photo"), count(counts["errors"], "problem")
    print(f"{photos}, {counts['photos_with_faces']} with faces, {unread}")
    if counts["first_taken_at"]:
        print(f"taken from {counts['first_taken_at'][:10]} to {counts['last_taken_at'][:10]}")
    print(
        f"{count(counts['faces'], 'face')}, {counts['uncertain']} of them uncertain (under {counts['threshold']:.0%})"
    )
    if counts["labels"]:
        print(f"labels of the last scan: {' '.join(counts['labels'])}")
    largest = max(counts["emotions"].values()) or 1
    for emotion, faces in counts["emotions"].items():
        if faces or emotion in (counts["labels"] or EMOTIONS):  # of others the model knows nothing, not even that
            print(f"  {emotion:9}{faces:8d}  {'#' * round(40 * faces / largest)}")


def _plot(index: Index, threshold: float | None, filters: Filters, scheme: str, target: Path) -> None:
    with writing(target):
        found = index.timeline(threshold, filters, scheme)
        if not any(found.confidences):
            nothing = "no faces in the index" if filters == Filters() else NOTHING_PASSES
            raise AlbumsortError(f"{nothing}: nothing to draw")
        from albumsort.report.timeline import plot_timeline

        plot_timeline(found, target)
    sys.stderr.write(f"{printable(str(target))}: written\n")


def problems(db: Db = None, as_json: Json = False) -> None:
    """List the files that could not be read, and why."""
    with Index(index_path(db)) as index:
        found = index.problems()
    if as_json:
        print(json.dumps([{"path": path, "error": error} for path, error in found]))
        return
    for path, error in found:
        print(f"{printable(path)}: {printable(error)}")
    if not found:
        sys.stderr.write("no problems\n")


def forget(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A photo, or a folder and all below it.")], db: Db = None
) -> None:
    """Remove every trace of a folder or photo from the index. The photos themselves stay as they are."""
    from albumsort.index.store import IndexWriter

    if not path.strip():
        raise typer.BadParameter("an empty path; name the folder or photo to forget")
    index = index_path(db)
    Index(index).close()  # says so when there is none, instead of making one
    with IndexWriter(index) as writer:
        # By the name that it was scanned by, and where it really is.
        forgotten = sum(writer.forget(name) for name in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))))
    if not forgotten:
        raise AlbumsortError(f"{path}: nothing more of it is in the index, where it has the name that was scanned")
    print(f"{count(forgotten, 'file')} forgotten")


def prune(db: Db = None) -> None:
    """Drop photos from the index that are no longer on the disk."""
    from albumsort.index.store import IndexWriter

    path = index_path(db)
    Index(path).close()  # says so when there is none, instead of making one
    with IndexWriter(path) as writer:
        dropped, kept = writer.prune()
    print(f"{count(dropped, 'photo')} dropped, {kept} kept")
