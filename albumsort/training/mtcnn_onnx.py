"""Writes the three networks of MTCNN as ONNX files, from the weights inside the ``mtcnn`` package and no others.

MTCNN: Zhang et al. 2016, arXiv:1604.02878. The package's own loader prefers a weight file in the working directory.
Such files are pickles, so a file in a photo folder could run any code. Here the weights are read from the package by
absolute path, and their bytes are compared with known digests before they are unpickled.

The networks compute the same as ``PNet``, ``RNet`` and ``ONet`` of the package, with less work: the first convolution
also centres the pixels, and the first pooling comes before its activation.
"""

from __future__ import annotations

import hashlib
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from albumsort.errors import AlbumsortError

#: SHA-256 of the weights of mtcnn 1.0.0.
_DIGESTS = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}
#: Any version of ONNX Runtime since 1.14 knows these operators and this version of the file format.
_OPSET, _IR_VERSION = 17, 8
#: ONNX Runtime pools in its blocked layout if the channels fill whole blocks: 8 floats with AVX2, 16 with AVX-512.
_BLOCK = 16
#: Kernel, stride and padding of the max-pooling after each convolution; None for no pooling.
_POOLS: dict[str, tuple[tuple[int, int, str] | None, ...]] = {
    "pnet": ((2, 2, "SAME_UPPER"), None, None),
    "rnet": ((3, 2, "SAME_UPPER"), (3, 2, "VALID"), None),
    "onet": ((3, 2, "SAME_UPPER"), (3, 2, "VALID"), (2, 2, "SAME_UPPER"), None),
}

Floats = NDArray[np.float32]


def networks() -> dict[str, bytes]:
    """The networks as ONNX files, by name. ``vision.mtcnn`` describes what each takes and gives.

    Returns:
        ``pnet``, ``sparse-pnet``, ``rnet`` and ``onet``.

    Raises:
        AlbumsortError: the package ``mtcnn`` is missing, or its weights are not the known ones.
    """
    weights = {name: read_weights(name) for name in _POOLS}
    return {
        "pnet": _proposal(weights["pnet"], 1),
        "sparse-pnet": _proposal(weights["pnet"], 2),
        "rnet": _judge("rnet", weights["rnet"], 24),
        "onet": _judge("onet", weights["onet"], 48),
    }


