"""Tells how a training or a measurement goes, on standard error: a bar on a terminal, and a line per epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from albumsort.cli.bar import bar, minutes
from albumsort.cli.interrupt import stop
from albumsort.cli.model.curves import draw_history
from albumsort.text import count, printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from albumsort.training.fit import Epoch
    from albumsort.training.recipe import Recipe
    from albumsort.vision.classifier import EmotionClassifier

#: The bars of an epoch and of faces that are read.
_EPOCH = "{desc} {percentage:3.0f}%|{bar}| {remaining} left"
_FACES = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {remaining} left"
#: Seconds between two lines where there is no terminal.
_LINE = 60.0


class TrainingProgress:
    """Tells how a training goes, and draws its curves. It is a context manager, and called as training calls it."""

    def __init__(self, stream: TextIO, is_terminal: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to tell.

        Args:
            stream: where it is told.
            is_terminal: whether what is written there can be replaced by the next state of a bar.
            clock: gives the time in seconds.
        """
        self._stream, self._is_terminal, self._clock = stream, is_terminal, clock
        self._since = 0.0
        self._bar: Any = None

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def __call__(self, epoch: Epoch) -> None:
        """Take note of how far an epoch is."""
        stop.check()
        if epoch.is_done:
            self._clear()
            self._stream.write(f"{epoch_in_words(epoch, self._clock() - self._since)}\n")
            self._stream.flush()
            draw_history(epoch)
        elif not epoch.batch:
            self._since = self._clock()
            if self._is_terminal:
                self._bar = bar(self._stream, _EPOCH, epoch.batches, desc=_name(epoch))
        elif self._bar is not None:
            self._bar.update(epoch.batch - self._bar.n)

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _name(epoch: Epoch) -> str:
    return f"epoch {epoch.number} of {epoch.recipe.epochs}"


def epoch_in_words(epoch: Epoch, seconds: float) -> str:
    """The figures of an epoch that is done, how long it took, and how long the rest of the run will take."""
    from albumsort.training.history import figures_in_words

    words = f"{_name(epoch)}: {figures_in_words(epoch.history[-1])}, {minutes(seconds)}"
    may_end = epoch.recipe.fit.stop or any(cycle.hard for cycle in epoch.recipe.cycles)
    left = f"{'at most' if may_end else 'about'} {minutes(seconds * epoch.left)} left"
    return f"{words}, {left}" if epoch.left else words


@contextmanager
def telling_what_is_kept(folder: Path, recipe: Recipe | None = None) -> Iterator[None]:
    """If a training inside the block is stopped, say which epochs are kept and how to go on.

    Args:
        folder: the folder of the model; of several models, without a recipe.
        recipe: the recipe of the model.

    Raises:
        typer.Exit: the training was stopped.
    """
    from albumsort.training.history import epochs_done

    try:
        yield
    except KeyboardInterrupt:
        stop.leave()
        where = printable(str(folder))
        done = epochs_done(folder) if recipe else 0
        if recipe is None:
            words = f"what is trained is kept in {where}, and the same command goes on from there"
        elif done:
            epochs = recipe.epochs * max(1, recipe.fit.folds)
            words = f"{done} of {count(epochs, 'epoch')} are kept in {where}, and the same command goes on after them"
        else:
            words = "no epoch is done yet, and the same command begins again"
        sys.stderr.write(f"stopped; {words}\n")
        raise typer.Exit(130) from None


def read_faces(
    classifier: EmotionClassifier, pixels: NDArray[np.uint8], clock: Callable[[], float] = time.monotonic
) -> NDArray[np.float32]:
    """The probabilities of faces, ``(n, 7)``, and on the way how many are read: a bar, or a line a minute.

    Args:
        classifier: reads them.
        pixels: uint8 ``(n, 48, 48)``.
        clock: gives the time in seconds.
    """
    import numpy as np

    from albumsort.vision.classifier import MAX_CROPS

    shown = bar(sys.stderr, _FACES, len(pixels), desc="reading faces") if sys.stderr.isatty() else None
    since, parts = clock(), []
    try:
        for start in range(0, max(1, len(pixels)), MAX_CROPS):
            stop.check()
            parts.append(classifier.probabilities(pixels[start : start + MAX_CROPS]))
            if shown is not None:
                shown.update(len(parts[-1]))
            elif clock() - since >= _LINE:
                since = clock()
                sys.stderr.write(f"{start + len(parts[-1])} of {count(len(pixels), 'face')} read\n")
    finally:
        if shown is not None:
            shown.close()
    return np.concatenate(parts)
