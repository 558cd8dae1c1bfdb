"""albumsort export: the best photos of each emotion in folders."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from albumsort.cli import typed_line
from albumsort.cli.asking import Yes, ask
from albumsort.cli.bar import with_bar
from albumsort.cli.complete import emotions
from albumsort.cli.help import OUTPUT
from albumsort.cli.options import Db, Json, index_path
from albumsort.cli.output import NOT_PLACED, check_any_placed, nobody_reads, warn_of_folders
from albumsort.cli.query_options import CLOSEST, EMOTION_OPTION, EVERYONE, SCHEME, asks, how_many
from albumsort.cli.undo import about_scans, how_to_undo, undo_export
from albumsort.cli.values import check_in_scheme, emotions_and_folder
from albumsort.emotions import labels_of
from albumsort.export.folders import Exported, ExportOptions, ExportPlan, Layout, Mode, carry_out, plan_export
from albumsort.export.sidecars import Sidecar, write_sidecars
from albumsort.index.explain import why_empty
from albumsort.index.query import Query
from albumsort.index.reader import Index
from albumsort.text import count, printable, size

#: How many photos of each emotion an export has with --closest.
_CLOSEST = 20
#: An export of more files or bytes is asked about.
_MANY_FILES, _MANY_BYTES = 500, 5_000_000_000


@asks(
    EMOTION_OPTION,
    how_many(None, "The number of photos per emotion. Default: all; 20 with --closest."),
    EVERYONE,
    CLOSEST,
    SCHEME,
)
def export(
    query: Query,
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="EMOTION...", autocompletion=emotions, help="Only these emotions. Default: all."),
    ] = None,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder to export into.")],
    mode: Annotated[
        Mode,
        typer.Option(
            metavar="MODE",
            rich_help_panel=OUTPUT,
            help=f"Copy the photos, or make links to them: {', '.join(get_args(Mode))}.",
        ),
    ] = "copy",
    layout: Annotated[
        Layout,
        typer.Option(
            metavar="LAYOUT",
            rich_help_panel=OUTPUT,
            help=f"Which folders to create: {', '.join(get_args(Layout))}, where flat is none.",
        ),
    ] = "emotion",
    raw: Annotated[
        bool,
        typer.Option("--raw", rich_help_panel=OUTPUT, help="Also export the RAW files that belong to a photo."),
    ] = False,
    sidecar: Annotated[
        Literal["xmp"] | None,
        typer.Option(
            metavar="xmp",
            rich_help_panel=OUTPUT,
            help="Also write emotions and faces into a file beside each photo.",
        ),
    ] = None,
    tag_originals: Annotated[
        bool,
        typer.Option(
            "--tag-originals",
            rich_help_panel=OUTPUT,
            help="With --sidecar: also write one beside each original photo.",
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo",
            rich_help_panel=OUTPUT,
            help="Remove from FOLDER what exports wrote there and nobody has changed since.",
        ),
    ] = False,
    db: Db = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", rich_help_panel=OUTPUT, help="Only show what would be done.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Copy or link the best photos of each emotion into folders.

    Each folder is named after its emotion. No file is overwritten, and no photo comes into a folder twice.
    albumsort-export.json lists what was written. On a terminal, it asks before it exports more than 500 files or 5 GB,
    or more than is free on the disk.

    Examples:
        albumsort export ~/Sorted
        albumsort export happy ~/Sorted -n 100 --mode hardlink
    """
    query, dest = _destination(query, words or (), str(folder))
    if undo:
        if words:
            raise typer.BadParameter("takes back all of an export; name only its FOLDER", param_hint="--undo")
        undo_export(dest, index_path(db), dry_run, as_json)
        return
    if tag_originals and sidecar is None:
        raise typer.BadParameter("also needs --sidecar xmp", param_hint="--tag-originals")
    with Index(index_path(db)) as index:
        if query.closest and query.n is None:  # nearly every photo is close to each emotion to some degree
            query = replace(query, n=_CLOSEST)
        query = index.settled(query)
        plan = plan_export(index, dest, query, ExportOptions(mode, layout, raw, dry_run))
        nothing = "" if plan.files else why_empty(index, query, typed_line.with_option("--closest"))
        note = about_scans(index.roots(), dest, [file.path for file in plan.files])
        warn_of_folders(index, query.filters)
    if any(os.path.isfile(file.path) for file in plan.files):
        _announce(plan, yes, as_json)
    else:  # no folder is made for nothing
        plan = replace(plan, options=replace(plan.options, dry_run=True))
    files = _carried_out(plan)
    sidecars = []
    if sidecar is not None:
        sidecars = write_sidecars(dest, files, query, tag_originals=tag_originals, dry_run=dry_run)
    if as_json:
        as_dicts = [[item.as_dict() for item in items] for items in (files, sidecars)]
        print(json.dumps({"destination": str(dest), "files": as_dicts[0], "sidecars": as_dicts[1]}))
    check_any_placed(files, f"{printable(str(dest))}: nothing was exported")
    if nothing:
        sys.stderr.write(f"{printable(str(dest))}: nothing was exported; {nothing}\n")
    if as_json or nothing:
        return
    _print_files(dest, files, query.emotions, dry_run)
    _print_sidecars(sidecars)
    actions = [item.action for item in files] + [item.action for item in sidecars]
    if "written" in actions or "updated" in actions:
        print(f"{note}{how_to_undo(dest)}")


