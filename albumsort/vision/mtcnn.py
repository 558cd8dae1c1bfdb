"""The three networks of MTCNN, with the weights inside the ``mtcnn`` package and no others.

MTCNN: Zhang et al. 2016, arXiv:1604.02878. The package's own loader prefers a weight file in the working directory.
Such files are pickles, so a file in a photo folder could run any code. Here the weights are read from the package by
absolute path, and their bytes are compared with known digests before they are unpickled.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from albumsort.errors import AlbumsortError
from albumsort.vision.engine import tensorflow

#: SHA-256 of the weights of mtcnn 1.0.0.
_DIGESTS = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


@dataclass(frozen=True)
class Networks:
    """The networks as compiled functions. Pictures are RGB from 0 to 255, of any size; the first axis is the batch.

    Attributes:
        upload: makes a tensor of an array, so that several calls share one copy.
        proposal: uint8 ``(n, h, w, 3)`` in; scores ``(n, h', w')`` and box regressions ``(n, h', w', 4)`` out, one for
            each 12 x 12 window at a stride of 2.
        sparse_proposal: like ``proposal``, but for every other window in both directions; at two thirds of the cost.
        refine: float32 ``(n, 24, 24, 3)`` in; scores ``(n,)`` and regressions ``(n, 4)`` out.
        output: float32 ``(n, 48, 48, 3)`` in; scores ``(n,)``, regressions ``(n, 4)`` and landmarks ``(n, 10)`` out.
            The landmarks are five x, then five y, as shares of the patch.
        patches: pictures uint8 ``(n, h, w, 3)``, boxes ``(m, 4)``, picture numbers ``(m,)`` and ``side`` in; patches
            float32 ``(m, side, side, 3)`` out, bilinear, black beyond the picture.
        joined: several tensors of patches in, one out.

    Regressions are shifts of the left, top, right and bottom edge, as shares of the box's width and height.
    """

    upload: Callable[[Any], Any]
    proposal: Callable[..., Any]
    sparse_proposal: Callable[..., Any]
    refine: Callable[..., Any]
    output: Callable[..., Any]
    patches: Callable[..., Any]
    joined: Callable[..., Any]


#: The number of floats in a vector register of common processors (AVX2).
_VECTOR = 8
#: Kernel, stride and padding of the max-pooling after each convolution; None for no pooling.
_POOLS: dict[str, tuple[tuple[int, int, str] | None, ...]] = {
    "pnet": ((2, 2, "SAME"), None, None),
    "rnet": ((3, 2, "SAME"), (3, 2, "VALID"), None),
    "onet": ((3, 2, "SAME"), (3, 2, "VALID"), (2, 2, "SAME"), None),
}


@lru_cache(maxsize=1)
def load(device: str = "auto") -> Networks:
    """Build the networks. Each is compiled once per process, for all shapes.

    They compute the same as ``PNet``, ``RNet`` and ``ONet`` of the package, with less work: the first convolution also
    centres the pixels, and the first pooling comes before its activation.

    Raises:
        AlbumsortError: the package ``mtcnn`` is missing, or its weights are not the known ones.
    """
    tf = tensorflow(device)
    weights = {name: read_weights(name) for name in _POOLS}

    def proposals(pictures: Any, step: int) -> tuple[Any, Any]:
        x, (kernel, bias, class_kernel, class_bias) = _features(tf, "pnet", weights["pnet"], pictures, step)
        y = tf.nn.conv2d(x, tf.concat([kernel, class_kernel], 3), 1, "VALID") + tf.concat([bias, class_bias], 0)
        return _score(tf, y[..., 4], y[..., 5]), y[..., :4]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)], autograph=False)
    def proposal(pictures: Any) -> tuple[Any, Any]:
        return proposals(pictures, 1)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)], autograph=False)
    def sparse_proposal(pictures: Any) -> tuple[Any, Any]:
        return proposals(pictures, 2)

    @tf.function(input_signature=[tf.TensorSpec([None, 24, 24, 3], tf.float32)], autograph=False)
    def refine(patches: Any) -> tuple[Any, Any]:
        x, (matrix, bias, class_matrix, class_bias) = _hidden(tf, *_features(tf, "rnet", weights["rnet"], patches))
        classes = x @ class_matrix + class_bias
        return _score(tf, classes[:, 0], classes[:, 1]), x @ matrix + bias

    @tf.function(input_signature=[tf.TensorSpec([None, 48, 48, 3], tf.float32)], autograph=False)
    def output(patches: Any) -> tuple[Any, Any, Any]:
        x, (matrix, bias, mark_matrix, mark_bias, class_matrix, class_bias) = _hidden(
            tf, *_features(tf, "onet", weights["onet"], patches)
        )
        classes = x @ class_matrix + class_bias
        return _score(tf, classes[:, 0], classes[:, 1]), x @ matrix + bias, x @ mark_matrix + mark_bias

    def patches(pictures: Any, boxes: Any, numbers: Any, side: int) -> Any:
        # Not compiled: for a single operation, the call of a compiled function would cost several times as much.
        return tf.image.crop_and_resize(pictures, boxes, numbers, (side, side))

    def joined(parts: Any) -> Any:
        return tf.concat(parts, 0)

    return Networks(tf.constant, proposal, sparse_proposal, refine, output, patches, joined)


def _prelu(tf: Any, x: Any, slope: Any) -> Any:
    if (slope <= 1).all():
        return tf.maximum(x, slope * x)
    return slope * x + (1 - slope) * tf.nn.relu(x)


def _pooled_prelu(tf: Any, x: Any, kernel: Any, bias: Any, slope: Any, pool: Any) -> Any:
    """The first layer: convolution, bias, max-pooling, and only then the PReLU, on fewer values.

    A bias and a slope of 0 or more keep the order of values, so the maximum may be taken first. With a negative
    slope, the maximum comes from the largest or from the smallest value. So a channel with a negative slope is
    computed twice, the second time multiplied by its slope; the larger of the two maxima is the result, and one of
    them is never below 0. Channels with a negative slope must come last. Empty channels fill up the vector units.

    In the later layers the planes are smaller, and the additional channels would cost more than this saves.
    """
    rising, count = int((slope >= 0).sum()), len(slope)
    channels = count + count - rising
    kernel = np.concatenate([kernel, kernel[..., rising:] * slope[rising:]], 3)
    bias = np.concatenate([bias, bias[rising:] * slope[rising:]])
    empty = -channels % _VECTOR
    kernel, bias = np.pad(kernel, [(0, 0)] * 3 + [(0, empty)]), np.pad(bias, (0, empty))
    # The bias could follow the pooling, but costs nothing as part of the convolution.
    top = tf.nn.max_pool2d(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias), *pool)
    falling = tf.maximum(top[..., rising:count], top[..., count:channels])
    return tf.concat([_prelu(tf, top[..., :rising], slope[:rising]), falling], 3)


def _features(tf: Any, name: str, weights: list[Any], pictures: Any, step: int = 1) -> tuple[Any, list[Any]]:
    """Run the convolutions of a network.

    Args:
        tf: TensorFlow.
        name: the name of the network.
        weights: its arrays, as ``read_weights`` gives them.
        pictures: ``(n, h, w, 3)``.
        step: the last convolution is computed at every ``step``-th position.

    Returns:
        the features, and the weights of the layers that follow.
    """
    kernel, bias, slope, *parts = weights
    # (pixel - 127.5) / 128, which the networks were trained on, as part of the first convolution
    bias = bias - kernel.sum((0, 1, 2)) * np.float32(127.5 / 128)
    kernel, slope = kernel / np.float32(128), slope.ravel()
    first, *others = _POOLS[name]
    order = np.argsort(slope < 0, kind="stable")
    x = tf.cast(pictures, tf.float32)
    x = _pooled_prelu(tf, x, kernel[..., order], bias[order], slope[order], first)
    parts[0] = parts[0][:, :, order]
    for number, pool in enumerate(others, 1):
        kernel, bias, slope, *parts = parts
        stride = step if number == len(others) else 1
        x = _prelu(tf, tf.nn.bias_add(tf.nn.conv2d(x, kernel, stride, "VALID"), bias), slope.ravel())
        if pool:
            x = tf.nn.max_pool2d(x, *pool)
    return x, parts


def _hidden(tf: Any, x: Any, parts: list[Any]) -> tuple[Any, list[Any]]:
    """The dense layer after the convolutions. Its weights expect the columns of the plane first."""
    matrix, bias, slope, *parts = parts
    x = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, matrix.shape[0]])
    return _prelu(tf, x @ matrix + bias, slope), parts


def _score(tf: Any, no: Any, yes: Any) -> Any:
    return tf.sigmoid(yes - no)  # softmax of two


def read_weights(name: str) -> list[Any]:
    """The arrays of ``pnet``, ``rnet`` or ``onet``, in the order of the package's layers.

    Raises:
        AlbumsortError: the package is missing, or its weights are not the known ones.
    """
    import joblib

    # The package is found but not imported: it would load matplotlib, and none of its code is needed.
    package = find_spec("mtcnn")
    if package is None or package.origin is None:
        raise AlbumsortError("the package mtcnn is not installed; reinstall albumsort")
    path = Path(package.origin).parent / "assets" / "weights" / f"{name}.lz4"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _DIGESTS[name]:
        raise AlbumsortError(f"{path}: unknown weights, which are not loaded; install mtcnn 1.0.0")
    weights: list[Any] = joblib.load(io.BytesIO(content))
    return weights
