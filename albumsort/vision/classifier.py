"""The classifier: computes calibrated probabilities of the seven emotions from crops."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from albumsort.arguments import checked_one_of, checked_path
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.vision.convert import converted
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.models import HEADS, model_in_use, read_card

#: The most crops in one call of the network.
MAX_CROPS = 256
#: A face whose best probability is below ``IN_DOUBT`` is classified a second time, mirrored. At ``UNSURE`` and below,
#: the logits of both passes count alike. In between the mirrored pass counts for less, so that no probability jumps.
IN_DOUBT, UNSURE = 0.7, 0.6
_PLACES: dict[str, int] = {emotion: place for place, emotion in enumerate(EMOTIONS)}


class EmotionClassifier:
    """Reads the emotions of faces.

    FER+ also has contempt. It is left out, and the other seven probabilities are renormalised. The model that ships
    knows all seven emotions; another model may know fewer.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        labels: str = "perceived",
        device: str = "auto",
        callers: int = 1,
    ) -> None:
        """Load a model.

        Args:
            model: a ``.keras`` file with its card; None for the model in use, which is the shipped one unless the user
                has chosen another. Its first use converts it for ONNX Runtime, which needs TensorFlow.
            labels: the labels to predict: ``perceived``, those of FER+, or ``fer2013``. A model that was trained on
                FER2013's labels alone predicts those in either case.
            device: ``auto``, ``cpu`` or ``gpu``.
            callers: how many threads will classify at once; each call then uses its share of the cores.

        Raises:
            ValueError: the labels are unknown.
            AlbumsortError: the model cannot be loaded.
        """
        checked_one_of("labels", labels, HEADS)
        path = model_in_use() if model is None else Path(checked_path("model", model))
        self.card = read_card(path)
        head = self.card.head(labels)
        self._temperature, self._emotions = self.card.temperatures[head], len(self.card.labels)
        self._network = converted(path, self.card.digest, device, callers)
        if head not in self._network.outputs:
            raise AlbumsortError(f"{path}: not a model of emotions (it has no head {head})")
        self._head = self._network.outputs.index(head)
        trial = self._logits(np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8))
        if trial.shape != (1, self._emotions) or not np.isfinite(trial).all():
            raise AlbumsortError(
                f"{path}: not a model of emotions (it gives {trial.shape}, not (1, {self._emotions}) finite numbers)"
            )

    @property
    def engine(self) -> str:
        """What runs the network, for people: ``ONNX Runtime 1.32.0, CPU``."""
        return self._network.engine

    def free_pool(self) -> None:
        """Give the memory back that the networks keep for their next run.

        Raises:
            AlbumsortError: the network failed.
        """
        self._network.free_pool(np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8))

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify faces.

        Args:
            crops: uint8 ``(n, 48, 48)``, grey; ``n`` may be 0.

        Returns:
            probabilities of ``EMOTIONS``, float32 ``(n, 7)``. Each row sums to 1; the columns of emotions that the
            model does not know are NaN.

        Raises:
            ValueError: the crops have another shape or dtype.
            AlbumsortError: the network failed: out of memory, for example.
        """
        crops = np.asarray(crops)
        if crops.ndim != 3 or crops.shape[1:] != (CROP_SIDE, CROP_SIDE) or crops.dtype != np.uint8:
            raise ValueError(f"crops are {crops.dtype} {crops.shape}, not uint8 (n, {CROP_SIDE}, {CROP_SIDE})")
        parts = [self._predict(crops[at : at + MAX_CROPS]) for at in range(0, len(crops), MAX_CROPS)]
        known = np.concatenate([np.empty((0, len(self.card.labels)), np.float32), *parts])
        return in_seven_columns(known, self.card.labels)

    def _predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = self._logits(crops)
        if self.card.is_mirrored:
            # A face and its mirror image show the same emotion. The mean of their logits is right more often than
            # either alone.
            share = share_of_mirrored(softmax(logits).max(1))
            rows = np.flatnonzero(share)
            if len(rows):
                mirrored = self._logits(np.ascontiguousarray(crops[rows, :, ::-1]))
                logits[rows] += share[rows, None] * (mirrored - logits[rows])
        return np.asarray(softmax(logits), np.float32)

    def _logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The logits of the model's emotions, divided by the temperature."""
        scaled: NDArray[np.float32] = self._network(crops)[self._head][:, : self._emotions] / self._temperature
        return scaled


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convert logits ``(n, classes)`` to probabilities: float64 of the same shape, whose rows sum to 1."""
    shifted = np.asarray(logits, np.float64) - logits.max(1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def in_seven_columns(probabilities: NDArray[np.floating], labels: Sequence[str]) -> NDArray[np.float32]:
    """Spread probabilities ``(n, labels)`` to the seven columns of ``EMOTIONS``; columns without a label are NaN."""
    spread = np.full((len(probabilities), len(EMOTIONS)), np.nan, np.float32)
    spread[:, [_PLACES[label] for label in labels]] = probabilities
    return spread


def share_of_mirrored(best: NDArray[np.floating]) -> NDArray[np.floating]:
    """The weight of the mirrored pass, 0 to 1/2, by the best probability ``(n,)`` of the first pass."""
    return ((IN_DOUBT - best) / (IN_DOUBT - UNSURE)).clip(0, 1) / 2
