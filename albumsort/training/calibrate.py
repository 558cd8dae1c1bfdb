"""Calibration by a temperature per head, or by a matrix: a probability of 80 % should be right for 80 % of faces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.vision.classifier import softmax

#: The range of temperatures to search. The temperature of a network is rarely outside of it.
_LOWEST, _HIGHEST = 0.2, 5.0
#: The number of bins of the calibration error, as in Guo et al. 2017.
BINS = 15


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """The temperature with the highest likelihood on held-out faces (Guo et al. 2017, arXiv:1706.04599).

    Args:
        logits: float ``(n, classes)``.
        truth: int64 ``(n,)``, the true class of each face.

    Returns:
        the number to divide logits by, 0.2 to 5.
    """
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    for _ in range(6):
        tried = np.linspace(low, high, 21)
        losses = [_loss(logits / np.exp(t), truth) for t in tried]
        best = tried[int(np.argmin(losses))]
        step = (high - low) / 20
        low, high = best - step, best + step
    return round(float(np.exp(best)), 4)


#: Strength of the ridge that pulls a matrix towards the identity, in faces: 0.01 of the 1,320 held-out faces of our
#: model. In tenfold cross-validation on these, 0.01 was better than 0.001, 0.003, 0.03, 0.1 and 0.3.
_RIDGE = 13.2
#: Number of Newton steps. From the fourth on, they change only the sixth digit of the loss.
_STEPS = 12


def fit_matrix(
    logits: NDArray[np.floating], truth: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrix and addend with the highest likelihood on held-out faces, as ``logits @ matrix + addend``.

    This is matrix scaling (Guo et al. 2017) with a ridge towards the identity. It corrects for emotions that the labels
    of a data set confuse, which a temperature cannot do.

    Args:
        logits: float ``(n, classes)``, already divided by the temperature.
        truth: int64 ``(n,)``, the true class of each face.

    Returns:
        float64 ``(classes, classes)`` and float64 ``(classes,)``.
    """
    n, classes = logits.shape
    known = np.column_stack([logits, np.ones(n)]).astype(np.float64)
    start, ridge = np.eye(classes + 1, classes), _RIDGE / n
    chosen = start.copy()

    def loss(tried: NDArray[np.float64]) -> float:
        return _loss(known @ tried, truth) + ridge * float(((tried - start) ** 2).sum())

    for _ in range(_STEPS):
        probabilities = softmax(known @ chosen)
        slope = known.T @ (probabilities - np.eye(classes)[truth]) / n + 2 * ridge * (chosen - start)
        products = probabilities[:, :, None] * probabilities[:, None, :]
        spread = probabilities[:, :, None] * np.eye(classes) - products
        curvature = np.einsum("ni,nj,nkl->ikjl", known, known, spread, optimize=True) / n
        curvature = curvature.reshape(chosen.size, chosen.size) + 2 * ridge * np.eye(chosen.size)
        step = np.linalg.solve(curvature, slope.ravel()).reshape(chosen.shape)
        # A whole step may overshoot if there are few faces: halve it until the loss falls.
        lengths = (0.5**k for k in range(20))
        chosen = next((to for k in lengths if loss(to := chosen - k * step) < loss(chosen)), chosen)
    return chosen[:-1], chosen[-1]


def calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """The expected calibration error: the mean gap between confidence and accuracy over ``BINS`` bins of equal width.

    Each bin is weighted by its number of faces (Guo et al. 2017).
    """
    bins = [values for values in reliability(confidence, right) if values["n"]]
    return float(sum(abs(values["confidence"] - values["accuracy"]) * values["n"] for values in bins) / len(confidence))


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Confidence and accuracy in ``BINS`` bins of equal width.

    Args:
        confidence: float ``(n,)``, 0 to 1.
        right: bool ``(n,)``.

    Returns:
        for each bin ``n``, the mean ``confidence`` and the ``accuracy``; the last two are None in an empty bin.
    """
    where = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins: list[dict[str, Any]] = []
    for b in range(BINS):
        n = int((where == b).sum())
        means = (float(confidence[where == b].mean()), float(right[where == b].mean())) if n else (None, None)
        bins.append({"n": n, "confidence": means[0], "accuracy": means[1]})
    return bins


def _loss(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    return float(-np.log(softmax(logits)[np.arange(len(truth)), truth].clip(1e-12)).mean())
