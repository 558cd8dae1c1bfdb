"""albumsort model: train, evaluate, info, tune, use."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from albumsort.cli.model.labelled import check_votes, load_faces, say
from albumsort.cli.options import Db, Device, Json, Model, Precision, index_path
from albumsort.errors import AlbumsortError
from albumsort.text import printable


def train(
    data: Annotated[
        Path, typer.Option(metavar="DATA", help="fer2013.csv as Kaggle publishes it, or a folder of class folders.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Gets the model; holds the run, which can go on. Unless told, ./NAME."),
    ] = None,
    ferplus: Annotated[
        Path | None, typer.Option(metavar="fer2013new.csv", help="The votes of FER+ on fer2013.csv, as published.")
    ] = None,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="One of albumsort model recipes, or a file like them.")
    ] = "emotion",
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="NAME.keras or NAME.npz, made by the recipe NAME, for one that learns from it."
        ),
    ] = None,
    precision: Precision = None,
) -> None:
    """Train a model by its recipe. When stopped, the same command goes on after the last whole epoch.

    Runs on any backend of Keras: KERAS_BACKEND=tensorflow, torch or jax.
    """
    from albumsort.training import recipe_file as recipes
    from albumsort.vision.engine import quiet_backend

    chosen = recipes.find(recipe)
    faces, ferplus = load_faces(data, ferplus)
    check_votes([chosen], faces)
    command = f"albumsort model train --data {data.name} --out DIR"
    command += f" --ferplus {ferplus.name}" if ferplus else ""
    command += f" --recipe {Path(recipe).name}"
    command += "".join(f" --teacher {file.name}" for file in teacher or [])
    votes = " with the votes of FER+" if ferplus else ""
    is_table = data.is_file() or (data / "fer2013.csv").exists()
    what = f"FER2013 {chosen.fit.faces}{votes}" if is_table else f"class folders of {data.name}"
    quiet_backend()
    from albumsort.training.convert import precision_told
    from albumsort.training.convert import train as run
    from albumsort.training.run import as_begun

    folder = out or Path(chosen.name)
    chosen = chosen.in_precision(precision) if precision else as_begun(chosen, folder)
    command += precision_told(chosen)
    print(run(chosen, faces, folder, command, say, what, {file.stem: file for file in teacher or []}))


def evaluate(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="fer2013.csv, a folder with it, or a folder of class folders.")
    ],
    split: Annotated[str, typer.Option(help="Training, PublicTest or PrivateTest.")] = "PublicTest",
    ferplus: Annotated[Path | None, typer.Option(metavar="fer2013new.csv", help="The votes of FER+.")] = None,
    model: Model = None,
    device: Device = "auto",
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw confusion, reliability, scores and samples there, as PNG.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled faces: against FER2013's labels, and against what FER+'s voters saw.

    Of a model that tells fewer than seven emotions apart, only the faces of those count.
    """
    from albumsort.emotions import SCHEMES, in_words, scheme_of
    from albumsort.training.datasets import in_scheme
    from albumsort.training.evaluate import figures
    from albumsort.vision.classifier import EmotionClassifier
    from albumsort.vision.models import model_in_use, read_card

    model = model or model_in_use()
    card = read_card(model)
    if plots:
        from albumsort.training.plots.figures import plot_figures, plot_predictions, targets

        for path in (path for name in ("fer2013", "ferplus") for path in targets(name, plots) if path.exists()):
            raise AlbumsortError(f"{printable(str(path))}: there already; choose another folder")
    everything, ferplus = load_faces(data, ferplus)
    faces = everything.split(split)
    scheme = scheme_of(card.labels)
    if scheme != "seven":
        left_out = "; other faces do not count" if None in SCHEMES[scheme] else ""
        say(f"{card.name} tells apart {', '.join(in_words(scheme).values())}{left_out}")
    truths = {"fer2013": ("fer2013", faces.labels)}
    if (faces.majority >= 0).any():
        truths["ferplus"] = ("perceived", faces.majority)
    truths = {name: (labels, in_scheme(truth, scheme)) for name, (labels, truth) in truths.items()}
    answers = {
        name: EmotionClassifier(model, labels, device).probabilities(faces.pixels)
        for name, (labels, _) in truths.items()
    }
    result = {name: figures(answers[name], truth) for name, (_, truth) in truths.items()}
    if plots:
        what = f"{card.name} on {split if everything.has_splits else 'all faces'}"
        for name, values in result.items():
            if not values["n"]:
                say(f"{name}: none of the faces counts; nothing is drawn")
                continue
            for path in (
                *plot_figures(name, values, plots, what, scheme),
                plot_predictions(name, faces.pixels, answers[name], truths[name][1], plots, what, scheme),
            ):
                say(f"{printable(str(path))}: drawn")
    if as_json:
        print(json.dumps(result))
        return
    for name, values in result.items():
        _print_figures(name, split if everything.has_splits else "all", values)


