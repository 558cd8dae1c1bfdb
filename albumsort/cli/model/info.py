"""albumsort model info."""

from __future__ import annotations

import json
from typing import Any

from albumsort.cli.model.figures import print_tuning, summary
from albumsort.cli.options import Json, Model
from albumsort.errors import AlbumsortError


def info(model: Model = None, as_json: Json = False) -> None:
    """Describe a model: its labels, its training and its figures.

    Examples:
        albumsort model info
        albumsort model info --json
    """
    from albumsort.vision.models import model_in_use, read_card, shipped_model

    path = model or model_in_use()
    card = read_card(path)
    if as_json:
        content = {name: getattr(card, name) for name in ("name", "digest", "labels", "temperatures")}
        print(json.dumps({**content, "path": str(path), **card.training}))
        return
    ships = ", ships with albumsort" if path == shipped_model() else ""
    print(f"{card.name}  {path.stat().st_size / 1e6:.1f} MB{ships}")
    print(f"file     {path}\nsha256   {card.digest}\nlabels   {' '.join(card.labels)}")
    try:
        _print_training(card.training, card.temperatures)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AlbumsortError(
            f"{path}: its card does not say how it was trained ({type(error).__name__}: {error})"
        ) from error


def _print_training(training: dict[str, Any], temperatures: dict[str, float]) -> None:
    if "tuned_from" in training:
        print("tuned, with these figures:")
        print_tuning(training["tuning"])
        training = training["tuned_from"]
        print(f"tuned from the model with sha256 {training['digest']}, which the rest describes:")
    print(f"data     {training['data']}, {training['backend']}\ncommand  {training['command']}")
    for head, held in training["held_out"].items():
        print(f"{head}: temperature {temperatures[head]:.3f}, which takes the calibration error on "
              f"{held['n']} held-out faces from {held['ece_before']:.1%} to {held['ece']:.1%}")  # fmt: skip
        for split, tests in {"held out": training["held_out"], **training.get("tests", {})}.items():
            if "mean_recall" in (figures := tests[head]):
                print(f"  {split:11} {figures['n']:5d} faces  " + summary(figures))
