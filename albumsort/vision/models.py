"""Models on the disk: the one that ships, those that were tuned for a user, and which of them is in use."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import albumsort
from albumsort.emotions import EMOTIONS, scheme_of
from albumsort.errors import AlbumsortError
from albumsort.files import sha256

#: The heads of a network: what people perceive (FER+), and FER2013's labels for comparison with the literature. A
#: network has both, or the latter alone.
HEADS = ("perceived", "fer2013")
#: In the user's folder of models: the file name of the one in use. Where there is none, that which ships is.
_IN_USE = "in-use.txt"


#: A file that is larger is none of ours: the largest net of the literature on FER2013 has some 100 MB.
MAX_MODEL_BYTES, MAX_CARD_BYTES = 256_000_000, 4_000_000


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model file says of itself, kept beside it as JSON.

    Attributes:
        digest: SHA-256 of the model file.
        labels: the emotions that it tells apart, those of a scheme of ``emotions.SCHEMES``.
        temperatures: by head; logits are divided by them (Guo et al. 2017, arXiv:1706.04599).
        training: recipe, data, command and figures.
        is_mirrored: whether it looks at a face's mirror image, too, when it is in doubt.
    """

    name: str
    digest: str
    labels: tuple[str, ...]
    temperatures: dict[str, float]
    training: dict[str, Any]
    is_mirrored: bool = True

    def head(self, sense: str) -> str:
        """The head that answers in a sense of ``HEADS``: a model that knows FER2013's alone answers in that."""
        return sense if sense in self.temperatures else "fer2013"

    @property
    def title(self) -> str:
        """Name and digest, as the index keeps them of each scan."""
        return f"{self.name} {self.digest[:12]}"


def models_folder() -> Path:
    """Where the models that ship are: inside an installed package, or at the top of a checkout."""
    package = Path(albumsort.__file__).parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def shipped_model() -> Path:
    """The model that comes with the package."""
    return models_folder() / "emotion.keras"


def user_models() -> Path:
    """The folder of the user's own models; it need not be there."""
    from platformdirs import user_data_path

    return user_data_path("albumsort", appauthor=False) / "models"


def model_in_use() -> Path:
    """The model that reads faces unless told otherwise: the user's own, else the one that ships.

    Raises:
        AlbumsortError: the user's own is gone.
    """
    try:
        name = (user_models() / _IN_USE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return shipped_model()
    path = user_models() / name
    if not path.is_file():
        raise AlbumsortError(f"{path}: the model in use is not there; go back with: albumsort model use shipped")
    return path


def use(model: Path | None) -> None:
    """Choose the model in use: one in the user's folder of models, or with None the one that ships.

    Raises:
        AlbumsortError: the model is not whole, or not in that folder.
    """
    folder = user_models()
    if model is None:
        (folder / _IN_USE).unlink(missing_ok=True)
        return
    read_card(model)
    if model.resolve().parent != folder.resolve():
        raise AlbumsortError(f"{model}: put the model and its card into {folder} to use it always, or use --model")
    partial = folder / f"partial-{_IN_USE}"
    partial.write_text(model.name + "\n", encoding="utf-8")
    os.replace(partial, folder / _IN_USE)


def read_card(model: Path) -> ModelCard:
    """What is known of a model file.

    Raises:
        AlbumsortError: the model or its card is missing, or they do not belong together.
    """
    card = model.with_suffix(".json")
    if model.suffix != ".keras":
        raise AlbumsortError(f"{model}: not a model, which is a .keras file with a .json card beside it")
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
            raise ValueError(f"there are temperatures of {', '.join(temperatures) or 'no head'}")
        if not all(0 < value < float("inf") for value in temperatures.values()):
            raise ValueError("a temperature must be above 0")
        if scheme_of(found.labels) != "seven" and "perceived" in temperatures:
            raise ValueError(f"what people perceive are the {len(EMOTIONS)} emotions")
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
