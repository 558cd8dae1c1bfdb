"""The layers of a network in a recipe, one per line: checks them and counts their weights before the net is built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from albumsort.training.datasets import FACE_SIZE, DataError

#: For each kind of layer, the form of its line, and a pattern for what follows the kind.
FORMS = {
    "rescale": ("rescale", r""),
    "standardise": ("standardise", r""),
    "conv": ("conv WIDTH SIZE [same]", r" (?P<width>\d+) (?P<size>\d+)(?P<same> same)?"),
    "norm": ("norm", r""),
    "max_pool": ("max_pool SIZE STRIDE", r" (?P<size>\d+) (?P<stride>\d+)"),
    "avg_pool": ("avg_pool SIZE STRIDE", r" (?P<size>\d+) (?P<stride>\d+)"),
    "flatten": ("flatten", r""),
    "dense": ("dense WIDTH [l2=WEIGHT]", r" (?P<width>\d+)( l2=(?P<l2>[\d.]+(e-?\d+)?))?"),
    "dropout": ("dropout SHARE", r" (?P<share>0?\.\d+)"),
}


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        kind: ``rescale`` (pixels to 0..1), ``standardise`` (each face to mean 0, deviation 1), ``conv`` and ``dense``
            (both with ReLU), ``norm`` (batch norm), ``max_pool``, ``avg_pool``, ``flatten`` or ``dropout``.
        width: number of channels or features.
        size: side of the kernel or the pooling window, in pixels.
        stride: the stride of the pooling window, in pixels.
        same: whether a convolution is padded, so that the picture keeps its size.
        share: the share of the features that a dropout layer removes, 0 to 1.
        l2: the weight in the loss of the squares of a dense layer's kernel.
        weights: the number of weights, including a batch norm's running statistics.
    """

    kind: str
    width: int = 0
    size: int = 0
    stride: int = 1
    same: bool = False
    share: float = 0.0
    l2: float = 0.0
    weights: int = 0


def parse(lines: Sequence[str], classes: int) -> list[Layer]:
    """Read the layers of a network that takes a grey face of 48 x 48 pixels.

    Args:
        lines: one layer each, without the last layer.
        classes: the number of logits.

    Returns:
        the layers, and a last dense layer for the logits.

    Raises:
        DataError: a line is not a layer, or cannot follow the lines before it. The message names the line.
    """
    layers: list[Layer] = []
    shape: tuple[int, ...] = (FACE_SIZE, FACE_SIZE, 1)
    for number, line in enumerate(lines, 1):
        try:
            layer, shape = _with_weights(_read(line), shape)
        except ValueError as error:
            raise DataError(f"layer {number}, {line!r}: {error}") from error
        layers.append(layer)
    if len(shape) != 1:
        raise DataError(f"the layers end in a picture of {_size(shape)}; put a flatten at the end")
    return [*layers, Layer("logits", width=classes, weights=shape[0] * classes + classes)]


def _read(line: str) -> Layer:
    kind, _, rest = str(line).partition(" ")
    if kind not in FORMS:
        raise ValueError(f"there is no layer {kind!r}; there are {', '.join(FORMS)}")
    form, pattern = FORMS[kind]
    match = re.fullmatch(pattern, f" {rest}" if rest else "")
    if not match:
        raise ValueError(f"write {form}")
    given = {name: value for name, value in match.groupdict().items() if value}
    width, size, stride = (int(given.get(name, 1)) for name in ("width", "size", "stride"))
    if not (width and size and stride):
        raise ValueError("no number may be 0")
    share, l2 = (float(given.get(name, 0)) for name in ("share", "l2"))
    return Layer(kind, width if "width" in given else 0, size, stride, "same" in given, share, l2)


def _with_weights(layer: Layer, shape: tuple[int, ...]) -> tuple[Layer, tuple[int, ...]]:
    """The layer with its number of weights for an input of ``shape``, and the shape of its output."""
    is_picture = len(shape) == 3
    weights = 0
    if layer.kind in ("conv", "max_pool", "avg_pool", "flatten") and not is_picture:
        raise ValueError("needs a picture, but comes after a flatten")
    if layer.kind == "dense":
        if is_picture:
            raise ValueError(f"needs features, but comes after a picture of {_size(shape)}; put a flatten between")
        weights, shape = (shape[0] + 1) * layer.width, (layer.width,)
    elif layer.kind == "norm":
        weights = 4 * shape[-1]
    elif layer.kind == "flatten":
        shape = (shape[0] * shape[1] * shape[2],)
    elif layer.kind in ("conv", "max_pool", "avg_pool"):
        side = shape[0] if layer.same else (shape[0] - layer.size) // layer.stride + 1
        if side < 1:
            raise ValueError(f"is larger than the picture of {_size(shape)} before it")
        if layer.kind == "conv":
            weights = (layer.size**2 * shape[2] + 1) * layer.width
        shape = (side, side, layer.width or shape[2])
    return replace(layer, weights=weights), shape


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
