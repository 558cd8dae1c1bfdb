"""ONNX Runtime, which runs the networks: chooses the device, and opens networks on it."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albumsort.errors import AlbumsortError
from albumsort.text import printable

_log = logging.getLogger("albumsort.vision")

# ONNX Runtime reports to its makers that it is used, unless this is set before it is loaded: no later setting is
# enough. Whoever imports ONNX Runtime here imports this module first, and processes inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

DEVICES = ("auto", "cpu", "gpu")
_CPU = "CPUExecutionProvider"
#: What ONNX Runtime calls its kinds of GPU ("execution providers"), our name for each, and its options. The first that
#: the installed package has is used. With TF32, a GPU would round the inputs of convolutions to 10 bits, and find other
#: faces than a CPU. An exhaustive search for the best algorithm would begin again with each new size of picture.
_GPUS: dict[str, tuple[str, dict[str, str]]] = {
    "CUDAExecutionProvider": ("CUDA", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}),
    "MIGraphXExecutionProvider": ("ROCm", {}),
    "ROCMExecutionProvider": ("ROCm", {}),
    "DmlExecutionProvider": ("DirectML", {}),
    "OpenVINOExecutionProvider": ("OpenVINO", {"device_type": "GPU"}),
    "CoreMLExecutionProvider": ("CoreML", {"ModelFormat": "MLProgram"}),
}
#: Comes with every ONNX Runtime for macOS, so it does not show that its user wants a GPU. Only ``gpu`` uses it.
_ONLY_ON_REQUEST = "CoreMLExecutionProvider"
NO_GPU = (
    "ONNX Runtime finds no GPU here; for one by NVIDIA, replace it: pip uninstall onnxruntime, then "
    "pip install 'onnxruntime-gpu[cuda,cudnn]'; else use --device auto"
)


class Network:
    """A network from an ONNX file, ready to run. Several threads may run it at once.

    Attributes:
        engine: what runs it: ``ONNX Runtime 1.32.0, CPU``, or instead of ``CPU`` the kind of GPU: ``CUDA``, ``ROCm``,
            ``DirectML``, ``OpenVINO`` or ``CoreML``.
        outputs: the names of its outputs, in their order.
        properties: what the file says about itself, by name.
    """

    def __init__(self, path: Path, device: str = "auto", callers: int = 1) -> None:
        """Open a file.

        Args:
            path: the ONNX file.
            device: ``auto`` uses a GPU if there is one, ``cpu`` uses none, ``gpu`` requires one.
            callers: how many threads will run networks at once; each call then uses its share of the cores.

        Raises:
            AlbumsortError: the file is missing or is not a network, or ``gpu`` was requested and there is none.
        """
        if not path.is_file():
            raise AlbumsortError(f"{printable(str(path))}: the network is missing; reinstall albumsort")
        self._path = path
        self._session, name = _open(path, device, callers)
        self.engine = f"ONNX Runtime {_onnxruntime().__version__}, {name}"
        (input_,) = self._session.get_inputs()
        self._input = input_.name
        self.outputs = [output.name for output in self._session.get_outputs()]
        self.properties: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the network on a batch; returns its outputs.

        Raises:
            AlbumsortError: the network failed: out of memory, for example.
        """
        return self._run(batch)

    def _run(self, batch: NDArray[Any], options: Any = None) -> list[NDArray[np.float32]]:
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: batch}, options)
        except Exception as error:
            if not _is_of_engine(error):
                raise
            raise AlbumsortError(
                f"{self._path.name}: the network failed on {self.engine} ({reason(error)}); try --device cpu"
            ) from error
        return outputs

    def free_pool(self, batch: NDArray[Any]) -> None:
        """Run the network on a small batch, and give the memory back that the pool of all networks then has free.

        Raises:
            AlbumsortError: the network failed.
        """
        options = _onnxruntime().RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._run(batch, options)
        if sys.platform == "linux":
            with suppress(AttributeError):  # glibc keeps what is freed until it is told; musl does not
                ctypes.CDLL(None).malloc_trim(0)


@lru_cache(maxsize=1)
def _onnxruntime() -> Any:
    try:
        with quiet_stderr():
            import onnxruntime
    except ImportError as error:
        raise AlbumsortError(f"ONNX Runtime cannot be loaded ({error}); install it: pip install onnxruntime") from error
    # Warnings are for programmers; errors come as exceptions, too.
    onnxruntime.set_default_logger_severity(4)
    # One pool of memory for all networks. Each with its own would keep a tenth more; without any, fresh pages cost an
    # eighth of the time.
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg({}))
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        with quiet_stderr():
            onnxruntime.preload_dlls()  # CUDA from Python packages, which the system's loader does not find
    return onnxruntime


def _open(path: Path, device: str, callers: int) -> tuple[Any, str]:
    """A session for a file, and the name of its device."""
    available = _onnxruntime().get_available_providers() if device != "cpu" else []
    for provider, (name, options) in _GPUS.items():
        if provider in available and (device == "gpu" or provider != _ONLY_ON_REQUEST):
            session = _session(path, [(provider, options), _CPU], callers)
            if session.get_providers()[0] == provider:
                return session, name
            _tell_unusable(name)
    if device == "gpu":
        raise AlbumsortError(NO_GPU)
    return _session(path, [_CPU], callers), "CPU"


@lru_cache
def _tell_unusable(name: str) -> None:
    """Say once that a GPU will not be used."""
    _log.warning("%s cannot be used here (a driver or library is missing, or there is no such GPU)", name)


def _session(path: Path, providers: list[Any], callers: int) -> Any:
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = max(1, (os.cpu_count() or 1) // callers)
    # Threads that wait for work would keep the cores busy, which the decoders need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Pictures have many sizes, and memory that is planned for each of them is never given back.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        with quiet_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # _open says what matters
            return onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:
        if not _is_of_engine(error):
            raise
        raise AlbumsortError(
            f"{printable(str(path))}: not a network that ONNX Runtime {onnxruntime.__version__} can load "
            f"({reason(error)})"
        ) from error


def _is_of_engine(error: Exception) -> bool:
    """Whether an exception is ONNX Runtime's own. Its classes have no public name."""
    return type(error).__module__.partition(".")[0] == "onnxruntime" or isinstance(error, (RuntimeError, MemoryError))


def reason(error: Exception) -> str:
    """The first line of an error's message."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, and print it only if the block fails.

    The C++ code of ONNX Runtime and TensorFlow prints messages about missing drivers before any log level applies.
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
