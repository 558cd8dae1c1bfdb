"""albumsort model tune."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from albumsort.cli.model.figures import print_tuning
from albumsort.cli.options import Db, index_path
from albumsort.errors import AlbumsortError
from albumsort.text import printable

_log = logging.getLogger("albumsort.cli")


def tune(
    db: Db = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="labels.csv", help="More labelled faces: columns path, box (x y w h), emotion."),
    ] = None,
    remember: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Uncorrected faces of the index that hold the model to what it knew."),
    ] = 4000,
) -> None:
    """Teach the model what you corrected. Kept only when it is better on photos that it has not learnt from.

    Corrections come from: albumsort correct PHOTO --face N EMOTION. The model that ships is never touched; the tuned
    one goes to your user-data folder and is in use from then on.
    """
    from albumsort.index.reader import Index
    from albumsort.training.datasets import DataError
    from albumsort.vision import models
    from albumsort.vision.engine import tensorflow

    if not index_path(db).exists():
        raise AlbumsortError(
            f"{printable(str(index_path(db)))}: no index there; tuning takes scanned faces that nobody corrected, too, "
            "to see that it forgets nothing: scan some photos first (albumsort scan FOLDER) or name an index (--db)"
        )
    with Index(index_path(db)) as index:
        faces = [*index.corrections(), *index.remembered(remember)]
    tensorflow("auto")  # before Keras, whose backend it decides
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
            "the tuned model is not better than the one in use, or has forgotten too much, so that one stays; "
            "correct more faces, or scan more photos, and try again"
        )
    models.use(outcome.model)
    print(f"in use from now on: {outcome.model}")
    print("read your photos again with: albumsort scan --rescan FOLDER; go back with: albumsort model use shipped")
