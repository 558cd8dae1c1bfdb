"""Reading with a network as ``EmotionClassifier`` does, on any backend of Keras, and with all its heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.training.calibrate import softmax
from albumsort.training.datasets import Faces
from albumsort.training.network import logits
from albumsort.vision.classifier import in_seven_columns, share_of_mirrored


def read(
    network: keras.Model, faces: Faces, labels: Sequence[str], temperatures: Mapping[str, float], is_mirrored: bool
) -> dict[str, NDArray[np.float32]]:
    """What a model says of faces.

    Args:
        network: that is asked.
        faces: ``n`` of them.
        labels: the emotions that it tells apart.
        temperatures: by head; the heads that are asked.
        is_mirrored: whether it looks at mirror images, too, when it is in doubt.

    Returns:
        by head, probabilities ``(n, 7)`` of ``EMOTIONS``; NaN in the columns of emotions that it does not know.
    """
    first = logits(network, faces)
    calibrated = {head: _calibrated(first, head, labels, temperatures) for head in temperatures}
    if is_mirrored:
        shares = {head: share_of_mirrored(softmax(said).max(1)) for head, said in calibrated.items()}
        rows = np.flatnonzero(np.max(list(shares.values()), 0))
        again = logits(network, faces.where(rows), is_mirrored=True) if len(rows) else {}
        for head in temperatures if again else ():
            change = _calibrated(again, head, labels, temperatures) - calibrated[head][rows]
            calibrated[head][rows] += shares[head][rows, None] * change
    return {head: in_seven_columns(softmax(said), labels) for head, said in calibrated.items()}


def _calibrated(
    said: dict[str, NDArray[np.float32]], head: str, labels: Sequence[str], temperatures: Mapping[str, float]
) -> NDArray[np.float32]:
    """A head's logits of the emotions that the model answers with, divided by the temperature."""
    return said[head][:, : len(labels)] / temperatures[head]
