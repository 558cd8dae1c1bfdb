"""A recipe: everything that decides a training run, kept as a small TOML file beside the weights."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from albumsort.emotions import PERCEIVED, SCHEMES, labels_of
from albumsort.training.datasets import FACE_SIZE, DataError
from albumsort.training.layers import parse
from albumsort.vision.models import HEADS

#: As a teacher, the network that is trained, as it is when the cycle begins.
ITSELF = "itself"


@dataclass(frozen=True)
class NetworkRecipe:
    """A residual network with two heads, or any plain one with one head, by its layers.

    The residual one has a stem, then for each width a down-scaling block and ``blocks - 1`` further ones.
    """

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 2
    #: Share of the last features dropped while training.
    dropout: float = 0.3
    #: Whether the model, when it is in doubt about a face, looks at its mirror image, too.
    mirrored: bool = True
    #: How much of a pixel, in use, is the mean of it and the eight around it. In training each view is interpolated,
    #: and so is softer than a face as it comes; a network reads best what is as it was in training (Touvron et al.
    #: 2019, arXiv:1906.06423).
    blur: float = 0.0
    #: In place of all that, the layers one by one, as ``layers.parse`` reads them; the logits are put behind them.
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.stem, self.blocks, *self.widths, 1) < 1 or not 0 <= self.dropout < 1:
            raise DataError("stem, widths and blocks must be 1 or more, and dropout from 0 to below 1")
        if not 0 <= self.blur <= 1:
            raise DataError(f"blur {self.blur}: must be from 0 (faces as they are) to 1")

    def parameters(self, answers: int) -> int:
        """Weights of the network as it is used, where one head has so many answers."""
        if self.layers:
            return sum(layer.weights for layer in parse(self.layers, answers))
        count, before = 10 * self.stem, self.stem
        for width in self.widths:
            for block in range(self.blocks):
                count += (9 * before + 1) * width + (9 * width + 1) * width
                count += (before + 1) * width if block == 0 and before != width else 0
                before = width
        return count + (before + 1) * (len(SCHEMES["seven"]) + len(PERCEIVED))

    @property
    def in_words(self) -> str:
        """What it is made of."""
        if not self.layers:
            return f"residual, {' '.join(map(str, self.widths))}"
        layers = parse(self.layers, 1)
        of_kind = {kind: [layer.width for layer in layers if layer.kind == kind] for kind in ("conv", "dense")}
        return ", ".join(f"{len(widths)} {kind} {_range(widths)}" for kind, widths in of_kind.items() if widths)


@dataclass(frozen=True)
class Stop:
    """Early stopping: a cycle ends when its epochs have brought nothing better, and goes back to its best one."""

    #: Of the held-out faces: ``accuracy`` or ``loss``.
    watch: str = "accuracy"
    #: Epochs without anything better after which it is over.
    patience: int = 10

    def __post_init__(self) -> None:
        _check_watch(self.watch, self.patience)


@dataclass(frozen=True)
class Plateau:
    """The rate falls by a factor when epochs have brought nothing better."""

    watch: str = "accuracy"
    patience: int = 5
    factor: float = 0.9

    def __post_init__(self) -> None:
        _check_watch(self.watch, self.patience)
        if not 0 < self.factor < 1:
            raise DataError(f"plateau factor {self.factor}: must be between 0 and 1")


@dataclass(frozen=True)
class FitRecipe:
    """What is learnt from, and how."""

    #: ``sgd``, with Nesterov momentum along a cosine, or ``adam`` at a rate that falls by ``plateau`` alone.
    optimiser: str = "sgd"
    batch: int = 128
    #: Batches an epoch, however many rounds of the faces that makes; 0 for one round.
    steps: int = 0
    momentum: float = 0.9
    #: Added to the gradient as this times the weight (convolutions and dense layers, not batch norm).
    weight_decay: float = 5e-4
    #: Of the FER2013 head: ``softmax``, one emotion a face, or ``sigmoid``, each emotion by itself.
    loss: str = "softmax"
    #: Label smoothing of the FER2013 head, whose labels are one search keyword each.
    label_smoothing: float = 0.1
    #: Whether each emotion weighs the same in the loss, however many faces it has.
    balanced: bool = False
    #: ``Training``, or ``all`` for the faces of every split, of which then none is left to measure by but those held
    #: out.
    faces: str = "Training"
    #: Share of these kept out of the fit, on which epochs are measured and the temperatures are fitted.
    hold_out: float = 0.05
    #: Heads whose answers pass a matrix that is fitted on them, too, for which a thousand faces or more are wanted.
    matrix: tuple[str, ...] = ()
    #: In place of ``hold_out``, so many runs, in each of which another part of that many is held out; 0 for one run.
    folds: int = 0
    stop: Stop | None = None
    plateau: Plateau | None = None
    #: Of the arithmetic: ``float32``, or ``bfloat16`` with weights in float32, which is quicker where the processor
    #: has instructions for it.
    precision: str = "float32"
    #: How much of what a face should be read as comes from the teachers of a cycle that has some, the rest from its
    #: labels (Hinton et al. 2015, arXiv:1503.02531); 0 where no cycle has any.
    teacher_share: float = 0.0

    def batches(self, faces: int) -> int:
        """Batches of an epoch of so many faces; the last ones of a round that fill no batch are left out."""
        return self.steps or max(1, faces // self.batch)

    def __post_init__(self) -> None:
        if not 0 < self.hold_out < 1:
            raise DataError(f"hold_out {self.hold_out}: some faces must be held out for the calibration, and some not")
        if not 0 <= self.teacher_share <= 1:
            raise DataError(f"teacher_share {self.teacher_share}: must be from 0 (labels alone) to 1 (teacher alone)")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise DataError(f"{name} {getattr(self, name)!r}: there are {' and '.join(known)}")
        for name, limit in (("momentum", 1.0), ("weight_decay", 1.0), ("label_smoothing", 1.0)):
            if not 0 <= getattr(self, name) < limit:
                raise DataError(f"{name} {getattr(self, name)}: must be from 0 to below {limit:g}")
        if self.batch < 1 or self.steps < 0:
            raise DataError(
                f"batch {self.batch}, steps {self.steps}: a batch has 1 face or more, and steps are 0 or more"
            )
        if self.folds < 0 or self.folds == 1:
            raise DataError(f"folds {self.folds}: must be 2 or more, or 0 for one run")
        if self.plateau and self.optimiser != "adam":
            raise DataError("plateau: goes with the optimiser adam; the rate of sgd falls along a cosine")


_CHOICES = {
    "optimiser": ("sgd", "adam"),
    "loss": ("softmax", "sigmoid"),
    "faces": ("Training", "all"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class AugmentRecipe:
    """Random changes of a face; each is drawn evenly from minus to plus its bound."""

    rotation_degrees: float = 15.0
    scale: float = 0.15
    shift_pixels: float = 6.0
    brightness: float = 0.2
    contrast: float = 0.3
    #: Chance of an erased square, and the bounds of its side in pixels.
    erase_chance: float = 0.5
    erase_pixels: tuple[int, int] = (4, 16)
    shear_degrees: float = 0.0

    def __post_init__(self) -> None:
        for name, limit in (("rotation_degrees", 180.0), ("scale", 1.0), ("shift_pixels", FACE_SIZE)):
            if not 0 <= getattr(self, name) < limit:
                raise DataError(f"{name} {getattr(self, name)}: must be from 0 to below {limit:g}")
        for name in ("brightness", "contrast"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"{name} {getattr(self, name)}: must be 0 or more")
        if not 0 <= self.erase_chance <= 1 or not 0 <= self.shear_degrees < 90:
            raise DataError("erase_chance must be from 0 to 1, and shear_degrees from 0 to below 90")
        if len(self.erase_pixels) != 2 or not 0 < self.erase_pixels[0] <= self.erase_pixels[1] <= FACE_SIZE:
            raise DataError(f"erase_pixels {self.erase_pixels}: must be two of 1 to {FACE_SIZE}, the smaller one first")


@dataclass(frozen=True)
class Cycle:
    """Some epochs with an optimiser of their own; that of ``sgd`` rises linearly, then falls along a cosine to 0.

    A further cycle starts from the weights of the one before (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """

    #: (epochs, side in pixels), one after the other: most of the run sees the faces small, which costs a fraction.
    #: Touvron et al. 2019, arXiv:1906.06423, have why the last epochs need the size of use.
    stages: tuple[tuple[int, int], ...] = ((12, 32), (8, FACE_SIZE))
    #: The highest rate, from which it falls.
    peak_rate: float = 0.1
    #: Of ``sgd``: batches in which the rate rises.
    warmup_steps: int = 400
    #: Epochs that the cosine is laid out for, where the cycle ends before it does; 0 for those of the cycle.
    horizon: int = 0
    #: Learn only from the faces that the network misreads when the cycle begins.
    hard: bool = False
    #: What is learnt from beside the labels: the mean of what these say of the faces. A name of another recipe is the
    #: model, or the folds, that it makes; ``itself`` is the network as it is when the cycle begins (Furlanello et al.
    #: 2018, arXiv:1805.04770).
    taught_by: tuple[str, ...] = ()
    #: How much of the weights that come out is the mean of those after each epoch, the rest being those that the cycle
    #: began with; the batch norms are measured anew. At a rate that stays high the mean is better than what it is of
    #: (Izmailov et al. 2018, arXiv:1803.05407), and between both ends there may be better ones still (Wortsman et al.
    #: 2022, arXiv:2109.01903). Of the last cycle only; 0 for the weights after the last epoch.
    averaged: float = 0.0
    #: None, in a file ``augment = false``, shows the faces as they are.
    augment: AugmentRecipe | None = field(default_factory=AugmentRecipe)

    def __post_init__(self) -> None:
        if not self.stages or not all(
            isinstance(stage, tuple) and len(stage) == 2 and min(stage) > 0 for stage in self.stages
        ):
            raise DataError(f"stages {self.stages}: must be pairs of epochs and side in pixels, as [[12, 32], [8, 48]]")
        if self.horizon and self.horizon < self.epochs:
            raise DataError(f"horizon {self.horizon}: a cosine cannot end before the {self.epochs} epochs of its cycle")
        if not 0 < self.peak_rate < math.inf:
            raise DataError(f"peak_rate {self.peak_rate}: must be above 0")
        if self.warmup_steps < 0 or self.horizon < 0:
            raise DataError(f"warmup_steps {self.warmup_steps}, horizon {self.horizon}: must be 0 or more")
        if not 0 <= self.averaged <= 1:
            raise DataError(f"averaged {self.averaged}: must be from 0 to 1")

    @property
    def epochs(self) -> int:
        """Of all stages."""
        return sum(epochs for epochs, _ in self.stages)

    def side(self, epoch: int) -> int:
        """Side in pixels of the faces of an epoch, counted from 0 within the cycle."""
        return [side for epochs, side in self.stages for _ in range(epochs)][epoch]


@dataclass(frozen=True)
class Recipe:
    """One reproducible training run."""

    name: str = "emotion"
    #: What a write-up says that comes out of it.
    reported: str = ""
    seed: int = 0
    #: Which emotions are told apart: a scheme of ``emotions.SCHEMES``.
    labels: str = "seven"
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    fit: FitRecipe = field(default_factory=FitRecipe)
    cycles: tuple[Cycle, ...] = (Cycle(),)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise DataError(f"name {self.name!r}: files are called by it; letters, digits, dots and dashes will do")
        if not 0 <= self.seed < 1 << 32:
            raise DataError(f"seed {self.seed}: must be 0 or more, and below 2 to the 32nd")
        if self.labels not in SCHEMES:
            raise DataError(f"labels {self.labels!r}: there are {', '.join(SCHEMES)}")
        if not self.network.layers:
            if self.labels != "seven" or self.fit.loss != "softmax":
                raise DataError("the residual network has the labels seven and the loss softmax; others want layers")
        elif self.network.blur:
            raise DataError("blur: belongs to the residual network; one by layers sees faces as they are")
        elif any(side != FACE_SIZE for cycle in self.cycles for _, side in cycle.stages):
            raise DataError(
                f"a network by layers sees faces of {FACE_SIZE} pixels alone; write stages = [[EPOCHS, 48]]"
            )
        elif self.fit.teacher_share:
            raise DataError("a network by layers learns from labels alone; teacher_share must be 0")
        if ITSELF in self.cycles[0].taught_by:
            raise DataError("taught_by: in the first cycle the network itself has nothing to say yet")
        if any(cycle.taught_by for cycle in self.cycles) != (self.fit.teacher_share > 0):
            raise DataError("taught_by: goes with a teacher_share over 0, and that with a cycle that is taught")
        if any(cycle.averaged for cycle in self.cycles[:-1]) or (self.cycles[-1].averaged and self.fit.stop):
            raise DataError("averaged: belongs to the last cycle, of a recipe without early stopping")
        if unknown := set(self.fit.matrix) - set(self.heads):
            raise DataError(f"matrix {' '.join(sorted(unknown))}: this network has the heads {' '.join(self.heads)}")
        self.parameters()  # reads the layers

    @property
    def epochs(self) -> int:
        """Of all cycles, where none is stopped early."""
        return sum(cycle.epochs for cycle in self.cycles)

    @property
    def teachers(self) -> list[str]:
        """The names of all that it wants to be taught by, but for itself."""
        names = [name for cycle in self.cycles for name in cycle.taught_by if name != ITSELF]
        return list(dict.fromkeys(names))

    @property
    def heads(self) -> tuple[str, ...]:
        """Of the network: both of ``HEADS``, or FER2013's labels alone."""
        return ("fer2013",) if self.network.layers else HEADS

    @property
    def training(self) -> Recipe:
        """What of it decides how a run goes: without its name, and without what only matters when the net is used."""
        network, fit = replace(self.network, mirrored=True, blur=0.0), replace(self.fit, matrix=())
        return replace(self, name="run", reported="", network=network, fit=fit)

    @property
    def is_mirrored(self) -> bool:
        """Whether the model, when it is in doubt about a face, looks at its mirror image, too."""
        return self.network.mirrored and not self.network.layers

    def in_precision(self, precision: str | None) -> Recipe:
        """The recipe with arithmetic of another precision; None leaves it as it is."""
        return replace(self, fit=replace(self.fit, precision=precision)) if precision else self

    @property
    def names_precision(self) -> bool:
        """Whether it asks for another precision than the usual one."""
        return self.fit.precision != FitRecipe.precision

    def parameters(self) -> int:
        """Weights of the network as it is used."""
        return self.network.parameters(len(labels_of(self.labels)))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def unlike(self, other: Recipe) -> str:
        """In words, the first value in which this recipe differs from another; '' for none."""
        return _difference(self.as_dict(), other.as_dict())


def _check_watch(watch: str, patience: int) -> None:
    if watch not in ("accuracy", "loss"):
        raise DataError(f"watch {watch!r}: there are accuracy and loss")
    if patience < 1:
        raise DataError(f"patience {patience}: must be 1 epoch or more")


def _difference(one: Any, other: Any, name: str = "") -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        parts = [(f"{name}.{key}" if name else key, one[key], other[key]) for key in one]
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        parts = [(f"{name}[{place}]", *both) for place, both in enumerate(zip(one, other, strict=True), 1)]
    elif one == other:
        return ""
    elif isinstance(one, tuple) and isinstance(other, tuple):
        return f"{name} has {len(one)}, not {len(other)}"
    elif isinstance(one, dict) or isinstance(other, dict):
        return f"{name} is {'not there' if one is None else 'there'}"
    else:
        return f"{name} is {one!r}, not {other!r}"
    return next(filter(None, (_difference(value, its, part) for part, value, its in parts)), "")


def _range(widths: list[int]) -> str:
    low, high = min(widths), max(widths)
    return str(low) if low == high else f"{low}-{high}"
