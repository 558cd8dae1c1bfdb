"""Layers of a network as a recipe lists them: a line each, checked and counted before anything is built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from albumsort.training.datasets import FACE_SIZE, DataError

#: By kind: how a line is written, and the same as a pattern of what follows the kind.
_FORMS = {
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
        width: channels or features.
        size: side of a kernel or window, in pixels.
        stride: of a pooling window.
        same: whether a convolution pads, so that the picture keeps its size.
        share: that a dropout drops.
        l2: weight of the squares of a dense layer's kernel in the loss.
        weights: numbers that it holds, those of a batch norm's running statistics included.
    """

    kind: str
    width: int = 0
    size: int = 0
    stride: int = 1
    same: bool = False
    share: float = 0.0
    l2: float = 0.0
    weights: int = 0


def parse(lines: Sequence[str], answers: int) -> list[Layer]:
    """The layers of a network from a grey face of 48 x 48 pixels to ``answers`` logits, the last, dense one included.

    Raises:
        DataError: a line is none, does not follow from those before it, or no picture is left; the line is named.
    """
    layers: list[Layer] = []
    shape: tuple[int, ...] = (FACE_SIZE, FACE_SIZE, 1)
    for number, line in enumerate(lines, 1):
        try:
            layer, shape = _counted(_read(line), shape)
        except ValueError as error:
            raise DataError(f"layer {number}, {line!r}: {error}") from error
        layers.append(layer)
    if len(shape) != 1:
        raise DataError(f"layers end in a picture of {_size(shape)}; put a flatten before the end")
    return [*layers, Layer("logits", width=answers, weights=shape[0] * answers + answers)]


def _read(line: str) -> Layer:
    kind, _, rest = str(line).partition(" ")
    if kind not in _FORMS:
        raise ValueError(f"there is no layer {kind!r}; there are {', '.join(_FORMS)}")
    form, pattern = _FORMS[kind]
    found = re.fullmatch(pattern, f" {rest}" if rest else "")
    if not found:
        raise ValueError(f"write {form}")
    said = {name: value for name, value in found.groupdict().items() if value}
    width, size, stride = (int(said.get(name, 1)) for name in ("width", "size", "stride"))
    if not (width and size and stride):
        raise ValueError("a number of 0 makes no layer")
    share, l2 = (float(said.get(name, 0)) for name in ("share", "l2"))
    return Layer(kind, width if "width" in said else 0, size, stride, "same" in said, share, l2)


def _counted(layer: Layer, shape: tuple[int, ...]) -> tuple[Layer, tuple[int, ...]]:
    """The layer with the weights it has behind an answer of ``shape``, and the shape of its own."""
    is_picture = len(shape) == 3
    weights = 0
    if layer.kind in ("conv", "max_pool", "avg_pool", "flatten") and not is_picture:
        raise ValueError("needs a picture, and stands behind a flatten")
    if layer.kind == "dense":
        if is_picture:
            raise ValueError(f"needs features, and stands behind a picture of {_size(shape)}; put a flatten between")
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
