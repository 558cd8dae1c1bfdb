"""albumsort model tune."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.help import DATA
from albumsort.cli.model.figures import print_tuning
from albumsort.cli.options import Db, index_path
from albumsort.errors import AlbumsortError
from albumsort.text import printable

_log = logging.getLogger("albumsort.cli")


def tune(
    db: Db = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=DATA,
            help="A CSV table of further labelled faces, with the columns path, box (x y w h) and emotion.",
        ),
    ] = None,
    remember: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="NUMBER",
            rich_help_panel=DATA,
            help="The number of uncorrected faces of the index that the model must not forget.",
        ),
    ] = 4000,
) -> None:
    """Tune the model on your corrections. The tuned model is kept only if it is better on photos it did not learn from.

    Make corrections with: albumsort correct PHOTO --face N EMOTION. The shipped model is never changed. The tuned one
    is stored in your user-data folder, and scans use it from then on.

    Examples:
        albumsort model tune
        albumsort model tune --labels labels.csv --remember 10000
    """
    from albumsort.index.reader import Index
    from albumsort.training.datasets import DataError
    from albumsort.vision import models
    from albumsort.vision.tensorflow import tensorflow

    if not index_path(db).exists():
        raise AlbumsortError(
            f"{printable(str(index_path(db)))}: no such index; tuning also needs scanned faces that nobody corrected, "
            "to check that it forgets nothing: scan some photos first (albumsort scan FOLDER) or name an index (--db)"
        )
    with Index(index_path(db)) as index:
        faces = [*index.corrections(), *index.remembered(remember)]
    tensorflow("auto")  # before Keras is imported: it chooses the backend
    from albumsort.training import tune as tuning

    if labels:
        more, broken = tuning.read_labels(labels)
        for reason, number in broken.items():
            _log.info("%s: left out %d rows: %s", printable(str(labels)), number, reason)
        faces = [*more, *faces]
    outcome = tuning.tune(
        models.shipped_model(), models.model_in_use(), faces, models.user_models(), "albumsort model tune"
    )
    print_tuning(asdict(outcome))
    if outcome.model is None:
        raise DataError(
            "the tuned model is not better than the one in use, or has forgotten too much, and was not kept; "
            "correct more faces, or scan more photos, and try again"
        )
    models.use(outcome.model)
    print(f"scans use from now on: {outcome.model}")
    print("read your photos again with: albumsort scan --rescan FOLDER; go back with: albumsort model use shipped")
