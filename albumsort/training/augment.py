"""Augmentation: random views of faces for training, and the batches of an epoch."""

from __future__ import annotations

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, labels_of
from albumsort.training.datasets import FACE_SIZE, Faces
from albumsort.training.recipe import AugmentRecipe, Cycle, Recipe


def augment(
    face: NDArray[np.uint8], recipe: AugmentRecipe, rng: np.random.Generator, side: int = FACE_SIZE
) -> NDArray[np.float32]:
    """A random view of a face: rotated, scaled, shifted, perhaps mirrored, in different light, and partly erased.

    Pixels beyond the edge repeat the edge, as in crops at the edge of a photo.

    Args:
        face: uint8 ``(48, 48)``.
        recipe: the bounds of the changes.
        rng: the source of randomness.
        side: the side of the view in pixels.

    Returns:
        float32 ``(side, side)`` on the scale 0 to 255. Values may be outside of that, because the network standardises
        its input.
    """
    angle = rng.uniform(-recipe.rotation_degrees, recipe.rotation_degrees)
    zoom = 1 + rng.uniform(-recipe.scale, recipe.scale)
    shift = rng.uniform(-recipe.shift_pixels, recipe.shift_pixels, 2)
    centre = (FACE_SIZE - 1) / 2
    turn: NDArray[np.float64] = np.asarray(cv2.getRotationMatrix2D((centre, centre), angle, zoom), np.float64)
    turn[:, 2] += shift
    if recipe.shear_degrees:
        slant = np.tan(np.radians(rng.uniform(-recipe.shear_degrees, recipe.shear_degrees)))
        turn = turn @ np.array([[1, slant, -slant * centre], [0, 1, 0], [0, 0, 1]], float)
    if rng.random() < 0.5:
        turn = turn @ np.array([[-1, 0, FACE_SIZE - 1], [0, 1, 0], [0, 0, 1]], float)
    if side != FACE_SIZE:  # coordinates are those of pixel centres, not of corners
        turn = turn * (side / FACE_SIZE)
        turn[:, 2] += (side / FACE_SIZE - 1) / 2
    view = cv2.warpAffine(face, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    pixels = np.asarray(view, np.float32)
    mean, deviation = float(pixels.mean()), float(pixels.std())
    contrast = 1 + rng.uniform(-recipe.contrast, recipe.contrast)
    pixels = (pixels - mean) * contrast + mean + deviation * rng.uniform(-recipe.brightness, recipe.brightness)
    if rng.random() < recipe.erase_chance:
        hole = int(rng.integers(recipe.erase_pixels[0], recipe.erase_pixels[1] + 1)) * side // FACE_SIZE
        top, left = rng.integers(0, side - hole + 1, 2)
        pixels[top : top + hole, left : left + hole] = mean
    return pixels


class AugmentedFaces(keras.utils.PyDataset):
    """The batches of one epoch. They depend only on the seed and the epoch, so a resumed run sees the same ones."""

    def __init__(
        self,
        faces: Faces,
        recipe: Recipe,
        cycle: Cycle,
        side: int,
        epoch: int,
        taught: dict[str, NDArray[np.float32]] | None = None,
    ) -> None:
        """Prepare the batches of an epoch.

        Args:
            faces: the faces, in the recipe's label scheme.
            recipe: the recipe of the run.
            cycle: the epoch's cycle.
            side: the side of the views in pixels.
            epoch: the number of the epoch, counted from 0 over the whole run.
            taught: the teachers' probabilities for the faces by head, ``(n, classes)``; None for no teachers.
        """
        super().__init__()
        self.taught = taught
        self.faces, self.recipe, self.epoch = faces, recipe, epoch
        self.batch = recipe.fit.batch
        self.changes, self.side = cycle.augment, side
        self.factors = class_weights(faces.labels) if recipe.fit.balanced else np.ones(len(EMOTIONS), np.float32)
        rounds = -(-len(self) * self.batch // len(faces))
        rng = np.random.default_rng([recipe.seed, epoch])
        self.order = np.concatenate([rng.permutation(len(faces)) for _ in range(rounds)])

    def __len__(self) -> int:
        return self.recipe.fit.batches(len(self.faces))

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict[str, NDArray], dict[str, NDArray]]:
        rng = np.random.default_rng([self.recipe.seed, self.epoch, index])
        chosen = self.order[index * self.batch : (index + 1) * self.batch]
        pixels = self.faces.pixels[chosen]
        if self.changes is None:
            views = pixels.astype(np.float32)
        else:
            views = np.stack([augment(face, self.changes, rng, self.side) for face in pixels])
        wanted, weights = targets(self.faces.where(chosen), self.recipe)
        weights["fer2013"] *= self.factors[self.faces.labels[chosen]]
        if self.taught:
            for head, taught in self.taught.items():
                # For a face without labels, the teachers' probabilities are the whole target.
                share = np.where(weights[head] > 0, self.recipe.fit.teacher_share, 1.0)[:, None]
                wanted[head] = ((1 - share) * wanted[head] + share * taught[chosen]).astype(np.float32)
                weights[head] = np.ones_like(weights[head])
        return views[..., None], wanted, weights


def targets(faces: Faces, recipe: Recipe) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """The targets ``(n, classes)`` and the weights ``(n,)`` of faces, by head.

    The weight in the head ``perceived`` is 0 for a face without usable votes.
    """
    classes = class_indices(faces.labels, recipe.labels)
    wanted = {"fer2013": keras.utils.to_categorical(classes, len(labels_of(recipe.labels)))}
    weights = {"fer2013": np.ones(len(faces), np.float32)}
    if "perceived" in recipe.heads:
        wanted["perceived"] = faces.perceived
        weights["perceived"] = faces.perceived.sum(1).round().astype(np.float32)
    return wanted, weights


def class_indices(codes: NDArray[np.int64], scheme: str) -> NDArray[np.int64]:
    """Convert FER2013 codes ``(n,)`` to indices of a scheme's labels; -1 for emotions that it lacks, and for -1."""
    labels = labels_of(scheme)
    indices = np.array([labels.index(emotion) if emotion in labels else -1 for emotion in EMOTIONS])
    return np.where(codes < 0, -1, indices[codes])


def class_weights(codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """The weight of a face by its FER2013 code, float32 ``(7,)``: all emotions have equal totals, the mean is 1."""
    counts = np.bincount(codes, minlength=len(EMOTIONS))
    return (len(codes) / ((counts > 0).sum() * np.maximum(counts, 1))).astype(np.float32)
