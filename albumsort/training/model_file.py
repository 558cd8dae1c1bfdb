"""Model files: a network as a ``.keras`` file that any Keras 3 can load, with its card and its recipe beside it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from albumsort.emotions import labels_of
from albumsort.files import sha256
from albumsort.training import recipe_file
from albumsort.training.recipe import Recipe


def save(network: keras.Model, path: Path) -> str:
    """Write a network so that any Keras 3 that knows its layers can load it.

    The same network always gives the same bytes.

    Returns:
        the SHA-256 of the file.
    """
    network.save(path)
    _make_reproducible(path)
    return sha256(path)


def write(
    network: keras.Model, recipe: Recipe, temperatures: dict[str, float], training: dict[str, Any], folder: Path
) -> Path:
    """Write a network for inference as ``NAME.keras``, with its card ``NAME.json`` and its recipe ``NAME.toml``.

    Args:
        network: a network from ``network.for_inference``.
        recipe: its name becomes the name of the files.
        temperatures: the temperature of each head, by name.
        training: how the network was trained and measured, for the card.
        folder: must exist.

    Returns:
        the ``.keras`` file.
    """
    path = folder / f"{recipe.name}.keras"
    digest = save(network, path)
    card = {
        "name": recipe.name,
        "digest": digest,
        "labels": list(labels_of(recipe.labels)),
        "temperatures": temperatures,
        "is_mirrored": recipe.is_mirrored,
        "training": training,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    recipe_file.write(recipe, path.with_suffix(".toml"))
    return path


def _make_reproducible(path: Path) -> None:
    """Remove from a ``.keras`` file everything that depends on the version of Keras or on the clock.

    New versions of Keras add options, which are None by default, and older versions refuse them. Without these options,
    any Keras 3 that knows the layers can load the file. Without dates, the same network always gives the same file with
    the same digest.
    """

    def cleaned(node: Any) -> Any:
        if isinstance(node, dict):
            # The id of a shared object is its address in memory; our layers share nothing that a loader must know.
            return {k: cleaned(value) for k, value in node.items() if value is not None and k != "shared_object_id"}
        return [cleaned(value) for value in node] if isinstance(node, list) else node

    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    description = json.loads(parts["config.json"])
    for layer in description["config"]["layers"]:
        layer["config"] = cleaned(layer["config"])
    parts["config.json"] = json.dumps(description).encode()
    metadata = json.loads(parts["metadata.json"])
    parts["metadata.json"] = json.dumps({"keras_version": metadata["keras_version"]}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # ZipInfo is dated 1980
