"""Measures how long a scan takes if no file has changed.

python tests/benchmarks/unchanged_files.py FOLDER [--files 100000]

Makes tiny files, a thousand per folder, and an index with all of them, and times three scans.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult


def make(folder: Path, count: int) -> list[PhotoResult]:
    """Write the files; returns their rows for an index."""
    known = []
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
        status = path.stat()
        known.append(PhotoResult(Photo(str(path), status.st_size, status.st_mtime_ns, f"{number:064x}", 400, 300)))
    return known


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="must not exist yet")
    parser.add_argument("--files", type=int, default=100_000)
    args = parser.parse_args()
    album, index = args.folder.absolute() / "album", args.folder.absolute() / "index.db"
    album.mkdir(parents=True)
    with IndexWriter(index) as writer:
        scan = writer.start_scan({"paths": [str(album)]})
        writer.write(scan, make(album, args.files))
        writer.finish_scan(scan)
    for _ in range(3):
        start = time.perf_counter()
        command = [sys.executable, "-m", "albumsort", "scan", str(album), "--db", str(index)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{time.perf_counter() - start:.2f} s: {done.stdout.strip()}")