def info(model: Model = None, as_json: Json = False) -> None:
    """Say what a model is: name, digest, labels, calibration, training, figures."""
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
        print("tuned, and so measured:")
        _print_tuning(training["tuning"])
        training = training["tuned_from"]
        print(f"tuned from the model with sha256 {training['digest']}, of which the rest is said:")
    print(f"data     {training['data']}, {training['backend']}\ncommand  {training['command']}")
    for head, held in training["held_out"].items():
        print(f"{head}: temperature {temperatures[head]:.3f}, which takes the calibration error on "
              f"{held['n']} held-out faces from {held['ece_before']:.1%} to {held['ece']:.1%}")  # fmt: skip
        for split, tests in {"held out": training["held_out"], **training.get("tests", {})}.items():
            if "mean_recall" in (figures := tests[head]):
                print(f"  {split:11} {figures['n']:5d} faces  " + _in_words(figures))


def tune(
    db: Db = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="labels.csv", help="More labelled faces: columns path, box (x y w h), emotion."),
    ] = None,
    remember: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Uncorrected faces of the index that hold the model to what it knew."),
    ] = 4000,
) -> None:
    """Teach the model what you corrected. Kept only when it is better on photos that it has not learnt from.

    Corrections come from: albumsort correct PHOTO --face N EMOTION. The model that ships is never touched; the tuned
    one goes to your user-data folder and is in use from then on.
    """
    from albumsort.index.reader import Index
    from albumsort.training.datasets import DataError
    from albumsort.vision import models
    from albumsort.vision.engine import tensorflow

    if not index_path(db).exists():
        raise AlbumsortError(
            f"{printable(str(index_path(db)))}: no index there; tuning takes scanned faces that nobody corrected, too, "
            "to see that it forgets nothing: scan some photos first (albumsort scan FOLDER) or name an index (--db)"
        )
    with Index(index_path(db)) as index:
        faces = [*index.corrections(), *index.remembered(remember)]
    tensorflow("auto")  # before Keras, whose backend it decides
    from albumsort.training import tune as tuning

    if labels:
        more, broken = tuning.read_labels(labels)
        for reason, number in broken.items():
            say(f"{printable(str(labels))}: left out {number} rows: {reason}")
        faces = [*more, *faces]
    outcome = tuning.tune(
        models.shipped_model(), models.model_in_use(), faces, models.user_models(), "albumsort model tune", say
    )
    _print_tuning(asdict(outcome))
    if outcome.model is None:
        raise DataError(
            "the tuned model is not better than the one in use, or has forgotten too much, so that one stays; "
            "correct more faces, or scan more photos, and try again"
        )
    models.use(outcome.model)
    print(f"in use from now on: {outcome.model}")
    print("read your photos again with: albumsort scan --rescan FOLDER; go back with: albumsort model use shipped")


def use(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A tuned model's file, or: shipped.")],
) -> None:
    """Choose the model that scans use: one that was tuned, or the one that ships."""
    from albumsort.vision import models

    if not model:
        raise typer.BadParameter("a tuned model's file, or: shipped")
    chosen = None if model == "shipped" else Path(model)
    models.use(chosen)
    print(f"in use from now on: {chosen or models.shipped_model()}")


def _print_tuning(tuning: dict[str, Any]) -> None:
    print(
        f"{tuning['labelled']} held-out labelled faces: {tuning['right_before']:.1%} right before, "
        f"{tuning['right']:.1%} tuned (loss {tuning['loss_before']:.3f}, {tuning['loss']:.3f})\n"
        f"{tuning['remembered']} held-out faces that nobody labelled: read as stored "
        f"{tuning['agrees_before']:.1%} before, {tuning['agrees']:.1%} tuned"
    )
    if "agrees_in_fer2013" in tuning:  # older cards do not say
        print(f"  in the sense of FER2013's labels {tuning['agrees_in_fer2013']:.1%} of them are read as before")


def _in_words(figures: dict[str, Any]) -> str:
    words = {"accuracy": "accuracy", "first two": "top2", "mean recall": "mean_recall", "calibration error": "ece"}
    return "  ".join(f"{word} {figures[key]:.1%}" for word, key in words.items())


def _print_figures(name: str, split: str, values: dict[str, Any]) -> None:
    print(f"{name}, {split}: {values['n']} faces")
    if not values["n"]:
        return
    print("  " + _in_words(values))
    for emotion, scores in values["per_emotion"].items():
        shown = "  ".join(
            f"{key} {scores[key]:6.1%}" if scores[key] is not None else f"{key}    -  "
            for key in ("precision", "recall", "f1")
        )
        print(f"  {emotion:9}{scores['n']:6d}  {shown}")
