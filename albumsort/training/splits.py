"""The splits of FER2013, and the words that people use for them."""

from __future__ import annotations

SPLITS = ("Training", "PublicTest", "PrivateTest")
#: What people call the splits.
IN_WORDS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
#: The splits by the words for them, in lower case; folders have these names, too.
_SPLITS = {
    "train": "Training",
    "training": "Training",
    "val": "PublicTest",
    "valid": "PublicTest",
    "validation": "PublicTest",
    "publictest": "PublicTest",
    "test": "PrivateTest",
    "privatetest": "PrivateTest",
}


def split_named(word: str) -> str | None:
    """The split that a word names, such as ``PrivateTest`` for ``test``; None if it names none."""
    return _SPLITS.get(word.lower())
