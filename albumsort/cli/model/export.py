"""albumsort model export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from albumsort.cli.model.labelled import FerPlus, load_faces
from albumsort.cli.options import Model
from albumsort.cli.output import writing
from albumsort.text import printable


def export(
    output: Annotated[Path, typer.Option("-o", metavar="FILE", help="What to write; for savedmodel, a folder.")],
    kind: Annotated[Literal["tflite", "onnx", "savedmodel"], typer.Option("--format", help="Of which runtime.")],
    quantize: Annotated[
        Literal["int8"] | None, typer.Option(help="Whole numbers of 8 bits: a quarter of the size. Needs --data.")
    ] = None,
    labels: Annotated[
        Literal["perceived", "fer2013"], typer.Option(help="The sense in which it is to answer.")
    ] = "perceived",
    data: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Faces to compare on; unless told, pictures made up.")
    ] = None,
    ferplus: FerPlus = None,
    model: Model = None,
) -> None:
    """Write the model for another runtime: LiteRT (TensorFlow Lite), ONNX or TensorFlow.

    It takes faces, uint8 (n, 48, 48) grey, and gives their calibrated probabilities (n, 7), as albumsort reads them. It
    is compared with the model before it gets its name: probabilities to 0.001, in int8 the right answers to two points.
    """
    if quantize and kind == "savedmodel":
        raise typer.BadParameter("--quantize int8 goes with tflite and onnx")
    if quantize and data is None:
        raise typer.BadParameter("--quantize int8 takes the ranges of its values from faces: --data fer2013.csv")
    from albumsort.vision.engine import tensorflow
    from albumsort.vision.models import model_in_use, read_card

    model = model or model_in_use()
    with writing(output):
        faces = load_faces(data, ferplus)[0] if data else None
        tensorflow("auto")  # before Keras, whose backend it decides
        from albumsort.training.export import export as write

        check = write(model, labels, kind, output, faces, quantize == "int8")
    print(f"{printable(str(output))}: {check.size / 1e6:.1f} MB, {read_card(model).head(labels)}")
    print(
        f"{check.faces} faces: probabilities differ by {check.difference:.1e} at most, {check.agreement:.1%} read alike"
    )
    if check.accuracy is not None:
        print(f"right {check.accuracy:.1%}, by the model itself {check.accuracy_before:.1%}")
