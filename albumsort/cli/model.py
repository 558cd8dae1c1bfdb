"""albumsort model: train, evaluate, info."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from albumsort.cli.options import Device, Json

app = typer.Typer(help="The emotion model: train, measure, look at it.", no_args_is_help=True, rich_markup_mode=None)

ModelFile = Annotated[Path | None, typer.Option("--model", metavar="FILE", help="Another model than that which ships.")]


@app.command()
def train(
    data: Annotated[Path, typer.Option(metavar="fer2013.csv", help="FER2013 as Kaggle publishes it.")],
    ferplus: Annotated[Path, typer.Option(metavar="fer2013new.csv", help="The votes of FER+, as published.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Gets the model; holds the run, which can go on.")],
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Unless told, that of the model that ships.")
    ] = None,
) -> None:
    """Train a model by its recipe. When stopped, the same command goes on after the last whole epoch.

    Runs on any backend of Keras: KERAS_BACKEND=tensorflow, torch or jax.
    """
    from albumsort.training import datasets
    from albumsort.training import recipe as recipes
    from albumsort.vision.classifier import models_folder
    from albumsort.vision.runtime import quiet_stderr

    chosen = recipes.read(recipe or models_folder() / "emotion.toml")
    faces = datasets.load(data, ferplus)
    for reason, count in faces.broken.items():
        _say(f"left out {count} rows: {reason}")
    command = f"albumsort model train --data {data.name} --ferplus {ferplus.name}" + (
        f" --recipe {recipe.name}" if recipe else ""
    )
    with quiet_stderr():  # Keras loads its backend, which logs
        from albumsort.training.convert import train as run
    path = run(chosen, faces, out, command, _say)
    print(path)


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="fer2013.csv, or a folder with it.")],
    split: Annotated[str, typer.Option(help="Training, PublicTest or PrivateTest.")] = "PublicTest",
    ferplus: Annotated[Path | None, typer.Option(metavar="fer2013new.csv", help="The votes of FER+.")] = None,
    model: ModelFile = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a model on labelled faces: against FER2013's labels, and against what FER+'s voters saw."""
    from albumsort.training import datasets
    from albumsort.training.evaluate import figures
    from albumsort.vision.classifier import EmotionClassifier

    if data.is_dir():
        votes = data / "fer2013new.csv"
        ferplus = ferplus or (votes if votes.exists() else None)
        data = data / "fer2013.csv"
    faces = datasets.load(data, ferplus).split(split)
    truths = {"fer2013": ("fer2013", faces.labels)}
    if ferplus:
        truths["ferplus"] = ("perceived", faces.majority)
    result = {
        name: figures(EmotionClassifier(model, labels, device).probabilities(faces.pixels), truth)
        for name, (labels, truth) in truths.items()
    }
    if as_json:
        print(json.dumps(result))
        return
    for name, values in result.items():
        _print_figures(name, split, values)


@app.command()
def info(model: ModelFile = None, as_json: Json = False) -> None:
    """Say what a model is: name, digest, calibration, training."""
    from albumsort.vision.classifier import read_card, shipped_model

    path = model or shipped_model()
    card = read_card(path)
    if as_json:
        content = {"name": card.name, "digest": card.digest, "temperatures": card.temperatures, **card.training}
        print(json.dumps(content))
        return
    print(f"{card.name}  {path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {card.digest}")
    print(f"trained on {card.training['data']}, {card.training['backend']}")
    print(f"with {card.training['command']}")
    for head, value in card.temperatures.items():
        held = card.training["held_out"][head]
        print(f"{head:9}  temperature {value:.3f}  held-out faces {held['n']}: {held['accuracy']:.1%} right, "
              f"calibration error {held['ece']:.1%} (before {held['ece_before']:.1%})")  # fmt: skip


def _print_figures(name: str, split: str, values: dict[str, Any]) -> None:
    print(f"{name}, {split}: {values['n']} faces")
    if not values["n"]:
        return
    words = {"accuracy": "accuracy", "first two": "top2", "mean recall": "mean_recall", "calibration error": "ece"}
    print("  " + "  ".join(f"{word} {values[key]:.1%}" for word, key in words.items()))
    for emotion, scores in values["per_emotion"].items():
        shown = "  ".join(
            f"{key} {scores[key]:6.1%}" if scores[key] is not None else f"{key}    -  "
            for key in ("precision", "recall", "f1")
        )
        print(f"  {emotion:9}{scores['n']:6d}  {shown}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
