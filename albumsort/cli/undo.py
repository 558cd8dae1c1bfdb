"""What becomes of exported files: how an export is undone, and whether scans read them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from albumsort.errors import AlbumsortError
from albumsort.export.manifest import KEPT, NAME, Manifest
from albumsort.index.reader import Index
from albumsort.text import count, printable

#: The number of files that are named because they were kept.
_NAMED = 5
#: Why files are kept, by a key of ``KEPT``.
_WHY = {
    "changed": "changed by another program since the export",
    "only copy": "the photo itself is gone, has changed, or is a link to it",
}


def how_to_undo(folder: Path) -> str:
    """The command that takes back what was put into a folder."""
    return f"to undo it: albumsort export {printable(shlex.quote(os.path.abspath(folder)))} --undo"


def about_scans(roots: Iterable[str], folder: Path, sources: Sequence[str]) -> str:
    """A line on what later scans do with exported files, if they are below a scanned folder; else nothing.

    Args:
        roots: what scans were given by name.
        folder: the files are put below it.
        sources: absolute paths of the photos.
    """
    target = os.path.join(os.path.abspath(folder), "")
    scanned = sorted(os.path.join(root, "") for root in roots)
    inside = [root for root in scanned if root.startswith(target)]
    if any(not source.startswith(root) for root in inside for source in sources):
        named = printable(inside[0].rstrip(os.sep))
        return f"{named} was scanned by name: its next scan reads these files as photos of their own\n"
    above = [root for root in scanned if target.startswith(root)]
    return f"scans of {printable(above[0].rstrip(os.sep) or os.sep)} pass these files over\n" if above else ""


def undo_export(folder: Path, index: Path, dry_run: bool, as_json: bool) -> None:
    """Take back exports into a folder, and print what was done.

    Raises:
        AlbumsortError: there is no export, or its manifest names files elsewhere.
    """
    name = printable(str(folder))
    manifest = Manifest(folder)
    if not manifest.is_there:
        raise AlbumsortError(f"{name}: no {NAME} there, so there is no export to undo")
    done = list(manifest.undo(dry_run))
    if as_json:
        files = [{"target": str(path), "action": action, "reason": KEPT.get(action)} for path, action in done]
        print(json.dumps({"destination": str(folder), "files": files}))
        return
    for path, action in done:
        if action == "would be removed":
            print(f"{action}: {printable(str(path))}")
    kept: defaultdict[str, list[Path]] = defaultdict(list)
    for path, action in done:
        if action in KEPT:
            kept[action].append(path)
    actions = Counter(action for _, action in done if action not in KEPT)
    if actions or not kept:
        words = ", ".join(f"{number} {action}" for action, number in actions.items())
        print(f"{name}: {words or 'nothing to remove'}")
    for action, paths in kept.items():
        print(f"{name}: {len(paths)} kept ({_WHY[action]}): {_named(paths)}")
    _print_left_in_index(index, [path for path, action in done if action in ("removed", "gone")])


def _named(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(printable(str(path)) for path in paths[:_NAMED]) + more


def _print_left_in_index(index: Path, removed: Sequence[Path]) -> None:
    """Say on standard error how many of the removed files the index still has, because a scan has read them."""
    if not removed or not index.exists():
        return
    with Index(index) as opened:
        left = sum(opened.photo(os.path.abspath(path)) is not None for path in removed)
    if left:
        sys.stderr.write(f"{count(left, 'photo')} of these still in the index; drop with: albumsort prune\n")
