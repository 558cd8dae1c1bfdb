"""Tuning: the last layers learn what a user corrected, and the tuned model is kept only when it is the better one."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS
from albumsort.index.corrections import LabelledFace
from albumsort.reading import cut_faces
from albumsort.training.augment import augmented
from albumsort.training.convert import save
from albumsort.training.datasets import DataError
from albumsort.training.recipe import AugmentRecipe
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import ModelCard, read_card

#: Fewer labelled faces than this say nothing about which model is better.
FEWEST = 20
#: One photo in so many is held out, and the faces in it with it.
HELD_OUT = 4
#: Points of agreement with the answers to other faces that a tuned model may lose.
MAY_FORGET = 0.03
#: How many remembered faces a labelled one weighs as much as.
WEIGHT = 5.0
_EPOCHS, _RATE, _BATCH = 12, 3e-4, 64
#: Convolutions that learn: those of the last residual block.
_LAST_CONVOLUTIONS = 2
_VIEWS = AugmentRecipe(rotation_degrees=10, scale=0.1, shift_pixels=2, erase_chance=0.0)


@dataclass(frozen=True)
class Tiles:
    """Faces cut out, with what they should be read as.

    Attributes:
        crops: uint8 ``(n, 48, 48)``.
        wanted: float32 ``(n, 7)``, rows sum to 1.
        is_labelled: bool ``(n,)``; False for faces that the model alone has read.
        is_held_out: bool ``(n,)``.
    """

    crops: NDArray[np.uint8]
    wanted: NDArray[np.float32]
    is_labelled: NDArray[np.bool_]
    is_held_out: NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """How a tuned model compares with the one in use, on faces that it has not learnt from.

    Attributes:
        model: where the tuned model is; None when it was not kept.
        labelled, remembered: held-out faces of either kind.
        right, right_before: share of the labelled ones read as labelled, by the tuned model and by that in use.
        loss, loss_before: their mean cross-entropy in nats.
        agrees, agrees_before: share of the remembered ones, where the stored answer was certain, read as stored.
    """

    model: Path | None
    labelled: int
    remembered: int
    right: float
    right_before: float
    loss: float
    loss_before: float
    agrees: float
    agrees_before: float

    @property
    def is_better(self) -> bool:
        """Whether the tuned model reads the labelled faces better and has forgotten next to nothing."""
        learnt = self.loss < self.loss_before and self.right >= self.right_before
        return learnt and self.agrees >= self.agrees_before - MAY_FORGET


def read_labels(path: Path) -> tuple[list[LabelledFace], Counter[str]]:
    """Read a table of labelled faces.

    Args:
        path: a CSV with the columns ``path, box, emotion``. Paths are taken from the folder of the table; a box is
            ``x y w h`` in pixels of the upright photo, and empty where the whole picture is the face.

    Returns:
        the faces, and reason and number of the rows that were left out.

    Raises:
        DataError: the file or one of its columns is missing.
    """
    faces, broken = [], Counter[str]()
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            if not {"path", "box", "emotion"} <= set(rows.fieldnames or ()):
                raise DataError(f"{path}: the first line must name the columns path, box and emotion")
            for row in rows:
                try:
                    box = tuple(float(value) for value in (row["box"] or "").replace(",", " ").split())
                except ValueError:
                    box = (0.0,)
                if row["emotion"] not in EMOTIONS:
                    broken[f"emotion is none of {', '.join(EMOTIONS)}"] += 1
                elif len(box) not in (0, 4) or (box and min(box[2:]) <= 0):
                    broken["box is not x y w h"] += 1
                else:
                    place = os.path.abspath(path.parent / row["path"])
                    digest = hashlib.sha256(os.fsencode(place)).hexdigest()
                    faces.append(
                        LabelledFace(place, box if len(box) == 4 else None, digest, row["emotion"])
                    )  # fmt: skip
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    return faces, broken


def tune(
    base: Path,
    in_use: Path,
    faces: Sequence[LabelledFace],
    folder: Path,
    command: str,
    report: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Teach the last layers of a model what people say of faces, and keep the result when it is the better model.

    The face net's last residual block and its perceived head learn from three quarters of the photos; on the others,
    the tuned model is compared with the one in use. Faces that nobody labelled hold it to what was known before.

    Args:
        base: the model to start from: always that which ships, so that tuning again does not pile up.
        in_use: the model to beat.
        faces: those with an ``emotion`` teach, those with ``probabilities`` remind.
        folder: gets ``tuned-DIGEST.keras`` with its card; made when it is not there.
        command: how this was called, for the card.
        report: called with one line a step.

    Raises:
        DataError: there are too few labelled faces, or none of them can be held out.
    """
    tiles = _tiles(faces, report)
    learning, held = _checked(tiles)
    report(f"{learning} labelled faces to learn from, {held} held out, {(~tiles.is_labelled).sum()} to remember")
    card = read_card(base)
    network = _fitted(base, card, tiles, report)
    folder.mkdir(parents=True, exist_ok=True)
    before = EmotionClassifier(in_use).probabilities(tiles.crops)
    with tempfile.TemporaryDirectory(dir=folder, prefix="tuning-") as workshop:
        trial = Path(workshop) / "tuned.keras"
        digest = save(network, trial)
        _write_card(trial, card, digest, {"command": command, "tuned_from": card.digest})
        outcome = _outcome(tiles, EmotionClassifier(trial).probabilities(tiles.crops), before)
        if not outcome.is_better:
            return outcome
        kept = folder / f"tuned-{digest[:12]}.keras"
        figures = {name: value for name, value in vars(outcome).items() if name != "model"}
        _write_card(trial, card, digest, {"command": command, "tuned_from": card.digest, "tuning": figures})
        os.replace(trial.with_suffix(".json"), kept.with_suffix(".json"))
        os.replace(trial, kept)
    return Outcome(kept, **figures)


