"""An index of a million faces: what its writer costs, and how long questions take beyond the start of the process.

    python tests/benchmarks/large_index.py FILE [--photos 250000] [--faces 4] [--alike]

FILE is made when it is not there (some minutes), by the index's own writer; the faces are drawn at random. The query
plans of the questions are printed, too. With --alike, each face shows its emotion with a probability of 1, so that the
best photos of each list have the same score.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from albumsort.emotions import EMOTIONS
from albumsort.index.reader import Index
from albumsort.index.writer import IndexWriter
from albumsort.records import Box, Face, Photo, PhotoResult

#: How often people show what, about as FER+ has it; the order is that of ``EMOTIONS``.
SHARES = (0.09, 0.01, 0.02, 0.27, 0.12, 0.13, 0.36)


def results(photos: int, faces: int, alike: bool = False) -> Iterator[PhotoResult]:
    """Photos with 1 to twice ``faces`` - 1 faces each, half of the faces alike on each photo."""
    rng = np.random.default_rng(0)
    for k in range(photos):
        count = int(rng.integers(1, 2 * faces))
        mood = rng.choice(len(EMOTIONS), p=SHARES)
        found = []
        for _ in range(count):
            peak = mood if rng.random() < 0.5 else rng.choice(len(EMOTIONS), p=SHARES)
            share = 1.0 if alike else rng.beta(5, 2)
            probabilities = rng.dirichlet(np.full(len(EMOTIONS), 0.5)) * (1 - share)
            probabilities[peak] += share
            x, y, w, h = rng.uniform((0, 0, 80, 100), (3000, 2000, 400, 500)).round(2).tolist()
            marks = tuple((round(x + w * a, 2), round(y + h * b, 2)) for a, b in rng.uniform(size=(5, 2)))
            tuple_of_seven = tuple(probabilities.round(6).tolist())
            found.append(Face(Box(x, y, w, h), round(float(rng.uniform(0.9, 1)), 6), marks, 120.5, tuple_of_seven))
        second = int(rng.integers(86_400))
        clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        taken = f"20{k % 25:02d}-{k % 12 + 1:02d}-{k % 28 + 1:02d}T{clock}"
        look = f"{rng.integers(1 << 63):016x}"
        path, size = f"/photos/{k // 1000}/IMG_{k}.jpg", (4032, 3024)
        photo = Photo(path, 3_000_000, k, f"{k:064x}", *size, taken, "Maker Model", look)
        yield PhotoResult(photo, tuple(found))


def build(file: Path, photos: int, faces: int, alike: bool) -> None:
    """Make the index, and print the CPU time of the writer without that of drawing the faces."""
    seconds, written = 0.0, 0
    start = time.process_time()
    with IndexWriter(file) as writer:
        scan = writer.start_scan({"paths": ["/photos"], "threshold": 0.5})
        seconds += time.process_time() - start
        drawn = results(photos, faces, alike)
        while batch := list(islice(drawn, 200)):
            start = time.process_time()
            writer.write(scan, batch)
            seconds += time.process_time() - start
            written += sum(len(result.faces) for result in batch)
        start = time.process_time()
        writer.finish_scan(scan)
        seconds += time.process_time() - start
    print(f"writer: {seconds / written * 1e6:.1f} microseconds of CPU per face")


def one_more(file: Path) -> None:
    """Print how long a scan takes the writer that finds one new photo."""
    (result,) = results(1, 1)
    with IndexWriter(file) as writer:
        start = time.perf_counter()
        scan = writer.start_scan({"paths": ["/photos"], "threshold": 0.5})
        writer.write(scan, [result])
        writer.finish_scan(scan)
        print(f"one new photo: {time.perf_counter() - start:.3f} s")


QUESTIONS = (
    ["top", "happy", "-n", "20"],
    ["top", "disgust", "-n", "20"],
    ["top", "happy", "-n", "20", "--under", "/photos/17"],
    ["top", "happy", "-n", "20", "--since", "2013-05", "--until", "2013-06"],
    ["top", "happy", "--everyone"],
    ["top", "fear", "--everyone"],
    ["top", "happy", "--everyone", "--threshold", "0.99"],
    ["top", "surprise", "--closest"],
    ["top", "surprise", "--closest", "--everyone"],
    ["top", "surprise", "--threshold", "1"],
    ["top", "happy", "surprise"],
    ["top", "happy", "surprise", "--everyone"],
    ["top", "angry", "--label-scheme", "six"],
    ["top", "happy", "--label-scheme", "four"],
    ["top", "happy", "--label-scheme", "four", "--everyone"],
    ["top", "happy", "--not", "sad", "--camera", "maker", "--min-faces", "3"],
    ["top", "happy", "--min-face", "10", "--min-detection", "0.99"],
    ["top", "happy", "--everyone", "--min-face", "3"],
    ["list", "--no-faces", "--since", "2013"],
    ["list", "--uncertain", "-n", "100"],
    ["bursts"],
    ["stats"],
    ["stats", "--since", "2013", "--until", "2014"],
    ["stats", "--camera", "maker"],
    ["stats", "--min-detection", "0.95"],
    ["stats", "--label-scheme", "six"],
    ["problems"],
    ["export", "/tmp/nowhere", "-n", "20", "--dry-run"],
)


def seconds(command: list[str]) -> float:
    """The best of five."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def plans(file: Path) -> None:
    """Print the plan of each statement that some questions run."""
    with Index(file) as index:
        statements: list[str] = []
        index.connection.set_trace_callback(statements.append)
        index.top("happy", 3)
        index.top("happy", 3, everyone=True)
        index.stats()
        index.connection.set_trace_callback(None)
        for statement in dict.fromkeys(statements):
            print(" ".join(statement.split())[:150])
            for *_, step in index.connection.execute("EXPLAIN QUERY PLAN " + statement):
                print("    ", step)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--photos", type=int, default=250_000)
    parser.add_argument("--faces", type=int, default=4)
    parser.add_argument("--alike", action="store_true")
    args = parser.parse_args()
    if not args.file.exists():
        build(args.file, args.photos, args.faces, args.alike)
    with Index(args.file) as opened:
        counts = opened.stats()
    print(json.dumps({"photos": counts["photos"], "faces": counts["faces"]}))
    print(f"{os.path.getsize(args.file) / counts['faces']:.0f} bytes per face")
    albumsort = [sys.executable, "-m", "albumsort"]
    start_up = seconds([*albumsort, "--version"])
    print(f"start of the process: {start_up:.2f} s")
    for question in QUESTIONS:
        print(f"{seconds([*albumsort, *question, '--db', str(args.file)]) - start_up:6.2f} s  {' '.join(question)}")
    one_more(args.file)
    plans(args.file)
