"""Exports: the model in the formats of other runtimes, each checked against the model itself before it gets its name.

An exported model is the classifier as it stands: it looks as often as that, with the temperature applied,
and the seven made to sum to 1. What goes in is ``faces``, uint8 ``(n, 48, 48)`` grey, and what comes out
``probabilities``, float32 ``(n, 7)`` in the order of ``EMOTIONS``, for any ``n``; of a model of fewer emotions, those.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from albumsort.emotions import scheme_of
from albumsort.errors import AlbumsortError
from albumsort.files import new_file
from albumsort.training.augment import classes_of
from albumsort.training.datasets import DataError, Faces, in_scheme
from albumsort.vision.classifier import MAX_CROPS, EmotionClassifier
from albumsort.vision.crop import CROP_SIDE
from albumsort.vision.engine import quiet_stderr, tensorflow
from albumsort.vision.models import ModelCard

Format = Literal["tflite", "onnx", "savedmodel"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: The largest difference of a probability from the model's own; in int8, the share of right answers that may be lost.
MAX_DIFFERENCE, MAX_LOSS = 1e-3, 0.02
#: Faces that an export is compared on.
CHECKED = 1000
#: Training faces from which the ranges of an int8 model's values are taken.
CALIBRATED = 200
#: The latest set of operators that tf2onnx says it was tested with but one, for runtimes that are some years old.
_OPSET = 17
_INPUT, _OUTPUT = "faces", "probabilities"

Crops = NDArray[np.uint8]
Answers = Callable[[Crops], NDArray[np.float32]]


@dataclass(frozen=True)
class Check:
    """How an export compares with the model that it was made of.

    Attributes:
        faces: that both have read.
        difference: the largest of any probability.
        agreement: share of faces of which both say the same.
        accuracy, accuracy_before: share of right answers, by the export and by the model; None for faces made up.
        size: of all files, in bytes.
    """

    faces: int
    difference: float
    agreement: float
    accuracy: float | None
    accuracy_before: float | None
    size: int


def export(
    model: Path, labels: str, kind: Format, target: Path, data: Faces | None = None, quantized: bool = False
) -> Check:
    """Write a model in a format of another runtime.

    Args:
        model: a ``.keras`` file with its card.
        labels: ``perceived`` or ``fer2013``, the sense in which the export is to answer.
        kind: ``savedmodel`` makes a folder, the others a file.
        target: must not be there.
        data: faces to compare on, those of PublicTest; None compares on pictures made up.
        quantized: weights and activations in 8 bits, their ranges taken from Training faces of ``data``.

    Raises:
        DataError: the data lack one of these splits, or right answers to judge int8 by.
        AlbumsortError: a package is missing, or the export answers otherwise than the model; nothing is left then.
        OSError: the target is there, the disk is full.
    """
    classifier = EmotionClassifier(model, labels)
    tests = data.split("PublicTest") if data else None
    calibration = None
    if quantized:
        if data is None:
            raise DataError("int8 needs faces from which the ranges of its values are taken: --data fer2013.csv")
        training = data.split("Training").pixels
        calibration = training[np.random.default_rng(0).permutation(len(training))[:CALIBRATED]]
    with _needs(*_PACKAGES[kind]), _beside(target) as partial:
        _WRITERS[kind](classifier, partial, calibration)
        crops = tests.pixels[:CHECKED] if tests else made_up_faces(CHECKED)
        right = _right(tests, classifier.card, labels)[:CHECKED] if tests else None
        itself = _batched(lambda batch: np.asarray(classifier.function(batch)))
        check = _compared(answers(kind, partial)(crops), itself(crops), right, _size(partial))
        _refuse_wrong(check, quantized)
        _name(partial, target)
    return check


def answers(kind: Format, path: Path) -> Answers:
    """An exported model in its runtime, as a function from crops to probabilities."""
    return _batched(_RUNTIMES[kind](path))


def made_up_faces(count: int) -> Crops:
    """Blurred noise of all lights and contrasts, uint8 ``(count, 48, 48)``: a network answers it in many ways."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (count, 8, 8))
    light, contrast = rng.uniform(40, 215, count), rng.uniform(5, 90, count)
    return np.stack(
        [
            (cv2.resize(one, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_CUBIC) * c + m).clip(0, 255)
            for one, m, c in zip(noise, light, contrast, strict=True)
        ]
    ).astype(np.uint8)


def _save_tensorflow(classifier: EmotionClassifier, folder: Path, calibration: Crops | None = None) -> None:
    assert calibration is None  # noqa: S101 - TensorFlow's own format has no integers
    tf = tensorflow()
    module, function = tf.Module(), _function(classifier)
    module.network = list(function.get_concrete_function().variables)
    module.serve = function
    with quiet_stderr():
        tf.saved_model.save(module, str(folder), signatures={"serving_default": function})


def _save_lite(classifier: EmotionClassifier, path: Path, calibration: Crops | None = None) -> None:
    tf = tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        _save_tensorflow(classifier, Path(folder))
        with quiet_stderr():
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            if calibration is not None:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: ([face[None]] for face in calibration)
            path.write_bytes(converter.convert())


