"""A recipe: everything that determines a training run. It is stored as a small TOML file beside the weights."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from albumsort.emotions import PERCEIVED, SCHEMES, labels_of
from albumsort.training.datasets import FACE_SIZE, DataError
from albumsort.training.layers import parse
from albumsort.vision.models import HEADS

#: The name, in a list of teachers, for the network in training as it is when the cycle begins.
ITSELF = "itself"


@dataclass(frozen=True)
class NetworkRecipe:
    """The network: a residual one with two heads, or a plain one with one head, given by its layers.

    The residual network has a stem and then, for each width, a block that halves the picture and ``blocks - 1`` other
    blocks.
    """

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 2
    #: The share of the last features that dropout removes during training, 0 to below 1.
    dropout: float = 0.3
    #: Whether the model adds a mirrored pass for faces that it is unsure about.
    mirrored: bool = True
    #: The blur at inference, 0 to 1: the share, in each pixel, of the mean of its 3 x 3 neighbourhood.
    #: Training views are interpolated, so they are softer than original faces, and a network is most accurate on
    #: pictures like those that it was trained on (Touvron et al. 2019, arXiv:1906.06423).
    blur: float = 0.0
    #: The layers of a plain network, instead of all that, in the form that ``layers.parse`` reads. The layer of logits
    #: is added.
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.stem, self.blocks, *self.widths, 1) < 1 or not 0 <= self.dropout < 1:
            raise DataError("stem, widths and blocks must be 1 or more, and dropout from 0 to below 1")
        if not 0 <= self.blur <= 1:
            raise DataError(f"blur {self.blur}: must be from 0 (faces as they are) to 1")

    def parameters(self, classes: int) -> int:
        """The number of weights at inference; ``classes`` is the size of the FER2013 head."""
        if self.layers:
            return sum(layer.weights for layer in parse(self.layers, classes))
        count, before = 10 * self.stem, self.stem
        for width in self.widths:
            for block in range(self.blocks):
                count += (9 * before + 1) * width + (9 * width + 1) * width
                count += (before + 1) * width if block == 0 and before != width else 0
                before = width
        return count + (before + 1) * (len(SCHEMES["seven"]) + len(PERCEIVED))

    @property
    def summary(self) -> str:
        """The kind and the size of the network in a few words."""
        if not self.layers:
            return f"residual, {' '.join(map(str, self.widths))}"
        layers = parse(self.layers, 1)
        widths_by_kind = {k: [layer.width for layer in layers if layer.kind == k] for k in ("conv", "dense")}
        return ", ".join(f"{len(widths)} {kind} {_range(widths)}" for kind, widths in widths_by_kind.items() if widths)


@dataclass(frozen=True)
class Stop:
    """Early stopping: a cycle ends after ``patience`` epochs without improvement, and returns to its best epoch."""

    #: ``accuracy`` or ``loss`` on the held-out faces.
    watch: str = "accuracy"
    #: Epochs without improvement, 1 or more.
    patience: int = 10

    def __post_init__(self) -> None:
        _check_watch(self.watch, self.patience)


@dataclass(frozen=True)
class Plateau:
    """The learning rate is multiplied by ``factor`` after ``patience`` epochs without improvement."""

    watch: str = "accuracy"
    patience: int = 5
    factor: float = 0.9

    def __post_init__(self) -> None:
        _check_watch(self.watch, self.patience)
        if not 0 < self.factor < 1:
            raise DataError(f"plateau factor {self.factor}: must be between 0 and 1")


@dataclass(frozen=True)
class FitRecipe:
    """The data to learn from, the loss and the optimiser."""

    #: ``sgd``: Nesterov momentum, whose rate follows a cosine. ``adam``: its rate changes only by ``plateau``.
    optimiser: str = "sgd"
    batch: int = 128
    #: Batches per epoch, even if an epoch then sees a face several times; 0 for one pass over the faces.
    steps: int = 0
    momentum: float = 0.9
    #: The weight decay of convolutions and dense layers, but not batch norms: this times the weight is added to the
    #: gradient.
    weight_decay: float = 5e-4
    #: Loss of the FER2013 head: ``softmax``, one emotion per face, or ``sigmoid``, each emotion independently.
    loss: str = "softmax"
    #: Label smoothing of the FER2013 head, 0 to below 1. Its labels are noisy: they come from search keywords.
    label_smoothing: float = 0.1
    #: Class weights: whether all emotions have the same total weight in the loss, whatever their numbers of faces.
    balanced: bool = False
    #: ``Training``, or ``all`` for the faces of every split. With ``all``, only held-out faces are left to measure on.
    faces: str = "Training"
    #: The share of these faces that is held out, to measure epochs and to fit the temperatures.
    hold_out: float = 0.05
    #: Heads that are also calibrated by a matrix, which is fitted on the held-out faces. This needs a thousand or more
    #: of them.
    matrix: tuple[str, ...] = ()
    #: Cross-validation, instead of ``hold_out``: the number of folds, each with its own run; 0 for a single run.
    folds: int = 0
    stop: Stop | None = None
    plateau: Plateau | None = None
    #: Precision of the arithmetic: ``float32``, or ``bfloat16`` with weights in float32, which is faster on processors
    #: that have instructions for it.
    precision: str = "float32"
    #: In cycles with teachers, the share of a face's target that comes from them, 0 to 1. The rest comes from its
    #: labels (Hinton et al. 2015, arXiv:1503.02531). 0 if no cycle has teachers.
    teacher_share: float = 0.0

    def batches(self, faces: int) -> int:
        """The number of batches per epoch. If ``steps`` is 0, last faces that do not fill a batch are left out."""
        return self.steps or max(1, faces // self.batch)

    def __post_init__(self) -> None:
        if not 0 < self.hold_out < 1:
            raise DataError(f"hold_out {self.hold_out}: some faces must be held out for the calibration, but not all")
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
            raise DataError("plateau: needs the optimiser adam; the rate of sgd falls along a cosine")


_CHOICES = {
    "optimiser": ("sgd", "adam"),
    "loss": ("softmax", "sigmoid"),
    "faces": ("Training", "all"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class AugmentRecipe:
    """Random changes of a face. Each amount is drawn uniformly between minus and plus its limit."""

    rotation_degrees: float = 15.0
    scale: float = 0.15
    shift_pixels: float = 6.0
    brightness: float = 0.2
    contrast: float = 0.3
    #: Probability of an erased square, and the smallest and largest side of the square in pixels.
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
    """A part of the run with a fresh optimiser. With ``sgd``, the rate rises linearly, then falls along a cosine to 0.

    Each further cycle starts from the weights of the one before (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """

    #: The stages, one after the other, as (epochs, side in pixels). Early epochs on small faces cost a fraction of the
    #: time. The last ones need the size of inference (Touvron et al. 2019, arXiv:1906.06423).
    stages: tuple[tuple[int, int], ...] = ((12, 32), (8, FACE_SIZE))
    #: The highest learning rate.
    peak_rate: float = 0.1
    #: Only with ``sgd``: number of batches during which the rate rises.
    warmup_steps: int = 400
    #: The number of epochs over which the cosine falls to 0, if the cycle ends before that; 0 for the epochs of the
    #: cycle.
    horizon: int = 0
    #: Whether the cycle learns only from the faces that the network misreads when the cycle begins.
    hard: bool = False
    #: The teachers, whose mean probabilities are learnt in addition to the labels. A name means the model, or the
    #: out-of-fold predictions, of the recipe with that name. ``itself`` is the network as it is when the cycle begins
    #: (Furlanello et al. 2018, arXiv:1805.04770).
    taught_by: tuple[str, ...] = ()
    #: Weight averaging, only in the last cycle: the result is this share of the mean of the weights after each epoch,
    #: and the rest of the weights that the cycle began with. The statistics of the batch norms are then measured again.
    #: While the rate stays high, the mean is better than the weights of any epoch (Izmailov et al. 2018,
    #: arXiv:1803.05407), and a mixture with the first weights may be better still (Wortsman et al. 2022,
    #: arXiv:2109.01903). 0 for the weights after the last epoch.
    averaged: float = 0.0
    #: None, or ``augment = false`` in a file, for faces without augmentation.
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
        """The number of epochs of all stages."""
        return sum(epochs for epochs, _ in self.stages)

    def side(self, epoch: int) -> int:
        """The side in pixels of the faces in an epoch; epochs count from 0 within the cycle."""
        return [side for epochs, side in self.stages for _ in range(epochs)][epoch]


@dataclass(frozen=True)
class Recipe:
    """Everything about a reproducible training run."""

    name: str = "emotion"
    #: The result that a write-up reports.
    reported: str = ""
    seed: int = 0
    #: The label scheme, a key of ``emotions.SCHEMES``.
    labels: str = "seven"
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    fit: FitRecipe = field(default_factory=FitRecipe)
    cycles: tuple[Cycle, ...] = (Cycle(),)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise DataError(f"name {self.name!r}: it names files, so use only letters, digits, dots and dashes")
        if not 0 <= self.seed < 1 << 32:
            raise DataError(f"seed {self.seed}: must be 0 or more, and below 2 to the power of 32")
        if self.labels not in SCHEMES:
            raise DataError(f"labels {self.labels!r}: there are {', '.join(SCHEMES)}")
        if not self.network.layers:
            if self.labels != "seven" or self.fit.loss != "softmax":
                raise DataError("the residual network has the labels seven and the loss softmax; others need layers")
        elif self.network.blur:
            raise DataError("blur: only the residual network can have it; a network by layers sees faces as they are")
        elif any(side != FACE_SIZE for cycle in self.cycles for _, side in cycle.stages):
            raise DataError(f"a network by layers sees only faces of {FACE_SIZE} pixels; write stages = [[EPOCHS, 48]]")
        elif self.fit.teacher_share:
            raise DataError("a network by layers learns only from labels; teacher_share must be 0")
        if ITSELF in self.cycles[0].taught_by:
            raise DataError(
                "taught_by: in the first cycle the network cannot be its own teacher; it has learnt nothing yet"
            )
        if any(cycle.taught_by for cycle in self.cycles) != (self.fit.teacher_share > 0):
            raise DataError(
                "taught_by: needs a teacher_share over 0, and a teacher_share over 0 needs a cycle that is taught"
            )
        if any(cycle.averaged for cycle in self.cycles[:-1]) or (self.cycles[-1].averaged and self.fit.stop):
            raise DataError("averaged: only the last cycle can have it, and only without early stopping")
        if unknown := set(self.fit.matrix) - set(self.heads):
            raise DataError(f"matrix {' '.join(sorted(unknown))}: this network has the heads {' '.join(self.heads)}")
        self.parameters()  # raises an error for layers that do not fit together

    @property
    def epochs(self) -> int:
        """The number of epochs of all cycles, if none stops early."""
        return sum(cycle.epochs for cycle in self.cycles)

    @property
    def teachers(self) -> list[str]:
        """The names of the teachers of all cycles, except for the network itself."""
        names = [name for cycle in self.cycles for name in cycle.taught_by if name != ITSELF]
        return list(dict.fromkeys(names))

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads of the network: both of ``HEADS``, or ``fer2013`` alone for a network by layers."""
        return ("fer2013",) if self.network.layers else HEADS

    @property
    def for_training(self) -> Recipe:
        """The recipe with defaults for all that cannot change a run: names, and values that only inference uses."""
        network, fit = replace(self.network, mirrored=True, blur=0.0), replace(self.fit, matrix=())
        return replace(self, name="run", reported="", network=network, fit=fit)

    @property
    def is_mirrored(self) -> bool:
        """Whether the model adds a mirrored pass for faces that it is unsure about."""
        return self.network.mirrored and not self.network.layers

    def with_precision(self, precision: str | None) -> Recipe:
        """The recipe with another precision; unchanged for None."""
        return replace(self, fit=replace(self.fit, precision=precision)) if precision else self

    @property
    def names_precision(self) -> bool:
        """Whether the precision is not the default."""
        return self.fit.precision != FitRecipe.precision

    def parameters(self) -> int:
        """The number of weights at inference."""
        return self.network.parameters(len(labels_of(self.labels)))

    def as_dict(self) -> dict[str, Any]:
        """All values, nested as in a file; ``recipe_file.from_dict`` is the inverse."""
        return asdict(self)

    def first_difference(self, other: Recipe) -> str:
        """The first value that is different in another recipe, in words; '' for none."""
        return _difference(self.as_dict(), other.as_dict())


def _check_watch(watch: str, patience: int) -> None:
    if watch not in ("accuracy", "loss"):
        raise DataError(f"watch {watch!r}: there are accuracy and loss")
    if patience < 1:
        raise DataError(f"patience {patience}: must be 1 epoch or more")


def _difference(left: Any, right: Any, name: str = "") -> str:
    if isinstance(left, dict) and isinstance(right, dict):
        parts = [(f"{name}.{key}" if name else key, left[key], right[key]) for key in left]
    elif isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        parts = [(f"{name}[{number}]", *pair) for number, pair in enumerate(zip(left, right, strict=True), 1)]
    elif left == right:
        return ""
    elif isinstance(left, tuple) and isinstance(right, tuple):
        return f"{name} has {len(left)}, not {len(right)}"
    elif isinstance(left, dict) or isinstance(right, dict):
        return f"{name} is {'not there' if left is None else 'there'}"
    else:
        return f"{name} is {left!r}, not {right!r}"
    return next(filter(None, (_difference(mine, its, part) for part, mine, its in parts)), "")


def _range(widths: list[int]) -> str:
    low, high = min(widths), max(widths)
    return str(low) if low == high else f"{low}-{high}"
