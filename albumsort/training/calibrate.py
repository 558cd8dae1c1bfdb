"""Calibration: one temperature a head, so that of the faces called 80 % happy, 80 % are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Temperatures that are tried, then refined around the best: networks are rarely wrong by more than this.
_LOWEST, _HIGHEST = 0.2, 5.0
#: Bins of the calibration error, as in Guo et al. 2017.
BINS = 15


def temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """The temperature at which held-out faces are most probable (Guo et al. 2017, arXiv:1706.04599).

    Args:
        logits: float ``(n, classes)``.
        truth: class of each face ``(n,)``.
    """
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    for _ in range(6):
        tried = np.linspace(low, high, 21)
        losses = [_loss(logits / np.exp(t), truth) for t in tried]
        best = tried[int(np.argmin(losses))]
        step = (high - low) / 20
        low, high = best - step, best + step
    return round(float(np.exp(best)), 4)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Probabilities ``(n, classes)`` of logits."""
    shifted = np.asarray(logits, np.float64) - logits.max(1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over ``BINS`` equal bins, by their faces."""
    where = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[where == b].mean() - right[where == b].mean()) * (where == b).mean() for b in np.unique(where)
    ]
    return float(sum(gaps))


def _loss(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    return float(-np.log(softmax(logits)[np.arange(len(truth)), truth].clip(1e-12)).mean())
