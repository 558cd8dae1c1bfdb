"""Text for people: what a terminal shows of a path, and numbers of things."""

from __future__ import annotations

import re


def printable(text: str) -> str:
    """``text`` on one line of a terminal: line breaks, escapes and bytes that are no characters shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def one_line(path: str) -> str:
    """A path as scripts read it, a line each: exact but for control characters.

    A name with a line break in it must not look like two, nor one with escapes rule the terminal, nor one with marks
    of writing direction look like another.
    """
    return re.sub(
        r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", lambda found: printable(found[0]), path
    )


def count(number: int, thing: str) -> str:
    """``1 photo``, ``2 photos``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
