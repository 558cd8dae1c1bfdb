"""Explains how a network reads a face: its feature maps, and which parts of the face speak for an emotion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.vision.classifier import EmotionClassifier, share_of_mirrored
from albumsort.vision.convert import load_keras
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.models import model_in_use
from albumsort.vision.tensorflow import tensorflow

#: The smallest side of a plane, in positions, that still shows where on the face something is.
_SMALLEST_PLANE = 3


@dataclass(frozen=True)
class Explanation:
    """How a network comes to its prediction for a face.

    Attributes:
        crop: the face, uint8 ``(48, 48)``.
        probabilities: those of the classifier for ``EMOTIONS``, float32 ``(7,)``.
        emotion: the emotion that ``saliency`` is about.
        saliency: float32 ``(48, 48)``, 0 to 1: how much each part of the face speaks for the emotion.
        stages: feature maps ``(height, width, channels)``, one after each down-scaling.
    """

    crop: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    emotion: str
    saliency: NDArray[np.float32]
    stages: list[NDArray[np.float32]]


def explain(
    crop: NDArray[np.uint8],
    model: Path | None = None,
    labels: str = "perceived",
    emotion: str | None = None,
    device: str = "auto",
) -> Explanation:
    """Explain how a network reads a face.

    Saliency is Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) at the last plane of at least 3 x 3. The mirrored
    pass has the same weight in it as in the prediction.

    Args:
        crop: uint8 ``(48, 48)``.
        model: a ``.keras`` file with its card; None for the model in use.
        labels: ``perceived`` or ``fer2013``, as for ``EmotionClassifier``.
        emotion: the emotion to explain; None for the most probable.
        device: ``auto``, ``cpu`` or ``gpu``.

    Raises:
        AlbumsortError: the model cannot be loaded, does not know the emotion, or has no planes of that size.
    """
    path = model or model_in_use()
    classifier = EmotionClassifier(path, labels, device)
    probabilities = classifier.probabilities(crop[None])[0]
    chosen = emotion or EMOTIONS[int(np.nanargmax(probabilities))]
    if chosen not in classifier.card.labels:
        raise AlbumsortError(f"{path}: this model does not know {chosen}")
    tf = tensorflow(device)
    import keras

    network = load_keras(path)
    places = spatial_places(network)
    stages = after_down_scaling(network, places)
    head = classifier.card.head(labels)
    inner = keras.Model(network.input, [*(network.layers[place].output for place in places), network.output[head]])
    passes = [crop, crop[:, ::-1]] if classifier.card.is_mirrored else [crop]
    faces = tf.constant(np.stack(passes)[..., None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(faces)
        *maps, logits = inner(faces, training=False)
        score = tf.reduce_sum(logits[:, classifier.card.labels.index(chosen)])
    first_pass = tf.nn.softmax(logits[0, : len(classifier.card.labels)] / classifier.card.temperatures[head])
    share = float(share_of_mirrored(first_pass.numpy().max()))
    wide = [k for k, plane in enumerate(maps) if min(plane.shape[1:3]) >= _SMALLEST_PLANE]
    if not wide:
        raise AlbumsortError(f"{path}: the network has no planes of {_SMALLEST_PLANE} x {_SMALLEST_PLANE} or more")
    last = maps[wide[-1]]
    return Explanation(
        crop,
        probabilities,
        chosen,
        _grad_cam(last.numpy(), tape.gradient(score, last).numpy(), (1 - share, share)),
        [maps[places.index(place)].numpy()[0] for place in stages],
    )


def spatial_places(network: Any) -> list[int]:
    """Find the layers whose planes are the only input of all later layers.

    These are the ends of residual blocks, and every layer of a network without short cuts.

    Returns:
        places in ``network.layers``.
    """
    made_by = {id(layer.output): place for place, layer in enumerate(network.layers)}
    furthest = list(range(len(network.layers)))
    for place, layer in enumerate(network.layers):
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        for source in sources:
            maker = made_by.get(id(source), place)
            furthest[maker] = max(furthest[maker], place)
    return [
        place
        for place, layer in enumerate(network.layers)
        if place and len(layer.output.shape) == 4 and max(furthest[:place], default=0) <= place
    ]


def after_down_scaling(network: Any, places: list[int]) -> list[int]:
    """The first of the given layers after each layer with a stride, such as a pooling.

    If a ReLU comes next, as in a residual block, it is taken instead.

    Args:
        network: a network of Keras.
        places: as returned by ``spatial_places``.
    """
    stages = set()
    for place, layer in enumerate(network.layers):
        if len(layer.output.shape) == 4 and np.max(getattr(layer, "strides", None) or 1) > 1:
            after = [later for later in places if later >= place]
            is_active = len(after) > 1 and type(network.layers[after[1]]).__name__ in ("ReLU", "Activation")
            stages.update(after[is_active : is_active + 1])
    return sorted(stages)


def _grad_cam(
    maps: NDArray[np.float32], gradients: NDArray[np.float32], shares: tuple[float, float]
) -> NDArray[np.float32]:
    """The saliency from maps and gradients ``(passes, height, width, channels)``; a second pass is the mirrored one."""
    weights = gradients.mean((1, 2), keepdims=True)
    face, *mirrored = (maps * weights).sum(-1).clip(0)
    plane = shares[0] * face
    for other in mirrored:
        plane = plane + shares[1] * other[:, ::-1]
    plane = cv2.resize(plane, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_CUBIC).clip(0)
    return np.asarray(plane / max(float(plane.max()), 1e-12), np.float32)
