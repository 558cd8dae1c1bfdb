"""Tuning: the last layers learn what a user corrected, and the tuned model is kept only when it is the better one."""

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

from albumsort.emotions import EMOTIONS
from albumsort.index.corrections import LabelledFace
from albumsort.records import Box
from albumsort.scanning.batches import cut_faces
from albumsort.text import printable
from albumsort.training.augment import augmented
from albumsort.training.convert import save
from albumsort.training.datasets import DataError
from albumsort.training.recipe import AugmentRecipe
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.models import HEADS, ModelCard, read_card

_log = logging.getLogger("albumsort.training")

#: Fewer held-out faces than these, labelled and remembered, say nothing about which model is better.
FEWEST_LABELLED, FEWEST_REMEMBERED = 5, 50
#: One photo in so many is held out, and the faces in it with it.
HELD_OUT = 3
#: Points of agreement with the answers to other faces that a tuned model may lose, in either sense: one face or more
#: of the fewest.
MAY_FORGET = 0.03
#: Probability from which an answer is something that a tuned model could forget.
_CERTAIN = 0.5
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
        agrees, agrees_before: share of the remembered ones, where the stored answer was certain, read as stored; before
            is by the model in use or by that which ships, whichever has forgotten less.
        agrees_in_fer2013: share of the same ones that in the sense of FER2013's labels, which nobody corrects, are read
            as the model reads them that this one was tuned from, or that this is uncertain of.
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
        """Whether the tuned model reads the labelled faces better and has forgotten next to nothing."""
        learnt = self.loss < self.loss_before and self.right >= self.right_before
        remembers = self.agrees >= self.agrees_before - MAY_FORGET and self.agrees_in_fer2013 >= 1 - MAY_FORGET
        return learnt and remembers


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
            rows = csv.DictReader(file, skipinitialspace=True, restval="")
            if not {"path", "box", "emotion"} <= set(rows.fieldnames or ()):
                raise DataError(f"{printable(str(path))}: the first line must name the columns path, box and emotion")
            for row in rows:
                box = _box(row["box"])
                if not row["path"]:
                    broken["no path"] += 1
                elif row["emotion"] not in EMOTIONS:
                    broken[f"emotion is none of {', '.join(EMOTIONS)}"] += 1
                elif box is None and row["box"].strip():
                    broken["box is not x y w h"] += 1
                else:
                    faces.append(LabelledFace(os.path.abspath(path.parent / row["path"]), box, None, row["emotion"]))
    except OSError as error:
        raise DataError(f"{printable(str(path))}: {error.strerror}") from error
    except csv.Error as error:
        raise DataError(f"{printable(str(path))}: not a table ({error})") from error
    return faces, broken


def _box(text: str) -> Box | None:
    """A box of four numbers with a size, else None."""
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
) -> Outcome:
    """Teach the last layers of a model what people say of faces, and keep the result when it is the better model.

    The net's last residual block and its heads learn from two thirds of the photos; on the others, the tuned model is
    compared with the one in use. Faces that nobody labelled hold it to what was known before, and all faces hold the
    head for FER2013's labels, which people's corrections say nothing of, to what it said.

    Args:
        base: the model to start from: always that which ships, so that tuning again does not pile up.
        in_use: the model to beat.
        faces: those with an ``emotion`` teach, those with ``probabilities`` remind.
        folder: gets ``tuned-DIGEST.keras`` with its card; made when it is not there.
        command: how this was called, for the card.

    Raises:
        DataError: there are too few faces of either kind to tell which model is better; or the model in use tells other
            emotions apart.
    """
    card = read_card(base)
    if read_card(in_use).labels != card.labels:
        raise DataError(
            f"the model in use tells apart {', '.join(read_card(in_use).labels)} alone, and cannot be compared with "
            "one that knows all seven emotions; go back to that with: albumsort model use shipped"
        )
    tiles = _tiles(faces)
    learning, held = _checked(tiles)
    _log.info(f"{learning} labelled faces to learn from, {held} held out, {(~tiles.is_labelled).sum()} to remember")
    fer2013 = EmotionClassifier(base, "fer2013").probabilities(tiles.crops)
    network = _fitted(base, card, tiles, fer2013)
    folder.mkdir(parents=True, exist_ok=True)
    before = [EmotionClassifier(model).probabilities(tiles.crops) for model in (in_use, base)]
    with tempfile.TemporaryDirectory(dir=folder, prefix="tuning-") as workshop:
        trial = Path(workshop) / "tuned.keras"
        digest = save(network, trial)
        _write_card(trial, card, digest, command, None)
        after = EmotionClassifier(trial).probabilities(tiles.crops)
        fer2013_after = EmotionClassifier(trial, "fer2013").probabilities(tiles.crops)
        outcome = _outcome(tiles, after, before, fer2013_after, fer2013)
        if not outcome.is_better:
            return outcome
        kept = folder / f"tuned-{digest[:12]}.keras"
        _write_card(trial, card, digest, command, outcome)
        os.replace(trial.with_suffix(".json"), kept.with_suffix(".json"))
        os.replace(trial, kept)
    return replace(outcome, model=kept)


