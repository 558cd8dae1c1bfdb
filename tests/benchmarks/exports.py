"""The table of exports in models/README.md: size, speed and predictions of each export, compared with the model.

python tests/benchmarks/exports.py fer2013.csv fer2013new.csv [--model FILE]

Runtimes take turns, so that other load on the machine slows all of them equally. Speeds are medians, as multiples of
the model's own speed in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from albumsort.training.datasets import load
from albumsort.training.export import CHECKED, FORMATS, Crops, Predictor, export, load_exported
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.models import model_in_use

ROUNDS, BATCH, SINGLES = 5, 256, 50


def rates(predict: Predictor, crops: Crops) -> tuple[float, float]:
    """Faces per second, in batches of 256 and one at a time."""
    measured = []
    for size, faces in ((BATCH, crops[: 2 * BATCH]), (1, crops[:SINGLES])):
        start = time.perf_counter()
        for at in range(0, len(faces), size):
            predict(faces[at : at + size])
        measured.append(len(faces) / (time.perf_counter() - start))
    return measured[0], measured[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("ferplus", type=Path)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    model = args.model or model_in_use()
    faces = load(args.fer2013, args.ferplus)
    crops = faces.split("PublicTest").pixels[:CHECKED]
    kinds = [(kind, False) for kind in FORMATS] + [("tflite", True), ("onnx", True)]
    with tempfile.TemporaryDirectory() as name:
        predictors: dict[str, Predictor] = {"the model, as `scan` runs it": EmotionClassifier(model).probabilities}
        checks = {}
        for kind, quantized in kinds:
            title, path = f"{kind}{', int8' if quantized else ''}", Path(name) / f"{kind}{quantized}"
            checks[title] = export(model, "perceived", kind, path, faces, quantized)
            predictors[title] = load_exported(kind, path)
        speeds = defaultdict(list)
        for turn in range(ROUNDS + 1):
            for title, predict in predictors.items():
                measured = rates(predict, crops)
                if turn:  # the first turn warms up the runtimes
                    speeds[title].append(measured)
        medians = {
            title: [statistics.median(column) for column in zip(*rows, strict=True)] for title, rows in speeds.items()
        }
    (own, (many, single)), *exports = medians.items()
    print("| | size | faces/s, 256 at once | one at a time | largest difference | same emotion | accuracy |")
    print("|---|---|---|---|---|---|---|")
    size, right = model.stat().st_size / 1e6, next(iter(checks.values())).accuracy_before
    print(f"| {own} | {size:.1f} MB | {many:.0f} | {single:.0f} | | | {right:.1%} |")
    for title, (batched, one_by_one) in exports:
        check = checks[title]
        print(
            f"| {title} | {check.size / 1e6:.1f} MB | {batched / many:.2f} times | {one_by_one / single:.2f} times "
            f"| {check.difference:.1e} | {check.agreement:.1%} | {check.accuracy:.1%} |"
        )
