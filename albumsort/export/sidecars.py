"""Sidecars: XMP files beside what was exported, and when asked beside the photos themselves. No photo is touched."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from albumsort.album.presence import is_as_scanned
from albumsort.errors import AlbumsortError
from albumsort.export import xmp
from albumsort.export.folders import NOTED_AT_ONCE, Exported
from albumsort.export.manifest import SIDECAR, SIDECAR_OF_ORIGINAL, Manifest, fingerprint
from albumsort.files import new_file
from albumsort.index.filters import Filters
from albumsort.index.reader import Index
from albumsort.index.schemes import in_scheme
from albumsort.records import Photo
from albumsort.text import printable

#: Reasons for which one sidecar cannot be written, and others can.
_PASSED_OVER = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What became of one sidecar.

    ``action`` is ``written``, ``updated`` (it was albumsort's, and the index now says otherwise), ``present``,
    ``kept`` (the photo has a sidecar that albumsort did not write, or that changed since), ``photo changed`` (since
    the scan, so its faces are not known), ``photo unreadable``, ``scanned before`` (by a version that did not keep how
    it is turned; ``scan --rescan`` does), ``not writable``, or in a dry run ``would be written`` or ``would be
    updated``.
    """

    source: str
    target: str
    action: str


def write_sidecars(
    index: Index,
    destination: Path,
    exported: Iterable[Exported],
    *,
    threshold: float | None = None,
    filters: Filters | None = None,
    scheme: str = "seven",
    tag_originals: bool = False,
    dry_run: bool = False,
) -> list[Sidecar]:
    """Write a sidecar beside each exported file, and note it in the manifest of the export.

    Args:
        index: that the photos were exported from.
        destination: of the export.
        exported: what the export did; also what it laid earlier gets its sidecar.
        threshold: as in ``Index.top``.
        filters: likewise; faces that do not count for them are not written.
        scheme: likewise; the emotions that are written are its labels.
        tag_originals: write one beside each photo itself, too.
        dry_run: say what would be done, and write nothing.

    Raises:
        AlbumsortError: the disk is full, say.
    """
    manifest = Manifest(destination)
    certain = index.threshold() if threshold is None else threshold
    done: dict[str, Sidecar] = {}
    written = 0
    try:
        for item in exported:
            if item.action in ("missing", "changed", "unreadable"):
                continue
            targets = {xmp.sidecar_path(item.target): SIDECAR}
            if tag_originals:
                targets[xmp.sidecar_path(item.source)] = SIDECAR_OF_ORIGINAL
            targets = {target: mode for target, mode in targets.items() if target not in done}
            content = _content(index, item.source, certain, filters or Filters(), scheme) if targets else b""
            for target, mode in targets.items():
                action = content if isinstance(content, str) else _lay(Path(target), content, dry_run)
                done[target] = Sidecar(item.source, target, action)
                if action in ("written", "updated"):
                    written += 1
                    manifest.add(Path(target), item.source, mode)
                    if written % NOTED_AT_ONCE == 0:
                        manifest.save()
    except OSError as error:
        raise AlbumsortError(f"{printable(str(error.filename))}: {error.strerror or error}") from error
    finally:
        if written:
            manifest.save()  # also of a run that broke off
    return list(done.values())


def _content(index: Index, source: str, certain: float, filters: Filters, scheme: str) -> bytes | str:
    """The sidecar of a photo, or the action that says why it has none."""
    found = index.photo(source)
    try:
        if found is None or not _has_its_bytes(found.photo):
            return "photo changed"
    except OSError:
        return "photo unreadable"
    photo, faces = found.photo, found.faces
    # No photo is opened here: decoders of other people's files have processes of their own.
    if photo.orientation is None:
        return "scanned before"
    counted = [in_scheme(face, scheme) for face in faces if filters.counts(face, photo)]
    return xmp.packet(photo, counted, certain, photo.orientation)


def _has_its_bytes(photo: Photo) -> bool:
    """Whether a photo's file is the one that the index knows; a copy program may have changed its time alone."""
    if is_as_scanned(photo):
        return True
    is_as_large = os.path.getsize(photo.path) == photo.size
    return is_as_large and fingerprint(Path(os.path.realpath(photo.path))) == photo.digest


def _lay(target: Path, content: bytes, dry_run: bool) -> str:
    """Write one sidecar, unless the photo has one that is not ours."""
    try:
        is_there = os.path.lexists(target)
        if not xmp.is_own(target) if is_there else _has_another(target):
            return "kept"
        if is_there and target.read_bytes() == content:
            return "present"
        action = "updated" if is_there else "written"
        if dry_run:
            return f"would be {action}"
        if is_there:
            target.unlink()
        with new_file(target) as file:
            file.write(content)
    except FileExistsError:  # somebody else was quicker
        return "kept"
    except OSError as error:
        if error.errno not in _PASSED_OVER:
            raise
        return "not writable"
    return action


def _has_another(target: Path) -> bool:
    """Whether a photo has a sidecar by another name, which programs that find ours would no longer read."""
    photo = target.with_suffix("")
    others = (target.with_suffix(".XMP"), photo.with_suffix(".xmp"), photo.with_suffix(".XMP"))
    return any(os.path.lexists(other) for other in others)