def _tiles(faces: Sequence[LabelledFace]) -> Tiles:
    """Cut the faces out of their photos; those of photos that cannot be read are left out and reported."""
    by_path: dict[str, list[int]] = {}
    for place, face in enumerate(faces):
        by_path.setdefault(face.path, []).append(place)
    crops: dict[int, NDArray[np.uint8]] = {}
    digests: dict[int, str] = {}
    for photo, cut in cut_faces({path: [faces[k].box for k in places] for path, places in by_path.items()}):
        if photo.error or not photo.digest:
            _log.info(f"{printable(photo.path)}: {photo.error}; left out")
            continue
        for place, crop in zip(by_path[photo.path], cut, strict=True):
            if faces[place].digest not in (None, photo.digest):
                _log.info(f"{printable(photo.path)}: has changed since it was scanned; left out")
            elif crop is None:
                _log.info(f"{printable(photo.path)}: a box that is not on the photo; left out")
            else:
                crops[place], digests[place] = crop, photo.digest
    # A photo that somebody labelled, here or in the index, does not hold the model to what it used to say of it.
    labelled = {digest for place, digest in digests.items() if faces[place].emotion}
    # In the order asked for, not in that in which photos were decoded: the same faces give the same model.
    places = [k for k in sorted(crops) if faces[k].emotion or digests[k] not in labelled]
    return Tiles(
        np.array([crops[k] for k in places], np.uint8).reshape(-1, CROP_SIDE, CROP_SIDE),
        np.array([_wanted(faces[k]) for k in places], np.float32).reshape(-1, len(EMOTIONS)),
        np.array([faces[k].emotion is not None for k in places], bool),
        np.array([int(digests[k][:8], 16) % HELD_OUT == 0 for k in places], bool),
    )


def _wanted(face: LabelledFace) -> list[float]:
    if face.emotion is not None:
        return [float(name == face.emotion) for name in EMOTIONS]
    return [value / sum(face.probabilities) for value in face.probabilities]


def _checked(tiles: Tiles) -> tuple[int, int]:
    """(labelled faces to learn from, labelled faces held out).

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
    """The held-out faces that nobody labelled and of which the stored answer was certain."""
    return ~tiles.is_labelled & tiles.is_held_out & (tiles.wanted.max(1) >= _CERTAIN)


def _fitted(base: Path, card: ModelCard, tiles: Tiles, fer2013: NDArray[np.float32]) -> keras.Model:
    """The network with its last layers fitted to the faces that are not held out.

    ``fer2013`` ``(n, 7)`` is what it says of all faces in the sense of FER2013's labels, and should go on to say.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    network = keras.models.load_model(base, compile=False, safe_mode=True)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    learning = {*HEADS, *(layer.name for layer in convolutions[-_LAST_CONVOLUTIONS:])}
    for layer in network.layers:
        layer.trainable = layer.name in learning
    answers = {head: network.get_layer(head).output[:, : len(EMOTIONS)] / card.temperatures[head] for head in HEADS}
    model = keras.Model(_behind_blur(network), answers)
    loss = {head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in HEADS}
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_RATE, _steps(tiles))), loss)
    kept = np.flatnonzero(~tiles.is_held_out)
    wanted = {"perceived": tiles.wanted[kept], "fer2013": fer2013[kept]}
    weights = dict.fromkeys(HEADS, np.where(tiles.is_labelled[kept], WEIGHT, 1.0))
    for epoch in range(_EPOCHS):
        views = np.stack([augmented(tiles.crops[k], _VIEWS, rng) for k in kept])[..., None]
        done = model.fit(views, wanted, _BATCH, sample_weight=weights, verbose=0).history
        _log.info(f"epoch {epoch + 1} of {_EPOCHS}  loss {done['loss'][-1]:.4f}")
    for layer in network.layers:
        layer.trainable = True
    return network


def _behind_blur(network: keras.Model) -> keras.KerasTensor:
    """Where augmented views go in, which are interpolated and soft already: behind the blur, if there is one."""
    has_blur = any(layer.name == "blur" for layer in network.layers)
    return network.get_layer("blur").output if has_blur else network.input


def _steps(tiles: Tiles) -> int:
    return -(-int((~tiles.is_held_out).sum()) // _BATCH) * _EPOCHS


def _outcome(
    tiles: Tiles,
    after: NDArray[np.float32],
    before: list[NDArray[np.float32]],
    fer2013: NDArray[np.float32],
    fer2013_before: NDArray[np.float32],
) -> Outcome:
    labelled, certain = tiles.is_labelled & tiles.is_held_out, _certain(tiles)

    def agreement(
        said: NDArray[np.float32], chosen: NDArray[np.bool_], wanted: NDArray[np.float32] = tiles.wanted
    ) -> float:
        return float((said[chosen].argmax(1) == wanted[chosen].argmax(1)).mean())

    def loss(said: NDArray[np.float32]) -> float:
        return float(-np.log((said * tiles.wanted)[labelled].sum(1).clip(1e-6)).mean())

    return Outcome(
        model=None,
        labelled=int(labelled.sum()),
        remembered=int(certain.sum()),
        right=agreement(after, labelled),
        right_before=agreement(before[0], labelled),
        loss=loss(after),
        loss_before=loss(before[0]),
        agrees=agreement(after, certain),
        agrees_before=max(agreement(said, certain) for said in before),
        # In that sense many faces are a toss-up; of these, another answer is nothing forgotten.
        agrees_in_fer2013=agreement(
            np.where(fer2013_before.max(1, keepdims=True) < _CERTAIN, fer2013_before, fer2013), certain, fer2013_before
        ),
    )


def _write_card(model: Path, base: ModelCard, digest: str, command: str, outcome: Outcome | None) -> None:
    """The card of a tuned model: what was measured of it, and the card of the model that it was tuned from."""
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