class _Graph:
    """An ONNX graph that grows node by node. Values are named by numbers."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def __call__(self, operator: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
        """Append a node with one output, and return the name of that output."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def file(self, input_: Any, outputs: dict[str, tuple[str, list[int | str]]]) -> bytes:
        """The graph as a file; ``outputs`` gives the value and the shape of each output by its name."""
        for name, (value, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        described = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, (_, shape) in outputs.items()
        ]
        graph = helper.make_graph(self.nodes, "mtcnn", [input_], described, self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="albumsort", ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def _proposal(weights: list[Floats], step: int) -> bytes:
    """The proposal network at every ``step``-th window."""
    graph = _Graph()
    pixels = graph("Cast", "pictures", to=onnx.TensorProto.FLOAT)
    x, (kernel, bias, class_kernel, class_bias) = _features(graph, "pnet", weights, pixels, step)
    # One convolution gives the four shifts, and the difference of the two classes: softmax of two is a sigmoid of it.
    kernel = np.concatenate([kernel, class_kernel[..., 1:] - class_kernel[..., :1]], 3)
    y = _convolved(graph, x, kernel, np.concatenate([bias, class_bias[1:] - class_bias[:1]]))
    y = graph("Transpose", y, perm=[0, 2, 3, 1])
    score = graph("Sigmoid", _sliced(graph, y, 4, 5, 3))
    score = graph("Squeeze", score, np.array([3], np.int64))
    shape: list[int | str] = ["n", "rows", "columns"]
    return graph.file(
        helper.make_tensor_value_info("pictures", onnx.TensorProto.UINT8, ["n", "height", "width", 3]),
        {"scores": (score, shape), "shifts": (_sliced(graph, y, 0, 4, 3), [*shape, 4])},
    )


def _judge(name: str, weights: list[Floats], side: int) -> bytes:
    """The refinement network (``rnet``), or the output network (``onet``), which also gives landmarks."""
    graph = _Graph()
    x, (matrix, bias, slope, *parts) = _features(graph, name, weights, "patches")
    # The weights expect the columns of the plane first, and the channels last.
    x = graph("Transpose", x, perm=[0, 3, 2, 1])
    x = graph("Reshape", x, np.array([-1, matrix.shape[0]], np.int64))
    x = _prelu(graph, graph("Gemm", x, matrix, bias), slope)
    shifts = graph("Gemm", x, *parts[:2])
    marks = graph("Gemm", x, *parts[2:4]) if name == "onet" else None
    class_matrix, class_bias = parts[-2:]
    score = graph(
        "Sigmoid", graph("Gemm", x, class_matrix[:, 1:] - class_matrix[:, :1], class_bias[1:] - class_bias[:1])
    )
    outputs: dict[str, tuple[str, list[int | str]]] = {
        "scores": (graph("Squeeze", score, np.array([1], np.int64)), ["n"]),
        "shifts": (shifts, ["n", 4]),
    }
    if marks is not None:
        outputs["landmarks"] = marks, ["n", 10]
    patches = helper.make_tensor_value_info("patches", onnx.TensorProto.FLOAT, ["n", side, side, 3])
    return graph.file(patches, outputs)


def _features(
    graph: _Graph, name: str, weights: list[Floats], pictures: str, step: int = 1
) -> tuple[str, list[Floats]]:
    """Add the convolutions of a network.

    Args:
        graph: gets the nodes.
        name: the name of the network.
        weights: its arrays, as ``read_weights`` gives them.
        pictures: float32 ``(n, h, w, 3)``.
        step: the last convolution is computed at every ``step``-th position.

    Returns:
        the features ``(n, channels, h', w')``, and the weights of the layers that follow.
    """
    kernel, bias, slope, *parts = weights
    # (pixel - 127.5) / 128, which the networks were trained on, as part of the first convolution
    bias = bias - kernel.sum((0, 1, 2)) * np.float32(127.5 / 128)
    kernel, slope = kernel / np.float32(128), slope.ravel()
    first, *others = _POOLS[name]
    order = np.argsort(slope < 0, kind="stable")
    x = graph("Transpose", pictures, perm=[0, 3, 1, 2])
    x = _pooled_prelu(graph, x, kernel[..., order], bias[order], slope[order], first)
    parts[0] = parts[0][:, :, order]
    for number, pool in enumerate(others, 1):
        kernel, bias, slope, *parts = parts
        stride = step if number == len(others) else 1
        x = _prelu(graph, _convolved(graph, x, kernel, bias, stride), slope.reshape(-1, 1, 1))
        if pool:
            x = _pooled(graph, x, pool)
    return x, parts


def _convolved(graph: _Graph, x: str, kernel: Floats, bias: Floats, stride: int = 1) -> str:
    """Add a convolution; ``kernel`` is ``(height, width, channels in, channels out)`` as in TensorFlow."""
    return graph("Conv", x, kernel.transpose(3, 2, 0, 1), bias, strides=[stride, stride])


def _pooled(graph: _Graph, x: str, pool: tuple[int, int, str] | None) -> str:
    if pool is None:
        return x
    side, stride, padding = pool
    return graph("MaxPool", x, kernel_shape=[side, side], strides=[stride, stride], auto_pad=padding)


def _prelu(graph: _Graph, x: str, slope: Floats) -> str:
    # ONNX Runtime computes these operators in its blocked layout, but neither PRelu nor Max, for which it converts x.
    return graph("Add", graph("Mul", x, slope), graph("Mul", graph("Relu", x), np.float32(1) - slope))


def _pooled_prelu(
    graph: _Graph, x: str, kernel: Floats, bias: Floats, slope: Floats, pool: tuple[int, int, str] | None
) -> str:
    """Add the first layer: convolution, bias, max-pooling, and only then the PReLU, on fewer values.

    A bias and a slope of 0 or more keep the order of values, so the maximum may be taken first. With a negative
    slope, the maximum comes from the largest or from the smallest value. So a channel with a negative slope is
    computed twice, the second time multiplied by its slope; the larger of the two maxima is the result, and one of
    them is never below 0. Channels with a negative slope must come last. Empty channels fill up the last block.

    In the later layers the planes are smaller, and the additional channels would cost more than this saves.
    """
    rising, count = int((slope >= 0).sum()), len(slope)
    channels = count + count - rising
    kernel = np.concatenate([kernel, kernel[..., rising:] * slope[rising:]], 3)
    bias = np.concatenate([bias, bias[rising:] * slope[rising:]])
    empty = -channels % _BLOCK
    kernel, bias = np.pad(kernel, [(0, 0)] * 3 + [(0, empty)]), np.pad(bias, (0, empty))
    top = _pooled(graph, _convolved(graph, x, kernel, bias), pool)
    falling = graph("Max", _sliced(graph, top, rising, count, 1), _sliced(graph, top, count, channels, 1))
    return graph(
        "Concat", _prelu(graph, _sliced(graph, top, 0, rising, 1), slope[:rising].reshape(-1, 1, 1)), falling, axis=1
    )


def _sliced(graph: _Graph, x: str, start: int, stop: int, axis: int) -> str:
    return graph("Slice", x, *(np.array([value], np.int64) for value in (start, stop, axis)))


def read_weights(name: str) -> list[Any]:
    """The arrays of ``pnet``, ``rnet`` or ``onet``, in the order of the package's layers.

    Raises:
        AlbumsortError: the package is missing, or its weights are not the known ones.
    """
    import joblib

    # The package is found but not imported: it would load TensorFlow, and none of its code is needed.
    package = find_spec("mtcnn")
    if package is None or package.origin is None:
        raise AlbumsortError("the package mtcnn is not installed; reinstall albumsort")
    path = Path(package.origin).parent / "assets" / "weights" / f"{name}.lz4"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _DIGESTS[name]:
        raise AlbumsortError(f"{path}: unknown weights, which are not loaded; install mtcnn 1.0.0")
    weights: list[Any] = joblib.load(io.BytesIO(content))
    return weights
