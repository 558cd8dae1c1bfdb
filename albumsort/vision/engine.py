"""TensorFlow, which runs the networks: imports it without its log messages, and sets it up once."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from albumsort.errors import AlbumsortError

DEVICES = ("auto", "cpu", "gpu")


@lru_cache(maxsize=1)
def tensorflow(device: str = "auto") -> Any:
    """The TensorFlow module, set up for a device.

    It takes a GPU's memory as needed, not all at once.

    Args:
        device: ``auto`` uses a GPU if there is one, ``cpu`` uses none, ``gpu`` requires one.

    Raises:
        AlbumsortError: ``gpu`` was requested and TensorFlow finds none, or TensorFlow is in use on another device.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow turns oneDNN off on processors without AVX-512, but these networks are about twice as fast with it
    # there, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # the user may have set another one, for training
    with quiet_stderr():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise AlbumsortError(
            "no GPU that TensorFlow can use; if there is one by NVIDIA, run pip install '.[gpu]' in the folder of "
            "albumsort's source; else use --device auto"
        )
    # With TF32, a GPU rounds the inputs of convolutions to 10 bits, and finds different faces than a CPU.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        raise AlbumsortError(f"TensorFlow is already in use; choose the device earlier ({error})") from error
    return tf


def quiet_backend() -> None:
    """Import Keras for training, with the backend that ``KERAS_BACKEND`` names, and without messages other than errors.

    Raises:
        AlbumsortError: there is no such backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with quiet_stderr():
        try:
            import keras
        except (ImportError, ValueError) as error:
            name = os.environ.get("KERAS_BACKEND", "tensorflow")
            raise AlbumsortError(f"KERAS_BACKEND={name}: Keras cannot use it here ({error})") from error

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.list_logical_devices()  # initialises the devices, which would print messages in the first epoch


def share_cores(callers: int, device: str = "auto") -> None:
    """Let each operation of TensorFlow use its share of the cores, because ``callers`` threads run networks at once.

    This affects the whole process. If TensorFlow has already run an operation, nothing happens.
    """
    # If TensorFlow is already in use, its user has chosen the number of threads. Only the speed depends on that.
    with suppress(RuntimeError):
        tensorflow(device).config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // callers))


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, and print it only if the block fails.

    TensorFlow's C++ code prints messages about missing CUDA drivers before any log level applies.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:  # whatever ends the block: the messages may say why
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
