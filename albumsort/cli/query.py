"""albumsort top, stats, problems, prune and forget: questions to the index, answered without TensorFlow."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.album.walk import printable
from albumsort.cli.options import (
    All,
    Camera,
    Db,
    Everyone,
    Json,
    MaxFaces,
    MinFaces,
    Since,
    Threshold,
    Undated,
    Under,
    Until,
    index_path,
    known_emotion,
    png,
)
from albumsort.cli.target import writing
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.query import Filters, Index
from albumsort.report.lists import Format, count, write_ranking


def top(
    emotion: Annotated[
        str, typer.Argument(callback=known_emotion, metavar="EMOTION", help=f"One of {', '.join(EMOTIONS)}.")
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many photos.")] = 20,
    db: Db = None,
    threshold: Threshold = None,
    everyone: Everyone = False,
    with_copies: All = False,
    under: Under = None,
    since: Since = None,
    until: Until = None,
    undated: Undated = False,
    camera: Camera = None,
    min_faces: MinFaces = None,
    max_faces: MaxFaces = None,
    form: Annotated[Format, typer.Option("--format", help="How to print the list.")] = "table",
    copy_to: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy the photos there, too.")] = None,
) -> None:
    """List the photos that show an emotion best, best first."""
    folder = os.path.abspath(under) if under else None
    filters = Filters(folder, since, until, undated, camera, min_faces, max_faces, with_copies)
    with Index(index_path(db)) as index:
        certain = index.threshold() if threshold is None else threshold
        ranking = index.top(emotion, n, threshold=certain, everyone=everyone, filters=filters)
    print(write_ranking(ranking, certain, form), end="")
    if not ranking:
        sys.stderr.write(f"no photo is {emotion} with at least {certain:.0%}; --threshold lowers the bar\n")
    if form == "paths" and any("\n" in row.photo.path for row in ranking):
        sys.stderr.write("a line break in a path is printed as \\n; --format json has it exact\n")
    if copy_to:
        from albumsort.export import lay

        done = lay(ranking, copy_to)
        written = sum(item.action == "written" for item in done)
        sys.stderr.write(f"{count(written, 'photo')} copied to {printable(str(copy_to))}\n")


def stats(
    db: Db = None,
    threshold: Threshold = None,
    plot: Annotated[
        Path | None,
        typer.Option(callback=png, metavar="FILE.png", help="Draw emotions over time, and how sure the model is."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count photos, faces and emotions."""
    with Index(index_path(db)) as index:
        counts = index.stats(threshold)
        if plot:
            _plot(index, threshold, plot)
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
    largest = max(counts["emotions"].values()) or 1
    for emotion, faces in counts["emotions"].items():
        print(f"  {emotion:9}{faces:8d}  {'#' * round(40 * faces / largest)}")


def _plot(index: Index, threshold: float | None, target: Path) -> None:
    with writing(target):
        found = index.timeline(threshold)
        if not any(found.confidences):
            raise AlbumsortError("no faces in the index: nothing to draw")
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
