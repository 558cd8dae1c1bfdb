"""ONNX Runtime: which device runs a network, and what a user reads if it cannot."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import psutil
import pytest
from onnx import TensorProto, helper

from albumsort.errors import AlbumsortError
from albumsort.vision.engine import Network


@pytest.fixture
def doubled(tmp_path: Path) -> Path:
    """A network that doubles numbers."""
    value, out = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("value", "twice"))
    graph = helper.make_graph([helper.make_node("Add", ["value", "value"], ["twice"])], "doubled", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"made": "by a test"})
    onnx.save(model, tmp_path / "doubled.onnx")
    return tmp_path / "doubled.onnx"


def test_a_network_runs_and_says_where(doubled: Path) -> None:
    network = Network(doubled, "cpu")
    (twice,) = network(np.ones((2, 3), np.float32))
    assert twice.tolist() == [[2, 2, 2], [2, 2, 2]]
    assert network.outputs == ["twice"]
    assert network.properties == {"made": "by a test"}
    assert network.engine == f"ONNX Runtime {onnxruntime.__version__}, CPU"


def test_without_a_gpu_the_cpu_is_chosen_and_gpu_is_refused(doubled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert Network(doubled, "auto").engine.endswith(", CPU")
    with pytest.raises(AlbumsortError, match=r"finds no GPU here.*onnxruntime-gpu.*--device auto"):
        Network(doubled, "gpu")


def test_a_gpu_that_cannot_be_used_is_named_once_and_not_passed_over_in_silence(
    doubled: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # As with onnxruntime-gpu on a machine without a driver: the session falls back to the CPU by itself.
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["DmlExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(logging.getLogger("albumsort"), "propagate", True)
    with caplog.at_level(logging.WARNING, "albumsort.vision"):
        networks = [Network(doubled, "auto") for _ in range(2)]
    assert all(network.engine.endswith(", CPU") for network in networks)
    assert [message for message in caplog.messages if "DirectML" in message] == [
        "DirectML cannot be used here (a driver or library is missing, or there is no such GPU)"
    ]
    with pytest.raises(AlbumsortError, match="finds no GPU"):
        Network(doubled, "gpu")


def test_what_comes_with_every_mac_is_used_only_on_request(doubled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[object]] = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, path: Path, options: object, providers: list[object]) -> None:
            asked.append(providers)
            super().__init__(path, options, providers=["CPUExecutionProvider"])

        def get_providers(self) -> list[str]:
            return [name if isinstance(name, str) else name[0] for name in asked[-1]]  # type: ignore[index]

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CoreMLExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    assert Network(doubled, "auto").engine.endswith(", CPU")
    assert Network(doubled, "gpu").engine.endswith(", CoreML")


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08\x12\x04test"])
def test_a_file_that_is_no_network_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "some.onnx").write_bytes(content)
    with pytest.raises(AlbumsortError, match=r"some\.onnx: not a network that ONNX Runtime .* can load"):
        Network(tmp_path / "some.onnx")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AlbumsortError, match=r"some\.onnx: the network is missing"):
        Network(tmp_path / "some.onnx")


def test_a_network_that_fails_says_so_in_one_line(doubled: Path) -> None:
    with pytest.raises(AlbumsortError, match=r"^doubled\.onnx: the network failed on ONNX .*; try --device cpu$"):
        Network(doubled, "cpu")(np.ones((2, 4), np.float32))


def test_memory_that_a_large_batch_needed_is_given_back(doubled: Path) -> None:
    network, process = Network(doubled, "cpu"), psutil.Process()
    before = process.memory_info().rss
    network(np.ones((20_000_000, 3), np.float32))
    kept = process.memory_info().rss - before
    network.free_pool(np.ones((1, 3), np.float32))
    assert process.memory_info().rss - before < kept / 2
