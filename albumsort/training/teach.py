"""Teachers: what other networks say of the faces that one learns from (Hinton et al. 2015, arXiv:1503.02531).

A teacher is a model, or the answers of a recipe with folds: of each face, what a network says that has not learnt from
it. One that has learnt from a face agrees with its label, right or wrong; one that has not says how sure one can be.
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
from albumsort.training.calibrate import softmax
from albumsort.training.datasets import DataError, Faces
from albumsort.training.network import logits
from albumsort.training.recipe import Recipe
from albumsort.vision.models import read_card

#: Ending of a file of answers.
ANSWERS = ".npz"
#: The array of it that says which faces were asked about.
_FACES = "faces"


def named(recipe: Recipe, files: Mapping[str, Path]) -> dict[str, str]:
    """The digests of a recipe's teachers by name, when ``files`` are all of them and speak of its emotions.

    Raises:
        DataError: one is missing, or none of the recipe's, or tells other emotions apart.
    """
    for name in recipe.teachers:
        if name not in files:
            raise DataError(f"the recipe wants the teacher {name}; give it with --teacher {name}.keras, or {name}.npz")
    for name, file in files.items():
        if name not in recipe.teachers:
            wanted = f"it wants {' and '.join(recipe.teachers)}" if recipe.teachers else "it learns from labels alone"
            raise DataError(f"{file}: the recipe has no use for a teacher named {name}; {wanted}")
        if _classes(file) != {"fer2013": len(labels_of(recipe.labels)), "perceived": len(PERCEIVED)}:
            raise DataError(f"{file}: tells other emotions apart than the recipe, and so is no teacher for it")
    return {name: sha256(file) for name, file in files.items()}


def said_by(teacher: Path, faces: Faces) -> dict[str, NDArray[np.float32]]:
    """What a teacher says of faces as they are: the probabilities of each head, float32 ``(n, classes)``.

    A model looks at each face and at its mirror image.

    Raises:
        DataError: answers, of which some of the faces have none.
    """
    if teacher.suffix == ANSWERS:
        return _read_answers(teacher, faces)
    return said(keras.models.load_model(teacher, compile=False), faces)


def said(
    model: keras.Model, faces: Faces, temperatures: Mapping[str, float] | None = None
) -> dict[str, NDArray[np.float32]]:
    """The probabilities of each head, float32 ``(n, classes)``, by the mean of the looks at faces and mirror images."""
    face, mirrored = logits(model, faces), logits(model, faces, is_mirrored=True)
    means = {head: (face[head] + mirrored[head]) / 2 for head in face}
    return {head: softmax(mean / (temperatures or {}).get(head, 1)).astype(np.float32) for head, mean in means.items()}


def write_answers(path: Path, pixels: NDArray[np.uint8], answers: dict[str, NDArray[np.float32]]) -> None:
    """Write down what was said of faces ``(n, 48, 48)``: the probabilities of each head, float32 ``(n, classes)``."""
    arrays: dict[str, Any] = {_FACES: _keys(pixels), **answers}
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def _read_answers(path: Path, faces: Faces) -> dict[str, NDArray[np.float32]]:
    """What was said of the faces; of one that is there more than once, the mean."""
    answers = _arrays(path)
    rows: dict[bytes, list[int]] = {}
    for row, key in enumerate(answers.pop(_FACES)):
        rows.setdefault(key.tobytes(), []).append(row)
    asked = [rows.get(key.tobytes(), []) for key in _keys(faces.pixels)]
    if missing := sum(not of_face for of_face in asked):
        raise DataError(f"{path}: says nothing of {missing} of the {len(faces)} faces; make it from the same data")
    return {
        head: np.stack([said[of_face].mean(0) for of_face in asked]).astype(np.float32)
        for head, said in answers.items()
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
        raise DataError(f"{path}: not a file of answers ({error})") from error


def _keys(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What tells faces apart, uint8 ``(n, 16)``: the beginning of the SHA-256 of their pixels."""
    digests = [hashlib.sha256(face.tobytes()).digest()[:16] for face in pixels]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)


def _classes(teacher: Path) -> dict[str, int]:
    """How many emotions each head of a teacher tells apart."""
    if teacher.suffix == ANSWERS:
        return {head: answers.shape[1] for head, answers in _arrays(teacher).items() if head != _FACES}
    card = read_card(teacher)
    of_seven = {"perceived": len(PERCEIVED)} if "perceived" in card.temperatures else {}
    return {"fer2013": len(card.labels), **of_seven}
