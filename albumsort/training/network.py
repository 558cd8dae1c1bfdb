"""The network: a small residual net with two heads over one body."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from albumsort.emotions import EMOTIONS, PERCEIVED
from albumsort.training.recipe import NetworkRecipe


def build(recipe: NetworkRecipe, weight_decay: float, precision: str = "float32") -> keras.Model:
    """A net to train, from float ``(n, side, side, 1)`` grey on the 0-255 scale, side 48 in use, to two sets of logits.

    ``fer2013`` ``(n, 7)`` answers in the sense of FER2013's labels, ``perceived`` ``(n, 8)`` in that of FER+'s voters.
    Each face is standardised to mean 0 and deviation 1 inside the net, so light and contrast of a photo do not matter.
    Residual blocks after He et al. 2016 (arXiv:1512.03385).

    Args:
        recipe: stem, widths, blocks, dropout.
        weight_decay: as in ``FitRecipe``.
        precision: of the convolutions' arithmetic, as in ``FitRecipe``; weights and answers are float32 in any case.
    """
    return _Builder(weight_decay, "mixed_bfloat16" if precision == "bfloat16" else "float32").network(recipe)


def without_training(trained: keras.Model, recipe: NetworkRecipe) -> keras.Model:
    """The net that ships: it answers as ``trained`` does, its batch norms folded into the convolutions before them.

    That is smaller and quicker, and its description names nothing that only some versions of Keras know.
    """
    network = _Builder(None).network(recipe)
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


class _Builder:
    """Makes the layers of one net; ``weight_decay`` is None for the net that ships."""

    def __init__(self, weight_decay: float | None, policy: str = "float32") -> None:
        self._trains = weight_decay is not None
        self._policy = policy
        self._convolutions = 0
        self._start: dict[str, Any] = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
        if weight_decay is not None:
            self._start = {"kernel_regularizer": keras.regularizers.L2(weight_decay / 2)}

    def network(self, recipe: NetworkRecipe) -> keras.Model:
        face = keras.Input((None, None, 1), name="face")
        # The small epsilon (in squared grey levels) keeps a flat black tile finite.
        x = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, epsilon=1.0, name="standardise")(face)
        x = layers.ReLU(dtype=self._policy)(self._convolution(x, recipe.stem, 3, 1))
        for width in recipe.widths:
            for block in range(recipe.blocks):
                x = self._residual(x, width, 2 if block == 0 else 1)
        x = layers.GlobalAveragePooling2D()(x)
        if self._trains:
            x = layers.Dropout(recipe.dropout)(x)
        heads = {
            "fer2013": layers.Dense(len(EMOTIONS), **self._start, name="fer2013")(x),
            "perceived": layers.Dense(len(PERCEIVED), **self._start, name="perceived")(x),
        }
        return keras.Model(face, heads, name="emotion")

    def _residual(self, x: keras.KerasTensor, width: int, stride: int) -> keras.KerasTensor:
        y = layers.ReLU(dtype=self._policy)(self._convolution(x, width, 3, stride))
        y = self._convolution(y, width, 3, 1)
        if stride != 1:
            x = layers.AveragePooling2D(stride, padding="same", dtype=self._policy)(x)
        if x.shape[-1] != width:
            x = self._convolution(x, width, 1, 1)
        return layers.ReLU(dtype=self._policy)(layers.Add(dtype=self._policy)([x, y]))

    def _convolution(self, x: keras.KerasTensor, width: int, kernel: int, stride: int) -> keras.KerasTensor:
        """A convolution with its batch norm, or with the bias into which that was folded."""
        name = f"convolution{self._convolutions}"
        self._convolutions += 1
        bias = not self._trains
        layer = layers.Conv2D(
            width, kernel, stride, padding="same", use_bias=bias, **self._start, name=name, dtype=self._policy
        )
        return FusedBatchNorm(name=_norm_of(name), dtype=self._policy)(layer(x)) if self._trains else layer(x)


@keras.saving.register_keras_serializable("albumsort")
class FusedBatchNorm(layers.BatchNormalization):
    """Batch norm that runs in PyTorch's own kernel where Keras runs on PyTorch.

    Put together from Keras' operations, its gradient takes more time there than those of all convolutions.
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
            momentum=1 - self.momentum,  # PyTorch counts the new value's share
            eps=self.epsilon,
        )
        return torch.movedim(normed, 1, -1)


def _norm_of(convolution: str) -> str:
    """Name of the batch norm behind a convolution."""
    return f"{convolution}_norm"
