"""Export: writes the model in the formats of other runtimes, and compares each export with the model.

An exported model does everything that the classifier does: the mirrored pass, the temperature, and the renormalisation
to 1. Its input is ``faces``, uint8 ``(n, 48, 48)`` grey. Its output is ``probabilities``, float32 ``(n, 7)`` in the
order of ``EMOTIONS``, or with fewer columns for a model of fewer emotions.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import EMOTIONS, scheme_of
from albumsort.errors import AlbumsortError
from albumsort.files import new_file
from albumsort.training.augment import class_indices
from albumsort.training.datasets import DataError, Faces, in_scheme
from albumsort.vision.classifier import IN_DOUBT, MAX_CROPS, UNSURE
from albumsort.vision.convert import as_onnx, load_keras, logits_function
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.engine import quiet_stderr
from albumsort.vision.models import ModelCard, read_card
from albumsort.vision.tensorflow import tensorflow

Format = Literal["tflite", "onnx", "savedmodel"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: The largest allowed difference of a probability from the model's; for int8, the accuracy that may be lost.
MAX_DIFFERENCE, MAX_LOSS = 1e-3, 0.02
#: The number of faces on which an export is compared with the model.
CHECKED = 1000
#: The number of Training faces on which the ranges of an int8 model's values are measured.
CALIBRATED = 200
_INPUT, _OUTPUT = "faces", "probabilities"

Crops = NDArray[np.uint8]
Predictor = Callable[[Crops], NDArray[np.float32]]


@dataclass(frozen=True)
class Check:
    """How an export compares with its model.

    Attributes:
        faces: the number of faces that both have predicted.
        difference: the largest difference of a probability.
        agreement: the share of faces for which both predict the same emotion.
        accuracy, accuracy_before: the accuracy of the export and of the model; None for synthetic faces.
        size: the size of all files of the export, in bytes.
    """

    faces: int
    difference: float
    agreement: float
    accuracy: float | None
    accuracy_before: float | None
    size: int


@dataclass(frozen=True)
class _Exported:
    """What is exported: a head of a model."""

    model: Path
    labels: str
    card: ModelCard

    @property
    def labels_in_order(self) -> list[str]:
        """The emotions of the columns that the model gives."""
        return [emotion for emotion in EMOTIONS if emotion in self.card.labels]

    @cached_property
    def function(self) -> Any:
        """A ``tf.function`` with names for its input and output, which classifies as ``EmotionClassifier`` does.

        The probabilities are the same. But every face is also classified mirrored, not only those in doubt, because
        this needs no operation that another runtime lacks.
        """
        tf, network = tensorflow(), logits_function(load_keras(self.model))
        head = self.card.head(self.labels)
        temperature, emotions = self.card.temperatures[head], len(self.card.labels)

        def logits_of(faces: Any) -> Any:
            return network(faces)[head][:, :emotions] / temperature

        def predict(faces: Any) -> dict[str, Any]:
            logits = logits_of(faces)
            if self.card.is_mirrored:
                best = tf.reduce_max(tf.nn.softmax(logits), 1)
                share = tf.clip_by_value((IN_DOUBT - best) / (IN_DOUBT - UNSURE), 0, 1) / 2
                logits += share[:, None] * (logits_of(faces[:, :, ::-1]) - logits)
            return {_OUTPUT: tf.nn.softmax(logits)}

        signature = [tf.TensorSpec([None, CROP_SIDE, CROP_SIDE], tf.uint8, name=_INPUT)]
        return tf.function(predict, signature, autograph=False)


def load_exported(kind: Format, path: Path) -> Predictor:
    """Load an exported model into its runtime; returns a function from crops to probabilities."""
    return _batched(_RUNTIMES[kind](path))


def export(
    model: Path,
    labels: str,
    kind: Format,
    target: Path,
    data: Faces | None = None,
    quantized: bool = False,
    calibrated: int = CALIBRATED,
    load: Callable[[Format, Path], Predictor] = load_exported,
) -> Check:
    """Write a model in the format of another runtime.

    Args:
        model: a ``.keras`` file with its card.
        labels: the head to export, ``perceived`` or ``fer2013``.
        kind: ``savedmodel`` makes a folder, the other formats a file.
        target: must not exist.
        data: the export is compared with the model on its PublicTest split; None compares on synthetic faces.
        quantized: whether weights and activations have 8 bits. Their ranges are measured on the Training split of
            ``data``.
        calibrated: the number of faces on which to measure these ranges.
        load: a function that loads the export, to compare it with the model.

    Raises:
        DataError: the data lack one of these splits, or true labels to judge int8 by.
        AlbumsortError: a package is missing, or the export predicts differently from the model; nothing is left then.
        OSError: the target exists, or the disk is full.
    """
    exported = _Exported(model, labels, read_card(model))
    tests = data.split("PublicTest") if data else None
    calibration = None
    if quantized:
        if data is None:
            raise DataError("int8 needs faces to measure the ranges of values on: --data fer2013.csv")
        training = data.split("Training").pixels
        calibration = training[np.random.default_rng(0).permutation(len(training))[:calibrated]]
    with _needs(*_PACKAGES[kind]), _beside(target) as partial:
        _WRITERS[kind](exported, partial, calibration)
        crops = tests.pixels[:CHECKED] if tests else synthetic_faces(CHECKED)
        truth = _truth(tests, exported.card, labels)[:CHECKED] if tests else None
        predict = _batched(_run_keras(exported))
        check = _compared(load(kind, partial)(crops), predict(crops), truth, _size(partial))
        _refuse_wrong(check, quantized)
        _give_name(partial, target)
    return check


def synthetic_faces(count: int) -> Crops:
    """Blurred noise with many levels of light and contrast, for which a network predicts many emotions.

    Returns:
        uint8 ``(count, 48, 48)``, always the same.
    """
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (count, 8, 8))
    light, contrast = rng.uniform(40, 215, count), rng.uniform(5, 90, count)
    return np.stack(
        [
            (cv2.resize(grid, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_CUBIC) * c + m).clip(0, 255)
            for grid, m, c in zip(noise, light, contrast, strict=True)
        ]
    ).astype(np.uint8)


def _save_tensorflow(exported: _Exported, folder: Path, calibration: Crops | None = None) -> None:
    assert calibration is None  # noqa: S101 - TensorFlow's own format has no integers
    tf = tensorflow()
    module, function = tf.Module(), exported.function
    module.network = list(function.get_concrete_function().variables)
    module.serve = function
    with quiet_stderr():
        tf.saved_model.save(module, str(folder), signatures={"serving_default": function})


def _save_lite(exported: _Exported, path: Path, calibration: Crops | None = None) -> None:
    tf = tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        _save_tensorflow(exported, Path(folder))
        with quiet_stderr():
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            if calibration is not None:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: ([face[None]] for face in calibration)
            path.write_bytes(converter.convert())
    # Where TensorFlow's own tools put them: a ZIP archive behind the model, which the interpreter does not read.
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "\n".join(exported.labels_in_order))


def _save_onnx(exported: _Exported, path: Path, calibration: Crops | None = None) -> None:
    with quiet_stderr():
        import onnx

        proto = as_onnx(exported.function, {"labels": json.dumps(exported.labels_in_order)})
        if calibration is None:
            onnx.save(proto, path)
            return
        from onnxruntime import quantization

        kinds = {"activation_type": quantization.QuantType.QUInt8, "weight_type": quantization.QuantType.QInt8}
        layers = ["Conv", "MatMul", "Relu", "Add", "AveragePool"]  # the layers that standardise a face need floats
        reader = _Calibration(calibration)
        quantization.quantize_static(
            proto, path, reader, op_types_to_quantize=layers, per_channel=True, reduce_range=True, **kinds
        )


class _Calibration:
    """Gives faces to the calibration of ONNX Runtime, batch by batch."""

    def __init__(self, crops: Crops) -> None:
        self._batches = iter(np.array_split(crops, max(1, len(crops) // 50)))

    def get_next(self) -> dict[str, Crops] | None:
        batch = next(self._batches, None)
        return None if batch is None else {_INPUT: batch}


def _run_keras(exported: _Exported) -> Predictor:
    function = exported.function
    return lambda crops: np.asarray(function(crops)[_OUTPUT])


def _run_tensorflow(folder: Path) -> Predictor:
    function = tensorflow().saved_model.load(str(folder)).signatures["serving_default"]
    return lambda crops: np.asarray(function(**{_INPUT: crops})[_OUTPUT])


def _run_lite(path: Path) -> Predictor:
    with quiet_stderr():
        from ai_edge_litert.interpreter import Interpreter

        function = Interpreter(str(path), num_threads=os.cpu_count()).get_signature_runner()
        function(**{_INPUT: synthetic_faces(1)})  # the first call names the backend on standard error
    return lambda crops: function(**{_INPUT: crops})[_OUTPUT]


def _run_onnx(path: Path) -> Predictor:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda crops: session.run([_OUTPUT], {_INPUT: crops})[0]


_WRITERS = {"tflite": _save_lite, "onnx": _save_onnx, "savedmodel": _save_tensorflow}
_RUNTIMES = {"tflite": _run_lite, "onnx": _run_onnx, "savedmodel": _run_tensorflow}
#: The packages that a format needs besides TensorFlow.
_PACKAGES = {"tflite": ("ai_edge_litert",), "onnx": ("onnx", "onnxruntime", "tf2onnx"), "savedmodel": ()}


def _batched(predict: Predictor) -> Predictor:
    def run(crops: Crops) -> NDArray[np.float32]:
        return np.concatenate([predict(crops[at : at + MAX_CROPS]) for at in range(0, len(crops), MAX_CROPS)])

    return run


def _truth(tests: Faces, card: ModelCard, labels: str) -> NDArray[np.int64]:
    """The index of each face's true emotion in the model's labels; -1 for none.

    The true emotion is the majority of the votes if the head is ``perceived`` and there are votes, else FER2013's
    label.
    """
    voted = card.head(labels) == "perceived" and (tests.majority >= 0).any()
    scheme = scheme_of(card.labels)
    return class_indices(in_scheme(tests.majority if voted else tests.labels, scheme), scheme)


def _compared(
    predicted: NDArray[np.float32], wanted: NDArray[np.float32], truth: NDArray[np.int64] | None, size: int
) -> Check:
    accuracy: list[float | None] = [None, None]
    if truth is not None and (known := truth >= 0).any():
        accuracy = [float((rows.argmax(1) == truth)[known].mean()) for rows in (predicted, wanted)]
    difference = float(np.abs(predicted - wanted).max())  # NaN if the export gives NaN; no bound accepts that
    agreement = float((predicted.argmax(1) == wanted.argmax(1)).mean())
    return Check(len(predicted), difference, agreement, accuracy[0], accuracy[1], size)


def _refuse_wrong(check: Check, quantized: bool) -> None:
    """Raise an error if an export differs too much from its model.

    Raises:
        DataError: int8 cannot be judged, because no face has a true label.
        AlbumsortError: the export differs too much.
    """
    if quantized:
        if check.accuracy is None or check.accuracy_before is None:
            raise DataError(
                "int8 is judged by its accuracy, but no face of PublicTest has a label that the model knows"
            )
        if not check.accuracy >= check.accuracy_before - MAX_LOSS:
            raise AlbumsortError(
                f"int8 is right for {check.accuracy:.1%} of {check.faces} faces, where the model is for "
                f"{check.accuracy_before:.1%}; nothing was written. Export it without --quantize"
            )
    elif not check.difference <= MAX_DIFFERENCE:
        raise AlbumsortError(
            f"the export's probabilities differ by up to {check.difference:.2g} from the model's on {check.faces} "
            "faces; nothing was written. Another version of the converter may do better"
        )


@contextmanager
def _needs(*packages: str) -> Iterator[None]:
    """Wrap work that uses packages which may not be installed.

    Raises:
        AlbumsortError: one is missing; the message says what to install.
    """
    try:
        for package in packages:
            with quiet_stderr():
                __import__(package)
        yield
    except ImportError as error:
        raise AlbumsortError(f"{error}; run pip install '.[export]' in the folder of albumsort's source") from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A temporary path beside the target. Whatever is there at the end is removed."""
    partial = target.with_name(f".albumsort-{secrets.token_hex(8)}.part")
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True) if partial.is_dir() else partial.unlink(missing_ok=True)


def _give_name(partial: Path, target: Path) -> None:
    if partial.is_dir():
        partial.rename(target)  # fails unless the target is free or an empty folder
        return
    with new_file(target) as file:
        file.write(partial.read_bytes())


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in (path.rglob("*") if path.is_dir() else [path]) if part.is_file())
