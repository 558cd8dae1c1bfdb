"""Evaluation: the figures that FER2013 is compared by, from probabilities and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, SCHEMES
from albumsort.training.calibrate import calibration_error, reliability


def figures(probabilities: NDArray[np.floating], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Measures of the answers to labelled faces.

    Args:
        probabilities: ``(n, 7)``; NaN in the columns of emotions that the model does not know.
        truth: code of each face ``(n,)``; faces with -1 do not count.

    Returns:
        ``n``; ``accuracy``; ``top2`` and ``top3``, the share whose truth is among the first two and three;
        ``per_emotion`` with n, precision,
        recall and f1 (None where undefined); ``mean_recall``; ``confusion``, rows truth, columns answers; ``ece``, the
        expected calibration error; ``reliability``, the bins that it sums up.
    """
    counts = truth >= 0
    # What a model does not know comes last.
    probabilities, truth = np.nan_to_num(np.asarray(probabilities)[counts], nan=-1.0), truth[counts]
    n = len(truth)
    if not n:
        return {"n": 0}
    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    said, confidence = ranking[:, 0], probabilities.max(1).astype(float)
    size = len(EMOTIONS)
    confusion = np.bincount(truth * size + said, minlength=size * size).reshape(size, size)
    per_emotion = {emotion: _scores(confusion, k) for k, emotion in enumerate(EMOTIONS)}
    recalls = [scores["recall"] for scores in per_emotion.values() if scores["recall"] is not None]
    return {
        "n": n,
        "accuracy": float((said == truth).mean()),
        "top2": float((ranking[:, :2] == truth[:, None]).any(1).mean()),
        "top3": float((ranking[:, :3] == truth[:, None]).any(1).mean()),
        "mean_recall": float(np.mean(recalls)),
        "per_emotion": per_emotion,
        "confusion": confusion.tolist(),
        "ece": calibration_error(confidence, said == truth),
        "reliability": reliability(confidence, said == truth),
    }


def restricted(probabilities: NDArray[np.floating], scheme: str) -> NDArray[np.floating]:
    """What a model of all seven emotions says when it may only say those of a scheme.

    Args:
        probabilities: ``(n, 7)``, rows summing to 1.
        scheme: of ``emotions.SCHEMES``.

    Returns:
        ``(n, 7)``: emotions that the scheme merges are added up, those that it leaves out are NaN, and what is left
        sums to 1 again.
    """
    merged = np.full(probabilities.shape, np.nan)
    for code, emotion in enumerate(SCHEMES[scheme]):
        if emotion is not None:
            place = EMOTIONS.index(emotion)
            merged[:, place] = np.nan_to_num(merged[:, place]) + probabilities[:, code]
    return merged / np.nansum(merged, 1, keepdims=True)


def _scores(confusion: NDArray[np.int64], k: int) -> dict[str, float | None]:
    right, are, said = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
    precision = right / said if said else None
    recall = right / are if are else None
    f1 = 2 * right / (are + said) if are + said else None
    return {"n": are, "precision": precision, "recall": recall, "f1": f1}
