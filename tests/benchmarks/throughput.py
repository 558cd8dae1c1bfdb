"""The figures of the README: speed of the stages and of the whole scan, compared with peers, and growth.

    python tests/benchmarks/throughput.py FOLDER [--peer PYTHON] [--photos 200]

Albums are made in FOLDER once. PYTHON is the interpreter of an environment with ``fer`` and ``mtcnn``. Each of these
processes a few photos of the same albums in the same run. Only ratios within a run are meaningful.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build_album import build

#: Name, megapixels, number of faces, and grain of each album.
ALBUMS = (
    ("12 MP, 1 to 3 faces", 12.0, (1, 3), 5.0),
    ("12 MP, 1 to 3 faces, smooth", 12.0, (1, 3), 1.5),
    ("12 MP, nobody", 12.0, (0, 0), 5.0),
    ("12 MP, 10 to 20 faces", 12.0, (10, 20), 5.0),
    ("2 MP, 1 to 3 faces", 2.0, (1, 3), 5.0),
)
PEERS = {
    "fer": "from fer.fer import FER; d = FER(mtcnn=True); find = lambda p: d.detect_emotions(p)",
    "mtcnn": "from mtcnn import MTCNN; d = MTCNN(); find = lambda p: d.detect_faces(p[..., ::-1])",
}
#: How a peer processes photos one by one, as in its own documentation.
PEER = """
import sys, time, cv2
{load}
paths = sys.argv[1:]
find(cv2.imread(paths[0]))
start = time.perf_counter()
for path in paths:
    find(cv2.imread(path))
print((time.perf_counter() - start) / len(paths))
"""


def bench(folder: Path, photos: int) -> dict:
    command = [sys.executable, "-m", "albumsort", "bench", str(folder), "--photos", str(photos), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peer(python: str, name: str, folder: Path, photos: int) -> float:
    """The speed of a peer in photos per second."""
    paths = [str(path) for path in sorted(folder.iterdir())[:photos]]
    command = [python, "-c", PEER.format(load=PEERS[name]), *paths]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return 1 / float(done.stdout.split()[-1])


def growth(folder: Path) -> None:
    """Print the seconds for 500 photos and for 5,000: ten copies of the same, each with a different byte at its end."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        many = Path(temporary) / "many"
        many.mkdir()
        for turn in range(10):
            for path in sorted(folder.iterdir())[:500]:
                copy = many / f"{turn}-{path.name}"
                shutil.copy(path, copy)
                with copy.open("ab") as end:
                    end.write(bytes([turn]))
        seconds = {}
        for name, pattern in (("500", "0-*"), ("5000", "*")):
            album = Path(temporary) / name
            album.mkdir()
            for path in many.glob(pattern):
                (album / path.name).hardlink_to(path)
            start = time.perf_counter()
            index = str(Path(temporary) / f"{name}.db")
            subprocess.run([sys.executable, "-m", "albumsort", "scan", str(album), "--db", index], check=True)
            seconds[name] = time.perf_counter() - start
    print(f"growth: 500 photos {seconds['500']:.1f} s, 5000 photos {seconds['5000']:.1f} s", end="")
    print(f", {seconds['5000'] / seconds['500']:.2f} times")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--growth", action="store_true")
    args = parser.parse_args()
    for name, megapixels, faces, grain in ALBUMS:
        album = args.folder / name.replace(" ", "-").replace(",", "")
        build(album, args.photos, megapixels, faces, grain)
        measured = bench(album, args.photos)
        rates = " ".join(f"{stage} {rate:.1f}" for stage, rate in measured["rates"].items())
        print(f"{name}: {measured['megabytes']} MB, scan {measured['scan']:.1f} photos/s, {rates},", end=" ")
        print(
            f"1/{measured['rates']['decoding'] / measured['scan']:.1f} of decoding, {measured['peak_memory']:.0f} MB",
            flush=True,
        )
        for which in PEERS if args.peer else ():
            rate = peer(args.peer, which, album, 20 if megapixels > 4 else 60)
            print(
                f"    {which}: {rate:.2f} photos/s; the scan is {measured['scan'] / rate:.0f} times as fast", flush=True
            )
    if args.growth:
        small = args.folder / "2-MP-500"
        build(small, 500, 2.0, (1, 3), 5.0)
        growth(small)
