"""albumsort stats: how many photos and faces of each emotion."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from albumsort.cli.options import Db, Force, Json, index_path, output_file
from albumsort.cli.output import warn_of_folders, writing
from albumsort.cli.query_options import SCHEME, asks
from albumsort.cli.values import DRAWING
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.explain import NOTHING_PASSES, why_nothing
from albumsort.index.filters import Filters
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.text import count, printable


@asks(SCHEME)
def stats(
    query: Query,
    db: Db = None,
    plot: Annotated[
        Path | None,
        output_file(
            "Also draw the emotions over time, and how sure the model is, as .png, .jpg, .webp, .pdf or .svg.",
            *DRAWING,
            also="--plot",
        ),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Count photos, faces and emotions.

    Examples:
        albumsort stats
        albumsort stats --since 2024 --plot emotions.png
    """
    with Index(index_path(db)) as index:
        counts = index.stats(query)
        if plot:
            _plot(index, query, plot, force)
        if not as_json and query.filters == Filters():
            counts["errors"] = len(index.problems())  # with folders, which no filter knows
        _print(counts, as_json)
        warn_of_folders(index, query.filters)
        if reason := why_nothing(index, query.filters):
            sys.stderr.write(f"{reason}\n")


def _print(counts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(counts))
        return
    photos, unread = count(counts["photos"], "photo"), count(counts["errors"], "problem")
    copies = f", {counts['copies']} of them byte-identical copies" if counts["copies"] else ""
    print(f"{photos}{copies}, {counts['photos_with_faces']} with faces, {unread}")
    if counts["first_taken_at"]:
        print(f"taken from {counts['first_taken_at'][:10]} to {counts['last_taken_at'][:10]}")
    print(
        f"{count(counts['faces'], 'face')}, {counts['uncertain']} of them uncertain (under {counts['threshold']:.0%})"
    )
    if counts["labels"] and len(counts["labels"]) < len(EMOTIONS):
        print(f"the model of the last scan tells apart only {', '.join(counts['labels'])}")
    largest = max(counts["emotions"].values()) or 1
    for emotion, faces in counts["emotions"].items():
        if faces or emotion in (
            counts["labels"] or EMOTIONS
        ):  # the model cannot tell that there are none of the others
            print(f"  {emotion:9}{faces:8d}  {'#' * round(40 * faces / largest)}")
    last = counts["last_scan"]
    if last and (engine := last["settings"].get("engine")):
        print(f"last scan: read with {last['model']}, on {engine}")


def _plot(index: Index, query: Query, target: Path, force: bool) -> None:
    with writing(target, index.path, force=force) as file:
        found = index.timeline(query)
        if not any(found.confidences):
            nothing = "no faces in the index" if query.filters == Filters() else NOTHING_PASSES
            raise AlbumsortError(why_nothing(index, query.filters) or f"{nothing}: nothing to draw")
        from albumsort.report.timeline import plot_timeline

        plot_timeline(found, file)
    sys.stderr.write(f"{printable(str(target))}: written\n")
