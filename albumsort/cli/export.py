"""albumsort export: the best photos of each emotion in folders."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from albumsort.cli.options import EMOTION_OPTION, EVERYONE, SCHEME, Db, Json, asks, how_many, index_path
from albumsort.errors import AlbumsortError
from albumsort.export.folders import Exported, ExportOptions, Layout, Mode
from albumsort.export.folders import export as export_photos
from albumsort.export.manifest import NAME, Manifest
from albumsort.export.sidecars import Sidecar, write_sidecars
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.text import printable


@asks(EMOTION_OPTION, how_many(None, "The number of photos per emotion. Default: all."), EVERYONE, SCHEME)
def export(
    query: Query,
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="The folder to export into.")],
    mode: Annotated[Mode, typer.Option(help="Copy the photos, or make links to them.")] = "copy",
    layout: Annotated[Layout, typer.Option(help="Which folders to create.")] = "emotion",
    raw: Annotated[bool, typer.Option("--raw", help="Also export the RAW files that belong to a photo.")] = False,
    sidecar: Annotated[
        Literal["xmp"] | None, typer.Option(help="Also write emotions and faces into a file beside each photo.")
    ] = None,
    tag_originals: Annotated[
        bool, typer.Option("--tag-originals", help="With --sidecar: also write one beside each original photo.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Remove from DEST what exports wrote there and nobody has changed since.")
    ] = False,
    db: Db = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Copy or link the best photos of each emotion into a folder named after it.

    No file is overwritten, and no photo is put into a folder twice. albumsort-export.json lists what was written.
    """
    if undo:
        _undo(dest, dry_run, as_json)
        return
    if tag_originals and sidecar is None:
        raise typer.BadParameter("also needs --sidecar xmp", param_hint="--tag-originals")
    with Index(index_path(db)) as index:
        query = index.settled(query)
        files = export_photos(index, dest, query, ExportOptions(mode, layout, raw, dry_run))
        nothing = "" if files else why_empty(index, query)
    sidecars = []
    if sidecar is not None:
        sidecars = write_sidecars(dest, files, query, tag_originals=tag_originals, dry_run=dry_run)
    if as_json:
        as_dicts = [[item.as_dict() for item in items] for items in (files, sidecars)]
        print(json.dumps({"destination": str(dest), "files": as_dicts[0], "sidecars": as_dicts[1]}))
        return
    _print_files(dest, files, query.emotions, dry_run, nothing)
    _print_sidecars(sidecars)


def _print_files(dest: Path, files: Sequence[Exported], emotions: Sequence[str], dry_run: bool, nothing: str) -> None:
    for item in files:
        if dry_run or item.action in ("missing", "changed", "unreadable"):
            print(f"{item.action}: {printable(item.source)} -> {printable(item.target)}")
    per_emotion = Counter(item.emotion for item in files)
    for emotion in emotions:
        if per_emotion[emotion]:
            print(f"{emotion:9}{per_emotion[emotion]:6d}")
    actions = Counter(item.action for item in files)
    words = _in_words(actions) or nothing
    print(f"{printable(str(dest))}: {words}{'; scan again to export the changed ones' if actions['changed'] else ''}")


def _print_sidecars(sidecars: Sequence[Sidecar]) -> None:
    for item in sidecars:
        if item.action not in ("written", "updated", "present"):
            print(f"sidecar {item.action}: {printable(item.target)}")
        if item.note:
            print(f"sidecar {item.action}, but {printable(item.note)}: {printable(item.target)}")
    if sidecars:
        print(f"sidecars: {_in_words(Counter(item.action for item in sidecars))}")


def _in_words(actions: Counter[str]) -> str:
    return ", ".join(f"{number} {action}" for action, number in actions.items())


def _undo(dest: Path, dry_run: bool, as_json: bool) -> None:
    manifest = Manifest(dest)
    if not manifest.is_there:
        raise AlbumsortError(f"{printable(str(dest))}: no {NAME} there, so there is no export to undo")
    done = list(manifest.undo(dry_run))
    if as_json:
        print(json.dumps({"destination": str(dest), "files": [{"target": str(p), "action": a} for p, a in done]}))
        return
    for path, action in done:
        if action in ("changed", "only copy", "would be removed"):
            print(f"{action}{'' if dry_run else ', and kept'}: {printable(str(path))}")
    print(f"{printable(str(dest))}: {_in_words(Counter(action for _, action in done))}")
