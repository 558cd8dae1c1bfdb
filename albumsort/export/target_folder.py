"""A folder that photos are put into: what it holds already, and which names are free in it."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

from albumsort.album.placed import PlacedFile
from albumsort.album.presence import is_as_scanned
from albumsort.export.manifest import fingerprint
from albumsort.export.names import same_name, wordings
from albumsort.files import is_partial
from albumsort.records import Photo

#: Errors that no other name can avoid.
_NOT_OF_THE_NAME = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EXDEV, errno.EIO)
#: Names of one wording that are tried. A file system that finds all of them taken takes none.
_TRIES = 1000


class TargetFolder:
    """What a folder holds, so that no photo comes into it twice and no file is replaced.

    The bytes of a file are read at most once, and only if a photo has the same size.
    """

    def __init__(self, path: Path, placed: Iterable[PlacedFile] = ()) -> None:
        """Look up what a folder holds, if it exists.

        Args:
            path: the folder.
            placed: the files that the manifest of the export lists in it.

        Raises:
            OSError: the folder cannot be read.
        """
        self.path = path
        self._names: set[str] = set()
        self._by_source: dict[str, Path] = {}
        self._by_digest: dict[str, Path] = {}
        #: By size in bytes: files whose bytes were not read yet, each with the path that it stands for.
        self._unread: dict[int, list[tuple[Path, Path]]] = defaultdict(list)
        self._sizes: set[int] = set()
        placed = [item for item in placed if item.mode in ("copy", "hardlink")]
        self._listed_sources = {item.source for item in placed}
        #: Another program may have changed the copies since, and has put keywords into them: their bytes say nothing.
        self._listed = {item.digest: path / os.path.basename(item.path) for item in placed}
        if not path.is_dir():
            return
        for item in path.iterdir():
            self._names.add(same_name(item.name))
            if item.is_symlink():
                self._by_source[os.readlink(item)] = item
            elif item.is_file() and not is_partial(item.name):
                size = item.stat().st_size
                self._sizes.add(size)
                self._unread[size].append((item, item))

    def find(self, photo: Photo) -> Path | None:
        """The file in this folder that already is the photo, with the bytes that the photo has now.

        Raises:
            OSError: a file cannot be read.
        """
        if photo.path in self._by_source:
            return self._by_source[photo.path]
        if not os.path.isfile(photo.path):
            return None
        size = os.path.getsize(photo.path)
        for file, target in self._unread.pop(size, ()):
            self._by_digest.setdefault(fingerprint(file), target)
        if photo.digest and is_as_scanned(photo):
            digest = photo.digest
        elif size in self._sizes or photo.path in self._listed_sources:
            digest = fingerprint(Path(os.path.realpath(photo.path)))
        else:
            return None
        listed = self._listed.get(digest)
        if listed is not None and listed.is_file() and not listed.is_symlink():
            return listed
        return self._by_digest.get(digest)

    def add(self, photo: Photo, target: Path, digest: str | None) -> None:
        """Remember a photo that was placed.

        Args:
            photo: the photo, whose file must be there.
            target: its file in this folder. In a dry run there is none.
            digest: of its bytes; None if it is not known.
        """
        self._names.add(same_name(target.name))
        self._by_source[photo.path] = target
        size = os.path.getsize(photo.path)
        self._sizes.add(size)
        if digest:
            self._by_digest.setdefault(digest, target)
        else:
            self._unread[size].append((Path(os.path.realpath(photo.path)), target))

    def free_name(self, prefix: str, source: str) -> Path:
        """A path for a photo in this folder: the prefix and the photo's own name, with a number if that is taken."""
        wording = next(wordings(os.path.basename(source)))
        return next(path for path in self._candidates(prefix, wording))

    def place(self, prefix: str, source: str, make: Callable[[Path], None]) -> Path:
        """Make a file under a name that is free and that the file system accepts.

        Args:
            prefix: what the name begins with.
            source: path of the photo, whose name follows.
            make: makes the file of that path, and raises ``FileExistsError`` if the name is taken.

        Returns:
            the path of the new file.

        Raises:
            OSError: the file cannot be made under any name.
        """
        refused: OSError | None = None
        for wording in wordings(os.path.basename(source)):
            for target in self._candidates(prefix, wording):
                try:
                    make(target)
                except FileExistsError:  # also a name that the file system takes for another one
                    self._names.add(same_name(target.name))
                except OSError as error:
                    if error.errno in _NOT_OF_THE_NAME:
                        raise
                    refused = refused or error
                    break
                else:
                    return target
        raise refused or FileExistsError(errno.EEXIST, "no name is free", str(self.path / os.path.basename(source)))

    def _candidates(self, prefix: str, wording: Callable[[str, str], str]) -> Iterable[Path]:
        tried = 0
        for number in count(1):
            name = wording(prefix, f" ({number})" if number > 1 else "")
            if same_name(name) not in self._names:
                tried += 1
                yield self.path / name
            if tried == _TRIES:
                return
