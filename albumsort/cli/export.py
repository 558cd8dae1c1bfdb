"""albumsort export."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from albumsort.cli.options import (
    Db,
    Everyone,
    Json,
    Scheme,
    Threshold,
    filtered,
    in_scheme,
    index_path,
    known_emotions,
)
from albumsort.emotions import labels_of
from albumsort.errors import AlbumsortError
from albumsort.index.filters import Filters
from albumsort.text import printable

Mode = Literal["copy", "hardlink", "symlink"]
Layout = Literal["emotion", "emotion/year", "year/emotion", "flat"]


@filtered
def export(
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Where to lay the folders.")],
    n: Annotated[int | None, typer.Option("-n", min=1, help="Photos an emotion; unless told, all.")] = None,
    emotion: Annotated[
        list[str] | None, typer.Option(callback=known_emotions, help="Only this one. May be repeated.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="What to lay there.")] = "copy",
    layout: Annotated[Layout, typer.Option(help="Which folders to make.")] = "emotion",
    raw: Annotated[bool, typer.Option("--raw", help="Lay the RAW file of a photo beside it, too.")] = False,
    sidecar: Annotated[
        Literal["xmp"] | None, typer.Option(help="Write emotions and faces beside each file, for photo managers.")
    ] = None,
    tag_originals: Annotated[
        bool, typer.Option("--tag-originals", help="With --sidecar: beside the photos themselves, too.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Remove what exports laid in DEST and nobody has changed since.")
    ] = False,
    db: Db = None,
    threshold: Threshold = None,
    everyone: Everyone = False,
    scheme: Scheme = "seven",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: Json = False,
    *,
    filters: Filters,
) -> None:
    """Lay the best photos of each emotion into a folder of its name.

    Nothing is overwritten; a photo that a folder holds already is not laid there again. What was laid is noted in
    albumsort-export.json.
    """
    if undo:
        _undo(dest, dry_run, as_json)
        return
    if tag_originals and sidecar is None:
        raise typer.BadParameter("takes --sidecar xmp as well", param_hint="--tag-originals")
    chosen = tuple(emotion) if emotion else labels_of(scheme)
    in_scheme([*chosen, *filters.without], scheme)
    from albumsort.export import folders as work
    from albumsort.export.sidecars import write_sidecars
    from albumsort.index.explain import why_empty
    from albumsort.index.query import Query
    from albumsort.index.reader import Index

    with Index(index_path(db)) as index:
        done = work.export(
            index,
            dest,
            emotions=chosen,
            n=n,
            threshold=threshold,
            mode=mode,
            layout=layout,
            everyone=everyone,
            filters=filters,
            scheme=scheme,
            with_raws=raw,
            dry_run=dry_run,
        )
        nothing = "" if done else why_empty(index, Query(chosen, None, threshold, scheme=scheme, filters=filters))
        beside = []
        if sidecar is not None:
            beside = write_sidecars(
                index,
                dest,
                done,
                threshold=threshold,
                filters=filters,
                scheme=scheme,
                tag_originals=tag_originals,
                dry_run=dry_run,
            )
    if as_json:
        files, sidecars = ([asdict(item) for item in items] for items in (done, beside))
        print(json.dumps({"destination": str(dest), "files": files, "sidecars": sidecars}))
        return
    for item in done:
        if dry_run or item.action in ("missing", "changed", "unreadable"):
            print(f"{item.action}: {printable(item.source)} -> {printable(item.target)}")
    count = Counter(item.action for item in done)
    for name in chosen:
        laid = [item for item in done if item.emotion == name]
        if laid:
            print(f"{name:9}{len(laid):6d}")
    words = ", ".join(f"{number} {action}" for action, number in count.items()) or nothing
    print(f"{printable(str(dest))}: {words}{'; scan again for what changed' if count['changed'] else ''}")
    for one in beside:
        if one.action not in ("written", "updated", "present"):
            print(f"sidecar {one.action}: {printable(one.target)}")
    if beside:
        count = Counter(one.action for one in beside)
        print("sidecars: " + ", ".join(f"{number} {action}" for action, number in count.items()))


def _undo(dest: Path, dry_run: bool, as_json: bool) -> None:
    from albumsort.export.manifest import NAME, Manifest

    manifest = Manifest(dest)
    if not manifest.is_there:
        raise AlbumsortError(f"{printable(str(dest))}: no {NAME} there, so nothing is known of an export")
    done = list(manifest.undo(dry_run))
    if as_json:
        print(json.dumps({"destination": str(dest), "files": [{"target": str(p), "action": a} for p, a in done]}))
        return
    for path, action in done:
        if action in ("changed", "only copy", "would be removed"):
            print(f"{action}{'' if dry_run else ', and kept'}: {printable(str(path))}")
    count = Counter(action for _, action in done)
    print(f"{printable(str(dest))}: " + ", ".join(f"{number} {action}" for action, number in count.items()))
