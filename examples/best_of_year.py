"""Copy the photos of a year on which everybody looks happiest into a folder, best first.

    python examples/best_of_year.py ~/Photos 2024 ~/Best-of-2024 [--emotion happy] [-n 24] [--db FILE]

The script scans the photos first, which is quick if they were scanned before. It changes nothing in FOLDER and replaces
nothing in DEST. Run it again after the next holiday, and it adds the new photos.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path

from albumsort import EMOTIONS, AlbumsortError, Filters, Index, place, scan


def year(text: str) -> str:
    """A year in four digits."""
    return f"{datetime.strptime(text, '%Y').year:04}"


def main() -> None:
    """Scan, ask, copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("year", type=year)
    parser.add_argument("dest", type=Path)
    parser.add_argument("--emotion", choices=EMOTIONS, default="happy")
    parser.add_argument("-n", type=int, default=24)
    parser.add_argument("--db", type=Path, default=Path("photos.db"))
    args = parser.parse_args()

    scan([args.folder], args.db)
    of_the_year = Filters(under=os.path.abspath(args.folder), since=args.year, until=args.year)
    with Index(args.db) as index:
        best = index.top(args.emotion, args.n, everyone=True, filters=of_the_year)
    for copied in place(best, args.dest):
        print(f"{copied.action}: {copied.target}")


if __name__ == "__main__":
    try:
        main()
    except AlbumsortError as error:  # the folder is not there, for example
        sys.exit(str(error))
