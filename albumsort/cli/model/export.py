"""albumsort model export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from albumsort.cli.help import DATA, MODEL, OUTPUT
from albumsort.cli.model.labelled import FerPlus, load_faces
from albumsort.cli.options import Force, Model, index_path, output_file
from albumsort.cli.output import writing
from albumsort.text import printable


def export(
    output: Annotated[
        Path,
        output_file("The file to write; for savedmodel, a folder."),
    ],
    kind: Annotated[
        Literal["tflite", "onnx", "savedmodel"],
        typer.Option(
            "--format",
            metavar="FORMAT",
            rich_help_panel=OUTPUT,
            help="The format of the export: tflite, onnx or savedmodel.",
        ),
    ],
    quantize: Annotated[
        Literal["int8"] | None,
        typer.Option(
            metavar="int8",
            rich_help_panel=OUTPUT,
            help="Store 8-bit integers, a quarter of the size. Needs --data.",
        ),
    ] = None,
    labels: Annotated[
        Literal["perceived", "fer2013"],
        typer.Option(
            metavar="LABELS",
            rich_help_panel=MODEL,
            help="The head: perceived, as people see faces, or fer2013, as FER2013 labels them.",
        ),
    ] = "perceived",
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=DATA, help="Faces to compare the export on. Default: synthetic faces."
        ),
    ] = None,
    ferplus: FerPlus = None,
    model: Model = None,
    force: Force = False,
) -> None:
    """Write the model for LiteRT, ONNX or TensorFlow.

    LiteRT is the new name of TensorFlow Lite. The export takes faces, uint8 (n, 48, 48) grey, and returns
    calibrated probabilities (n, 7), as albumsort does. It is written only if its probabilities differ from the
    model's by at most 0.001, or, for int8, if it loses at most two points of accuracy.

    Examples:
        albumsort model export --format onnx -o emotion.onnx
        albumsort model export --format savedmodel --labels fer2013 -o emotion
    """
    if quantize and kind == "savedmodel":
        raise typer.BadParameter("--quantize int8 works only with tflite and onnx")
    if quantize and data is None:
        raise typer.BadParameter("--quantize int8 needs faces to measure the ranges of values on: --data fer2013.csv")
    from albumsort.vision.models import model_in_use, read_card
    from albumsort.vision.tensorflow import tensorflow

    model = model or model_in_use()
    with writing(output, index_path(None), [model, model.with_suffix(".json")], force=force) as file:
        faces = load_faces(data, ferplus)[0] if data else None
        tensorflow("auto")  # before Keras is imported: it chooses the backend
        from albumsort.training.export import export as export_model

        check = export_model(model, labels, kind, file, faces, quantize == "int8")
    print(f"{printable(str(output))}: {check.size / 1e6:.1f} MB, {read_card(model).head(labels)}")
    same = f"{check.agreement:.1%} have the same emotion"
    print(f"{check.faces} faces: probabilities differ by {check.difference:.1e} at most, {same}")
    if check.accuracy is not None:
        print(f"accuracy {check.accuracy:.1%}; the model itself has {check.accuracy_before:.1%}")
