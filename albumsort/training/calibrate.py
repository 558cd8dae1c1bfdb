"""Calibration: one temperature a head, so that of the faces called 80 % happy, 80 % are."""

from __future__ import annotations

from typing import Any

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
    bins = [one for one in reliability(confidence, right) if one["n"]]
    return float(sum(abs(one["confidence"] - one["accuracy"]) * one["n"] for one in bins) / len(confidence))


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """For each of ``BINS`` equal bins of confidence: ``n`` faces, their mean ``confidence`` and their ``accuracy``."""
    where = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins: list[dict[str, Any]] = []
    for b in range(BINS):
        n = int((where == b).sum())
        means = (float(confidence[where == b].mean()), float(right[where == b].mean())) if n else (None, None)
        bins.append({"n": n, "confidence": means[0], "accuracy": means[1]})
    return bins


def _loss(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    return float(-np.log(softmax(logits)[np.arange(len(truth)), truth].clip(1e-12)).mean())
