"""The network: a small residual net with two heads over one body."""

from __future__ import annotations

import keras
from keras import layers

from albumsort.emotions import EMOTIONS, PERCEIVED
from albumsort.training.recipe import NetworkRecipe


def build(recipe: NetworkRecipe, weight_decay: float = 0.0) -> keras.Model:
    """A net from float ``(n, side, side, 1)`` grey on the 0-255 scale, side 48 in use, to two sets of logits.

    ``fer2013`` ``(n, 7)`` answers in the sense of FER2013's labels, ``perceived`` ``(n, 8)`` in that of FER+'s voters.
    Each face is standardised to mean 0 and deviation 1 inside the net, so light and contrast of a photo do not matter.
    Residual blocks after He et al. 2016 (arXiv:1512.03385).
    """
    face = keras.Input((None, None, 1), name="face")
    decay = keras.regularizers.L2(weight_decay / 2)
    # The small epsilon (in squared grey levels) keeps a flat black tile finite.
    x = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, epsilon=1.0, name="standardise")(face)
    x = layers.ReLU()(_convolution(x, recipe.stem, 3, 1, decay))
    for width in recipe.widths:
        for block in range(recipe.blocks):
            x = _residual(x, width, 2 if block == 0 else 1, decay)
    x = layers.Dropout(recipe.dropout)(layers.GlobalAveragePooling2D()(x))
    heads = {
        "fer2013": layers.Dense(len(EMOTIONS), kernel_regularizer=decay, name="fer2013")(x),
        "perceived": layers.Dense(len(PERCEIVED), kernel_regularizer=decay, name="perceived")(x),
    }
    return keras.Model(face, heads, name="emotion")


def _residual(x: keras.KerasTensor, width: int, stride: int, decay: keras.Regularizer) -> keras.KerasTensor:
    y = layers.ReLU()(_convolution(x, width, 3, stride, decay))
    y = _convolution(y, width, 3, 1, decay)
    if stride != 1:
        x = layers.AveragePooling2D(stride, padding="same")(x)
    if x.shape[-1] != width:
        x = _convolution(x, width, 1, 1, decay)
    return layers.ReLU()(layers.Add()([x, y]))


def _convolution(
    x: keras.KerasTensor, width: int, kernel: int, stride: int, decay: keras.Regularizer
) -> keras.KerasTensor:
    x = layers.Conv2D(width, kernel, stride, padding="same", use_bias=False, kernel_regularizer=decay)(x)
    return layers.BatchNormalization()(x)
