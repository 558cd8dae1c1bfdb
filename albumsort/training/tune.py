"""Tuning: teaches a user's corrections to the last layers. The tuned model is kept only if it is better."""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from albumsort.emotion_words import emotion_named
from albumsort.emotions import EMOTIONS, Emotion
from albumsort.index.corrections import LabelledFace
from albumsort.records import Box, Detection
from albumsort.scanning.recrop import cut_faces
from albumsort.text import printable
from albumsort.training.augment import augment
from albumsort.training.datasets import DataError
from albumsort.training.model_file import save
from albumsort.training.recipe import AugmentRecipe
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.convert import onnx_file
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.models import HEADS, ModelCard, read_card

_log = logging.getLogger("albumsort.training")

#: The smallest numbers of held-out faces, labelled and remembered, that can show which model is better.
FEWEST_LABELLED, FEWEST_REMEMBERED = 5, 50
#: One photo in three is held out, with all its faces.
HELD_OUT = 3
#: The agreement on remembered faces that a tuned model may lose, for either head: at least one face of the smallest
#: number.
MAY_FORGET = 0.03
#: Only a stored prediction with at least this probability counts as something to forget.
_CERTAIN = 0.5
#: A labelled face has the weight of five remembered ones.
WEIGHT = 5.0
EPOCHS = 12
_RATE, _BATCH = 3e-4, 64
#: The convolutions that learn are those of the last residual block.
_LAST_CONVOLUTIONS = 2
_VIEWS = AugmentRecipe(rotation_degrees=10, scale=0.1, shift_pixels=2, erase_chance=0.0)


