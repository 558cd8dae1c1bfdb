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
from albumsort.vision.engine import tensorflow
from albumsort.vision.models import HEADS, model_in_use, read_card

#: Crops in one call of the network, at most.
MAX_CROPS = 256
#: Where no emotion of a face is as probable as the first, its mirror image is looked at, too, and counts for as much as
#: the face does from the second on downwards. In between it counts for less, so that no probability jumps.
IN_DOUBT, UNSURE = 0.7, 0.6
#: Second looks are taken at a multiple of so many faces: for each new number the convolutions are planned anew.
_STEP = 16
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
        temperature, answers = self.card.temperatures[head], len(self.card.labels)
        self._asked = path, head, temperature, answers, self.card.is_mirrored, device
        self._predict = _compiled(*self._asked)

    @property
    def function(self) -> Any:
        """A ``tf.function`` for other runtimes: uint8 crops ``(n, 48, 48)`` in, float32 probabilities out.

        The answers are the same, but it looks at every face as often as at those in doubt, which needs no more than
        what each runtime can do.
        """
        return _compiled(*self._asked, sparingly=False)

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


def share_of_mirrored(best: NDArray[np.floating]) -> NDArray[np.floating]:
    """How much a face's mirror image has to say, 0 to 1/2, by the best probability ``(n,)`` of the face alone."""
    return ((IN_DOUBT - best) / (IN_DOUBT - UNSURE)).clip(0, 1) / 2


@lru_cache(maxsize=4)
def _compiled(
    path: Path, head: str, temperature: float, answers: int, is_mirrored: bool, device: str, sparingly: bool = True
) -> Any:
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

    def said(faces: Any) -> Any:
        return network(faces, training=False)[head][:, :answers] / temperature

    def both_looks(faces: Any, logits: Any) -> Any:
        # A face and its mirror image feel the same; the mean of both is right more often than either.
        best = tf.reduce_max(tf.nn.softmax(logits), 1)
        share = tf.clip_by_value((IN_DOUBT - best) / (IN_DOUBT - UNSURE), 0, 1) / 2
        if not sparingly:
            return logits + share[:, None] * (said(faces[:, :, ::-1]) - logits)
        asked = tf.math.count_nonzero(share, dtype=tf.int32)
        rounded = tf.minimum(tf.size(share), (asked + _STEP - 1) // _STEP * _STEP)

        def of_some() -> Any:
            shares, rows = tf.math.top_k(share, rounded)
            change = said(tf.gather(faces, rows)[:, :, ::-1]) - tf.gather(logits, rows)
            return tf.tensor_scatter_nd_add(logits, rows[:, None], shares[:, None] * change)

        return tf.cond(asked > 0, of_some, lambda: logits)  # a convolution of no faces is an error

    @tf.function(input_signature=[tf.TensorSpec([None, CROP_SIDE, CROP_SIDE], tf.uint8)], autograph=False)
    def predict(crops: Any) -> Any:
        faces = tf.cast(crops, tf.float32)[..., None]
        logits = said(faces)
        return tf.nn.softmax(both_looks(faces, logits) if is_mirrored else logits)

    try:
        answer = predict(np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)).numpy()
        if answer.shape != (1, answers) or not np.isfinite(answer).all():
            raise ValueError(f"its answer is {answer.shape}")
    except Exception as error:
        raise AlbumsortError(f"{path}: not a model of emotions ({_reason(error)})") from error
    return predict


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
