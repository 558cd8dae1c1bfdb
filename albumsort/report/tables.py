"""Top lists, faces and measurements as table, paths, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from albumsort.records import PhotoResult, RankedPhoto
from albumsort.report.as_json import row_as_dict
from albumsort.text import count, one_line, printable

if TYPE_CHECKING:
    from albumsort.culling.best_shot import Frame
    from albumsort.scanning.bench import Bench

Format = Literal["table", "paths", "paths0", "json", "ndjson", "csv"]


def write_ranking(ranking: Iterable[RankedPhoto], threshold: float, form: Format) -> Iterator[str]:
    """A list in some format, a photo at a time but for JSON; ends with a line break unless it is empty."""
    if form == "json":
        yield json.dumps([row_as_dict(row, threshold) for row in ranking], indent=1) + "\n"
    elif form == "csv":
        yield from _csv(ranking)
    elif form == "ndjson":
        yield from (json.dumps(row_as_dict(row, threshold)) + "\n" for row in ranking)
    elif form == "paths0":
        yield from (row.photo.path + "\0" for row in ranking)
    elif form == "paths":
        yield from (one_line(row.photo.path) + "\n" for row in ranking)
    else:
        yield from (_line(rank, row) for rank, row in enumerate(ranking, 1))


def _line(rank: int, row: RankedPhoto) -> str:
    score = "" if row.score is None else f"{row.score:.3f}"
    others = f"  (+{row.others} like it)" if row.others else ""
    taken_on, faces = (row.photo.taken_at or "")[:10], count(len(row.faces), "face")
    return f"{rank:4d}  {score:5}  {taken_on:10}  {faces:8}  {printable(row.photo.path)}{others}\n"


def burst_lines(number: int, frames: Sequence[Frame]) -> str:
    """A burst for a terminal, best frame first."""
    taken_at = min(frame.photo.taken_at or "" for frame in frames)
    lines = [f"{number:4d}  {taken_at[:19].replace('T', ' ')}  {len(frames)} frames\n"]
    for place, frame in enumerate(frames):
        mark = "*" if place == 0 else " "
        lines.append(
            f"    {mark} {frame.score:.3f}  {count(len(frame.faces), 'face'):8}  {printable(frame.photo.path)}\n"
        )
    return "".join(lines)


def describe(result: PhotoResult, threshold: float) -> str:
    """A photo and its faces for a terminal, a line each."""
    if result.photo.error and not result.faces:
        return f"{printable(result.photo.path)}: {result.photo.error}\n"
    note = f" ({result.photo.error})" if result.photo.error else ""
    lines = [f"{printable(result.photo.path)}: {count(len(result.faces), 'face')}{note}\n"]
    for face in result.faces:
        word = face.emotion if face.confidence >= threshold else f"uncertain ({face.emotion}?)"
        x, y, w, h = (round(value) for value in face.box)
        lines.append(f"  {word} {face.confidence:.0%}  at {x},{y}  {w} x {h}\n")
    return "".join(lines)


def bench_table(found: Bench) -> str:
    """What ``bench`` measured, for a terminal."""
    of_decoding = f"{found.scan / found.rates['decoding']:.0%} of decoding alone"
    minutes = 10_000 / min(found.scan, found.rates["reading"]) / 60
    at_this_rate = (
        f"At this rate 10,000 such photos take {minutes:.0f} minutes,"
        " if the disk gives them as fast as it did now: what was read before comes from memory."
    )
    lines = [
        f"{count(found.photos, 'photo')} of {found.megapixels:.1f} MP, {found.megabytes:.1f} MB and {found.faces:.1f} "
        f"faces in the mean, on {count(found.cores, 'core')}",
        "",
        "                 photos/s   share of the work",
        *(f"{stage:15} {found.rates[stage]:9.1f}   {found.shares[stage]:4.0%}" for stage in found.rates),
        f"{'whole scan':15} {found.scan:9.1f}   {of_decoding if found.is_steady else 'with its start'}",
        "",
        f"It starts in {found.start:.1f} s, has {found.peak_memory:.0f} MB of memory at most, and is bound by "
        f"{max(found.shares, key=lambda stage: found.shares[stage])}.",
        at_this_rate
        if found.is_steady
        else "These are too few photos to tell how fast it goes on: give it a larger album, or a larger --photos.",
    ]
    return "\n".join(lines)


def _csv(ranking: Iterable[RankedPhoto]) -> Iterator[str]:
    yield _csv_line("rank", "path", "score", "taken_at", "faces", "camera", "width", "height")
    for rank, row in enumerate(ranking, 1):
        photo, score = row.photo, "" if row.score is None else f"{row.score:.6f}"
        size = (photo.width, photo.height)
        yield _csv_line(
            rank, one_line(photo.path), score, photo.taken_at, len(row.faces), _as_text(photo.camera), *size
        )


def _csv_line(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _as_text(value: str | None) -> str | None:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value and value[0] in "=+-@" else value
