"""Cull bursts: link the best frame of each moment into a folder, and list the frames that could go.

    python examples/burst_cull.py ~/Photos/Wedding ~/Wedding-picks [--emotion happy] [--db FILE] > rejects.txt

The script deletes nothing. Look at the picks, then at rejects.txt, and decide. Neither has photos that are in no burst.
The weights below suit portraits: it matters more that nobody turns away than how bright a frame is.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from albumsort import EMOTIONS, ExportOptions, Filters, Index, Query, RankedPhoto, place, rank_burst, scan

WEIGHTS = {"emotion": 3, "people": 3, "facing": 2, "sharpness": 2, "whole": 1}


def main() -> None:
    """Scan, judge each burst, link its best frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("picks", type=Path)
    parser.add_argument("--emotion", choices=EMOTIONS, default="happy")
    parser.add_argument("--db", type=Path, default=Path("photos.db"))
    args = parser.parse_args()

    scan([args.folder], args.db)
    picks = []
    with Index(args.db) as index:
        for burst in index.bursts(Query(filters=Filters(under=os.path.abspath(args.folder)))):
            best, *others = rank_burst(burst, args.emotion, WEIGHTS)
            picks.append(RankedPhoto(best.photo, best.faces, best.score, len(others)))
            for frame in others:
                print(frame.photo.path)
    place(picks, args.picks, ExportOptions(mode="symlink"))
    sys.stderr.write(f"{len(picks)} bursts; the best frame of each is in {args.picks}\n")


if __name__ == "__main__":
    main()
