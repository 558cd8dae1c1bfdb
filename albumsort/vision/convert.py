"""Converts a model from Keras to ONNX, once. This is the only work with a model that needs TensorFlow.

The ONNX file lies beside the model, and names the model's digest. Input: crops, uint8 ``(n, 48, 48)``, grey. Outputs:
the logits of each head, float32 ``(n, classes)``, not yet divided by the temperature.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from albumsort.errors import AlbumsortError
from albumsort.files import partial_file
from albumsort.text import printable
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.engine import Network, quiet_stderr, reason
from albumsort.vision.models import MAX_MODEL_BYTES
from albumsort.vision.tensorflow import tensorflow

_log = logging.getLogger("albumsort.vision")

#: The property of an ONNX file with the SHA-256 of the model from which it was made.
SOURCE = "source"
#: The last but one set of operators with which tf2onnx is tested, so that runtimes that are some years old can load the
#: file.
_OPSET = 17
#: The largest difference of a logit between both files. Logits are between about -10 and 10.
_MAX_DIFFERENCE = 1e-3
#: Fewer weights are not worth a cast.
_SMALL = 256


def onnx_file(model: Path) -> Path:
    """Where the ONNX file of a model is: ``NAME-logits.onnx`` beside ``NAME.keras``."""
    return model.with_name(f"{model.stem}-logits.onnx")


def converted(model: Path, digest: str, device: str = "auto", callers: int = 1) -> Network:
    """The network of a model. If its ONNX file is missing or was made from another model, it is made now.

    Args:
        model: a ``.keras`` file.
        digest: its SHA-256.
        device: ``auto``, ``cpu`` or ``gpu``.
        callers: how many threads will run it at once.

    Raises:
        AlbumsortError: TensorFlow is needed and missing, the model cannot be converted, a file that albumsort did not
            make has the name of the ONNX file, or a GPU was requested and there is none.
    """
    target = onnx_file(model)
    if target.exists():
        if target.stat().st_size > MAX_MODEL_BYTES:
            raise AlbumsortError(f"{printable(str(target))}: too large for a model")
        network = Network(target, device, callers)
        if network.properties.get(SOURCE) == digest:
            return network
        if SOURCE not in network.properties:
            raise AlbumsortError(f"{printable(str(target))}: albumsort needs this name for its own file; rename yours")
    try:
        with partial_file(target.parent) as partial:
            convert(model, digest, partial)
            os.replace(partial, target)
        _log.info("%s: converted once, for ONNX Runtime", printable(str(model)))
    except OSError as error:
        _log.warning("%s: cannot be kept (%s); it is converted again next time", printable(str(target)), error.strerror)
        with tempfile.TemporaryDirectory() as folder:
            partial = Path(folder) / target.name
            convert(model, digest, partial)
            return Network(partial, device, callers)
    return Network(target, device, callers)


def convert(model: Path, digest: str, target: Path) -> None:
    """Write the ONNX file of a model, and check that both give the same logits.

    Args:
        model: a ``.keras`` file.
        digest: its SHA-256.
        target: the ONNX file; it is replaced if it exists.

    Raises:
        AlbumsortError: TensorFlow, tf2onnx or onnx is missing, Keras runs on another backend, the file is not a model
            of emotions, or both files give different logits.
        OSError: the file cannot be written.
    """
    function = logits_function(load_keras(model))
    try:
        with quiet_stderr():
            import onnx
            import tf2onnx  # noqa: F401 - for ``as_onnx``
    except ImportError as error:
        raise AlbumsortError(
            f"{printable(str(model))}: converting it needs {error.name}: pip install {error.name}"
        ) from error
    proto = as_onnx(function, {SOURCE: digest})
    _store_as_float16(proto.graph)
    onnx.save(proto, target)
    crops = np.random.default_rng(0).integers(0, 256, (16, CROP_SIDE, CROP_SIDE), np.uint8)
    made = Network(target, "cpu")
    predicted = dict(zip(made.outputs, made(crops), strict=True))
    for head, logits in function(crops).items():
        difference = float(np.abs(predicted[head] - logits.numpy()).max())
        if not difference <= _MAX_DIFFERENCE:
            raise AlbumsortError(
                f"{printable(str(model))}: the conversion to ONNX changes its logits by {difference:.1g}"
            )


def load_keras(model: Path) -> Any:
    """A model as a network of Keras.

    Raises:
        AlbumsortError: TensorFlow is missing, Keras runs on another backend, or the file is not a model.
    """
    tensorflow()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise AlbumsortError("Keras runs on another backend here; unset KERAS_BACKEND to classify")
    try:
        return keras.models.load_model(model, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises errors of any class for a file that is not a model
        raise AlbumsortError(
            f"{printable(str(model))}: not a model that Keras {keras.__version__} can load ({reason(error)})"
        ) from error


def logits_function(network: Any) -> Any:
    """A network of Keras as a ``tf.function``: uint8 crops ``(n, 48, 48)`` in, a dict of each head's logits out."""
    tf = tensorflow()

    def logits(faces: Any) -> Any:
        return network(tf.cast(faces, tf.float32)[..., None], training=False)

    return tf.function(logits, [tf.TensorSpec([None, CROP_SIDE, CROP_SIDE], tf.uint8, name="faces")], autograph=False)


def as_onnx(function: Any, properties: dict[str, str]) -> Any:
    """A ``tf.function`` for any number of faces as the content of an ONNX file, with properties of that file."""
    with quiet_stderr():
        import onnx
        import tf2onnx

        proto, _ = tf2onnx.convert.from_function(function, function.input_signature, opset=_OPSET)
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.helper.set_model_props(proto, properties)
    return proto


def _store_as_float16(graph: Any) -> None:
    """Store weights that are float16 numbers as such, which halves the file; they are cast when it is opened.

    ``training.network.round_to_float16`` has rounded the weights of our models.

    Args:
        graph: the graph of an ONNX file; it is changed in place.
    """
    from onnx import TensorProto, helper, numpy_helper

    for weights in list(graph.initializer):
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size >= _SMALL and (values.astype(np.float16) == values).all():
            graph.initializer.remove(weights)
            stored = f"{weights.name}/float16"
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
            graph.node.insert(0, helper.make_node("Cast", [stored], [weights.name], to=TensorProto.FLOAT))
