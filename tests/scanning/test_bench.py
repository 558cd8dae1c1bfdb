"""bench measures each stage on its own photos, keeps nothing, and says what it found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from albumsort.album.decoders import DecoderSettings
from albumsort.cli import app
from albumsort.cli.bench import bench_table
from albumsort.errors import AlbumsortError
from albumsort.records import PhotoFile
from albumsort.scanning import bench as module
from albumsort.scanning.bench import Bench, bench
from albumsort.scanning.scan import ScanSummary
from albumsort.settings import ScanSettings
from albumsort.vision.models import shipped_model

STAGES = ["reading", "decoding", "detection", "classification"]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONG_ENOUGH", 0.1)


@pytest.fixture(scope="module")
def groups(album: Path) -> Path:
    return album / "groups"


def test_every_stage_is_measured_and_nothing_is_left(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(module.tempfile, "tempdir", None)
    before = sorted(groups.iterdir())
    noted: list[str] = []
    found = bench(groups, 100, ScanSettings(device="cpu"), noted.append)
    assert list(found.rates) == list(found.shares) == STAGES
    assert noted == [*STAGES, "whole scan"]
    assert all(rate > 0 for rate in found.rates.values())
    assert sum(found.shares.values()) == pytest.approx(1, abs=0.01)
    assert found.photos == len(before) == 3
    assert found.faces > 1
    assert found.scan > 0 and found.start > 0
    assert not found.is_steady  # three photos tell nothing of an album
    # TensorFlow alone has more than 200 MB; a figure in bytes or pages would be far off.
    assert 200 < found.peak_memory < 20_000
    assert sorted(groups.iterdir()) == before
    assert not list(tmp_path.glob("albumsort*"))


def test_photos_are_taken_from_all_of_the_folder(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(module, "_reading", lambda files, threads: taken.extend(file.path for file in files) or 1.0)
    monkeypatch.setattr(module, "_decoding", lambda files, settings: 1.0)
    monkeypatch.setattr(module, "_frames", lambda files, settings: [])
    monkeypatch.setattr(module, "_unlike", lambda files: files)
    with pytest.raises(AlbumsortError, match="no photo here that can be read"):
        bench(album, 4, ScanSettings())
    assert len(taken) == 4
    assert len({Path(path).parent for path in taken}) > 1


def test_a_folder_without_photos_is_an_error(call: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("not a photo")
    for folder, words in ((tmp_path, "no photo here that can be read"), (tmp_path / "nowhere", "no such folder")):
        done = call("bench", folder)
        assert done.returncode == 1 and words in done.stderr


def test_the_table_names_what_bounds_the_machine() -> None:
    rates = {"reading": 500.0, "decoding": 40.0, "detection": 25.0}
    shares = {"reading": 0.03, "decoding": 0.35, "detection": 0.62, "classification": 0.0}
    table = bench_table(Bench(100, 12.0, 3.1, 0.0, rates, shares, 20.0, True, 5.0, 1200.0, 2))
    assert "bound by detection" in table
    assert "50% of decoding alone" in table
    assert "10,000 such photos take 8 minutes" in table
    assert "classification" not in table  # nobody was on them


def test_of_few_photos_no_rate_is_drawn_out_to_an_album() -> None:
    rates, shares = {"reading": 500.0, "decoding": 40.0}, {"reading": 0.1, "decoding": 0.9}
    table = bench_table(Bench(3, 12.0, 3.1, 0.0, rates, shares, 0.4, False, 5.0, 1200.0, 2))
    assert "too few photos" in table
    assert "with its start" in table
    assert "10,000" not in table


@pytest.mark.parametrize(("photos", "workers", "is_steady"), [(100, 2, True), (200, 16, True), (100, 16, False)])
def test_the_rate_of_a_scan_is_without_its_start(
    photos: int, workers: int, is_steady: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six seconds of start in which as much is decoded as there is room for, then 100 photos a second."""
    now = [0.0]
    settings = ScanSettings(workers=workers)

    def scan(paths: object, index: object, settings: object, progress: Callable[[ScanSummary], None]) -> ScanSummary:
        now[0] = 6.0
        summary = ScanSummary(found=photos)
        for number in range(photos):
            if number % 6 == 5:
                now[0] += 0.06
            summary.scanned += 1
            progress(summary)
        return summary

    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(module, "scan", scan)
    found = module._scan_here({"settings": asdict(settings), "paths": [], "index": "", "model": None})
    assert found["photos"] == photos
    assert found["start"] == pytest.approx(6.0, abs=0.1)
    assert found["is_steady"] == is_steady
    assert found["rate"] == pytest.approx(100 if is_steady else photos / (6 + photos / 100), rel=0.1)


def test_the_default_is_enough_photos_on_a_machine_of_many_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    taken: list[int] = []
    monkeypatch.setattr(module, "_reading", lambda files, threads: taken.append(len(files)) or 1.0)
    for workers, least in ((2, 100), (16, 3 * ScanSettings(workers=16).decoders().slots)):
        with pytest.raises(AlbumsortError):
            bench(tmp_path, None, ScanSettings(workers=workers))
        assert taken[-1] >= least