def _destination(query: Query, words: Sequence[str], last: str) -> tuple[Query, Path]:
    """The query with the emotions that stand before the folder, and the folder.

    Raises:
        typer.BadParameter: there is no folder, or a word is no emotion.
    """
    named, folder = emotions_and_folder(words, last)
    if folder is None:
        here = f"./{last}"
        hint = f"name it behind the emotions, such as: albumsort export {last} ~/Sorted. For a folder {last}: {here}"
        raise typer.BadParameter(hint, param_hint="FOLDER")
    check_in_scheme(named, query.scheme)
    by_option = () if query.emotions == labels_of(query.scheme) else query.emotions
    return replace(query, emotions=(*named, *by_option) or query.emotions), Path(os.path.expanduser(folder))


def _announce(plan: ExportPlan, yes: bool, as_json: bool) -> None:
    """Say how much an export is, against the free space; ask whether to go on if it is much.

    Raises:
        typer.Abort: the person does not want it.
    """
    new, dest, options = plan.new_files(), plan.destination, plan.options
    # An index that another tool edited may hold anything.
    total = sum(file.size if isinstance(file.size, int) else 0 for file in new)
    words, is_too_much = count(len(new), "link") + " to make", False
    if options.mode == "copy":
        there = next(folder for folder in (dest, *dest.absolute().parents) if folder.is_dir())
        free = shutil.disk_usage(there).free
        words, is_too_much = f"{count(len(new), 'file')} to copy, {size(total)}; {size(free)} are free", total > free
    if old := len(plan.files) - len(new):
        words = f"{words}; {old} there already" if new else f"{count(old, 'file')}, all there already"
    if plan.files and not as_json:
        with suppress(BrokenPipeError):  # without a buffer, print fails at once
            print(f"{printable(str(dest))}: {words}")
        nobody_reads()  # shown before the work begins, which is done to its end in any case
    is_much = len(new) > _MANY_FILES or (options.mode == "copy" and (total > _MANY_BYTES or is_too_much))
    if is_much and not options.dry_run:
        ask(f"{words}. Go on", yes)


def _carried_out(plan: ExportPlan) -> list[Exported]:
    return list(with_bar(carry_out(plan), len(plan.files), "files"))


def _print_files(dest: Path, files: Sequence[Exported], emotions: Sequence[str], dry_run: bool) -> None:
    for item in files:
        if dry_run or item.action in ("missing", "changed", "unreadable"):
            print(f"{item.action}: {printable(item.source)} -> {printable(item.target)}")
    per_emotion = Counter(item.emotion for item in files)
    for emotion in emotions:
        if per_emotion[emotion]:
            print(f"{emotion:9}{per_emotion[emotion]:6d}")
    actions = Counter(item.action for item in files)
    advice = "; scan again to export the changed ones" if actions["changed"] else ""
    if actions["missing"]:
        advice += f"; for the missing ones, {NOT_PLACED['missing']}"
    print(f"{printable(str(dest))}: {_in_words(actions)}{advice}")


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
