"""The three networks of MTCNN with the weights inside the ``mtcnn`` package, and only those.

MTCNN: Zhang et al. 2016, arXiv:1604.02878. The package's own loader prefers a weight file of the working directory, and
such files are pickles: whoever puts one into a photo folder would run code. Here they come from the package by absolute
path, and their bytes are compared with known digests before they are unpickled.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from albumsort.errors import AlbumsortError
from albumsort.vision.runtime import tensorflow

#: SHA-256 of the weights of mtcnn 1.0.0.
_DIGESTS = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


@dataclass(frozen=True)
class Networks:
    """The networks as compiled functions. Pictures are RGB on the 0-255 scale, batch first; shapes may vary freely.

    Attributes:
        proposal: uint8 ``(n, h, w, 3)`` to scores ``(n, h', w')`` and box regressions ``(n, h', w', 4)``, one for
            each 12 x 12 window at a stride of 2.
        refine: float32 ``(n, 24, 24, 3)`` to scores ``(n,)`` and regressions ``(n, 4)``.
        output: float32 ``(n, 48, 48, 3)`` to scores ``(n,)``, regressions ``(n, 4)`` and landmarks ``(n, 10)``: five x,
            then five y, as shares of the patch.
        patches: uint8 ``(n, h, w, 3)``, boxes ``(m, 4)`` and picture numbers ``(m,)``, side, to float32
            ``(m, side, side, 3)``, bilinear, black beyond the picture.

    Regressions are the shifts of left, top, right and bottom edge as shares of the box's width and height.
    """

    proposal: Callable[..., Any]
    refine: Callable[..., Any]
    output: Callable[..., Any]
    patches: Callable[..., Any]


@lru_cache(maxsize=1)
def load(device: str = "auto") -> Networks:
    """Build the networks; each is compiled once a process, for all shapes.

    Raises:
        AlbumsortError: the installed ``mtcnn`` package holds other weights than those known here.
    """
    tf = tensorflow(device)
    from mtcnn.network.onet import ONet
    from mtcnn.network.pnet import PNet
    from mtcnn.network.rnet import RNet

    nets = {"pnet": PNet(), "rnet": RNet(), "onet": ONet()}
    for name, net in nets.items():
        net.build()
        net.set_weights(_weights(name))

    def centred(pictures: Any) -> Any:
        return (tf.cast(pictures, tf.float32) - 127.5) / 128.0

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
    def proposal(pictures: Any) -> tuple[Any, Any]:
        regressions, classes = nets["pnet"](centred(pictures))
        return classes[..., 1], regressions

    @tf.function(input_signature=[tf.TensorSpec([None, 24, 24, 3], tf.float32)])
    def refine(patches: Any) -> tuple[Any, Any]:
        regressions, classes = nets["rnet"](centred(patches))
        return classes[:, 1], regressions

    @tf.function(input_signature=[tf.TensorSpec([None, 48, 48, 3], tf.float32)])
    def output(patches: Any) -> tuple[Any, Any, Any]:
        regressions, landmarks, classes = nets["onet"](centred(patches))
        return classes[:, 1], regressions, landmarks

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.uint8),
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([], tf.int32),
        ]
    )
    def patches(pictures: Any, boxes: Any, numbers: Any, side: Any) -> Any:
        return tf.image.crop_and_resize(pictures, boxes, numbers, tf.stack([side, side]))

    return Networks(proposal, refine, output, patches)


def _weights(name: str) -> list[Any]:
    import joblib
    import mtcnn

    path = Path(mtcnn.__file__).parent / "assets" / "weights" / f"{name}.lz4"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _DIGESTS[name]:
        raise AlbumsortError(f"{path}: unknown weights, which are not loaded; install mtcnn 1.0.0")
    weights: list[Any] = joblib.load(io.BytesIO(content))
    return weights