@dataclass(frozen=True)
class Tiles:
    """Cropped faces with their target probabilities.

    Attributes:
        crops: uint8 ``(n, 48, 48)``.
        wanted: float32 ``(n, 7)``, rows sum to 1.
        is_labelled: bool ``(n,)``; False for remembered faces, whose target is the stored prediction.
        is_held_out: bool ``(n,)``.
    """

    crops: NDArray[np.uint8]
    wanted: NDArray[np.float32]
    is_labelled: NDArray[np.bool_]
    is_held_out: NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """How a tuned model compares with the model in use, on held-out faces.

    Attributes:
        model: the file of the tuned model; None if it was not kept.
        labelled, remembered: the number of held-out faces of each kind.
        right, right_before: accuracy on the labelled faces, of the tuned model and of the model in use.
        loss, loss_before: mean cross-entropy on the same faces, in nats.
        agrees, agrees_before: share of the remembered faces that still have the stored emotion. Only faces whose stored
            prediction was certain count. ``before`` is the better of the model in use and the shipped model.
        agrees_in_fer2013: share of the same faces for which the head ``fer2013``, which nobody corrects, predicts the
            same emotion as before tuning. Faces that it was uncertain about before count as agreeing.
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
    agrees_in_fer2013: float

    @property
    def is_better(self) -> bool:
        """Whether the tuned model is better on the labelled faces and has forgotten next to nothing."""
        learnt = self.loss < self.loss_before and self.right >= self.right_before
        remembers = self.agrees >= self.agrees_before - MAY_FORGET and self.agrees_in_fer2013 >= 1 - MAY_FORGET
        return learnt and remembers


def read_labels(path: Path) -> tuple[list[LabelledFace], Counter[str]]:
    """Read a table of labelled faces.

    Args:
        path: a CSV file with the columns ``path, box, emotion``. Paths are relative to the folder of the table. A box
            is ``x y w h`` in pixels of the upright photo, and empty if the whole picture is the face. An emotion may
            have any name of ``emotion_words``.

    Returns:
        the faces, and the number of rows that were left out, by reason.

    Raises:
        DataError: the file or one of its columns is missing.
    """
    faces, broken = [], Counter[str]()
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file, skipinitialspace=True, restval="")
            if not {"path", "box", "emotion"} <= set(rows.fieldnames or ()):
                raise DataError(f"{printable(str(path))}: the first line must name the columns path, box and emotion")
            for row in rows:
                box, emotion = _box(row["box"]), _emotion(row["emotion"])
                if not row["path"]:
                    broken["no path"] += 1
                elif emotion is None:
                    broken[f"emotion is none of {', '.join(EMOTIONS)}"] += 1
                elif box is None and row["box"].strip():
                    broken["box is not x y w h"] += 1
                else:
                    faces.append(LabelledFace(os.path.abspath(path.parent / row["path"]), box, None, emotion))
    except OSError as error:
        raise DataError(f"{printable(str(path))}: {error.strerror}") from error
    except csv.Error as error:
        raise DataError(f"{printable(str(path))}: not a table ({error})") from error
    return faces, broken


def _emotion(text: str) -> Emotion | None:
    try:
        return emotion_named(text)
    except ValueError:
        return None


def _box(text: str) -> Box | None:
    """Read a box from a text of four finite numbers; None if it is not that, or its size is 0."""
    try:
        x, y, w, h = (float(value) for value in text.replace(",", " ").split())
    except ValueError:
        return None
    return Box(x, y, w, h) if all(map(math.isfinite, (x, y, w, h))) and w > 0 and h > 0 else None


def tune(
    base: Path,
    in_use: Path,
    faces: Sequence[LabelledFace],
    folder: Path,
    command: str,
    epochs: int = EPOCHS,
) -> Outcome:
    """Train the last layers of a model on people's labels, and keep the result if it is better.

    The last residual block and the heads learn from two thirds of the photos. On the other third, the tuned model is
    compared with the model in use. Remembered faces, which nobody labelled, keep it close to the stored predictions.
    The head ``fer2013`` is kept close to its old predictions on all faces, because people's labels do not correct that
    head.

    Args:
        base: the model to start from. It is always the shipped one, so that repeated tuning does not accumulate errors.
        in_use: the model to compare with.
        faces: labelled faces have an ``emotion``, remembered ones have ``probabilities``.
        folder: gets ``tuned-DIGEST.keras`` with its card; created if it does not exist.
        command: the command line, for the card.
        epochs: how often each face is learnt from.

    Raises:
        DataError: there are too few faces of either kind to tell which model is better; or the model in use tells
            different emotions apart.
    """
    card = read_card(base)
    if read_card(in_use).labels != card.labels:
        raise DataError(
            f"the model in use tells apart only {', '.join(read_card(in_use).labels)}, and cannot be compared with "
            "one that knows all seven emotions; go back to that with: albumsort model use shipped"
        )
    tiles = cut_tiles(faces)
    learning, held = _checked(tiles)
    _log.info(f"{learning} labelled faces to learn from, {held} held out, {(~tiles.is_labelled).sum()} to remember")
    fer2013 = EmotionClassifier(base, "fer2013").probabilities(tiles.crops)
    network = fit_last_layers(base, card, tiles, fer2013, epochs)
    folder.mkdir(parents=True, exist_ok=True)
    before = [EmotionClassifier(model).probabilities(tiles.crops) for model in (in_use, base)]
    with tempfile.TemporaryDirectory(dir=folder, prefix="tuning-") as temporary:
        trial = Path(temporary) / "tuned.keras"
        digest = save(network, trial)
        _write_card(trial, card, digest, command, None)
        after = EmotionClassifier(trial).probabilities(tiles.crops)
        fer2013_after = EmotionClassifier(trial, "fer2013").probabilities(tiles.crops)
        outcome = measure(tiles, after, before, fer2013_after, fer2013)
        if not outcome.is_better:
            return outcome
        kept = folder / f"tuned-{digest[:12]}.keras"
        _write_card(trial, card, digest, command, outcome)
        for source, target in (
            (onnx_file(trial), onnx_file(kept)),
            (trial.with_suffix(".json"), kept.with_suffix(".json")),
            (trial, kept),
        ):
            os.replace(source, target)
    return replace(outcome, model=kept)


def cut_tiles(faces: Sequence[LabelledFace]) -> Tiles:
    """Cut faces out of their photos.

    Faces of photos that cannot be read, or have changed, are left out, and a message is logged for each. A remembered
    face is also left out, without a message, if its photo has a label: its stored prediction may be wrong.
    """
    by_path: dict[str, list[int]] = {}
    for index, face in enumerate(faces):
        by_path.setdefault(face.path, []).append(index)
    crops: dict[int, NDArray[np.uint8]] = {}
    digests: dict[int, str] = {}
    for photo, cut in cut_faces(by_path, lambda path: [_place(faces[k]) for k in by_path[path]]):
        if photo.error or not photo.digest:
            _log.info(f"{printable(photo.path)}: {photo.error}; left out")
            continue
        for index, crop in zip(by_path[photo.path], cut, strict=True):
            if faces[index].digest not in (None, photo.digest):
                _log.info(f"{printable(photo.path)}: has changed since it was scanned; left out")
            elif crop is None:
                _log.info(f"{printable(photo.path)}: the box is not on the photo; left out")
            else:
                crops[index], digests[index] = crop, photo.digest
    # The digest, not the path, decides whether a photo has a label: the label may be on a copy.
    labelled = {digest for index, digest in digests.items() if faces[index].emotion}
    # In the order of the arguments, not of decoding, so that the same faces give the same model.
    chosen = [k for k in sorted(crops) if faces[k].emotion or digests[k] not in labelled]
    return Tiles(
        np.array([crops[k] for k in chosen], np.uint8).reshape(-1, CROP_SIDE, CROP_SIDE),
        np.array([_wanted(faces[k]) for k in chosen], np.float32).reshape(-1, len(EMOTIONS)),
        np.array([faces[k].emotion is not None for k in chosen], bool),
        np.array([int(digests[k][:8], 16) % HELD_OUT == 0 for k in chosen], bool),
    )


def _place(face: LabelledFace) -> Detection | None:
    """Where a face is on its photo; None for the whole picture."""
    return face.box and Detection(face.box, 1.0, face.landmarks)


def _wanted(face: LabelledFace) -> list[float]:
    if face.emotion is not None:
        return [float(name == face.emotion) for name in EMOTIONS]
    return [value / sum(face.probabilities) for value in face.probabilities]


def _checked(tiles: Tiles) -> tuple[int, int]:
    """Check that there are enough faces of both kinds.

    Returns:
        (labelled faces to learn from, labelled faces held out).

    Raises:
        DataError: there are too few of either kind to tell which model is better.
    """
    labelled = int(tiles.is_labelled.sum())
    held = int((tiles.is_labelled & tiles.is_held_out).sum())
    if held < FEWEST_LABELLED or held == labelled:
        raise DataError(
            f"{labelled} labelled faces, {held} of them in photos to be held out: too few to tell whether a tuned "
            f"model is better. About {4 * HELD_OUT * FEWEST_LABELLED // 3} in as many photos will do, more are better: "
            "albumsort correct PHOTO --face N EMOTION"
        )
    certain = int(_certain(tiles).sum())
    if certain < FEWEST_REMEMBERED:
        raise DataError(
            f"{certain} held-out faces that nobody labelled and that were read with certainty: too few to tell what a "
            f"tuned model forgets, which takes {FEWEST_REMEMBERED}. Scan more photos, about "
            f"{4 * HELD_OUT * FEWEST_REMEMBERED // 3} with faces will do: albumsort scan FOLDER; if there are as many, "
            "ask for more of them: --remember N"
        )
    return labelled - held, held


def _certain(tiles: Tiles) -> NDArray[np.bool_]:
    """Which faces are held out, are remembered, and have a certain stored prediction: bool ``(n,)``."""
    return ~tiles.is_labelled & tiles.is_held_out & (tiles.wanted.max(1) >= _CERTAIN)


def fit_last_layers(
    base: Path, card: ModelCard, tiles: Tiles, fer2013: NDArray[np.float32], epochs: int = EPOCHS
) -> keras.Model:
    """Fit the last layers of a network to the faces that are not held out.

    Args:
        base: the file of the network.
        card: the card of the network.
        tiles: all faces.
        fer2013: float32 ``(n, 7)``, the probabilities of all faces from the head ``fer2013``, which it should keep.
        epochs: how often each face is learnt from.

    Returns:
        the network with all layers, the fitted ones included.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    network = keras.models.load_model(base, compile=False, safe_mode=True)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    learning = {*HEADS, *(layer.name for layer in convolutions[-_LAST_CONVOLUTIONS:])}
    for layer in network.layers:
        layer.trainable = layer.name in learning
    outputs = {head: network.get_layer(head).output[:, : len(EMOTIONS)] / card.temperatures[head] for head in HEADS}
    model = keras.Model(_after_blur(network), outputs)
    loss = {head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in HEADS}
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_RATE, _steps(tiles, epochs))), loss)
    kept = np.flatnonzero(~tiles.is_held_out)
    wanted = {"perceived": tiles.wanted[kept], "fer2013": fer2013[kept]}
    weights = dict.fromkeys(HEADS, np.where(tiles.is_labelled[kept], WEIGHT, 1.0))
    for epoch in range(epochs):
        views = np.stack([augment(tiles.crops[k], _VIEWS, rng) for k in kept])[..., None]
        record = model.fit(views, wanted, _BATCH, sample_weight=weights, verbose=0).history
        _log.info(f"epoch {epoch + 1} of {epochs}  loss {record['loss'][-1]:.4f}")
    for layer in network.layers:
        layer.trainable = True
    return network


