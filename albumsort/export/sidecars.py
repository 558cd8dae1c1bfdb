"""Sidecars: XMP files beside exported files and, on request, beside the photos themselves. No photo is changed."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from albumsort.album.placed import SIDECAR, SIDECAR_OF_ORIGINAL
from albumsort.album.presence import is_as_scanned
from albumsort.errors import AlbumsortError
from albumsort.export import embedded, xmp
from albumsort.export.folders import Exported
from albumsort.export.manifest import Manifest, fingerprint
from albumsort.export.packet import packet
from albumsort.files import new_file
from albumsort.index.query import Query
from albumsort.records import Photo
from albumsort.text import printable

#: Errors that concern one sidecar; others can still be written.
_ERRORS_OF_ONE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What was done with one sidecar.

    Attributes:
        source: absolute path of the photo, or of a RAW file that belongs to it.
        target: path of the sidecar.
        action: ``written``; ``updated`` (albumsort wrote it, and the index has changed since); ``present``; ``kept``
            (another program wrote or changed it); ``photo changed`` (since the scan, so its faces are not known);
            ``photo unreadable``; ``scanned before`` (by a version that did not record the orientation; ``scan
            --rescan`` does); ``not writable``; in a dry run ``would be written`` or ``would be updated``.
        note: which XMP of other programs is broken, so that it is not in the sidecar; None if all is well.
    """

    source: str
    target: str
    action: str
    note: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The sidecar for JSON."""
        return asdict(self)


def write_sidecars(
    destination: Path,
    exported: Iterable[Exported],
    query: Query,
    *,
    tag_originals: bool = False,
    dry_run: bool = False,
) -> list[Sidecar]:
    """Write a sidecar beside each exported file, and record it in the manifest of the export.

    Args:
        destination: the folder of the export.
        exported: what the export did. A file that an earlier export placed gets its sidecar, too.
        query: the query of the export, as ``Index.settled`` returned it. Faces that do not pass its filters are left
            out; its threshold is the probability from which a face is certain.
        tag_originals: also write a sidecar beside each photo itself.
        dry_run: only report what would be done; write nothing.

    Returns:
        each sidecar once, in the order of the exported files.

    Raises:
        AlbumsortError: a sidecar cannot be written, for example because the disk is full.
        ValueError: the query has no threshold.
    """
    manifest = Manifest(destination)
    done: dict[str, Sidecar] = {}
    try:
        for item in exported:
            if item.action in ("missing", "changed", "unreadable"):
                continue
            modes = {xmp.sidecar_path(item.target): SIDECAR}
            if tag_originals:
                modes[xmp.sidecar_path(item.source)] = SIDECAR_OF_ORIGINAL
            for target, mode in modes.items():
                if target not in done:
                    place = _Place(Path(target), item.source, mode, None if dry_run else manifest)
                    done[target] = _sidecar(place, item, query)
    except OSError as error:
        raise AlbumsortError(f"{printable(str(error.filename))}: {error.strerror or error}") from error
    finally:
        manifest.close()  # also if the run was interrupted
    return list(done.values())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sidecar goes, and the manifest that records it; None in a dry run."""

    target: Path
    source: str
    mode: str
    manifest: Manifest | None


def _sidecar(place: _Place, item: Exported, query: Query) -> Sidecar:
    """Write the sidecar of an exported file, if it can have one."""
    photo = item.result.photo
    try:
        problem = "" if _has_same_bytes(photo) else "photo changed"
    except OSError:
        problem = "photo unreadable"
    # The photo is not opened to find its orientation or its size: only decoder processes decode other people's files.
    if not problem and not (photo.orientation in range(1, 9) and photo.width and photo.height):
        problem = "scanned before"
    if problem:
        return Sidecar(item.source, str(place.target), problem)
    described, broken = embedded.described(item.source)
    if place.mode == SIDECAR and _was_changed(item):
        of_copy, broken_of_copy = embedded.described(item.target)
        described, broken = described + of_copy, broken + broken_of_copy
    faces = [face for face in item.result.faces if query.filters.counts(face, photo)]
    assert photo.orientation is not None  # noqa: S101 - it is one of 1 to 8
    content = packet(photo, faces, query.certain, photo.orientation, described)
    action = _write(place, content)
    is_new = action not in ("kept", "not writable")
    return Sidecar(item.source, str(place.target), action, "; ".join(broken) if broken and is_new else None)


def _was_changed(item: Exported) -> bool:
    """Whether another program has changed a copy since an earlier export, and may have written keywords into it."""
    target = Path(item.target)
    if item.action != "present" or target.is_symlink() or not target.is_file():
        return False
    of_copy, of_photo = target.stat(), os.stat(item.source)
    if of_copy.st_size != of_photo.st_size:
        return True
    # A copy has the time of its photo. A rating takes no more room than the one before it.
    return of_copy.st_mtime_ns != of_photo.st_mtime_ns and fingerprint(target) != fingerprint(Path(item.source))


def _has_same_bytes(photo: Photo) -> bool:
    """Whether a photo's file has the bytes that were scanned. Its time may differ: programs that copy files change it.

    Raises:
        OSError: the file cannot be read.
    """
    if is_as_scanned(photo):
        return True
    has_same_size = os.path.getsize(photo.path) == photo.size
    return has_same_size and fingerprint(Path(os.path.realpath(photo.path))) == photo.digest


def _write(place: _Place, content: bytes) -> str:
    """Write one sidecar, unless the photo has one that albumsort did not write; returns the action."""
    target, manifest = place.target, place.manifest
    try:
        is_there = os.path.lexists(target)
        if not xmp.is_own(target) if is_there else _has_another(target):
            return "kept"
        if is_there and target.read_bytes() == content:
            return "present"
        action = "updated" if is_there else "written"
        if manifest is None:
            return f"would be {action}"
        with new_file(target, replace=is_there, announce=lambda path: manifest.begin(path, place.source)) as file:
            file.write(content)
            manifest.add(target, place.source, place.mode, hashlib.sha256(content).hexdigest())
    except OSError as error:
        if manifest is not None and not os.path.lexists(target):
            manifest.drop(target, place.mode)
        if isinstance(error, FileExistsError):  # another program wrote one just now
            return "kept"
        if error.errno not in _ERRORS_OF_ONE:
            raise
        return "not writable"
    return action


def _has_another(target: Path) -> bool:
    """Whether the photo has a sidecar by another name. Programs that find ours would no longer read that one."""
    photo = target.with_suffix("")
    names = (target.with_suffix(".XMP"), photo.with_suffix(".xmp"), photo.with_suffix(".XMP"))
    return any(os.path.lexists(name) for name in names)
