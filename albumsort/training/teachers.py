"""Teachers: networks whose probabilities a student learns besides the labels (Hinton et al. 2015, arXiv:1503.02531).

A teacher is a model, or a file with the out-of-fold predictions of a recipe with folds. The difference matters: a
network that has learnt from a face agrees with its label, right or wrong. The out-of-fold probabilities of a face come
from a network that has not learnt from it, so they show how sure a network can be.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import PERCEIVED, labels_of
from albumsort.files import sha256
from albumsort.training.datasets import DataError, Faces
from albumsort.training.network import logits
from albumsort.training.recipe import Recipe
from albumsort.vision.classifier import softmax
from albumsort.vision.models import read_card

#: The suffix of a file of out-of-fold predictions.
PREDICTIONS = ".npz"
#: The array in such a file that identifies the faces.
_FACES = "faces"


def teacher_digests(recipe: Recipe, files: Mapping[str, Path]) -> dict[str, str]:
    """Check the teachers of a recipe.

    Args:
        recipe: names its teachers.
        files: by name, the file of each teacher.

    Returns:
        by name, the SHA-256 of each file.

    Raises:
        DataError: a teacher is missing, is not in the recipe, or tells different emotions apart.
    """
    for name in recipe.teachers:
        if name not in files:
            raise DataError(
                f"the recipe needs the teacher {name}; give it with --teacher {name}.keras, or {name}.npz; it is made "
                f"by: albumsort model train --recipe {name}"
            )
    for name, file in files.items():
        if name not in recipe.teachers:
            wanted = f"it needs {' and '.join(recipe.teachers)}" if recipe.teachers else "it learns only from labels"
            raise DataError(f"{file}: the recipe has no teacher named {name}; {wanted}")
        if _class_counts(file) != {"fer2013": len(labels_of(recipe.labels)), "perceived": len(PERCEIVED)}:
            raise DataError(f"{file}: cannot be a teacher for this recipe, because it tells different emotions apart")
    return {name: sha256(file) for name, file in files.items()}


def teacher_probabilities(teacher: Path, faces: Faces) -> dict[str, NDArray[np.float32]]:
    """The probabilities that a teacher gives to faces without augmentation, by head: float32 ``(n, classes)``.

    Raises:
        DataError: a file of out-of-fold predictions lacks some of the faces.
    """
    if teacher.suffix == PREDICTIONS:
        return _read_predictions(teacher, faces)
    return mirrored_probabilities(keras.models.load_model(teacher, compile=False), faces)


def mirrored_probabilities(
    model: keras.Model, faces: Faces, temperatures: Mapping[str, float] | None = None
) -> dict[str, NDArray[np.float32]]:
    """The probabilities of each head, float32 ``(n, classes)``, from the mean logits of a face and its mirror image."""
    direct, mirrored = logits(model, faces), logits(model, faces, is_mirrored=True)
    means = {head: (direct[head] + mirrored[head]) / 2 for head in direct}
    return {head: softmax(mean / (temperatures or {}).get(head, 1)).astype(np.float32) for head, mean in means.items()}


def write_predictions(path: Path, pixels: NDArray[np.uint8], probabilities: Mapping[str, NDArray[np.float32]]) -> None:
    """Write probabilities as a file that ``teacher_probabilities`` reads.

    Args:
        path: the file.
        pixels: uint8 ``(n, 48, 48)``.
        probabilities: by head, float32 ``(n, classes)``.
    """
    arrays: dict[str, Any] = {_FACES: _keys(pixels), **probabilities}
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def _read_predictions(path: Path, faces: Faces) -> dict[str, NDArray[np.float32]]:
    """Read the probabilities of faces; for a face that the file has more than once, take the mean."""
    predictions = _arrays(path)
    rows: dict[bytes, list[int]] = {}
    for row, key in enumerate(predictions.pop(_FACES)):
        rows.setdefault(key.tobytes(), []).append(row)
    rows_of_faces = [rows.get(key.tobytes(), []) for key in _keys(faces.pixels)]
    if missing := sum(not rows_of_face for rows_of_face in rows_of_faces):
        raise DataError(f"{path}: lacks {missing} of the {len(faces)} faces; make it from the same data")
    return {
        head: np.stack([probabilities[rows_of_face].mean(0) for rows_of_face in rows_of_faces]).astype(np.float32)
        for head, probabilities in predictions.items()
    }


def _arrays(path: Path) -> dict[str, NDArray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
            if _FACES not in arrays or any(array.ndim != 2 for array in arrays.values()):
                raise ValueError(f"it has {', '.join(arrays)}")
            return arrays
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a file of predictions ({error})") from error


def _keys(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A key for each face, uint8 ``(n, 16)``: the first bytes of the SHA-256 of its pixels."""
    digests = [hashlib.sha256(face.tobytes()).digest()[:16] for face in pixels]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)


def _class_counts(teacher: Path) -> dict[str, int]:
    """The number of emotions that each head of a teacher tells apart."""
    if teacher.suffix == PREDICTIONS:
        return {head: rows.shape[1] for head, rows in _arrays(teacher).items() if head != _FACES}
    card = read_card(teacher)
    perceived = {"perceived": len(PERCEIVED)} if "perceived" in card.temperatures else {}
    return {"fer2013": len(card.labels), **perceived}