class _SlowDecoders:
    """Stands in for the decoders: processes that start in a while, and then take a tenth of a second a photo."""

    def __init__(self, files: Iterator[PhotoFile], settings: DecoderSettings) -> None:
        self.files, self.workers = list(files), settings.workers
        self.now = 0.0

    def __enter__(self) -> _SlowDecoders:
        _SlowDecoders.running = self
        return self

    def __exit__(self, *_: object) -> None:
        self.now += 5.0

    def __iter__(self) -> Iterator[PhotoFile]:
        self.now += 2.0
        for number, file in enumerate(self.files):
            if number % self.workers == 0:
                self.now += 0.1
            yield file


@pytest.mark.parametrize(("photos", "seconds"), [(42, 0.05), (1, 2.1)])
def test_decoding_is_timed_without_start_and_end(photos: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    _SlowDecoders.running = None
    clock = SimpleNamespace(perf_counter=lambda: _SlowDecoders.running.now if _SlowDecoders.running else 0.0)
    monkeypatch.setattr(module, "Decoders", _SlowDecoders)
    monkeypatch.setattr(module, "time", clock)
    files = [PhotoFile(f"{number}.jpg", 1, 1) for number in range(photos)]
    assert module._decoding(files, ScanSettings(workers=2)) == pytest.approx(seconds, rel=0.03)


def test_networks_are_timed_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], []

    def work(batch: str) -> None:
        calls.append(batch)
        now[0] += 0.03

    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(module, "READERS", 1)
    assert module._timed(work, ["a", "b"]) == pytest.approx(0.06)
    assert calls[:2] == ["a", "b"]
    assert len(calls) >= 4  # the first turn does not count


def test_the_peak_of_memory_is_that_of_all_processes_at_their_highest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BETWEEN_LOOKS", 0.01)
    held = 200 << 20
    code = f"import sys; a = bytearray(b'x') * {held}; print(flush=True); input(); del a; print(flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        with module._peak_memory(os.getpid()) as peak:
            assert child.stdout is not None and child.stdin is not None
            child.stdout.readline()
            _wait_for(lambda: peak[0] > held)
            highest = peak[0]
            child.stdin.write("\n")
            child.stdin.flush()
            child.stdout.readline()
            time.sleep(0.1)  # some looks at what is left
        child.communicate("\n")
    assert peak[0] >= highest


def _wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def test_copies_and_raws_of_jpegs_are_left_out_as_in_a_scan(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo,) = sorted(groups.iterdir())[:1]
    for name in ("one.jpg", "two.jpg"):
        shutil.copy(photo, tmp_path / name)
    (tmp_path / "one.dng").write_bytes(b"II*\0")
    taken: list[str] = []
    monkeypatch.setattr(module, "_decoding", lambda files, settings: taken.extend(file.path for file in files) or 1.0)
    monkeypatch.setattr(module, "_frames", lambda files, settings: [])
    with pytest.raises(AlbumsortError):
        bench(tmp_path, None, ScanSettings())
    assert [Path(path).name for path in taken] == ["one.jpg"]


def test_the_networks_are_timed_on_photos_wherever_they_are(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    photos = sorted(groups.iterdir())
    broken = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in broken:
        path.write_bytes(b"\xff\xd8\xff\xe0 and no more")
    files = [PhotoFile(str(path), path.stat().st_size, 1) for path in (*broken, *photos)]
    assert len(module._frames(files, ScanSettings())) == 2


def test_a_file_that_no_scan_reads_is_not_read_either(groups: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.jpg"
    with film.open("wb") as file:
        file.truncate(8 << 40)
    assert module._reading([PhotoFile(str(film), 8 << 40, 1)], 1) < 1


def test_a_scan_that_is_stopped_tidies_up(groups: Path, tmp_path: Path) -> None:
    order = {"settings": asdict(ScanSettings()), "index": str(tmp_path / "i.db")}
    order["paths"] = [os.fsencode(path).hex() for path in sorted(groups.iterdir())]
    command = [sys.executable, "-m", "albumsort.scanning.bench"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as child:  # type: ignore[call-overload]
        child.stdin.write(json.dumps(order))
        child.stdin.close()
        _wait_for(lambda: child.poll() is not None or bool(psutil.Process(child.pid).children()))
        child.terminate()
        assert child.wait() == 130
        assert child.stderr.read() == ""


def test_a_model_is_found_from_where_the_program_was_started(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in shipped_model().parent.glob(f"{shipped_model().stem}.*"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = bench(groups, 1, ScanSettings(model=shipped_model().name, device="cpu"))
    assert found.photos == 1  # the scan runs in a process of its own, and in another folder


def test_the_command_prints_json(groups: Path) -> None:
    result = CliRunner().invoke(app, ["bench", str(groups), "--photos", "1", "--json", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["photos"] == 1
    assert set(printed["rates"]) == set(STAGES)
