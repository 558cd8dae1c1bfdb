"""albumsort bench: how fast this machine reads photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albumsort.cli.help import PHOTOS
from albumsort.cli.options import Detail, Device, Json, MinFace, Workers
from albumsort.text import count

if TYPE_CHECKING:
    from albumsort.scanning.bench import Bench


def bench(
    path: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of photos.")],
    photos: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            rich_help_panel=PHOTOS,
            help="The number of photos to measure.",
            show_default="100 or more",
        ),
    ] = None,
    min_face: MinFace = 2.5,
    detail: Detail = 2048,
    workers: Workers = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure how fast this machine reads your photos.

    It also says what limits the speed. Nothing is stored.

    Examples:
        albumsort bench ~/Photos
        albumsort bench ~/Photos --photos 500 --workers 2
    """
    from albumsort.scanning.bench import bench as run
    from albumsort.settings import ScanSettings

    settings = ScanSettings(min_face=min_face, detail=detail, workers=workers, device=device)
    found = run(path, photos, settings)
    print(json.dumps(found.as_dict()) if as_json else bench_table(found))


def bench_table(found: Bench) -> str:
    """The measurements for a terminal."""
    of_decoding = f"{found.scan / found.rates['decoding']:.0%} of decoding alone"
    minutes = 10_000 / min(found.scan, found.rates["reading"]) / 60
    at_this_rate = (
        f"At this rate, 10,000 such photos take {minutes:.0f} minutes,"
        " if the disk reads them as fast as it did now. Files that were read before come from memory."
    )
    lines = [
        f"{count(found.photos, 'photo')} of {found.megapixels:.1f} MP, {found.megabytes:.1f} MB and {found.faces:.1f} "
        f"faces on average, on {count(found.cores, 'core')}",
        "",
        "                 photos/s   share of the work",
        *(f"{stage:15} {found.rates[stage]:9.1f}   {found.shares[stage]:4.0%}" for stage in found.rates),
        f"{'whole scan':15} {found.scan:9.1f}   {of_decoding if found.is_steady else 'with its start'}",
        "",
        f"It starts in {found.start:.1f} s, uses at most {found.peak_memory:.0f} MB of memory, and is limited by "
        f"{max(found.shares, key=lambda stage: found.shares[stage])}.",
        at_this_rate
        if found.is_steady
        else "These photos are too few to tell the speed after the start: use a larger album, or a larger --photos.",
    ]
    return "\n".join(lines)