def _after_blur(network: keras.Model) -> keras.KerasTensor:
    """The tensor to feed augmented views into: after the blur, if there is one, because views are already soft."""
    has_blur = any(layer.name == "blur" for layer in network.layers)
    return network.get_layer("blur").output if has_blur else network.input


def _steps(tiles: Tiles, epochs: int) -> int:
    return -(-int((~tiles.is_held_out).sum()) // _BATCH) * epochs


def measure(
    tiles: Tiles,
    after: NDArray[np.float32],
    before: list[NDArray[np.float32]],
    fer2013: NDArray[np.float32],
    fer2013_before: NDArray[np.float32],
) -> Outcome:
    """Compare a tuned model with others on the held-out faces.

    Args:
        tiles: ``n`` faces, not only held-out ones.
        after: float32 ``(n, 7)``, the probabilities from the tuned model.
        before: the same from the model in use, then from any other model whose agreement counts.
        fer2013: float32 ``(n, 7)``, the probabilities from the tuned model's head ``fer2013``.
        fer2013_before: the same from the model that was tuned.
    """
    labelled, certain = tiles.is_labelled & tiles.is_held_out, _certain(tiles)

    def agreement(
        predicted: NDArray[np.float32], chosen: NDArray[np.bool_], wanted: NDArray[np.float32] = tiles.wanted
    ) -> float:
        return float((predicted[chosen].argmax(1) == wanted[chosen].argmax(1)).mean())

    def loss(predicted: NDArray[np.float32]) -> float:
        return float(-np.log((predicted * tiles.wanted)[labelled].sum(1).clip(1e-6)).mean())

    return Outcome(
        model=None,
        labelled=int(labelled.sum()),
        remembered=int(certain.sum()),
        right=agreement(after, labelled),
        right_before=agreement(before[0], labelled),
        loss=loss(after),
        loss_before=loss(before[0]),
        agrees=agreement(after, certain),
        agrees_before=max(agreement(predicted, certain) for predicted in before),
        # This head is uncertain about many faces. If it predicts another emotion for these, it has forgotten nothing.
        agrees_in_fer2013=agreement(
            np.where(fer2013_before.max(1, keepdims=True) < _CERTAIN, fer2013_before, fer2013), certain, fer2013_before
        ),
    )


def _write_card(model: Path, base: ModelCard, digest: str, command: str, outcome: Outcome | None) -> None:
    """Write the card of a tuned model: its outcome, and the card of the model before tuning."""
    figures = {name: value for name, value in asdict(outcome).items() if name != "model"} if outcome else None
    content = {
        "name": f"{base.name}-tuned",
        "digest": digest,
        "labels": list(base.labels),
        "temperatures": base.temperatures,
        "is_mirrored": base.is_mirrored,
        "training": {"command": command, "tuning": figures, "tuned_from": {"digest": base.digest, **base.training}},
    }
    model.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
