"""The classifier: crops in, calibrated probabilities of the seven emotions out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.models import HEADS, model_in_use, read_card
from albumsort.vision.runtime import tensorflow

#: Crops in one call of the network, at most.
MAX_CROPS = 256
_PLACES: dict[str, int] = {emotion: place for place, emotion in enumerate(EMOTIONS)}


class EmotionClassifier:
    """Reads the emotion of faces. Of contempt, which FER+ also knows, nothing is said: the seven are renormalised.

    The model that ships knows all seven emotions; another one may know fewer.
    """

    def __init__(self, model: Path | None = None, labels: str = "perceived", device: str = "auto") -> None:
        """Load a model.

        Args:
            model: a ``.keras`` file with its card; None takes the one in use, which ships unless the user
                has tuned one.
            labels: ``perceived`` or ``fer2013``, the sense in which to answer. A model trained on FER2013's labels
                alone knows no other sense and answers in that.
            device: ``auto``, ``cpu`` or ``gpu``.

        Raises:
            ValueError: there are no such labels.
            AlbumsortError: the model cannot be loaded.
        """
        if labels not in HEADS:
            raise ValueError(f"labels {labels!r}: there are {' and '.join(HEADS)}")
        path = model or model_in_use()
        self.card = read_card(path)
        head = self.card.head(labels)
        looks = 2 if self.card.is_mirrored else 1
        self._predict = _compiled(path, head, self.card.temperatures[head], len(self.card.labels), looks, device)

    @property
    def function(self) -> Any:
        """The compiled ``tf.function`` itself: uint8 crops ``(n, 48, 48)`` in, float32 probabilities out."""
        return self._predict

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of ``EMOTIONS``.

        Args:
            crops: uint8 ``(n, 48, 48)``; ``n`` may be 0.

        Returns:
            float32 ``(n, 7)``, rows summing to 1; NaN in the columns of emotions that the model does not know.

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
    """Probabilities ``(n, labels)`` as ``(n, 7)`` of ``EMOTIONS``, NaN where the labels leave one out."""
    spread = np.full((len(probabilities), len(EMOTIONS)), np.nan, np.float32)
    spread[:, [_PLACES[label] for label in labels]] = probabilities
    return spread


@lru_cache(maxsize=4)
def _compiled(path: Path, head: str, temperature: float, answers: int, looks: int, device: str) -> Any:
    """The network's head as one compiled function from uint8 crops to probabilities."""
    tf = tensorflow(device)
    import keras

    if keras.backend.backend() != "tensorflow":
        raise AlbumsortError("Keras runs on another backend here; unset KERAS_BACKEND to classify")
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything on a file that is none
        raise AlbumsortError(
            f"{path}: not a model that Keras {keras.__version__} can load ({_reason(error)})"
        ) from error

    @tf.function(input_signature=[tf.TensorSpec([None, CROP_SIDE, CROP_SIDE], tf.uint8)], autograph=False)
    def predict(crops: Any) -> Any:
        faces = tf.cast(crops, tf.float32)[..., None]
        logits = network(faces, training=False)[head]
        if looks == 2:
            # A face and its mirror image feel the same; the mean of both looks is right more often than either.
            logits = (logits + network(faces[:, :, ::-1], training=False)[head]) / 2
        return tf.nn.softmax(logits[:, :answers] / temperature)

    try:
        answer = predict(np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)).numpy()
        if answer.shape != (1, answers) or not np.isfinite(answer).all():
            raise ValueError(f"its answer is {answer.shape}")
    except Exception as error:
        raise AlbumsortError(f"{path}: not a model of emotions ({_reason(error)})") from error
    return predict


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
