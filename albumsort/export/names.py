"""Names of exported files: what file systems accept, and which names they take for the same."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator

#: Bytes of a file name that all common file systems accept, less the room for a sidecar's ``.xmp``.
_NAME_BYTES = 255 - len(".xmp")
#: What follows the last dot of a name is part of the name, and no suffix, if it has more bytes than this.
_SUFFIX_BYTES = 16
#: Characters of a plain name. Encrypted folders (eCryptfs) have room for 143 bytes, rank and score among them.
_PLAIN_CHARACTERS = 80


def fitting_name(before: str, name: str, after: str = "", suffix: str | None = None) -> str:
    """A file name that common file systems accept, made of ``before``, a photo's name, ``after`` and a suffix.

    Control characters become underscores. A name that is too long loses its end, but never half a character.

    Args:
        before: what comes before the name.
        name: of the photo, without its folder.
        after: what comes between the name and its suffix.
        suffix: replaces the name's own suffix; None keeps that.
    """
    clean = "".join("_" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in name)
    stem, own = os.path.splitext(clean)
    if len(os.fsencode(own)) > _SUFFIX_BYTES:
        stem, own = clean, ""
    end = after + (own if suffix is None else suffix)
    while stem and len(os.fsencode(before + stem + end)) > _NAME_BYTES:
        stem = stem[:-1]
    return before + stem + end


def wordings(name: str) -> Iterator[Callable[[str, str], str]]:
    """Functions that make a file name of a photo's name, each a name that more file systems accept than the one before.

    The first keeps the name. The second replaces what FAT, exFAT and NTFS refuse, and bytes that are no UTF-8. The
    third has only ASCII letters and digits. Each function takes what comes before the name and what comes after it.

    Args:
        name: of the photo, without its folder.
    """
    portable = re.sub(r'["*/:<>?\\|]|[\ud800-\udfff]', "_", name).rstrip(". ")
    stem, suffix = os.path.splitext(portable)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", stem)[:_PLAIN_CHARACTERS] + re.sub(r"[^A-Za-z0-9.]", "_", suffix)
    for wording in dict.fromkeys((name, portable, plain)):
        yield _naming(wording)


def _naming(name: str) -> Callable[[str, str], str]:
    return lambda before, after: fitting_name(before, name, after)


def same_name(name: str) -> str:
    """A form that is equal for names that some file systems take for the same: they ignore case or Unicode forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
