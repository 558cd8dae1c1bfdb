"""albumsort forget: remove every trace of a photo or folder from the index."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli import last_list
from albumsort.cli.asking import ask, is_person
from albumsort.cli.options import Db, Json, index_path
from albumsort.errors import AlbumsortError
from albumsort.index.reader import Index
from albumsort.text import count, printable, spellings


def forget(
    path: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder with everything below it, or a photo.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be forgotten.")] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Remove every trace of a photo or folder from the index. The photos themselves stay as they are.

    On a terminal, it asks first: corrections go, too, and cannot be brought back.

    Examples:
        albumsort forget ~/Photos/examples --dry-run
        albumsort forget ~/Photos/examples --yes
    """
    from albumsort.index.writer import IndexWriter

    if not path.strip():
        raise typer.BadParameter("an empty path; name the folder or photo to forget")
    path = os.path.expanduser(path)
    index = index_path(db)
    Index(index).close()  # raises an error if there is no index; the writer would create one
    with IndexWriter(index) as writer:
        names = _names(path)
        if as_json or dry_run or (is_person() and not yes):
            files, corrections = writer.would_forget(*names)
            if dry_run and not files and not corrections:
                raise _unknown(path)
            counts = ((files, "file"), (corrections, "correction"))
            much = " and ".join(count(number, thing) for number, thing in counts if number)
            if as_json:
                as_dict = {"dry_run": dry_run, "files": files, "corrections": corrections}
            if dry_run:
                print(json.dumps(as_dict) if as_json else f"{much} would be forgotten")
                return
            if files:
                ask(f"Forget {much} of {printable(path)}", yes)
        forgotten = writer.forget(*names)
    last_list.forget(index, names)
    if not forgotten:
        raise _unknown(path)
    print(json.dumps(as_dict) if as_json else f"{count(forgotten, 'file')} forgotten")
    _say_what_comes_back(os.path.abspath(path), index)


def _say_what_comes_back(path: str, index_file: Path) -> None:
    """Say to standard error which scans would read the photos again, and how to keep them out."""
    with Index(index_file) as index:
        above = [root for root in sorted(index.roots()) if path.startswith(root.rstrip(os.sep) + os.sep)]
    if above and os.path.exists(path):
        option = f"--exclude {shlex.quote(os.path.basename(path))}"
        sys.stderr.write(f"a scan of {printable(above[0])} reads them again, unless you add {printable(option)}\n")


def _unknown(path: str) -> AlbumsortError:
    return AlbumsortError(f"{path}: not in the index; name it as it was scanned")


def _names(path: str) -> list[str]:
    """The absolute paths by which an index may know a file or folder.

    A scan may have found it by this name, or by the name of the place that a link leads to, with accents composed or
    apart.
    """
    given = (os.path.abspath(path), os.path.realpath(path))
    return list(dict.fromkeys(name for each in given for name in spellings(each)))
