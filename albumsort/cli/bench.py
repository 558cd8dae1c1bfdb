"""albumsort bench: how fast this machine reads photos."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.options import Detail, Device, Json, MinFace, Workers


def bench(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder of photos.")],
    photos: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The number of photos to measure.", show_default="100 or more"),
    ] = None,
    min_face: MinFace = 2.5,
    detail: Detail = 2048,
    workers: Workers = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure how fast this machine reads your photos, and what limits it. Nothing is stored."""
    from albumsort.report.tables import bench_table
    from albumsort.scanning.bench import bench as run
    from albumsort.settings import ScanSettings

    settings = ScanSettings(min_face=min_face, detail=detail, workers=workers, device=device)

    def note(stage: str) -> None:
        sys.stderr.write(f"measuring: {stage}\n")

    found = run(path, photos, settings, note)
    print(json.dumps(found.as_dict()) if as_json else bench_table(found))
