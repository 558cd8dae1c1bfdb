"""Models on the disk: the shipped one, those that were tuned for a user, and which of them is in use."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from albumsort.emotions import EMOTIONS, scheme_of
from albumsort.errors import AlbumsortError
from albumsort.files import sha256

#: The heads of a network. ``perceived`` predicts the labels of FER+, which are what people perceive. ``fer2013``
#: predicts those of FER2013, for comparison with the literature. A network has both heads, or only ``fer2013``.
HEADS = ("perceived", "fer2013")
#: The file, in the user's folder of models, with the name of the model in use. Without it, the shipped model is in use.
_IN_USE = "in-use.txt"
_NO_MODEL = "not a model, which is a .keras file with a .json card beside it"
#: A larger file is not a model: the largest network of the literature on FER2013 has about 100 MB.
MAX_MODEL_BYTES, MAX_CARD_BYTES = 256_000_000, 4_000_000


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known about a model file. It is stored beside the model as JSON.

    Attributes:
        digest: SHA-256 of the model file.
        labels: the emotions that the model tells apart, those of a scheme of ``emotions.SCHEMES``.
        temperatures: for each head, the number by which its logits are divided (Guo et al. 2017, arXiv:1706.04599).
        training: recipe, data, command and figures of the training.
        is_mirrored: whether a face in doubt is classified a second time, mirrored.
    """

    name: str
    digest: str
    labels: tuple[str, ...]
    temperatures: dict[str, float]
    training: dict[str, Any]
    is_mirrored: bool = True

    def head(self, labels: str) -> str:
        """The head for labels of ``HEADS``: ``fer2013`` if the model has no other head."""
        return labels if labels in self.temperatures else "fer2013"

    @property
    def identity(self) -> str:
        """The name and digest, by which the index identifies the model of each scan."""
        return f"{self.name} {self.digest[:12]}"


def models_folder() -> Path:
    """The folder of the shipped models: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def shipped_model() -> Path:
    """The model that comes with the package."""
    return models_folder() / "emotion.keras"


def user_models() -> Path:
    """The folder of the user's own models, which may not exist."""
    from platformdirs import user_data_path

    return user_data_path("albumsort", appauthor=False) / "models"


def model_in_use() -> Path:
    """The model that reads faces by default: the one that the user has chosen, else the shipped one.

    Raises:
        AlbumsortError: the user's model is gone.
    """
    try:
        name = (user_models() / _IN_USE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return shipped_model()
    path = user_models() / name
    if not path.is_file():
        raise AlbumsortError(f"{path}: the model in use is missing; go back with: albumsort model use shipped")
    return path


def is_shipped_in_use() -> bool:
    """Whether the user has chosen no other model than the shipped one."""
    return not (user_models() / _IN_USE).exists()


def use(model: Path | None) -> None:
    """Choose the model in use.

    Args:
        model: a file in the user's folder of models; None for the shipped one.

    Raises:
        AlbumsortError: the model is broken, or is not in that folder.
    """
    folder = user_models()
    if model is None:
        (folder / _IN_USE).unlink(missing_ok=True)
        return
    read_card(model)
    if model.resolve().parent != folder.resolve():
        raise AlbumsortError(f"{model}: to use it always, put it and its card into {folder}; for once, use --model")
    partial = folder / f"partial-{_IN_USE}"
    partial.write_text(model.name + "\n", encoding="utf-8")
    os.replace(partial, folder / _IN_USE)


def read_card(model: Path) -> ModelCard:
    """Read the card of a model file, and check that they belong together.

    Raises:
        AlbumsortError: the model or its card is missing, or they do not belong together.
    """
    card = model.with_suffix(".json")
    if model.suffix != ".keras":
        inside = " or ".join(map(str, sorted(model.glob("*.keras"))[:3]))
        what = f"a folder; name the model in it: {inside}" if inside else _NO_MODEL
        raise AlbumsortError(f"{model}: {what}")
    for path, limit in ((model, MAX_MODEL_BYTES), (card, MAX_CARD_BYTES)):
        if not path.is_file():
            raise AlbumsortError(f"{path}: not there; a model is a .keras file with a .json card beside it")
        if path.stat().st_size > limit:
            raise AlbumsortError(
                f"{path}: too large for a model ({path.stat().st_size / 1e6:.0f} MB > {limit / 1e6:.0f} MB)"
            )
    digest = sha256(model)
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        temperatures = {head: float(value) for head, value in content["temperatures"].items()}
        found = ModelCard(
            str(content["name"]),
            str(content["digest"]),
            tuple(map(str, content["labels"])),
            temperatures,
            dict(content["training"]),
            content.get("is_mirrored", True),
        )
        if set(temperatures) not in ({"fer2013"}, set(HEADS)):
            raise ValueError(f"it has temperatures of {', '.join(temperatures) or 'no head'}")
        if not all(0 < value < float("inf") for value in temperatures.values()):
            raise ValueError("a temperature must be above 0")
        if scheme_of(found.labels) != "seven" and "perceived" in temperatures:
            raise ValueError(f"the head perceived needs the {len(EMOTIONS)} emotions")
        if not isinstance(found.is_mirrored, bool):
            raise ValueError("is_mirrored must be true or false")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AlbumsortError(f"{card}: not the card of a model ({type(error).__name__}: {error})") from error
    try:
        with zipfile.ZipFile(model) as file:
            unpacked = sum(part.file_size for part in file.infolist())
    except zipfile.BadZipFile as error:
        raise AlbumsortError(f"{model}: not a model ({error})") from error
    if unpacked > MAX_MODEL_BYTES:
        raise AlbumsortError(f"{model}: too large for a model ({unpacked / 1e6:.0f} MB when unpacked)")
    if digest != found.digest:
        raise AlbumsortError(f"{card}: belongs to another model than {model.name} (their digests differ)")
    return found
