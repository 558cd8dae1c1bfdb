"""The network: a small residual net with one body and two heads, or a plain net with one head, given by its layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from albumsort.emotions import EMOTIONS, PERCEIVED, labels_of
from albumsort.training.datasets import FACE_SIZE, Faces
from albumsort.training.layers import Layer, parse
from albumsort.training.recipe import NetworkRecipe, Recipe


def build(recipe: Recipe) -> keras.Model:
    """Build a new net for training, with random weights.

    Its input is float ``(n, side, side, 1)``, grey, 0 to 255; the side is 48 at inference. Its output is logits by
    head: ``fer2013`` ``(n, classes)`` for FER2013's labels in the recipe's label scheme, and, unless the net is given
    by its layers, ``perceived`` ``(n, 8)`` for the votes of FER+. Preprocessing is part of the net. Weights and logits
    are float32 in either precision.
    """
    policy = "mixed_bfloat16" if recipe.fit.precision == "bfloat16" else "float32"
    if recipe.network.layers:
        return _by_layers(recipe, policy, trains=True)
    return _Builder(recipe.fit.weight_decay, policy).network(recipe.network)


def for_inference(trained: keras.Model, recipe: Recipe) -> keras.Model:
    """The net for inference, made of Keras' own layers only.

    Its logits are those of ``trained``. A residual net first blurs each face, as its recipe says. Its batch norms are
    folded into the convolutions before them, which makes it smaller and faster.
    """
    if recipe.network.layers:
        network = _by_layers(recipe, "float32", trains=False)
        for layer in network.layers:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
        return network
    network = _Builder(None).network(recipe.network)
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            (kernel,) = trained.get_layer(layer.name).get_weights()
            norm = trained.get_layer(_norm_of(layer.name))
            gamma, beta, mean, variance = norm.get_weights()
            factor = gamma / np.sqrt(variance + norm.epsilon)
            layer.set_weights([kernel * factor, beta - mean * factor])
        elif isinstance(layer, layers.Dense):
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    return network


def round_to_float16(network: keras.Model) -> None:
    """Round the weights to the precision of float16, so that the file compresses well; they stay float32."""
    network.set_weights([weight.astype(np.float16).astype(np.float32) for weight in network.get_weights()])


def logits(model: keras.Model, faces: Faces, is_mirrored: bool = False, batch: int = 128) -> dict[str, np.ndarray]:
    """The logits of each head for faces, or for their mirror images if ``is_mirrored``: float32 ``(n, classes)``."""
    parts = []
    for start in range(0, len(faces), batch):
        views = faces.pixels[start : start + batch, ..., None].astype(np.float32)
        parts.append(model.predict_on_batch(views[:, :, ::-1].copy() if is_mirrored else views))
    return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}


def _by_layers(recipe: Recipe, policy: str, trains: bool) -> keras.Model:
    """Build the net given by its layers, with one head; it has dropout and penalties only if it ``trains``."""
    face = x = keras.Input((FACE_SIZE, FACE_SIZE, 1), name="face")
    for number, layer in enumerate(parse(recipe.network.layers, len(labels_of(recipe.labels))), 1):
        keras_layer = _keras_layer(
            layer, f"{layer.kind}{number}", recipe.fit.weight_decay if trains else 0.0, policy, trains
        )
        x = keras_layer(x) if keras_layer else x
    return keras.Model(face, {"fer2013": x}, name="emotion")


def _keras_layer(layer: Layer, name: str, decay: float, policy: str, trains: bool) -> layers.Layer | None:
    """The corresponding layer of Keras; None for a dropout at inference."""
    made: layers.Layer | None = None
    if layer.kind == "rescale":
        made = layers.Rescaling(1 / 255, name=name)
    elif layer.kind == "standardise":
        made = _standardise(name)
    elif layer.kind == "conv":
        padding, penalty = "same" if layer.same else "valid", _penalty(decay / 2)
        made = layers.Conv2D(
            layer.width,
            layer.size,
            padding=padding,
            activation="relu",
            kernel_regularizer=penalty,
            dtype=policy,
            name=name,
        )
    elif layer.kind == "norm":
        made = (FusedBatchNorm if trains else layers.BatchNormalization)(dtype=policy, name=name)
    elif layer.kind in ("max_pool", "avg_pool"):
        pool = layers.MaxPooling2D if layer.kind == "max_pool" else layers.AveragePooling2D
        made = pool(layer.size, layer.stride, dtype=policy, name=name)
    elif layer.kind == "flatten":
        made = layers.Flatten(name=name)
    elif layer.kind in ("dense", "logits"):
        options = {"name": "fer2013"} if layer.kind == "logits" else {"name": name, "activation": "relu"}
        made = layers.Dense(layer.width, kernel_regularizer=_penalty(decay / 2 + layer.l2 * trains), **options)
    elif trains:
        made = layers.Dropout(layer.share, name=name)
    return made


def _penalty(weight: float) -> keras.regularizers.L2 | None:
    return keras.regularizers.L2(weight) if weight else None


def _standardise(name: str) -> layers.LayerNormalization:
    """Scales each face to mean 0 and deviation 1, so that the light and contrast of the photo do not matter."""
    # The small epsilon (in squared grey levels) keeps a flat black tile finite.
    return layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, epsilon=1.0, name=name)


def _blurred(face: keras.KerasTensor, share: float) -> keras.KerasTensor:
    """Mixes into each pixel a share of the mean of its 3 x 3 neighbourhood, which has fewer pixels at edges."""
    around = layers.AveragePooling2D(3, 1, padding="same", name="around")(face)
    parts = [layers.Rescaling(1 - share, name="sharp")(face), layers.Rescaling(share, name="soft")(around)]
    return layers.Add(name="blur")(parts)


class _Builder:
    """Builds a residual net (He et al. 2016, arXiv:1512.03385); ``weight_decay`` is None for inference."""

    def __init__(self, weight_decay: float | None, policy: str = "float32") -> None:
        self._trains = weight_decay is not None
        self._policy = policy
        self._convolutions = self._relus = 0
        self._start: dict[str, Any] = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
        if weight_decay is not None:
            self._start = {"kernel_regularizer": keras.regularizers.L2(weight_decay / 2)}

    def network(self, recipe: NetworkRecipe) -> keras.Model:
        face = keras.Input((None, None, 1), name="face")
        x = face if self._trains or not recipe.blur else _blurred(face, recipe.blur)
        x = _standardise("standardise")(x)
        x = self._relu(self._convolution(x, recipe.stem, 3, 1))
        for width in recipe.widths:
            for block in range(recipe.blocks):
                x = self._residual(x, width, 2 if block == 0 else 1)
        x = layers.GlobalAveragePooling2D(name="features")(x)
        if self._trains:
            x = layers.Dropout(recipe.dropout, name="dropout")(x)
        heads = {
            "fer2013": layers.Dense(len(EMOTIONS), **self._start, name="fer2013")(x),
            "perceived": layers.Dense(len(PERCEIVED), **self._start, name="perceived")(x),
        }
        return keras.Model(face, heads, name="emotion")

    def _residual(self, x: keras.KerasTensor, width: int, stride: int) -> keras.KerasTensor:
        y = self._relu(self._convolution(x, width, 3, stride))
        y = self._convolution(y, width, 3, 1)
        number = self._convolutions
        if stride != 1:
            x = layers.AveragePooling2D(stride, padding="same", dtype=self._policy, name=f"halved{number}")(x)
        if x.shape[-1] != width:
            x = self._convolution(x, width, 1, 1)
        return self._relu(layers.Add(dtype=self._policy, name=f"sum{number}")([x, y]))

    def _relu(self, x: keras.KerasTensor) -> keras.KerasTensor:
        # Every layer gets an explicit name. Keras would number all layers of the process, and the same network would
        # give different files.
        self._relus += 1
        return layers.ReLU(dtype=self._policy, name=f"relu{self._relus}")(x)

    def _convolution(self, x: keras.KerasTensor, width: int, kernel: int, stride: int) -> keras.KerasTensor:
        """A convolution with its batch norm or, at inference, with the bias that the norm is folded into."""
        name = f"convolution{self._convolutions}"
        self._convolutions += 1
        bias = not self._trains
        layer = layers.Conv2D(
            width, kernel, stride, padding="same", use_bias=bias, **self._start, name=name, dtype=self._policy
        )
        return FusedBatchNorm(name=_norm_of(name), dtype=self._policy)(layer(x)) if self._trains else layer(x)


@keras.saving.register_keras_serializable("albumsort")
class FusedBatchNorm(layers.BatchNormalization):
    """Batch norm that uses PyTorch's own kernel on the PyTorch backend.

    If it is composed of Keras operations, its gradient takes more time there than those of all convolutions.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if keras.backend.backend() != "torch":
            return super().call(inputs, training=training, mask=mask)
        import torch

        normed = torch.nn.functional.batch_norm(
            torch.movedim(inputs, -1, 1),
            self.moving_mean.value,
            self.moving_variance.value,
            self.gamma.value,
            self.beta.value,
            training=bool(training),
            momentum=1 - self.momentum,  # PyTorch's momentum is the weight of the new value
            eps=self.epsilon,
        )
        if normed.requires_grad:  # the kernel is seven times slower for a gradient whose channels come first
            normed.register_hook(lambda slope: slope.contiguous(memory_format=torch.channels_last))
        return torch.movedim(normed, 1, -1)


def _norm_of(convolution: str) -> str:
    """The name of the batch norm after a convolution."""
    return f"{convolution}_norm"
