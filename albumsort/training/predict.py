"""Prediction as ``EmotionClassifier`` does it, but on any backend of Keras and for all heads at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.training.datasets import Faces
from albumsort.training.network import logits
from albumsort.vision.classifier import in_seven_columns, share_of_mirrored, softmax


def predict(
    network: keras.Model, faces: Faces, labels: Sequence[str], temperatures: Mapping[str, float], is_mirrored: bool
) -> dict[str, NDArray[np.float32]]:
    """The calibrated probabilities of a model for faces.

    Args:
        network: the network for inference.
        faces: ``n`` faces.
        labels: the emotions that the model tells apart.
        temperatures: by head, only for the heads to predict with.
        is_mirrored: whether the model adds a mirrored pass for faces that it is unsure about.

    Returns:
        by head, float32 ``(n, 7)`` in the order of ``EMOTIONS``, with NaN in the columns of emotions that the model
        does not know.
    """
    direct = logits(network, faces)
    scaled = {head: _scaled(direct, head, labels, temperatures) for head in temperatures}
    if is_mirrored:
        shares = {head: share_of_mirrored(softmax(values).max(1)) for head, values in scaled.items()}
        rows = np.flatnonzero(np.max(list(shares.values()), 0))
        mirrored = logits(network, faces.where(rows), is_mirrored=True) if len(rows) else {}
        for head in temperatures if mirrored else ():
            change = _scaled(mirrored, head, labels, temperatures) - scaled[head][rows]
            scaled[head][rows] += shares[head][rows, None] * change
    return {head: in_seven_columns(softmax(values), labels) for head, values in scaled.items()}


def _scaled(
    predicted: dict[str, NDArray[np.float32]], head: str, labels: Sequence[str], temperatures: Mapping[str, float]
) -> NDArray[np.float32]:
    """A head's logits for the model's emotions, divided by the temperature."""
    return predicted[head][:, : len(labels)] / temperatures[head]
