"""Evaluation: computes the figures by which models on FER2013 are compared, from probabilities and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, SCHEMES
from albumsort.training.calibrate import calibration_error, reliability


def figures(probabilities: NDArray[np.floating], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Measure how good the probabilities of labelled faces are.

    Args:
        probabilities: ``(n, 7)``; NaN in the columns of emotions that the model does not know.
        truth: int64 ``(n,)``, the true code of each face; -1 for faces that do not count.

    Returns:
        ``n``, the number of faces that count. If there are any, also ``accuracy``; ``top2`` and ``top3``, the share of
        faces whose true emotion is among the two or three most probable; ``per_emotion`` with ``n``, ``precision``,
        ``recall`` and ``f1`` (None where undefined); ``mean_recall``; ``confusion``, with rows for the true and columns
        for the predicted emotion; ``ece``, the expected calibration error; and ``reliability``, the bins of that error.
    """
    counts = truth >= 0
    # Emotions that the model does not know rank last.
    probabilities, truth = np.nan_to_num(np.asarray(probabilities)[counts], nan=-1.0), truth[counts]
    n = len(truth)
    if not n:
        return {"n": 0}
    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    predicted, confidence = ranking[:, 0], probabilities.max(1).astype(float)
    size = len(EMOTIONS)
    confusion = np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)
    per_emotion = {emotion: _scores(confusion, k) for k, emotion in enumerate(EMOTIONS)}
    recalls = [scores["recall"] for scores in per_emotion.values() if scores["recall"] is not None]
    return {
        "n": n,
        "accuracy": float((predicted == truth).mean()),
        "top2": float((ranking[:, :2] == truth[:, None]).any(1).mean()),
        "top3": float((ranking[:, :3] == truth[:, None]).any(1).mean()),
        "mean_recall": float(np.mean(recalls)),
        "per_emotion": per_emotion,
        "confusion": confusion.tolist(),
        "ece": calibration_error(confidence, predicted == truth),
        "reliability": reliability(confidence, predicted == truth),
    }


def restricted(probabilities: NDArray[np.floating], scheme: str) -> NDArray[np.floating]:
    """The probabilities of a model of all seven emotions, restricted to the emotions of a scheme.

    Args:
        probabilities: ``(n, 7)``, rows sum to 1.
        scheme: a key of ``emotions.SCHEMES``.

    Returns:
        ``(n, 7)``. The probabilities of emotions that the scheme merges are added up. Those of emotions that it leaves
        out are NaN. The others are scaled so that each row sums to 1 again.
    """
    merged = np.full(probabilities.shape, np.nan)
    for code, emotion in enumerate(SCHEMES[scheme]):
        if emotion is not None:
            column = EMOTIONS.index(emotion)
            merged[:, column] = np.nan_to_num(merged[:, column]) + probabilities[:, code]
    return merged / np.nansum(merged, 1, keepdims=True)


def _scores(confusion: NDArray[np.int64], k: int) -> dict[str, float | None]:
    right, true, predicted = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
    precision = right / predicted if predicted else None
    recall = right / true if true else None
    f1 = 2 * right / (true + predicted) if true + predicted else None
    return {"n": true, "precision": precision, "recall": recall, "f1": f1}
