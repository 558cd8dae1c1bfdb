"""albumsort correct: what people know better than the model."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.album.presence import is_as_scanned
from albumsort.cli.options import Db, index_path, known_emotion
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.reader import Index
from albumsort.text import count, printable


def correct(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo of the index.")],
    emotion: Annotated[
        str | None, typer.Argument(metavar="[EMOTION]", help=f"What the face shows: {', '.join(EMOTIONS)}.")
    ] = None,
    face: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Which face, as show numbers them: the largest is 1.")
    ] = None,
    not_a_face: Annotated[bool, typer.Option("--not-a-face", help="It is no face at all.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back all corrections of this photo.")] = False,
    db: Db = None,
) -> None:
    """Say what a face shows where the model misread it. Every list respects it from then on, and scans keep it."""
    if (emotion is not None) + not_a_face + undo != 1:
        raise typer.BadParameter(f"say one of: an emotion ({', '.join(EMOTIONS)}), --not-a-face, --undo")
    if undo and face is not None:
        raise typer.BadParameter("--undo takes back all corrections of the photo; leave --face out")
    if emotion is not None:
        known_emotion(emotion)
    from albumsort.index.writer import IndexWriter

    path, index = os.path.abspath(photo), index_path(db)
    _check_unchanged(path, index)
    with IndexWriter(index) as writer:
        if undo:
            print(f"{printable(path)}: {count(writer.uncorrect(path), 'correction')} taken back")
            return
        number, said = writer.correct(path, face, emotion)
    now = emotion or "not a face"
    print(f"{printable(path)}, face {number}: {now} (the model said {said.emotion} {said.confidence:.0%})")
    if not_a_face:
        with Index(index) as left:
            found = left.photo(path)
        if found and len(found.faces) >= number:
            hint = f"what was face {number + 1} is face {number} now, and so on; look again with: albumsort show"
            print(hint, file=sys.stderr)


def _check_unchanged(path: str, index_file: Path) -> None:
    """A photo that is another by now may have other faces than those in the index."""
    with Index(index_file) as index:  # says so when there is no index, instead of making one
        found = index.photo(path)
    # Of a RAW file the index has the JPEG beside it, which is then what was scanned.
    if found and os.path.exists(found.photo.path) and not is_as_scanned(found.photo):
        raise AlbumsortError(f"{printable(path)}: has changed since it was scanned; scan it again first")
