"""Whether the emotion network could run with 8-bit integers: figures, lists and speed of both, for models/README.md.

    python tests/benchmarks/int8.py fer2013.csv fer2013new.csv

Ranges of values are measured on 400 Training faces. "Full" uses all 8 bits of a weight, which older processors add up
wrongly (those without VNNI instructions); "reduced" uses 7. All is measured on PublicTest, with the mirrored pass for
faces in doubt, as in a scan.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from albumsort.emotions import EMOTIONS
from albumsort.training.datasets import Faces, load
from albumsort.training.evaluate import figures
from albumsort.vision.classifier import MAX_CROPS, share_of_mirrored, softmax
from albumsort.vision.convert import onnx_file
from albumsort.vision.engine import Network
from albumsort.vision.models import read_card, shipped_model

MEASURED, LIST = 400, 100
#: The layers that standardise a face need floats.
LAYERS = ["Conv", "MatMul", "Gemm", "Relu", "Add", "AveragePool"]


class Calibration(quantization.CalibrationDataReader):
    """Gives the faces on which ranges are measured, fifty at a time."""

    def __init__(self, crops: NDArray[np.uint8]) -> None:
        self._batches: Iterator[NDArray[np.uint8]] = iter(np.array_split(crops, len(crops) // 50))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"faces": batch}


def with_float_weights(path: Path, target: Path) -> None:
    """Write the shipped file with its 16-bit weights as 32-bit ones, which the quantization asks for."""
    model = onnx.load(path)
    weights = {each.name: each for each in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in weights]:
        stored = weights[node.input[0]]
        model.graph.initializer.remove(stored)
        values = numpy_helper.to_array(stored).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
    onnx.save(model, target)


def predicted(path: Path, crops: NDArray[np.uint8]) -> tuple[dict[str, NDArray[np.float32]], float]:
    """The probabilities of each head, and the milliseconds of processor time per face and pass."""
    network, card = Network(path, "cpu"), read_card(shipped_model())

    def logits(faces: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        batches = [network(faces[at : at + MAX_CROPS]) for at in range(0, len(faces), MAX_CROPS)]
        return [np.concatenate(head) for head in zip(*batches, strict=True)]

    start = time.process_time()
    both = logits(crops), logits(np.ascontiguousarray(crops[:, :, ::-1]))
    milliseconds = (time.process_time() - start) * 1000 / 2 / len(crops)
    probabilities = {}
    for head, *passes in zip(network.outputs, *both, strict=True):
        first, mirrored = (each[:, : len(EMOTIONS)] / card.temperatures[head] for each in passes)
        share = share_of_mirrored(softmax(first).max(1))[:, None]
        probabilities[head] = softmax((first + share * (mirrored - first)).astype(np.float32))
    return probabilities, milliseconds


def best(probabilities: NDArray[np.float32]) -> list[set[int]]:
    """The faces in the list of each emotion."""
    return [set(np.argsort(-column)[:LIST].tolist()) for column in probabilities.T]


def row(title: str, found: dict[str, NDArray[np.float32]], floats: dict[str, NDArray[np.float32]], test: Faces) -> str:
    """One row of the table."""
    perceived, fer2013 = figures(found["perceived"], test.majority), figures(found["fer2013"], test.labels)
    lists = best(found["perceived"])
    right = [int((test.majority[list(each)] == code).sum()) for code, each in enumerate(lists)]
    kept = min(len(one & other) for one, other in zip(lists, best(floats["perceived"]), strict=True))
    same = (found["perceived"].argmax(1) == floats["perceived"].argmax(1)).mean()
    return (
        f"| {title} | {fer2013['accuracy']:.2%} | {perceived['accuracy']:.2%} | {perceived['mean_recall']:.2%} "
        f"| {perceived['ece']:.4f} | {' '.join(map(str, right))} | {same:.1%} | {kept} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("fer2013new", type=Path)
    args = parser.parse_args()
    faces = load(args.fer2013, args.fer2013new)
    training, test = faces.split("Training").pixels, faces.split("PublicTest")
    measured = training[np.random.default_rng(0).permutation(len(training))[:MEASURED]]
    print(
        "| | FER2013 | FER+ majority | mean recall | ECE | right in the best hundred | same emotion | kept in a list |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.onnx"
        with_float_weights(onnx_file(shipped_model()), path)
        quant_pre_process(path, path, skip_symbolic_shape=True)
        floats, whole = predicted(path, test.pixels)
        print(row("32-bit floats", floats, floats, test))
        for title, is_reduced in (("int8, full", False), ("int8, reduced", True)):
            target = Path(folder) / "int8.onnx"
            quantization.quantize_static(
                path,
                target,
                Calibration(measured),
                op_types_to_quantize=LAYERS,
                per_channel=True,
                reduce_range=is_reduced,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            found, milliseconds = predicted(target, test.pixels)
            print(row(title, found, floats, test) + f" {whole / milliseconds:.1f} times as fast")


if __name__ == "__main__":
    main()
