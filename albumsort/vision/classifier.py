"""The classifier: computes calibrated probabilities of the seven emotions from crops."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.arguments import checked_one_of, checked_path
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.engine import tensorflow
from albumsort.vision.models import HEADS, model_in_use, read_card

#: The most crops in one call of the network.
MAX_CROPS = 256
#: A face whose best probability is below ``IN_DOUBT`` is classified a second time, mirrored. At ``UNSURE`` and below,
#: the logits of both passes count alike. In between the mirrored pass counts for less, so that no probability jumps.
IN_DOUBT, UNSURE = 0.7, 0.6
#: The number of faces in a mirrored pass is a multiple of this: TensorFlow plans its convolutions again for each new
#: number.
_STEP = 16
_PLACES: dict[str, int] = {emotion: place for place, emotion in enumerate(EMOTIONS)}


class EmotionClassifier:
    """Reads the emotions of faces.

    FER+ also has contempt. It is left out, and the other seven probabilities are renormalised. The model that ships
    knows all seven emotions; another model may know fewer.
    """

    def __init__(
        self, model: str | os.PathLike[str] | None = None, labels: str = "perceived", device: str = "auto"
    ) -> None:
        """Load a model.

        Args:
            model: a ``.keras`` file with its card; None for the model in use, which is the shipped one unless the user
                has chosen another.
            labels: the labels to predict: ``perceived``, those of FER+, or ``fer2013``. A model that was trained on
                FER2013's labels alone predicts those in either case.
            device: ``auto``, ``cpu`` or ``gpu``.

        Raises:
            ValueError: the labels are unknown.
            AlbumsortError: the model cannot be loaded.
        """
        checked_one_of("labels", labels, HEADS)
        path = model_in_use() if model is None else Path(checked_path("model", model))
        self.card = read_card(path)
        head = self.card.head(labels)
        temperature, emotions = self.card.temperatures[head], len(self.card.labels)
        self._network = path, head, temperature, emotions, self.card.is_mirrored, device
        self._predict = _compiled(*self._network)

    @property
    def function(self) -> Any:
        """A ``tf.function`` for other runtimes: uint8 crops ``(n, 48, 48)`` in, float32 probabilities out.

        The probabilities are the same. But every face is also classified mirrored, not only those in doubt, because
        this needs no operation that another runtime lacks.
        """
        return _compiled(*self._network, mirror_all=True)

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify faces.

        Args:
            crops: uint8 ``(n, 48, 48)``, grey; ``n`` may be 0.

        Returns:
            probabilities of ``EMOTIONS``, float32 ``(n, 7)``. Each row sums to 1; the columns of emotions that the
            model does not know are NaN.

        Raises:
            ValueError: the crops have another shape or dtype.
        """
        crops = np.asarray(crops)
        if crops.ndim != 3 or crops.shape[1:] != (CROP_SIDE, CROP_SIDE) or crops.dtype != np.uint8:
            raise ValueError(f"crops are {crops.dtype} {crops.shape}, not uint8 (n, {CROP_SIDE}, {CROP_SIDE})")
        parts = [np.asarray(self._predict(crops[at : at + MAX_CROPS])) for at in range(0, len(crops), MAX_CROPS)]
        known = np.concatenate([np.empty((0, len(self.card.labels)), np.float32), *parts])
        return in_seven_columns(known, self.card.labels)


def in_seven_columns(probabilities: NDArray[np.floating], labels: Sequence[str]) -> NDArray[np.float32]:
    """Spread probabilities ``(n, labels)`` to the seven columns of ``EMOTIONS``; columns without a label are NaN."""
    spread = np.full((len(probabilities), len(EMOTIONS)), np.nan, np.float32)
    spread[:, [_PLACES[label] for label in labels]] = probabilities
    return spread


def share_of_mirrored(best: NDArray[np.floating]) -> NDArray[np.floating]:
    """The weight of the mirrored pass, 0 to 1/2, by the best probability ``(n,)`` of the first pass."""
    return ((IN_DOUBT - best) / (IN_DOUBT - UNSURE)).clip(0, 1) / 2


@lru_cache(maxsize=4)
def _compiled(
    path: Path, head: str, temperature: float, emotions: int, is_mirrored: bool, device: str, mirror_all: bool = False
) -> Any:
    """One head of the network, as a compiled function from uint8 crops to the probabilities of its first emotions."""
    tf = tensorflow(device)
    import keras

    if keras.backend.backend() != "tensorflow":
        raise AlbumsortError("Keras runs on another backend here; unset KERAS_BACKEND to classify")
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises errors of any class for a file that is not a model
        raise AlbumsortError(
            f"{path}: not a model that Keras {keras.__version__} can load ({_reason(error)})"
        ) from error

    def logits_of(faces: Any) -> Any:
        return network(faces, training=False)[head][:, :emotions] / temperature

    def with_mirrored_pass(faces: Any, logits: Any) -> Any:
        # A face and its mirror image show the same emotion. The mean of their logits is right more often than either
        # alone.
        best = tf.reduce_max(tf.nn.softmax(logits), 1)
        share = tf.clip_by_value((IN_DOUBT - best) / (IN_DOUBT - UNSURE), 0, 1) / 2
        if mirror_all:
            return logits + share[:, None] * (logits_of(faces[:, :, ::-1]) - logits)
        in_doubt = tf.math.count_nonzero(share, dtype=tf.int32)
        rounded = tf.minimum(tf.size(share), (in_doubt + _STEP - 1) // _STEP * _STEP)

        def mirrored_where_in_doubt() -> Any:
            shares, rows = tf.math.top_k(share, rounded)
            change = logits_of(tf.gather(faces, rows)[:, :, ::-1]) - tf.gather(logits, rows)
            return tf.tensor_scatter_nd_add(logits, rows[:, None], shares[:, None] * change)

        return tf.cond(in_doubt > 0, mirrored_where_in_doubt, lambda: logits)  # a convolution of no faces is an error

    @tf.function(input_signature=[tf.TensorSpec([None, CROP_SIDE, CROP_SIDE], tf.uint8)], autograph=False)
    def predict(crops: Any) -> Any:
        faces = tf.cast(crops, tf.float32)[..., None]
        logits = logits_of(faces)
        return tf.nn.softmax(with_mirrored_pass(faces, logits) if is_mirrored else logits)

    try:
        trial = predict(np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)).numpy()
        if trial.shape != (1, emotions) or not np.isfinite(trial).all():
            raise ValueError(f"it gives {trial.shape}, not (1, {emotions}) finite numbers")
    except Exception as error:
        raise AlbumsortError(f"{path}: not a model of emotions ({_reason(error)})") from error
    return predict


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