def _tiles(faces: Sequence[LabelledFace], report: Callable[[str], None]) -> Tiles:
    """Cut the faces out of their photos; those of photos that cannot be read are left out and reported."""
    by_path: dict[str, list[LabelledFace]] = {}
    for face in faces:
        by_path.setdefault(face.path, []).append(face)
    crops: list[NDArray[np.uint8]] = []
    found: list[LabelledFace] = []
    for path, cut in cut_faces({path: [face.box for face in there] for path, there in by_path.items()}):
        if isinstance(cut, str):
            report(f"{path}: {cut}; left out")
        else:
            crops.append(cut)
            found += by_path[path]
    if not found:
        return Tiles(
            np.empty((0, 48, 48), np.uint8), np.empty((0, 7), np.float32), np.empty(0, bool), np.empty(0, bool)
        )  # fmt: skip
    # In the order asked for, not in that in which photos were decoded: the same faces give the same model.
    place = {id(face): k for k, face in enumerate(faces)}
    order = np.argsort([place[id(face)] for face in found])
    wanted = np.array([_wanted(face) for face in found], np.float32)
    held_out = np.array([int(face.digest[:8], 16) % HELD_OUT == 0 for face in found])
    labelled = np.array([face.emotion is not None for face in found])
    return Tiles(np.concatenate(crops)[order], wanted[order], labelled[order], held_out[order])


def _wanted(face: LabelledFace) -> list[float]:
    if face.emotion is not None:
        return [float(name == face.emotion) for name in EMOTIONS]
    return [value / sum(face.probabilities) for value in face.probabilities]


def _checked(tiles: Tiles) -> tuple[int, int]:
    """(labelled faces to learn from, labelled faces held out)."""
    labelled = int(tiles.is_labelled.sum())
    held = int((tiles.is_labelled & tiles.is_held_out).sum())
    if labelled < FEWEST or not 0 < held < labelled:
        raise DataError(
            f"{labelled} labelled faces, {held} of them in photos to be held out: too few to tell whether a tuned "
            f"model is better. Label at least {FEWEST}, in many photos: albumsort correct PHOTO --face N EMOTION"
        )
    return labelled - held, held


def _fitted(base: Path, card: ModelCard, tiles: Tiles, report: Callable[[str], None]) -> keras.Model:
    """The network with its last layers fitted to the faces that are not held out."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    network = keras.models.load_model(base, compile=False, safe_mode=True)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    learning = {"perceived", *(layer.name for layer in convolutions[-_LAST_CONVOLUTIONS:])}
    for layer in network.layers:
        layer.trainable = layer.name in learning
    answer = network.get_layer("perceived").output[:, : len(EMOTIONS)] / card.temperatures["perceived"]
    model = keras.Model(network.input, answer)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_RATE, _steps(tiles))), loss)
    kept = np.flatnonzero(~tiles.is_held_out)
    weights = np.where(tiles.is_labelled[kept], WEIGHT, 1.0)
    for epoch in range(_EPOCHS):
        views = np.stack([augmented(tiles.crops[k], _VIEWS, rng) for k in kept])[..., None]
        done = model.fit(views, tiles.wanted[kept], _BATCH, sample_weight=weights, verbose=0).history
        report(f"epoch {epoch + 1} of {_EPOCHS}  loss {done['loss'][-1]:.4f}")
    for layer in network.layers:
        layer.trainable = True
    return network


def _steps(tiles: Tiles) -> int:
    return -(-int((~tiles.is_held_out).sum()) // _BATCH) * _EPOCHS


def _outcome(tiles: Tiles, after: NDArray[np.float32], before: NDArray[np.float32]) -> Outcome:
    labelled = tiles.is_labelled & tiles.is_held_out
    certain = ~tiles.is_labelled & tiles.is_held_out & (tiles.wanted.max(1) >= 0.5)

    def agreement(said: NDArray[np.float32], chosen: NDArray[np.bool_]) -> float:
        same = said[chosen].argmax(1) == tiles.wanted[chosen].argmax(1)
        return float(same.mean()) if len(same) else 1.0

    def loss(said: NDArray[np.float32]) -> float:
        return float(-np.log((said * tiles.wanted)[labelled].sum(1).clip(1e-6)).mean())

    return Outcome(
        None,
        int(labelled.sum()),
        int(certain.sum()),
        agreement(after, labelled),
        agreement(before, labelled),
        loss(after),
        loss(before),
        agreement(after, certain),
        agreement(before, certain),
    )


def _write_card(model: Path, base: ModelCard, digest: str, tuning: dict[str, object]) -> None:
    content = {
        "name": "emotion-tuned",
        "digest": digest,
        "labels": list(EMOTIONS),
        "temperatures": base.temperatures,
        "training": {**base.training, **tuning},
    }
    model.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
