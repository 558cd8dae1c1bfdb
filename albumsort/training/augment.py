"""Augmentation: each time a face is seen in training it is turned, scaled, shifted, mirrored, dimmed, partly erased."""

from __future__ import annotations

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.training.datasets import FACE_SIZE, Faces
from albumsort.training.recipe import AugmentRecipe, Recipe


def augmented(
    face: NDArray[np.uint8], recipe: AugmentRecipe, rng: np.random.Generator, side: int = FACE_SIZE
) -> NDArray[np.float32]:
    """One random view of a face: ``(48, 48)`` uint8 in, float32 ``(side, side)`` on the same 0-255 scale out.

    Brightness and contrast are in standard deviations of the face. Beyond the tile the edge is replicated, as the
    cropper does at the edge of a photo. The values may leave 0-255: the network standardises its input.
    """
    angle = rng.uniform(-recipe.rotation_degrees, recipe.rotation_degrees)
    zoom = 1 + rng.uniform(-recipe.scale, recipe.scale)
    shift = rng.uniform(-recipe.shift_pixels, recipe.shift_pixels, 2)
    centre = (FACE_SIZE - 1) / 2
    turn: NDArray[np.float64] = np.asarray(cv2.getRotationMatrix2D((centre, centre), angle, zoom), np.float64)
    turn[:, 2] += shift
    if rng.random() < 0.5:
        turn = turn @ np.array([[-1, 0, FACE_SIZE - 1], [0, 1, 0], [0, 0, 1]], float)
    if side != FACE_SIZE:  # pixel centres, not corners, are what coordinates name
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
    """The batches of one epoch, shuffled and augmented by (seed, epoch) alone, so that a resumed run sees the same."""

    def __init__(
        self, faces: Faces, recipe: Recipe, epoch: int, taught: dict[str, NDArray[np.float32]] | None = None
    ) -> None:
        """The batches of an epoch; ``taught`` is what a teacher says of the faces, ``(n, classes)`` a head."""
        super().__init__()
        self.taught = taught
        self.faces, self.recipe, self.epoch = faces, recipe, epoch
        self.batch = recipe.fit.batch
        cycle, place = recipe.cycle(epoch)
        self.changes, self.side = cycle.augment, cycle.side(place)
        self.order = np.random.default_rng([recipe.seed, epoch]).permutation(len(faces))

    def __len__(self) -> int:
        return len(self.faces) // self.batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict[str, NDArray], dict[str, NDArray]]:
        rng = np.random.default_rng([self.recipe.seed, self.epoch, index])
        chosen = self.order[index * self.batch : (index + 1) * self.batch]
        views = np.stack([augmented(self.faces.pixels[k], self.changes, rng, self.side) for k in chosen])
        wanted, weights = targets(self.faces.where(chosen))
        if self.taught:
            for head, taught in self.taught.items():
                # Of a face without labels the teacher alone has something to say.
                share = np.where(weights[head] > 0, self.recipe.fit.teacher_share, 1.0)[:, None]
                wanted[head] = ((1 - share) * wanted[head] + share * taught[chosen]).astype(np.float32)
                weights[head] = np.ones_like(weights[head])
        return views[..., None], wanted, weights


def targets(faces: Faces) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """What the two heads should say, and each face's weight there: 0 for faces without usable FER+ votes."""
    perceived = faces.perceived
    wanted = {"fer2013": keras.utils.to_categorical(faces.labels, 7), "perceived": perceived}
    weights = {"fer2013": np.ones(len(faces), np.float32), "perceived": perceived.sum(1).round().astype(np.float32)}
    return wanted, weights
