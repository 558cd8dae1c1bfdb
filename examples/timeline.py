"""How happy was each month? A look at an album, cell by cell.

    python examples/timeline.py photos.db [timeline.png]

Run it as a whole, or cell by cell in an editor that knows `# %%` (VS Code, Spyder, PyCharm, Jupyter with jupytext).
First make the index with `albumsort scan ~/Photos --db photos.db`.
"""

# %% Open the index.
import argparse
import sys
from pathlib import Path

from albumsort import AlbumsortError, Filters, Index, plot_timeline

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("db", nargs="?", default="photos.db", help="the index")
parser.add_argument("plot", nargs="?", type=Path, help="also draw it into this file")
args = parser.parse_known_args()[0]  # a notebook has arguments of its own
try:
    index = Index(args.db)
except AlbumsortError as error:  # the index is not there, for example
    sys.exit(str(error))
counts = index.stats()
print(f"{counts['photos']} photos with {counts['faces']} faces, from {counts['first_taken_at']}")

# %% The share of happy faces in each month.
timeline = index.timeline()
for month, faces in timeline.months.items():
    share = faces["happy"] / sum(faces.values())
    print(f"{month}  {share:4.0%}  {'#' * round(40 * share)}")
print(f"without a date: {timeline.undated} faces")

# %% The happiest month of those with five faces or more, and its best photos.
enough = {month: faces for month, faces in timeline.months.items() if sum(faces.values()) >= 5}
if enough:
    happiest = max(enough, key=lambda month: enough[month]["happy"] / sum(enough[month].values()))
    print(f"the happiest month: {happiest}")
    for row in index.top("happy", n=3, filters=Filters(since=happiest, until=happiest)):
        print(f"  {row.score:.2f}  {row.photo.path}")

# %% How sure was the model? Half of the faces are at least this sure.
half, seen = sum(timeline.confidences) / 2, 0
for place, faces_in_bin in reversed(list(enumerate(timeline.confidences))):
    seen += faces_in_bin
    if seen >= half:
        print(f"half of the faces are read with {place / len(timeline.confidences):.0%} or more")
        break

# %% The same as a picture, in a new file. `albumsort stats --plot timeline.png` draws it, too.
if args.plot:
    try:
        plot_timeline(timeline, args.plot)
    except OSError as error:
        sys.exit(f"{args.plot}: {error.strerror}")

# %% Done.
index.close()