def _save_onnx(classifier: EmotionClassifier, path: Path, calibration: Crops | None = None) -> None:
    with quiet_stderr():
        import onnx
        import tf2onnx

        function = _function(classifier)
        proto, _ = tf2onnx.convert.from_function(function, function.input_signature, opset=_OPSET)
        for value in (*proto.graph.input, *proto.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "n"
        if calibration is None:
            onnx.save(proto, path)
            return
        from onnxruntime import quantization

        kinds = {"activation_type": quantization.QuantType.QUInt8, "weight_type": quantization.QuantType.QInt8}
        layers = ["Conv", "MatMul", "Relu", "Add", "AveragePool"]  # what standardises a face needs floats
        reader = _Calibration(calibration)
        quantization.quantize_static(
            proto, path, reader, op_types_to_quantize=layers, per_channel=True, reduce_range=True, **kinds
        )


class _Calibration:
    """Faces as ONNX Runtime's calibration asks for them, one batch after the other."""

    def __init__(self, crops: Crops) -> None:
        self._batches = iter(np.array_split(crops, max(1, len(crops) // 50)))

    def get_next(self) -> dict[str, Crops] | None:
        batch = next(self._batches, None)
        return None if batch is None else {_INPUT: batch}


def _function(classifier: EmotionClassifier) -> Any:
    """The classifier's function with names for what goes in and comes out."""
    tf = tensorflow()
    signature = [tf.TensorSpec([None, CROP_SIDE, CROP_SIDE], tf.uint8, name=_INPUT)]
    itself = classifier.function
    return tf.function(lambda faces: {_OUTPUT: itself(faces)}, signature, autograph=False)


def _run_tensorflow(folder: Path) -> Answers:
    function = tensorflow().saved_model.load(str(folder)).signatures["serving_default"]
    return lambda crops: np.asarray(function(**{_INPUT: crops})[_OUTPUT])


def _run_lite(path: Path) -> Answers:
    with quiet_stderr():
        from ai_edge_litert.interpreter import Interpreter

        function = Interpreter(str(path), num_threads=os.cpu_count()).get_signature_runner()
        function(**{_INPUT: made_up_faces(1)})  # the first call says on standard error what it is run by
    return lambda crops: function(**{_INPUT: crops})[_OUTPUT]


def _run_onnx(path: Path) -> Answers:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda crops: session.run([_OUTPUT], {_INPUT: crops})[0]


_WRITERS = {"tflite": _save_lite, "onnx": _save_onnx, "savedmodel": _save_tensorflow}
_RUNTIMES = {"tflite": _run_lite, "onnx": _run_onnx, "savedmodel": _run_tensorflow}
#: What a format needs beside TensorFlow.
_PACKAGES = {"tflite": ("ai_edge_litert",), "onnx": ("onnx", "onnxruntime", "tf2onnx"), "savedmodel": ()}


def _batched(one_batch: Answers) -> Answers:
    def run(crops: Crops) -> NDArray[np.float32]:
        return np.concatenate([one_batch(crops[at : at + MAX_CROPS]) for at in range(0, len(crops), MAX_CROPS)])

    return run


def _right(tests: Faces, card: ModelCard, labels: str) -> NDArray[np.int64]:
    """The places of the right answers among the model's labels, -1 where it knows none.

    They are what most voters saw where the head says what people perceive and there are votes.
    """
    voted = card.head(labels) == "perceived" and (tests.majority >= 0).any()
    scheme = scheme_of(card.labels)
    return classes_of(in_scheme(tests.majority if voted else tests.labels, scheme), scheme)


def _compared(
    said: NDArray[np.float32], wanted: NDArray[np.float32], right: NDArray[np.int64] | None, size: int
) -> Check:
    accuracy: list[float | None] = [None, None]
    if right is not None and (known := right >= 0).any():
        accuracy = [float((some.argmax(1) == right)[known].mean()) for some in (said, wanted)]
    difference = float(np.abs(said - wanted).max())  # NaN where the export says NaN, which no bound lets pass
    agreement = float((said.argmax(1) == wanted.argmax(1)).mean())
    return Check(len(said), difference, agreement, accuracy[0], accuracy[1], size)


def _refuse_wrong(check: Check, quantized: bool) -> None:
    """Raise AlbumsortError when an export is not what it was made of."""
    if quantized:
        if check.accuracy is None or check.accuracy_before is None:
            raise DataError("int8 is judged by its share of right answers, and no face of PublicTest has one")
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
    """Around work with packages that are not installed by default."""
    try:
        for package in packages:
            with quiet_stderr():
                __import__(package)
        yield
    except ImportError as error:
        raise AlbumsortError(f"{error}; install what exports need: pip install 'albumsort[export]'") from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name beside the target; what is under it in the end is taken away."""
    partial = target.with_name(f".albumsort-{secrets.token_hex(8)}.part")
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True) if partial.is_dir() else partial.unlink(missing_ok=True)


def _name(partial: Path, target: Path) -> None:
    if partial.is_dir():
        partial.rename(target)  # fails where anything but an empty folder is
        return
    with new_file(target) as file:
        file.write(partial.read_bytes())


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in (path.rglob("*") if path.is_dir() else [path]) if part.is_file())
