"""TensorFlow, imported quietly and set up once: which device it may use, and that it takes GPU memory as needed."""

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
    """The TensorFlow module, ready for use on a device.

    Args:
        device: ``auto`` takes a GPU when there is one, ``cpu`` never, ``gpu`` insists.

    Raises:
        AlbumsortError: ``gpu`` was asked for and TensorFlow sees none.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Off by default on processors without AVX-512, where it is about twice as fast for these networks, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever else training may run on
    with quiet_stderr():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise AlbumsortError("no GPU that TensorFlow can use; install albumsort[gpu], or use --device auto")
    # A GPU would round what goes into a convolution to 10 bits (TF32), and find other faces than a CPU.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        raise AlbumsortError(f"TensorFlow is in use already; choose the device before that ({error})") from error
    return tf


def quiet_backend() -> None:
    """Import Keras with the backend that ``KERAS_BACKEND`` names, for training, so that only errors are heard of it.

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

            tf.config.list_logical_devices()  # takes them into use, which else logs in the first epoch


def share_cores(callers: int, device: str = "auto") -> None:
    """Let each call of a network use only its part of the cores, since so many run at once."""
    # TensorFlow may be in use in this process, with threads as its user wanted them; only speed depends on it.
    with suppress(RuntimeError):
        tensorflow(device).config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // callers))


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error; shown after all when the block fails.

    TensorFlow's C++ parts log about missing CUDA drivers before any log level applies.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:  # whatever ends the program, what was held back may say why
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
