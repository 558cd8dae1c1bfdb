"""Text for people: paths that are safe to print, and numbers with their nouns."""

from __future__ import annotations

import re
from itertools import product
from unicodedata import normalize


def printable(text: str) -> str:
    """Make a text safe for one line of a terminal: every character that is not printable becomes an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def drawable(text: str) -> str:
    """Make a text safe for a picture or a page, as ``printable`` does for a terminal.

    Two characters stay that ``printable`` escapes: they have no ink, but Persian and Hindi words and composed emoji are
    wrong without them.
    """
    return "".join(c if c in "\u200c\u200d" else printable(c) for c in text)


def one_line(path: str) -> str:
    """A path for scripts that read one path per line. It is exact, except that control characters become escapes.

    Without this, a name with a line break would look like two names, a name with terminal escapes could control the
    terminal, and a name with marks of writing direction could look like another name.
    """
    return re.sub(
        r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", lambda match: printable(match[0]), path
    )


def composed(text: str) -> str:
    """A text with its accents composed (NFC). macOS writes names with accents apart (NFD), and people type either."""
    return text if text.isascii() else normalize("NFC", text)


def spellings(path: str) -> list[str]:
    """A path as it is and, after it, with the accents of each of its names composed or apart.

    Paths with more than six such names are rare; all their names are composed, or all are apart.
    """
    if path.isascii():
        return [path]
    forms = [dict.fromkeys((name, composed(name), normalize("NFD", name))) for name in path.split("/")]
    if sum(len(form) > 1 for form in forms) > 6:
        return list(dict.fromkeys((path, composed(path), normalize("NFD", path))))
    return ["/".join(names) for names in product(*forms)]


def count(number: int, thing: str) -> str:
    """A number with its noun: ``1 photo``, ``2 photos``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def score_text(score: float) -> str:
    """A score of 0..1 to three decimals; to as many as six where three would say that it is 0 or 1, and it is not."""
    text, exact = f"{score:.3f}", f"{score:.6f}".rstrip("0")
    return exact if text in ("0.000", "1.000") and exact not in ("0.", "1.") else text


def size(number: int) -> str:
    """A number of bytes in the unit that people read: ``1.2 MB`` (1 MB is 1,000,000 bytes)."""
    value, units = float(number), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
