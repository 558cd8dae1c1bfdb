"""Lists, bursts and faces as text: for a terminal, as paths, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from albumsort.culling.best_shot import BurstShot
from albumsort.records import PhotoResult, RankedPhoto
from albumsort.report.as_json import row_as_dict
from albumsort.text import count, one_line, printable, score_text

#: The formats in which a list can be printed.
Format = Literal["table", "paths", "paths0", "json", "ndjson", "jsonl", "csv"]


def write_ranking(
    ranking: Iterable[RankedPhoto], threshold: float, form: Format, *, header: bool = False, links: bool = False
) -> Iterator[str]:
    """Write a list in a format, photo by photo, except for ``json``, which is one text.

    Args:
        ranking: the photos, best first; may be read while they are written.
        threshold: the probability from which a face is certain, 0..1.
        form: ``paths`` has one path per line; ``paths0`` has a null character after each path, as ``xargs -0`` expects;
            ``jsonl`` is another name of ``ndjson``.
        header: whether a table begins with the names of its columns.
        links: whether the paths in a table are links to the files, for terminals (OSC 8).

    Yields:
        pieces of text; the whole ends with a line break (``paths0``: a null character) or is empty.
    """
    if form == "json":
        yield json.dumps([row_as_dict(row, threshold) for row in ranking], indent=1) + "\n"
    elif form == "csv":
        yield from _csv(ranking)
    elif form in ("ndjson", "jsonl"):
        yield from (json.dumps(row_as_dict(row, threshold)) + "\n" for row in ranking)
    elif form == "paths0":
        yield from (row.photo.path + "\0" for row in ranking)
    elif form == "paths":
        yield from (one_line(row.photo.path) + "\n" for row in ranking)
    else:
        for rank, row in enumerate(ranking, 1):
            if header and rank == 1:
                score = "" if row.score is None else f"{'score':8}  "
                yield f"{'rank':4}  {score}{'taken on':10}  {'faces':13}  photo\n"
            yield _line(rank, row, links)


def _line(rank: int, row: RankedPhoto, links: bool) -> str:
    score = "" if row.score is None else f"{score_text(row.score):8}  "
    others = f"  (+{row.others} like it)" if row.others else ""
    taken_on, faces = (row.photo.taken_at or "")[:10], count(len(row.faces), "face")
    showing = "" if row.showing is None else f"{row.showing} of "
    named = sum(face.corrected for face in row.faces)
    corrected = f"  ({count(named, 'face')} corrected)" if named else ""
    name = _name(row.photo.path, links)
    return f"{rank:4d}  {score}{taken_on:10}  {showing + faces:13}  {name}{others}{corrected}\n"


def _name(path: str, links: bool) -> str:
    """A path for a terminal, as a link to the file if it shows links."""
    if not links:
        return printable(path)
    from urllib.parse import quote

    return f"\x1b]8;;file://{quote(os.fsencode(path))}\x1b\\{printable(path)}\x1b]8;;\x1b\\"


def burst_lines(number: int, shots: Sequence[BurstShot]) -> str:
    """A burst for a terminal, best shot first and marked with a star.

    Args:
        number: the number of the burst in the list, from 1.
        shots: best first.
    """
    taken_at = min(shot.photo.taken_at or "" for shot in shots)
    lines = [f"{number:4d}  {taken_at[:19].replace('T', ' ')}  {len(shots)} frames\n"]
    for rank, shot in enumerate(shots, 1):
        mark = "*" if rank == 1 else " "
        lines.append(
            f"    {mark} {score_text(shot.score):8}  {count(len(shot.faces), 'face'):8}  {printable(shot.photo.path)}\n"
        )
    return "".join(lines)


def describe(result: PhotoResult, threshold: float) -> str:
    """A photo and its faces for a terminal, one line each. A face below the threshold is uncertain."""
    if result.photo.error and not result.faces:
        return f"{printable(result.photo.path)}: {result.photo.error}\n"
    note = f" ({result.photo.error})" if result.photo.error else ""
    lines = [f"{printable(result.photo.path)}: {count(len(result.faces), 'face')}{note}\n"]
    for face in result.faces:
        word = face.emotion if face.confidence >= threshold else f"uncertain ({face.emotion}?)"
        x, y, w, h = (round(value) for value in face.box)
        lines.append(f"  {word} {face.confidence:.0%}  at {x},{y}  {w} x {h}\n")
    return "".join(lines)


def _csv(ranking: Iterable[RankedPhoto]) -> Iterator[str]:
    yield _csv_line("rank", "path", "score", "taken_at", "faces", "camera", "width", "height", "utc_offset")
    for rank, row in enumerate(ranking, 1):
        photo, score = row.photo, "" if row.score is None else f"{row.score:.6f}"
        facts = (_as_text(photo.camera), photo.width, photo.height, photo.utc_offset)
        yield _csv_line(rank, one_line(photo.path), score, photo.taken_at, len(row.faces), *facts)


def _csv_line(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _as_text(value: str | None) -> str | None:
    """Make a cell that no spreadsheet executes as a formula."""
    return f"'{value}" if value and value[0] in "=+-@" else value
