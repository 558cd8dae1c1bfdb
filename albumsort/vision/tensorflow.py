"""TensorFlow, which trains networks and converts them: imports it without its log messages, and sets it up once."""

from __future__ import annotations

import logging
import os
import sys
from functools import lru_cache
from typing import Any

from albumsort.errors import AlbumsortError
from albumsort.vision.engine import quiet_stderr, reason


def tensorflow(device: str = "auto") -> Any:
    """The TensorFlow module, set up for a device.

    It takes a GPU's memory as needed, not all at once.

    Args:
        device: ``cpu`` uses no GPU, ``gpu`` requires one. ``auto`` keeps what an earlier call has chosen; the first
            call uses a GPU if there is one.

    Raises:
        AlbumsortError: TensorFlow cannot be loaded, ``gpu`` was requested and TensorFlow finds none, or TensorFlow is
            in use on another device.
    """
    is_set_up = _set_up.cache_info().currsize > 0
    return sys.modules["tensorflow"] if is_set_up and device == "auto" else _set_up(device)


@lru_cache(maxsize=1)
def _set_up(device: str) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow turns oneDNN off on processors without AVX-512, but these networks are about twice as fast with it
    # there, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # the user may have set another one, for training
    with quiet_stderr():
        try:
            import tensorflow as tf
        except ImportError as error:
            raise _missing(error) from error

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
        AlbumsortError: Keras or the backend cannot be loaded.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with quiet_stderr():
        try:
            import keras
        except (ImportError, ValueError) as error:
            name = os.environ.get("KERAS_BACKEND", "tensorflow")
            if name == "tensorflow":
                raise _missing(error) from error
            raise AlbumsortError(
                f"KERAS_BACKEND={name}: Keras cannot use it here ({reason(error)}); it knows tensorflow, torch and "
                "jax, each if its package is installed; without KERAS_BACKEND, it takes tensorflow"
            ) from error

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.list_logical_devices()  # initialises the devices, which would print messages in the first epoch


def _missing(error: Exception) -> AlbumsortError:
    return AlbumsortError(
        f"this needs TensorFlow, which cannot be loaded here ({reason(error)}); the usual install has it: pip install "
        ". in the folder of albumsort's source"
    )
