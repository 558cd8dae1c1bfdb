"""A recipe: everything that decides a training run, kept as a small TOML file beside the weights."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from albumsort.training.datasets import FACE_SIZE, DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_Kind = TypeVar("_Kind", bound="DataclassInstance")


@dataclass(frozen=True)
class NetworkRecipe:
    """A residual network: a stem, then for each width a down-scaling block and ``blocks - 1`` further ones."""

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 2
    #: Share of the last features dropped while training.
    dropout: float = 0.3


@dataclass(frozen=True)
class FitRecipe:
    """Stochastic gradient descent with Nesterov momentum."""

    batch: int = 128
    momentum: float = 0.9
    #: Added to the gradient as this times the weight (convolutions and heads, not batch norm).
    weight_decay: float = 5e-4
    #: Label smoothing of the FER2013 head, whose labels are one search keyword each.
    label_smoothing: float = 0.1
    #: Share of Training kept out of the fit, on which the temperatures are fitted.
    hold_out: float = 0.05
    #: Of the arithmetic: ``float32``, or ``bfloat16`` with weights in float32, which is quicker where the processor
    #: has instructions for it.
    precision: str = "float32"
    #: How much of what a face should be read as comes from a teacher, the rest from its labels (Hinton et al. 2015,
    #: arXiv:1503.02531); 0 for no teacher.
    teacher_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.hold_out < 1:
            raise DataError(f"hold_out {self.hold_out}: some faces must be held out for the calibration, and some not")
        if not 0 <= self.teacher_share <= 1:
            raise DataError(f"teacher_share {self.teacher_share}: must be from 0 (labels alone) to 1 (teacher alone)")
        if self.precision not in ("float32", "bfloat16"):
            raise DataError(f"precision {self.precision!r}: there are float32 and bfloat16")


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


@dataclass(frozen=True)
class Cycle:
    """Some epochs in which the rate rises linearly, then falls along a cosine to 0.

    A further cycle starts from the weights of the one before (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """

    #: (epochs, side in pixels), one after the other: most of the run sees the faces small, which costs a fraction.
    #: Touvron et al. 2019, arXiv:1906.06423, have why the last epochs need the size of use.
    stages: tuple[tuple[int, int], ...] = ((12, 32), (8, FACE_SIZE))
    peak_rate: float = 0.1
    warmup_steps: int = 400
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)

    def __post_init__(self) -> None:
        if not self.stages or not all(
            isinstance(stage, tuple) and len(stage) == 2 and min(stage) > 0 for stage in self.stages
        ):
            raise DataError(f"stages {self.stages}: must be pairs of epochs and side in pixels, as [[12, 32], [8, 48]]")

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
    seed: int = 0
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    fit: FitRecipe = field(default_factory=FitRecipe)
    cycles: tuple[Cycle, ...] = (Cycle(),)

    @property
    def epochs(self) -> int:
        """Of all cycles."""
        return sum(cycle.epochs for cycle in self.cycles)

    def cycle(self, epoch: int) -> tuple[Cycle, int]:
        """The cycle of an epoch of the run, and the epoch's number in it; both count from 0."""
        for cycle in self.cycles:
            if epoch < cycle.epochs:
                return cycle, epoch
            epoch -= cycle.epochs
        raise IndexError(f"epoch {epoch} of {self.epochs}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        DataError: the file is missing, is not TOML, or holds a name that no recipe has.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a TOML file ({error})") from error
    parts = {"network": NetworkRecipe, "fit": FitRecipe}
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key == "cycles":
            cycles = value if isinstance(value, list) and value else [value]
            values[key] = [_cycle(one, f"{path}: [[cycles]]") for one in cycles]
        else:
            values[key] = _section(parts[key], value, f"{path}: [{key}]") if key in parts else value
    return _section(Recipe, values, str(path))


def _cycle(values: Any, where: str) -> Cycle:
    if isinstance(values, dict) and "augment" in values:
        values = {**values, "augment": _section(AugmentRecipe, values["augment"], f"{where} [augment]")}
    return _section(Cycle, values, where)


def _section(kind: type[_Kind], values: Any, where: str) -> _Kind:
    if not isinstance(values, dict):
        raise DataError(f"{where}: a value, where a section belongs")
    known = {item.name for item in fields(kind)}
    if unknown := set(values) - known:
        raise DataError(f"{where}: unknown {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return kind(**{name: _frozen(value) for name, value in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
