"""albumsort prune: drop photos that are gone from the index."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from albumsort.cli.asking import ask, is_person
from albumsort.cli.options import Db, Json, index_path
from albumsort.errors import AlbumsortError
from albumsort.index.reader import Index
from albumsort.text import count, printable


def prune(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, even if whole folders are gone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be dropped.")] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Drop photos from the index that are no longer on the disk.

    Examples:
        albumsort prune --dry-run
        albumsort prune --yes
    """
    from albumsort.index.writer import IndexWriter

    path = index_path(db)
    Index(path).close()  # raises an error if there is no index; the writer would create one
    with IndexWriter(path) as writer:
        number, folders = writer.gone()
        shown = [f"{printable(folder)}: missing or empty, {count(of, 'photo')}" for folder, of in folders.items()]
        if dry_run:
            if as_json:
                _print_json(True, number, None, folders)
            else:
                print("\n".join([*shown, f"{count(number, 'photo')} would be dropped"]))
            return
        if folders and not yes:
            sys.stderr.writelines(f"{line}\n" for line in shown)
            if not is_person():
                raise AlbumsortError("nothing was dropped; plug the disk in, or add --yes if these photos are gone")
            ask("Drop the photos of these folders", yes)
        dropped, kept = writer.prune(whole_folders=yes or bool(folders))
    if as_json:
        _print_json(False, dropped, kept, folders)
    else:
        print(f"{count(dropped, 'photo')} dropped, {kept} kept")


def _print_json(dry_run: bool, dropped: int, kept: int | None, folders: dict[str, int]) -> None:
    missing = [{"path": folder, "photos": photos} for folder, photos in folders.items()]
    print(json.dumps({"dry_run": dry_run, "dropped": dropped, "kept": kept, "folders": missing}))
