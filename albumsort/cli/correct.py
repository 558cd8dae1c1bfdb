"""albumsort correct: what a face really shows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.album.presence import is_as_scanned
from albumsort.cli.complete import emotions
from albumsort.cli.help import FACES
from albumsort.cli.last_list import photo_named
from albumsort.cli.options import Db, index_path
from albumsort.cli.values import known_emotion
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.reader import Index
from albumsort.text import count, printable


def correct(
    photo: Annotated[
        Path, typer.Argument(metavar="PHOTO", help="A photo that was scanned, or its rank in the last list.")
    ],
    emotion: Annotated[
        str | None,
        typer.Argument(
            metavar="EMOTION",
            autocompletion=emotions,
            help=f"The emotion that the face shows: {', '.join(EMOTIONS)}.",
        ),
    ] = None,
    face: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            rich_help_panel=FACES,
            help="The number of the face; the largest is 1. Needed if a photo has several faces.",
        ),
    ] = None,
    not_a_face: Annotated[bool, typer.Option("--not-a-face", rich_help_panel=FACES, help="There is no face.")] = False,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo", rich_help_panel=FACES, help="Undo the correction of this face. Default: all of the photo."
        ),
    ] = False,
    db: Db = None,
) -> None:
    """Correct a face that the model misread. All lists use the correction, and later scans keep it.

    Examples:
        albumsort correct examples/album/groups/both.jpg --face 1 neutral
        albumsort correct examples/album/groups/both.jpg --face 2 --not-a-face
    """
    if (emotion is not None) + not_a_face + undo != 1:
        raise typer.BadParameter(f"give one of: an emotion ({', '.join(EMOTIONS)}), --not-a-face, --undo")
    if emotion is not None:
        emotion = known_emotion(emotion)
    from albumsort.index.writer import IndexWriter

    index = index_path(db)
    path = _unchanged(os.path.abspath(photo_named(photo, index)), index)
    with IndexWriter(index) as writer:
        if undo:
            print(f"{printable(path)}: {count(writer.uncorrect(path, face), 'correction')} undone")
            return
        number, read = writer.correct(path, face, emotion)
        now = emotion or "not a face"
        print(f"{printable(path)}, face {number}: {now} (the model said {read.emotion} {read.confidence:.0%})")
    if not_a_face:
        with Index(index) as left:
            found = left.photo(path)
        if found and len(found.faces) >= number:
            sys.stderr.write(f"face {number + 1} is now face {number}, and so on; see them with: albumsort show\n")


def _unchanged(path: str, index_file: Path) -> str:
    """The path as the index has it, once it is sure that the faces in the index are those of the file.

    Raises:
        AlbumsortError: the file has changed since it was scanned, or there is no index.
    """
    with Index(index_file) as index:
        path = index.spelling(path)
        found = index.photo(path)
    # If a RAW file has a JPEG beside it, the index knows only the JPEG, because only that was scanned.
    if found and os.path.exists(found.photo.path) and not is_as_scanned(found.photo):
        raise AlbumsortError(f"{printable(path)}: has changed since it was scanned; scan it again first")
    return path
